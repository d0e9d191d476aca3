"""The Maps bar of the dock: a button for each map, and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER_KEYS = "Ctrl+0"
HOLD_KEY = "H"
_SMALL = "QPushButton { padding: 3px 4px; }"


@dataclass(frozen=True)
class MapButton:
    """A map that can be chosen.

    Parameters
    ----------
    key : str
        Of the map; ``"uncertainty"`` for the standard deviation of the map that is seen.
    label : str
        On the button.
    tooltip : str
        What it shows.
    keys : str
        The keys that do the same; may be empty.
    """

    key: str
    label: str
    tooltip: str
    keys: str


class SwitcherBar(QWidget):
    """View of the switcher: shows state and emits signals, without any logic.

    Signals
    -------
    set_picked
        The user picked a set of maps.
    map_clicked
        The user pressed the button of a map, given its key.
    other_set_picked, other_map_picked
        The user picked what stands at the other side; an empty map is the same as on the canvas.
    beside_toggled, flicker_toggled, planes_toggled
        A button was switched on or off.
    """

    set_picked = Signal(str)
    map_clicked = Signal(str)
    other_set_picked = Signal(str)
    other_map_picked = Signal(str)
    beside_toggled = Signal(bool)
    flicker_toggled = Signal(bool)
    planes_toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.set_picker = Picker(f"The set of maps on the canvas ({OTHER_KEYS}: the other set)")
        self.state = QLabel()
        self.state.setEnabled(False)
        self.map_buttons: dict[str, QPushButton] = {}
        self.other_set_picker = Picker("The set to compare with, beside the canvas or in flicker")
        self.other_map_picker = Picker("The map to compare with")
        self.beside_button = _switch(
            "Side by side", "Show a second map beside the canvas: same slice, zoom and cursor"
        )
        self.flicker_button = _switch(
            "Flicker", "Alternate the two maps on the canvas twice a second\n"
            f"({HOLD_KEY}, held with the mouse over the canvas: the other map)"
        )  # fmt: skip
        self.planes_button = _switch(
            "3 planes", "Show axial, coronal and sagittal planes through the cursor"
        )
        self._buttons: tuple[MapButton, ...] = ()
        self._arrange()
        self.set_picker.textActivated.connect(self.set_picked)
        self.other_set_picker.textActivated.connect(self.other_set_picked)
        self.other_map_picker.activated.connect(self._on_other_map)
        self.beside_button.toggled.connect(self._on_beside)
        self.flicker_button.toggled.connect(self._on_flicker)
        self.planes_button.toggled.connect(self.planes_toggled)
        self.set_sets((), "")
        self.set_maps((), frozenset(), "")

    def _arrange(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.set_picker, 1)
        first.addWidget(self.state)
        self._flow = QFlowLayout()
        self._flow.setSpacing(3)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow_box = QWidget()
        self._flow_box.setLayout(self._flow)
        views = QHBoxLayout()
        views.setSpacing(3)
        for button in (self.beside_button, self.flicker_button, self.planes_button):
            views.addWidget(button, 1)
        self._other = QWidget()
        other = QHBoxLayout(self._other)
        other.setContentsMargins(0, 0, 0, 0)
        other.setSpacing(4)
        other.addWidget(QLabel("with"))
        other.addWidget(self.other_set_picker, 1)
        other.addWidget(self.other_map_picker, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 8, 4)
        layout.setSpacing(4)
        layout.addLayout(first)
        layout.addWidget(self._flow_box)
        layout.addLayout(views)
        layout.addWidget(self._other)

    def set_sets(self, names: Sequence[str], current: str) -> None:
        """Show the sets of maps, and which one is on the canvas."""
        _offer(self.set_picker, [(name, name) for name in names], current)
        has_maps = bool(names)
        self.set_picker.setVisible(has_maps)
        self.beside_button.setVisible(has_maps)
        self.flicker_button.setVisible(has_maps)
        self._flow_box.setVisible(has_maps)
        self._show_other()

    def set_maps(self, buttons: Sequence[MapButton], checked: frozenset[str], state: str) -> None:
        """Show a button for each map, those that are seen pressed, and a word beside the set."""
        if tuple(buttons) != self._buttons:
            self._buttons = tuple(buttons)
            for old in self.map_buttons.values():
                self._flow.removeWidget(old)
                old.deleteLater()
            self.map_buttons = {one.key: self._make_button(one) for one in buttons}
            chain = [self.set_picker, *self.map_buttons.values(), self.beside_button]
            for before, after in pairwise(chain):  # Tab goes where the eye goes
                self.setTabOrder(before, after)
        for key, button in self.map_buttons.items():
            button.setChecked(key in checked)
        self.state.setText(state)
        self.state.setVisible(bool(state))

    def set_other(
        self, sets: Sequence[str], current: str, maps: Sequence[tuple[str, str]], key: str
    ) -> None:
        """Show what stands at the other side, of which sets and maps (key, label)."""
        _offer(self.other_set_picker, [(name, name) for name in sets], current)
        _offer(self.other_map_picker, maps, key)

    def set_can_flicker(self, is_possible: bool) -> None:
        """Enable the flicker where there are two maps; one that goes on can be ended."""
        self.flicker_button.setEnabled(is_possible or self.flicker_button.isChecked())

    def _make_button(self, one: MapButton) -> QPushButton:
        button = _switch(one.label, f"{one.tooltip} ({one.keys})" if one.keys else one.tooltip)
        button.setProperty("map", one.key)
        button.clicked.connect(self._on_map_clicked)
        self._flow.addWidget(button)
        return button

    def _show_other(self) -> None:
        self._other.setVisible(
            bool(self.set_picker.count())
            and (self.beside_button.isChecked() or self.flicker_button.isChecked())
        )

    def _on_map_clicked(self) -> None:
        self.map_clicked.emit(str(present(self.sender()).property("map")))

    def _on_other_map(self, index: int) -> None:
        self.other_map_picked.emit(str(self.other_map_picker.itemData(index)))

    def _on_beside(self, is_on: bool) -> None:
        self._show_other()
        self.beside_toggled.emit(is_on)

    def _on_flicker(self, is_on: bool) -> None:
        self._show_other()
        self.flicker_toggled.emit(is_on)


def _offer(picker: Picker, entries: Sequence[tuple[str, str]], current: str) -> None:
    """Offer entries (key, label); an open list that stays as it is is left open."""
    picker.blockSignals(True)
    if entries != [(picker.itemData(at), picker.itemText(at)) for at in range(picker.count())]:
        picker.clear()
        for key, label in entries:
            picker.addItem(label, key)
    picker.setCurrentIndex(max(picker.findData(current), 0))
    picker.blockSignals(False)


def _switch(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setCheckable(True)
    button.setStyleSheet(_SMALL)
    return button
