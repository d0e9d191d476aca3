"""Table of the values behind the predictions: one row per voxel and set of maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QEvent, QModelIndex, QRect, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QTableView,
)

from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.plots.printed_numbers import deviation_text, rounded, value_text
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_mrf.analysis.inspection.prediction import Prediction


_FIT = "fit"


_FIT_TIP = (
    "Agreement of prediction and measurement: correlation of the two fingerprints over the frames "
    "used, 0 to 1"
)


@dataclass(frozen=True)
class ValueRow:
    """One row.

    Parameters
    ----------
    label : str
        Set of maps, after the number of the pin.
    prediction : Prediction
        Its values.
    """

    label: str
    prediction: Prediction


class ValuesModel(QAbstractTableModel):
    """Formats the cells that are in view."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: tuple[ValueRow, ...] = ()
        self.keys: tuple[str, ...] = ()
        self.has_deviations = False
        self.thresholds: Mapping[str, float] = {}

    def set_rows(self, rows: Sequence[ValueRow], keys: Sequence[str], *, deviations: bool) -> None:
        """Show other rows; the layout changes only when it has to."""
        shape = (len(rows), tuple(keys), deviations)
        if shape == (len(self.rows), self.keys, self.has_deviations):
            self.rows = tuple(rows)
            if rows:
                last = self.index(len(rows) - 1, self.columnCount() - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.rows, self.keys, self.has_deviations = tuple(rows), tuple(keys), deviations
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns: name, parameters, fit."""
        return 0 if parent is not None and parent.isValid() else len(self.keys) + 2

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text, alignment or tooltip of a cell."""
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 0:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column with its unit below."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        key = self._key(section)
        if role == Qt.ItemDataRole.DisplayRole:
            if key in PARAMETERS:
                return f"{key}\n{PARAMETERS[key].unit or ' '}"
            return f"{key}\n "
        if role == Qt.ItemDataRole.ToolTipRole:
            if key in PARAMETERS:
                return f"{PARAMETERS[key].title} ± standard deviation"
            return _FIT_TIP if key == _FIT else "Set of maps; a pin by its number"
        return None

    def text(self, row: ValueRow, column: int) -> str:
        """Return the text of a cell."""
        key = self._key(column)
        if not key:
            return row.label
        if key == _FIT:
            return rounded(row.prediction.correlation, 3)
        value = row.prediction.values.get(key, np.nan)
        words = value_text(key, value)
        if not self._is_valid(row, key):
            words = f"({words})"
        if not self.has_deviations:
            return words
        deviation = row.prediction.deviations.get(key, np.nan)
        has_both = np.isfinite(value) and np.isfinite(deviation)
        return f"{words}\n±{deviation_text(key, deviation)}" if has_both else words

    def _is_valid(self, row: ValueRow, key: str) -> bool:
        rules, values = validity_rules(self.thresholds), row.prediction.values
        if key not in rules or "FF" not in values or not np.isfinite(values.get(key, np.nan)):
            return True
        return bool(rules[key].mask(np.array(values["FF"])))

    def _tip(self, row: ValueRow, column: int) -> str:
        key = self._key(column)
        if not key:
            of_row = (row.label, row.prediction.reason, row.prediction.note)
            return "\n".join(part for part in of_row if part)
        if key == _FIT:
            tip = row.prediction.reason or _FIT_TIP
            return "\n".join(part for part in (row.prediction.note, tip) if part)
        if not self._is_valid(row, key):
            rule = validity_rules(self.thresholds)[key].describe()
            return f"In brackets: {PARAMETERS[key].label} is valid only where {rule}"
        return PARAMETERS[key].title

    def _key(self, column: int) -> str:
        return ("", *self.keys, _FIT)[column]


_MOST_ROWS, _MOST_LINES = 8, 24
_WIDEST = {"T1H2O": "(8888)", "T1fat": "(8888)", "Df": "−888.8", "T1": "8888", "T2": "8888.8",
           "PD": "0.008888"}  # fmt: skip
_PADDING = 2
_LEAST_NAME = 24
_BETWEEN = 6
_TITLE_OPACITY = 0.75


class _Cells(QStyledItemDelegate):
    """Draws cells with a small margin: numbers must never be cut, and docks are narrow."""

    def __init__(self, view: InspectValues) -> None:
        super().__init__(view)
        self._view = view

    def paint(self, painter: Any, option: Any, index: QModelIndex) -> None:
        """Draw the text; a name wraps or is cut, a number is not."""
        view = self._view
        painter.save()
        painter.setFont(view.font())
        painter.setPen(view.palette().color(view.foregroundRole()))
        if view.per_line:
            self._paint_all(painter, option.rect, index)
        else:
            self._paint_cell(painter, option.rect, index)
        painter.restore()

    def _paint_cell(self, painter: Any, rect: QRect, index: QModelIndex) -> None:
        view, text = self._view, str(index.data() or "")
        place = rect.adjusted(_PADDING, 0, -_PADDING, 0)
        flags = Qt.AlignmentFlag.AlignVCenter
        metrics = view.fontMetrics()
        if view.names_above:
            line = metrics.height()
            if index.column():
                place.setTop(place.top() + line)
                flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight
            else:
                # The name has a line of its own, over all columns.
                place.setWidth(present(view.viewport()).width() - 2 * _PADDING)
                place.setHeight(line)
                flags |= Qt.AlignmentFlag.AlignLeft
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        elif index.column():
            flags |= Qt.AlignmentFlag.AlignRight
        else:
            flags |= Qt.AlignmentFlag.AlignLeft
            wrapped = metrics.boundingRect(place, int(Qt.TextFlag.TextWordWrap), text)
            if wrapped.height() <= place.height() and wrapped.width() <= place.width():
                flags |= Qt.TextFlag.TextWordWrap
            else:
                text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, int(flags), text)

    def _paint_all(self, painter: Any, rect: QRect, index: QModelIndex) -> None:
        """Draw a name, and below it all values under their titles."""
        view, model, metrics = self._view, self._view.model(), self._view.fontMetrics()
        name = metrics.elidedText(
            str(index.data() or ""), Qt.TextElideMode.ElideRight, rect.width() - 2 * _PADDING
        )
        painter.drawText(rect.adjusted(_PADDING, 0, 0, 0), int(Qt.AlignmentFlag.AlignTop), name)
        for column, place in view.places(rect):
            painter.setOpacity(_TITLE_OPACITY)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignRight), view.titles()[column])
            painter.setOpacity(1.0)
            value = str(present(model).index(index.row(), column).data() or "")
            below = place.adjusted(0, metrics.height(), 0, 0)
            painter.drawText(below, int(Qt.AlignmentFlag.AlignRight), value)

    def helpEvent(self, event: Any, view: Any, option: Any, index: QModelIndex) -> bool:
        """Tell of the value under the mouse, also where all stand in one cell."""
        if self._view.per_line:
            at = next((column for column, place in self._view.places(option.rect)
                       if place.contains(event.pos())), 0)  # fmt: skip
            index = present(self._view.model()).index(index.row(), at)
        return super().helpEvent(event, view, option, index)


class InspectValues(QTableView):
    """The table under the plot; as high as its rows, as wide as the panel.

    Where the numbers fit, they stand in columns under a header, and a name that has too little
    room beside them has a line of its own. Where they do not, each set is one cell: its name, and
    below it the values under their titles, as many beside each other as fit.

    Attributes
    ----------
    names_above : bool
        Whether names have a line of their own above columns of numbers.
    per_line : int
        Values beside each other where each set is one cell; 0 where there are columns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names_above = False
        self.per_line = 0
        self._model = ValuesModel(self)
        self.setModel(self._model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setItemDelegate(_Cells(self))
        self.setObjectName("mrfSmall")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        present(self.verticalHeader()).hide()
        header = present(self.horizontalHeader())
        header.setMinimumSectionSize(_LEAST_NAME)
        header.setHighlightSections(False)
        self.setStyleSheet("QHeaderView::section { padding: 1px; }")
        self._fit()

    def show_rows(self, rows: Sequence[ValueRow]) -> None:
        """Show one row per voxel and set of maps."""
        keys = [key for key in PARAMETERS if any(key in row.prediction.values for row in rows)]
        before = self._model.rowCount(), self._model.has_deviations, self._model.keys
        deviations = any(row.prediction.deviations for row in rows)
        if not rows or not keys:  # keep the columns while the mouse is outside
            keys, deviations = list(self._model.keys), self._model.has_deviations
        self._model.set_rows(rows, keys, deviations=deviations)
        after = (self._model.rowCount(), self._model.has_deviations, self._model.keys)
        if before != after or self._shape() != (self.names_above, self.per_line):
            self._fit()

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Bracket values outside these fat fractions."""
        self._model.thresholds = dict(thresholds)

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell."""
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

    def places(self, rect: QRect) -> Iterator[tuple[int, QRect]]:
        """Yield each column of numbers and its place in the one cell of a set."""
        line, wide = self.fontMetrics().height(), rect.width() // max(self.per_line, 1)
        tall = self._lines_of_value() * line
        for column in range(1, self._model.columnCount()):
            down, along = divmod(column - 1, max(self.per_line, 1))
            yield column, QRect(rect.left() + along * wide, rect.top() + line + down * tall,
                                wide - _PADDING, tall)  # fmt: skip

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of the letters."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Give the names a line of their own, or the values several, where it is too narrow."""
        super().resizeEvent(event)
        if self._shape() != (self.names_above, self.per_line):
            self._fit()

    def _shape(self) -> tuple[bool, int]:
        """Return `names_above` and `per_line` for what is shown, and the width there is."""
        metrics, room = self.fontMetrics(), present(self.viewport()).width()
        numbers = [self._width_of(column) for column in range(1, self._model.columnCount())]
        if sum(numbers) + _LEAST_NAME > room:
            titles = [metrics.horizontalAdvance(title) for title in self.titles()[1:]]
            return True, max(room // (max(*titles, *numbers) + _BETWEEN), 1)
        names = [row.label for row in self._model.rows]
        if not names:
            return self.names_above, 0
        widest = max(metrics.horizontalAdvance(name) for name in names)
        return room - sum(numbers) < widest + 2 * _PADDING, 0

    def _width_of(self, column: int) -> int:
        """Return the width that a column of numbers needs."""
        title = self._model.headerData(column, Qt.Orientation.Horizontal).split("\n")[0]
        samples = [title, _WIDEST.get(title, "0.000")]
        if self._model.has_deviations and title in PARAMETERS:
            samples.append("±" + _WIDEST.get(title, "0.000").strip("()−"))
        advance = self.fontMetrics().horizontalAdvance
        return max(advance(text) for text in samples) + 2 * _PADDING + 2

    def _lines_of_value(self) -> int:
        return (2 if self._model.has_deviations else 1) + bool(self.per_line)

    def _fit(self) -> None:
        self.names_above, self.per_line = self._shape()
        header, n_columns = present(self.horizontalHeader()), self._model.columnCount()
        header.setVisible(not self.per_line)
        for column in range(n_columns):
            mode = QHeaderView.ResizeMode.Fixed if column else QHeaderView.ResizeMode.Stretch
            header.setSectionResizeMode(column, mode)
            if column:
                header.setSectionHidden(column, bool(self.per_line))
                header.resizeSection(column, self._width_of(column))
        line = self.fontMetrics().height()
        n_bands = -(-(n_columns - 1) // self.per_line) if self.per_line else 1
        n_lines = n_bands * self._lines_of_value() + self.names_above
        tall = n_lines * line + 4
        present(self.verticalHeader()).setDefaultSectionSize(tall)
        most = min(_MOST_ROWS, max(_MOST_LINES // n_lines, 1))
        shown = min(max(self._model.rowCount(), 1), most)
        above = 0 if self.per_line else 2 * line + 8
        self.setFixedHeight(above + shown * tall + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QSize:
        """Stay inside a narrow panel."""
        return QSize(200, self.height())
