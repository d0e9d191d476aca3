"""Form rows of two panels: voxels of a region that count, and how many it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QLocale, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.plugin.kit.erosion_box import ErosionBox
from napari_mrf.plugin.kit.picker import form_label, keep_width, narrow_form
from napari_mrf.plugin.kit.scrolling import guard_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_VOXELS = 1_000_000
_LEFT_OUT = "regions below are left out of that map, and gray in the table with the reason"


class RegionRules(QWidget):
    """Form rows for erosion, and for the fewest voxels and the least valid share of a region.

    Parameters
    ----------
    erosion_tooltip : str
        Added to the tooltip of the erosion.

    Signals
    -------
    changed
        The user changed a number.
    """

    changed = Signal()

    def __init__(self, erosion_tooltip: str = "") -> None:
        super().__init__()
        self.erosion = ErosionBox(erosion_tooltip)
        self.min_voxels = QSpinBox()
        self.min_voxels.setRange(RoiOptions.min_voxels, _MOST_VOXELS)
        self.min_voxels.setSuffix(" voxels")
        self.min_voxels.setToolTip("Voxels with a valid value that a region needs in a map; "
                                   f"{_LEFT_OUT}")  # fmt: skip
        self.min_valid_share = _PercentBox()
        self.min_valid_share.setRange(0.0, 100.0)
        self.min_valid_share.setSingleStep(5.0)
        self.min_valid_share.setSuffix(" % of the region")
        self.min_valid_share.setToolTip("Share of the voxels of a region, after erosion, that "
                                        f"need a valid value in a map; {_LEFT_OUT}")  # fmt: skip
        for box in (self.min_voxels, self.min_valid_share):
            guard_wheel(box)
            keep_width(box)
        form = narrow_form()
        form.addRow(form_label("Erode by"), self.erosion)
        form.addRow(form_label("At least"), self.min_voxels)
        form.addRow(form_label("and"), self.min_valid_share)
        self.setLayout(form)
        self.show_options(RoiOptions())
        for changed in (self.erosion.valueChanged, self.min_voxels.valueChanged,
                        self.min_valid_share.valueChanged):  # fmt: skip
            changed.connect(self._on_changed)

    def chosen(self) -> dict[str, Any]:
        """Return the numbers by the names of `RoiOptions`, which JSON can hold."""
        return {
            "erosion_voxels": self.erosion.value(),
            "min_voxels": self.min_voxels.value(),
            "min_valid_share": round(self.min_valid_share.value() / 100, 4),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the numbers of `chosen`; where they are missing or impossible nothing changes."""
        for box, name in ((self.erosion, "erosion_voxels"), (self.min_voxels, "min_voxels")):
            value: Any = state.get(name)
            if type(value) is int and box.minimum() <= value <= box.maximum():  # a bool is none
                box.setValue(value)
        share: Any = state.get("min_valid_share")
        if type(share) in (int, float) and 0 <= share <= 1:
            self.min_valid_share.setValue(100 * share)

    def show_options(self, options: RoiOptions) -> None:
        """Show the numbers that regions were measured with."""
        self.restore(options.as_record())

    def _on_changed(self, *_: object) -> None:
        self.changed.emit()


class _PercentBox(QDoubleSpinBox):
    """A number of percent without zeros at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(2)
        self.setLocale(QLocale.c())

    def textFromValue(self, value: float) -> str:
        """Return what is shown for a number."""
        return f"{value:g}"
