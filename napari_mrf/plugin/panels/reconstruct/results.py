"""The results part of the Reconstruct panel: which maps, what else to show of them, saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QPushButton, QWidget

from napari_mrf.plugin.kit.picker import Picker, form_label, narrow_form
from napari_mrf.plugin.layers import COMPANIONS
from napari_mrf.plugin.panels.reconstruct.advice_list import AdviceList

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPANION_TIPS = {
    "quality": "How well the model explains each voxel: the correlation of the measured and the "
    "predicted fingerprint, 0 to 1",
    "flags": "Where the result deserves a second look: no signal, or the best match lies on the "
    "edge of the grid",
    "mask": "The voxels that were reconstructed",
    "uncertainty": "One layer a map: the standard deviation of every value, from the misfit of the "
    "fingerprint and what it tells of the value",
}
_COMPANIONS_A_ROW = 2  # more do not fit a narrow dock
_NONE = "This method gives none"
_NOT_GIVEN = {"uncertainty": "These maps have none: run a matcher with Refine under More"}


class ResultsPanel(QWidget):
    """Shows what it is told and says what the user wants; hidden while there are no maps.

    Signals
    -------
    maps_changed
        The user picked another set of maps.
    companion_changed
        One of `layers.COMPANIONS`, and whether to show it.
    validity_changed
        Whether to hide values that the validity rules leave out.
    save_requested
        The user pressed the button.
    """

    maps_changed = Signal(str)
    companion_changed = Signal(str, bool)
    validity_changed = Signal(bool)
    save_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.maps_picker = Picker("Whose extra layers to show and which maps to save")
        self.companions = {name: QCheckBox(name) for name in COMPANIONS}
        self.advice = AdviceList()
        self.validity = QCheckBox("Hide values that are not valid")
        self.save_button = QPushButton("Save maps…")
        self.save_button.setToolTip(
            "Write one NIfTI file a map, with uncertainty, quality, flags and a record of how they "
            "were made"
        )
        shown = QGridLayout()
        shown.setContentsMargins(0, 0, 0, 0)
        shown.setHorizontalSpacing(6)
        shown.setVerticalSpacing(4)
        for index, (name, box) in enumerate(self.companions.items()):
            box.setToolTip(_COMPANION_TIPS[name])
            box.clicked.connect(self._on_companion_clicked)
            shown.addWidget(box, *divmod(index, _COMPANIONS_A_ROW))
        shown.setColumnStretch(_COMPANIONS_A_ROW, 1)
        form = narrow_form()
        form.setContentsMargins(0, 4, 0, 0)
        form.addRow(self.advice)
        form.addRow(form_label("Maps"), self.maps_picker)
        form.addRow(form_label("Layers"), shown)
        form.addRow(self.validity)
        form.addRow(self.save_button)
        self.setLayout(form)
        self.maps_picker.textActivated.connect(self.maps_changed)
        self.validity.clicked.connect(self.validity_changed)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.set_maps([], "")

    def set_maps(self, names: Sequence[str], current: str) -> None:
        """Offer the sets of maps."""
        self.maps_picker.fill(names, current)
        self.setVisible(bool(names))

    def current_maps(self) -> str:
        """Return the name of the picked set, empty when there is none."""
        return self.maps_picker.currentText()

    def set_companions(self, available: Sequence[str], shown: Sequence[str]) -> None:
        """Enable what the current maps have, and check what is shown."""
        for name, box in self.companions.items():
            has_it = name in available
            box.setEnabled(has_it)
            box.setToolTip(_COMPANION_TIPS[name] if has_it else _NOT_GIVEN.get(name, _NONE))
            box.setChecked(name in shown)

    def set_validity(self, rules: str, is_hidden: bool) -> None:
        """Offer to hide invalid values; not at all where no map has a rule."""
        self.validity.setVisible(bool(rules))
        self.validity.setToolTip(
            f"Shown: {rules}. The stored values stay; the thresholds are in "
            "Preferences > napari-mrf."
        )
        self.validity.setChecked(is_hidden)

    def set_saving(self, is_saving: bool) -> None:
        """Keep the button from being pressed twice."""
        self.save_button.setEnabled(not is_saving)

    def _on_companion_clicked(self, is_shown: bool) -> None:
        box: Any = self.sender()
        self.companion_changed.emit(box.text(), is_shown)

    def _on_save_clicked(self) -> None:
        self.save_requested.emit()
