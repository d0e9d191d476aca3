"""A table of numbers that can be sorted, copied to a spreadsheet and exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QPoint, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.data_table_model import Column, DataTableModel
from napari_mrf.plugin.kit.overwriting import ask_save_path
from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from qtpy.QtCore import QModelIndex
    from qtpy.QtGui import QContextMenuEvent, QKeyEvent, QPainter

__all__ = ["Column", "DataTable"]

_WIDTHS_FROM_ROWS = 30
_WIDEST_COLUMN = 220
_EXPORTS = {"CSV": ("CSV (*.csv)", ".csv"), "Excel": ("Excel (*.xlsx)", ".xlsx")}


class _WholeOrMarked(QStyledItemDelegate):
    """Ends a text at the edge of the view with an ellipsis: half a number reads as another one."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw a cell in what is to be seen of it."""
        viewport = present(cast("QTableView", self.parent()).viewport())
        if not 0 <= option.rect.left() <= option.rect.right() < viewport.width():
            option = QStyleOptionViewItem(option)
            option.rect = option.rect.intersected(viewport.rect())
        super().paint(painter, option, index)


class DataTable(QTableView):
    """Shows a data frame; rows are named by their position in it, however they are sorted.

    Parameters
    ----------
    name : str
        Name of the file and of the sheet that an export is offered under.
    least_rows : int
        Rows that the table has room for in any case.

    Signals
    -------
    row_clicked
        The user clicked a row, or reached it with the keyboard; its position in the frame.
    row_hovered
        The row under the mouse; -1 when it left the table.
    exported, export_failed
        The path that was written; the reason why the export failed.
    """

    row_clicked = Signal(int)
    row_hovered = Signal(int)
    exported = Signal(str)
    export_failed = Signal(str)

    def __init__(self, name: str = "table", *, least_rows: int = 0) -> None:
        super().__init__()
        self._name = name
        self._least_rows = least_rows
        self._is_as_high_as_rows = False
        self._most_rows: int | None = None
        self._export: Callable[[], Mapping[str, pd.DataFrame]] | None = None
        self._model = DataTableModel(self)
        self.setModel(self._model)
        self.setItemDelegate(_WholeOrMarked(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        # The theme knows no second color; a translucent one suits every background.
        self.setStyleSheet("QTableView { alternate-background-color: rgba(128, 128, 128, 28); }")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table: it must not be a trap
        self.setMouseTracking(True)
        present(self.verticalHeader()).hide()
        header = present(self.horizontalHeader())
        header.setResizeContentsPrecision(_WIDTHS_FROM_ROWS)
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        self.setSortingEnabled(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.clicked.connect(self._on_clicked)
        self.entered.connect(self._on_entered)
        guard_wheel(present(self.horizontalScrollBar()))
        self._fit_letters()

    def set_table(self, table: pd.DataFrame, columns: Sequence[Column]) -> None:
        """Show a table; the sort order is kept if its column still exists.

        Parameters
        ----------
        table : pandas.DataFrame
            Not copied: the caller must not change it afterwards.
        columns : sequence of Column
            The columns to show, from left to right.
        """
        header = present(self.horizontalHeader())
        before = [column.title for column in self._model.columns]
        sorted_by, order = self._model.sorted_by, header.sortIndicatorOrder()
        self._model.set_table(table, columns)
        keys = [column.key for column in columns]
        at = keys.index(sorted_by) if sorted_by in keys else -1
        header.blockSignals(True)
        header.setSortIndicator(at, order)
        header.blockSignals(False)
        if at >= 0:
            self._model.sort(at, order)
        self._fit_columns(may_shrink=before != [column.title for column in columns])

    def fit_rows(self, most: int | None = None) -> None:
        """Set the height to fit all rows, or at most so many, and a scroll bar below them."""
        self._is_as_high_as_rows, self._most_rows = True, most
        shown = len(self._model.table) if most is None else min(len(self._model.table), most)
        self.setFixedHeight(self._height_of(shown))

    def table(self) -> pd.DataFrame:
        """Return the table as it was given."""
        return self._model.table

    def set_export(self, export: Callable[[], Mapping[str, pd.DataFrame]] | None) -> None:
        """Export the sheets that this function returns, by name, instead of the table as shown.

        A CSV file holds the first sheet.
        """
        self._export = export

    def select_row(self, row: int | None) -> None:
        """Select a row of the frame and bring it into view, without a signal; None clears."""
        if row is None or not 0 <= row < len(self._model.table):
            self.clearSelection()
            return
        index = self._model.index(self._model.position_of(row), 0)
        self.selectRow(index.row())
        # Only down or up: the columns that are being read stay in view.
        bar = present(self.horizontalScrollBar())
        at = bar.value()
        self.scrollTo(index)
        bar.setValue(at)

    def selected_rows(self) -> list[int]:
        """Return the selected rows of the frame, in the order they are shown."""
        shown = sorted(index.row() for index in present(self.selectionModel()).selectedRows())
        return [self._model.row_at(position) for position in shown]

    def copy(self) -> None:
        """Copy the selected rows, or all when none is selected, as tab-separated text."""
        rows = self.selected_rows() or [
            self._model.row_at(position) for position in range(self._model.rowCount())
        ]
        header = present(self.horizontalHeader())
        shown = [header.logicalIndex(at) for at in range(self._model.columnCount())]
        present(QApplication.clipboard()).setText(self._model.as_text(rows, shown))

    def export(self, path: str | Path) -> None:
        """Write the table, or the sheets of `set_export`, as CSV or Excel by the file ending."""
        from napari_mrf.io.tables.table_files import write_csv, write_excel

        sheets = self._export() if self._export else {self._name[:31]: self._model.export_table()}
        try:
            if Path(path).suffix.lower() == ".xlsx":
                write_excel(path, sheets, overwrite=True)
            else:
                write_csv(path, next(iter(sheets.values())), overwrite=True)
        except MRFInputError as error:
            self.export_failed.emit(error.sentence())
        else:
            self.exported.emit(str(path))

    def ask_and_export(self, kind: str) -> None:
        """Ask for a path and export to it; the kind is "CSV" or "Excel"."""
        file_filter, ending = _EXPORTS[kind]
        path = ask_save_path(
            self, f"Export {kind}", f"{self._name}{ending}", file_filter,
            complete=lambda path: path if Path(path).suffix else path + ending,
        )  # fmt: skip
        if path:
            self.export(path)

    def context_menu(self) -> QMenu:
        """Return the menu of the right mouse button."""
        menu = QMenu(self)
        chosen = len(present(self.selectionModel()).selectedRows())
        rows = f"{chosen} rows" if chosen > 1 else "row" if chosen else "table"
        copy = present(menu.addAction(f"Copy {rows}"))
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.triggered.connect(self.copy)
        present(menu.addAction("Export CSV…")).triggered.connect(self._on_export_csv)
        present(menu.addAction("Export Excel…")).triggered.connect(self._on_export_excel)
        for action in menu.actions():
            action.setEnabled(self._model.rowCount() > 0)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Open the menu."""
        menu = self.context_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos() if event is not None else self.mapToGlobal(QPoint()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy at Ctrl+C; moving to another row with the keyboard is a click on it."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        before = self.currentIndex().row()
        super().keyPressEvent(event)
        if self.currentIndex().row() != before:
            self._on_clicked(self.currentIndex())

    def leaveEvent(self, event: QEvent | None) -> None:
        """Report that the mouse is over no row."""
        super().leaveEvent(event)
        self.row_hovered.emit(-1)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of the letters."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit_letters()

    def _fit_letters(self) -> None:
        present(self.verticalHeader()).setDefaultSectionSize(self.fontMetrics().height() + 8)
        self._fit_columns(may_shrink=True)
        if self._is_as_high_as_rows:
            self.fit_rows(self._most_rows)
        elif self._least_rows:
            self.setMinimumHeight(self._height_of(self._least_rows))

    def _height_of(self, n_rows: int) -> int:
        rows = n_rows * present(self.verticalHeader()).defaultSectionSize()
        bar = present(self.horizontalScrollBar()).sizeHint().height()
        header = present(self.horizontalHeader()).sizeHint().height()
        return header + rows + bar + 4

    def _fit_columns(self, *, may_shrink: bool) -> None:
        header = present(self.horizontalHeader())
        for at in range(self._model.columnCount()):
            wanted = max(self.sizeHintForColumn(at), header.sectionSizeHint(at))
            width = min(wanted + 4, _WIDEST_COLUMN)
            self.setColumnWidth(at, width if may_shrink else max(width, self.columnWidth(at)))

    def _on_clicked(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_clicked.emit(self._model.row_at(index.row()))

    def _on_entered(self, index: QModelIndex) -> None:
        self.row_hovered.emit(self._model.row_at(index.row()) if index.isValid() else -1)

    def _on_export_csv(self) -> None:
        self.ask_and_export("CSV")

    def _on_export_excel(self) -> None:
        self.ask_and_export("Excel")
