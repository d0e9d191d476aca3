"""The Qt model of a data table: cells are formatted when visible and sorted by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget

from napari_mrf.plots.printed_numbers import formatted
from napari_mrf.plugin.kit.plot_colors import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

NO_VALUE = "–"
_LEFT, _RIGHT = (  # asked for with every cell
    side | Qt.AlignmentFlag.AlignVCenter
    for side in (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)
)


@dataclass(frozen=True)
class Column:
    """One column on the screen.

    Parameters
    ----------
    key : str
        Column of the data frame; it is sorted by.
    title : str
        In the header, with the unit: ``"T1H2O (ms)"``.
    format : str
        Format specification of a number, such as ``".3f"``; empty for text as it is.
    deviation : str
        Column whose value follows after ±, in the same format; none when empty.
    swatch : str
        Column of (red, green, blue), 0-255, shown as a square before the text; none when empty.
    tooltip : str
        Meaning of the column.
    missing : str
        Shown where there is no value.
    why : str
        Column with the reason why a row has no number, or does not count: a cell with a reason is
        gray and has it as its tooltip. None when empty.
    """

    key: str
    title: str
    format: str = ""
    deviation: str = ""
    swatch: str = ""
    tooltip: str = ""
    missing: str = NO_VALUE
    why: str = ""


class DataTableModel(QAbstractTableModel):
    """A data frame as a Qt model; numpy sorts it, since thousands of comparisons in Qt are slow."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = pd.DataFrame()
        self.columns: tuple[Column, ...] = ()
        self.sorted_by = ""
        self._cells: list[list[Any]] = []
        self._deviations: list[list[Any] | None] = []
        self._reasons: list[list[Any] | None] = []
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._position: NDArray[np.intp] = self._order

    def set_table(self, table: pd.DataFrame, columns: Sequence[Column]) -> None:
        """Show another table, in its own order."""
        self.beginResetModel()
        self.table, self.columns, self.sorted_by = table, tuple(columns), ""
        self._cells = [_cells(table[column.key]) for column in columns]
        self._deviations = [
            _cells(table[column.deviation]) if column.deviation else None for column in columns
        ]
        self._reasons = [table[column.why].tolist() if column.why else None for column in columns]
        self._set_order(np.arange(len(table)))
        self.endResetModel()

    def row_at(self, position: int) -> int:
        """Return the row of the frame that is shown at a position."""
        return int(self._order[position])

    def position_of(self, row: int) -> int:
        """Return the position at which a row of the frame is shown."""
        return int(self._position[row])

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text, alignment, color or tooltip of a cell."""
        if not index.isValid():
            return None
        column, row = index.column(), self.row_at(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._shown(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self.columns[column])
        if role == Qt.ItemDataRole.DecorationRole and self.columns[column].swatch:
            color = self.table[self.columns[column].swatch].iloc[row]
            return QColor(*color) if isinstance(color, tuple) else None
        if role == Qt.ItemDataRole.ForegroundRole and self._reason(row, column):
            return self._gray()
        if role == Qt.ItemDataRole.ToolTipRole:
            reason = self._reason(row, column)
            return reason or ("" if self.columns[column].format else self._shown(row, column))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title, tooltip or alignment of a column."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tooltip or column.title
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the values of a column, missing ones last either way; -1 is the given order."""
        self.layoutAboutToBeChanged.emit()
        persistent = self.persistentIndexList()
        rows = [self.row_at(index.row()) for index in persistent]
        if 0 <= column < len(self.columns):
            self.sorted_by = self.columns[column].key
            self._set_order(_order(self._cells[column], order == Qt.SortOrder.DescendingOrder))
        else:
            self.sorted_by = ""
            self._set_order(np.arange(len(self.table)))
        moved = [
            self.index(self.position_of(row), index.column())
            for row, index in zip(rows, persistent, strict=True)
        ]
        self.changePersistentIndexList(persistent, moved)
        self.layoutChanged.emit()

    def as_text(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """Return rows of the frame as tab-separated text with a header.

        Numbers in full precision, missing values as empty cells; text that a spreadsheet
        would run as a formula has an apostrophe before it.
        """
        table = self.export_table()
        positions = _export_positions(self.columns, columns)
        lines = ["\t".join(str(table.columns[at]) for at in positions)]
        cells = [_cells(table.iloc[:, at]) for at in positions]
        lines += ["\t".join(_plain(column[row]) for column in cells) for row in rows]
        return "\n".join(lines)

    def export_table(self) -> pd.DataFrame:
        """Return what is shown, in the order of the frame, deviations in columns of their own."""
        parts = {}
        for column in self.columns:
            parts[column.title] = self.table[column.key]
            if column.deviation:
                parts[f"{column.title} SD"] = self.table[column.deviation]
        return pd.DataFrame(parts)

    def _shown(self, row: int, column: int) -> str:
        value = self._cells[column][row]
        if value is None:
            return self.columns[column].missing
        text = _formatted(value, self.columns[column].format)
        deviations = self._deviations[column]
        if deviations is None:
            return text
        return f"{text} ± {_formatted(deviations[row], self.columns[column].format)}"

    def _reason(self, row: int, column: int) -> str:
        reasons = self._reasons[column]
        return str(reasons[row]) if reasons is not None else ""

    def _gray(self) -> QColor:
        widget = self.parent()
        palette = widget.palette() if isinstance(widget, QWidget) else QPalette()
        background, text = (palette.color(role).name() for role in (
            QPalette.ColorRole.Window, QPalette.ColorRole.WindowText))  # fmt: skip
        return QColor(quiet(background, text))

    def _set_order(self, order: NDArray[np.intp]) -> None:
        self._order = order
        self._position = np.empty_like(order)
        self._position[order] = np.arange(len(order))


def _cells(column: pd.Series) -> list[Any]:
    """Return the values as Python objects, missing ones as None."""
    values = column.astype(object)
    return values.where(values.notna(), None).tolist()


def _order(cells: list[Any], is_descending: bool) -> NDArray[np.intp]:
    present = [row for row, cell in enumerate(cells) if cell is not None]
    missing = [row for row, cell in enumerate(cells) if cell is None]
    numbers = all(isinstance(cells[row], (int, float, np.number)) for row in present)
    present.sort(
        key=lambda row: cells[row] if numbers else str(cells[row]).casefold(),
        reverse=is_descending,
    )
    return np.array([*present, *missing], np.intp)


def _formatted(value: Any, specification: str) -> str:
    if value is None:
        return NO_VALUE
    if not specification or isinstance(value, str):
        return str(value)
    return formatted(value, specification)


def _alignment(column: Column) -> Qt.AlignmentFlag:
    return _RIGHT if column.format else _LEFT


def _export_positions(columns: Sequence[Column], shown: Sequence[int]) -> list[int]:
    """Return the columns of `export_table` that belong to columns on the screen."""
    starts, at = [], 0
    for column in columns:
        width = 2 if column.deviation else 1
        starts.append(list(range(at, at + width)))
        at += width
    return [position for index in shown for position in starts[index]]


def _plain(cell: Any) -> str:
    from napari_mrf.io.tables.table_files import escape_formula

    if cell is None:
        return ""
    if isinstance(cell, str):
        # A line break or tab in a name would end the cell.
        return escape_formula(" ".join(cell.split()))
    return repr(float(cell)) if isinstance(cell, (float, np.floating)) else str(cell)
