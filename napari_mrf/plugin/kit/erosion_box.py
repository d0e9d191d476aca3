"""A spin box for erosion in voxels: ``off``, ``1 voxel``, ``2 voxels``."""

from __future__ import annotations

from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QSpinBox

from napari_mrf.plugin.kit.scrolling import guard_wheel

_MOST_VOXELS = 20


class ErosionBox(QSpinBox):
    """A spin box that shows a number of voxels with its unit.

    Parameters
    ----------
    tooltip : str
        Added to the tooltip that all these boxes have.
    """

    def __init__(self, tooltip: str = "") -> None:
        super().__init__()
        self.setRange(0, _MOST_VOXELS)
        self.setToolTip(f"Number of voxels to remove from the edge of every region{tooltip}")
        guard_wheel(self)

    def textFromValue(self, value: int) -> str:
        """Return what is shown for a number."""
        if not value:
            return "off"
        return "1 voxel" if value == 1 else f"{value} voxels"

    def valueFromText(self, text: str | None) -> int:
        """Return the number in a text, with or without its unit; 0 where there is none."""
        digits = "".join(one for one in text or "" if one.isdigit())
        return int(digits or 0)

    def validate(self, text: str | None, at: int) -> tuple[QValidator.State, str, int]:
        """Let the user type digits, the unit and ``off``."""
        text = text or ""
        word = text.strip().lstrip("0123456789").strip()
        fits = any(one.startswith(word) for one in ("voxels", "off"))
        is_known = fits and self.valueFromText(text) <= self.maximum()
        state = QValidator.State.Acceptable if is_known else QValidator.State.Invalid
        return state, text, at
