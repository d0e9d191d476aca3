"""The values behind the predictions: one row a voxel and set of maps, updated with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QTableView,
)

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.panels.inspect.values_model import ValueRow, ValuesModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_MOST_ROWS = 8
_WIDEST = {"T1H2O": "(8888)", "T1fat": "(8888)", "Df": "−888.8", "T1": "8888", "T2": "8888.8",
           "PD": "0.008888"}  # fmt: skip
_PADDING = 2


class _Cells(QStyledItemDelegate):
    """Draws cells with hardly any margin: numbers must never be cut, and docks are narrow."""

    def paint(self, painter: Any, option: Any, index: QModelIndex) -> None:
        """Draw the text; a name wraps or is cut, a number is not."""
        view, text = self.parent(), str(index.data() or "")
        place = option.rect.adjusted(_PADDING, 0, -_PADDING, 0)
        flags = Qt.AlignmentFlag.AlignVCenter
        if view.names_above:
            line = view.fontMetrics().height()
            if index.column():
                place.setTop(place.top() + line)
                flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight
            else:
                # The name has a line of its own, over all columns.
                place.setWidth(view.viewport().width() - 2 * _PADDING)
                place.setHeight(line)
                flags |= Qt.AlignmentFlag.AlignLeft
                text = view.fontMetrics().elidedText(
                    text, Qt.TextElideMode.ElideRight, place.width()
                )
        elif index.column():
            flags |= Qt.AlignmentFlag.AlignRight
        else:
            flags |= Qt.AlignmentFlag.AlignLeft
            metrics = view.fontMetrics()
            wrapped = metrics.boundingRect(place, int(Qt.TextFlag.TextWordWrap), text)
            if wrapped.height() <= place.height() and wrapped.width() <= place.width():
                flags |= Qt.TextFlag.TextWordWrap
            else:
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.save()
        painter.setFont(view.font())
        painter.setPen(view.palette().color(view.foregroundRole()))
        painter.drawText(place, int(flags), text)
        painter.restore()


class InspectValues(QTableView):
    """The table under the plot; as high as its rows, as wide as the panel."""

    def __init__(self) -> None:
        super().__init__()
        self.names_above = False
        self._model = ValuesModel(self)
        self.setModel(self._model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setItemDelegate(_Cells(self))
        font = self.font()
        font.setPointSizeF(0.9 * font.pointSizeF())
        self.setFont(font)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.verticalHeader().hide()
        self.horizontalHeader().setMinimumSectionSize(24)
        self.horizontalHeader().setHighlightSections(False)
        self.setStyleSheet("QHeaderView::section { padding: 1px; }")
        self._fit()

    def show_rows(self, rows: Sequence[ValueRow]) -> None:
        """Show one row a voxel and set of maps."""
        keys = [key for key in PARAMETERS if any(key in row.prediction.values for row in rows)]
        before = self._model.rowCount(), self._model.has_deviations, self._model.keys
        deviations = any(row.prediction.deviations for row in rows)
        if not rows or not keys:  # keep the columns while the mouse is outside
            keys, deviations = list(self._model.keys), self._model.has_deviations
        self._model.set_rows(rows, keys, deviations=deviations)
        after = (self._model.rowCount(), self._model.has_deviations, self._model.keys)
        if before != after or self._needs_lines() != self.names_above:
            self._fit()

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Bracket values outside these fat fractions."""
        self._model.thresholds = dict(thresholds)

    def cell(self, row: int, column: int) -> str:
        """Return what a cell says."""
        return self._model.text(self._model.rows[row], column)

    def titles(self) -> list[str]:
        """Return the titles of the columns in one line each."""
        count = self._model.columnCount()
        return [
            " ".join(self._model.headerData(at, Qt.Orientation.Horizontal).split())
            for at in range(count)
        ]

    def labels(self) -> list[str]:
        """Return the first column."""
        return [row.label for row in self._model.rows]

    def resizeEvent(self, event: Any) -> None:
        """Give the names a line of their own where their column is too narrow."""
        super().resizeEvent(event)
        if self._needs_lines() != self.names_above:
            self._fit()

    def _needs_lines(self) -> bool:
        """Return whether a name does not fit beside the numbers."""
        names = [row.label for row in self._model.rows]
        if not names:
            return self.names_above
        widest = max(self.fontMetrics().horizontalAdvance(name) for name in names)
        numbers = sum(self.columnWidth(at) for at in range(1, self._model.columnCount()))
        return self.viewport().width() - numbers < widest + 2 * _PADDING

    def _fit(self) -> None:
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        for column in range(self._model.columnCount()):
            title = self._model.headerData(column, Qt.Orientation.Horizontal).split("\n")[0]
            samples = [title, _WIDEST.get(title, "0.000")]
            if self._model.has_deviations and title in PARAMETERS:
                samples.append("±" + _WIDEST.get(title, "0.000").strip("()−"))
            widest = max(metrics.horizontalAdvance(text) for text in samples)
            mode = QHeaderView.ResizeMode.Fixed if column else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(column, mode)
            if column:
                header.resizeSection(column, widest + 2 * _PADDING + 2)
        line = self.fontMetrics().height()
        self.names_above = self._needs_lines()
        lines = (2 if self._model.has_deviations else 1) + self.names_above
        tall = lines * line + 4
        self.verticalHeader().setDefaultSectionSize(tall)
        shown = min(max(self._model.rowCount(), 1), _MOST_ROWS)
        self.setFixedHeight(2 * line + 8 + shown * tall + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QSize:
        """Stay inside a narrow panel."""
        return QSize(200, self.height())
