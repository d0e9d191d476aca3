"""The list of regions that count in the agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.label import Label

_ROWS_SHOWN = 6
_SWATCH = 12


class _List(QListWidget):
    """A list that is some rows high; the others are scrolled."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Ask for the height of the rows."""
        return QSize(200, _ROWS_SHOWN * (self.fontMetrics().height() + 4) + 4)

    def minimumSizeHint(self) -> QSize:
        """Stay inside a narrow panel."""
        return QSize(120, self.sizeHint().height())


class CompareRegions(QWidget):
    """A collapsible list of regions with check boxes.

    Signals
    -------
    selection_changed
        The user checked or unchecked regions.
    """

    selection_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.list = _List()
        self.list.setToolTip("Only checked regions count in the agreement and its plots")
        self.all_button = QPushButton("All")
        self.none_button = QPushButton("None")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.list)
        row = QHBoxLayout()
        row.addWidget(self.all_button)
        row.addWidget(self.none_button)
        row.addStretch(1)
        column.addLayout(row)
        self.section = Section("Regions", content, is_open=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.section)
        self.list.itemChanged.connect(self._on_item_changed)
        self.all_button.clicked.connect(self._on_all_clicked)
        self.none_button.clicked.connect(self._on_none_clicked)
        self.set_regions({}, frozenset())

    def set_regions(self, table: Mapping[int, Label], left_out: frozenset[int]) -> None:
        """Offer regions by number, those that are left out unchecked."""
        self.list.blockSignals(True)
        self.list.clear()
        for label, entry in table.items():
            swatch = QPixmap(_SWATCH, _SWATCH)
            swatch.fill(QColor(*entry.color))
            item = QListWidgetItem(QIcon(swatch), entry.name)
            item.setData(Qt.ItemDataRole.UserRole, label)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(
                Qt.CheckState.Unchecked if label in left_out else Qt.CheckState.Checked
            )
            self.list.addItem(item)
        self.list.blockSignals(False)
        self.setVisible(bool(table))
        self._show_state()

    def left_out(self) -> frozenset[int]:
        """Return the numbers of the regions that are not checked."""
        return frozenset(
            item.data(Qt.ItemDataRole.UserRole)
            for item in self._items()
            if item.checkState() == Qt.CheckState.Unchecked
        )

    def chosen(self) -> list[int] | None:
        """Return the numbers that are checked; None where all are."""
        left_out = self.left_out()
        if not left_out:
            return None
        labels = [item.data(Qt.ItemDataRole.UserRole) for item in self._items()]
        return [label for label in labels if label not in left_out]

    def _items(self) -> list[QListWidgetItem]:
        return [present(self.list.item(row)) for row in range(self.list.count())]

    def _check(self, state: Qt.CheckState) -> None:
        self.list.blockSignals(True)
        for item in self._items():
            item.setCheckState(state)
        self.list.blockSignals(False)
        self._on_item_changed()

    def _show_state(self) -> None:
        n, n_out = self.list.count(), len(self.left_out())
        self.section.set_state(f"all {n}" if not n_out else f"{n - n_out} of {n}")

    def _on_item_changed(self, *_: object) -> None:
        self._show_state()
        self.selection_changed.emit()

    def _on_all_clicked(self) -> None:
        self._check(Qt.CheckState.Checked)

    def _on_none_clicked(self) -> None:
        self._check(Qt.CheckState.Unchecked)
