"""The values of a voxel as rows of maps and columns of parameters, in text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

from napari_mrf.data.parameters import PARAMETERS, validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_mrf.analysis.inspection.prediction import Prediction


_DIGITS = {"FF": 3, "B1": 3, "Df": 1, "T2": 1, "PD": 4}


_NO_VALUE = "–"


_FIT = "fit"


_FIT_TIP = (
    "How well the prediction explains what was measured: the correlation of the two fingerprints "
    "over the frames used, 0 to 1"
)


@dataclass(frozen=True)
class ValueRow:
    """One row.

    Parameters
    ----------
    label : str
        Set of maps, with the pin before it.
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
        """Return what a cell says."""
        key = self._key(column)
        if not key:
            return row.label
        if key == _FIT:
            return _formatted(row.prediction.correlation, 3)
        value = row.prediction.values.get(key, np.nan)
        words = value_text(key, value)
        if not self._is_valid(row, key):
            words = f"({words})"
        if not self.has_deviations:
            return words
        deviation = row.prediction.deviations.get(key, np.nan)
        has_both = np.isfinite(value) and np.isfinite(deviation)
        return f"{words}\n±{_deviation_text(key, deviation)}" if has_both else words

    def _is_valid(self, row: ValueRow, key: str) -> bool:
        rules, values = validity_rules(self.thresholds), row.prediction.values
        if key not in rules or "FF" not in values or not np.isfinite(values.get(key, np.nan)):
            return True
        return bool(rules[key].mask(np.array(values["FF"])))

    def _tip(self, row: ValueRow, column: int) -> str:
        key = self._key(column)
        if not key:
            return "\n".join(part for part in (row.label, row.prediction.reason) if part)
        if key == _FIT:
            return row.prediction.reason or _FIT_TIP
        if not self._is_valid(row, key):
            rule = validity_rules(self.thresholds)[key].describe()
            return f"In brackets: {PARAMETERS[key].label} is valid only where {rule}"
        return PARAMETERS[key].title

    def _key(self, column: int) -> str:
        return ("", *self.keys, _FIT)[column]


def value_text(key: str, value: float) -> str:
    """Return a value with the digits that its parameter deserves; a dash without one."""
    return _formatted(value, _DIGITS.get(key, 0), significant=key == "PD")


def _deviation_text(key: str, deviation: float) -> str:
    # Of a value without a scale of its own two digits say enough.
    return f"{deviation:.2g}".replace("-", "−") if key == "PD" else value_text(key, deviation)


def _formatted(value: float, digits: int, *, significant: bool = False) -> str:
    if not np.isfinite(value):
        return _NO_VALUE
    words = f"{value:.{digits}g}" if significant else f"{value:.{digits}f}"
    return words.replace("-", "−")
