"""The list of regions by set and side: color, name, and slices of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_mrf.plugin.present import present
from napari_mrf.rois.muscles import SETS, meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.label import Label

ALL_SETS, _OWN = "all", "own"
_LABEL = Qt.ItemDataRole.UserRole
_ROWS_SHOWN = 9
_SWATCH = 12
_SIDES = ("right", "left", "")


class RegionsTree(QTreeWidget):
    """A tree of labels in groups; a row is identified by the number of its label.

    Signals
    -------
    label_picked
        The user picked another label.
    label_renamed
        The user typed another name for a label.
    draw_requested
        The user double-clicked a label.
    """

    label_picked = Signal(int)
    label_renamed = Signal(int, str)
    draw_requested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderLabels(["Region", "Slices"])
        present(self.headerItem()).setToolTip(
            1, "✓ and the slices in which the region is drawn, counted from 0 as in the file"
        )
        header = present(self.header())
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.setIndentation(12)
        self.setUniformRowHeights(True)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setExpandsOnDoubleClick(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._rows: dict[int, QTreeWidgetItem] = {}
        self._shown: dict[int, Label] | None = None
        self._picked = 0
        self.currentItemChanged.connect(self._on_current_changed)
        self.itemChanged.connect(self._on_item_changed)
        self.itemDoubleClicked.connect(self._on_double_clicked)

    def sizeHint(self) -> QSize:
        """Ask for the height of some rows; the others are scrolled."""
        row = self.fontMetrics().height() + 6
        return QSize(200, row * (_ROWS_SHOWN + 1) + 4)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(120, self.sizeHint().height())

    def set_labels(
        self, table: Mapping[int, Label], slices: Mapping[int, tuple[int, ...]], set_name: str
    ) -> None:
        """Show the labels of a set, or of all sets, those of the user, and those that are drawn.

        The picked one stays picked where it is still shown.
        """
        wanted = {
            index: label
            for index, label in table.items()
            if index in slices
            or set_name == ALL_SETS
            or meaning_of(label.name).set_name in (set_name, _OWN)
        }
        self.blockSignals(True)
        if self._shown != wanted:
            self._build(wanted)
            self._shown = wanted
        for index, row in self._rows.items():
            row.setText(1, f"✓ {spans(slices[index])}" if index in slices else "")
        self.blockSignals(False)
        self.select(self._picked if self._picked in self._rows else next(iter(self._rows), 0))

    def picked(self) -> int:
        """Return the picked label, 0 when there is none."""
        return self._picked

    def select(self, label: int) -> None:
        """Pick a label without a signal, and open its group."""
        self._picked = label if label in self._rows else 0
        row = self._rows.get(label)
        self.blockSignals(True)
        if row is None:
            self.setCurrentItem(None)
        elif row is not self.currentItem():
            present(row.parent()).setExpanded(True)
            self.setCurrentItem(row)
        self.blockSignals(False)
        present(self.viewport()).update()

    def pick_beside(self, step: int) -> None:
        """Pick the next label of the list, or with -1 the one before; the ends are joined."""
        labels = list(self._rows)
        if labels:
            at = labels.index(self._picked) if self._picked in labels else -max(step, 0)
            label = labels[(at + step) % len(labels)]
            self.select(label)
            self.label_picked.emit(label)

    def rename(self, label: int) -> None:
        """Let the user type another name."""
        row = self._rows.get(label)
        if row is not None:
            self.scrollToItem(row)
            self.editItem(row, 0)

    def _build(self, table: Mapping[int, Label]) -> None:
        closed = {
            group.text(0)
            for at in range(self.topLevelItemCount())
            if not (group := present(self.topLevelItem(at))).isExpanded()
        }
        is_first = not self._rows
        self.clear()
        self._rows = {}
        groups: dict[str, QTreeWidgetItem] = {}
        for index, label in sorted(table.items(), key=_place):
            meaning = meaning_of(label.name)
            if meaning.group not in groups:
                group = groups[meaning.group] = QTreeWidgetItem(self, [meaning.group, ""])
                group.setFlags(Qt.ItemFlag.ItemIsEnabled)
                font = group.font(0)
                font.setBold(True)
                group.setFont(0, font)
            row = self._rows[index] = QTreeWidgetItem(groups[meaning.group], [label.name, ""])
            row.setData(0, _LABEL, index)
            row.setIcon(0, _swatch(label.color))
            row.setToolTip(0, f"{meaning.full_name or label.name}\nlabel {index}")
            row.setFlags(row.flags() | Qt.ItemFlag.ItemIsEditable)
        for at, (name, group) in enumerate(groups.items()):
            group.setExpanded(name not in closed and (not is_first or at < 2))

    def _on_current_changed(
        self, current: QTreeWidgetItem | None, _: QTreeWidgetItem | None
    ) -> None:
        label = current.data(0, _LABEL) if current is not None else None
        if label and label != self._picked:
            self._picked = label
            self.label_picked.emit(label)

    def _on_item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        label = item.data(0, _LABEL)
        if label and column == 0:
            self._shown = None  # what was typed is shown only if it is accepted
            self.label_renamed.emit(label, item.text(0))

    def _on_double_clicked(self, item: QTreeWidgetItem, _: int) -> None:
        label = item.data(0, _LABEL)
        if label:
            self.draw_requested.emit(label)
        else:
            item.setExpanded(not item.isExpanded())


def _place(entry: tuple[int, Label]) -> tuple[int, int, int]:
    """Return the order of a label: by set, muscles before what has no side, by number."""
    index, label = entry
    meaning = meaning_of(label.name)
    return SETS.index(meaning.set_name), _SIDES.index(meaning.side), index


def spans(slices: tuple[int, ...]) -> str:
    """Return ``"0–2, 4"`` for slices 0, 1, 2 and 4."""
    parts: list[list[int]] = []
    for z in slices:
        if parts and z == parts[-1][1] + 1:
            parts[-1][1] = z
        else:
            parts.append([z, z])
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in parts)


def _swatch(color: tuple[int, int, int]) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*color))
    painter = QPainter(pixmap)
    painter.setPen(QColor(128, 128, 128))
    painter.drawRect(0, 0, _SWATCH - 1, _SWATCH - 1)
    painter.end()
    return QIcon(pixmap)
