"""View of the drawing tools in the ROIs panel: smart polygon, vertices, brush, fill preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLocale, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFrame,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label
from napari_mrf.plugin.kit.scrolling import guard_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYWHERE = "anywhere"
_LARGEST = 1e9
_STEPS = 20  # of a spin box over the range that is displayed
_SMART_TIP = (
    "Draw a polygon that follows the edges of the picture you see. Click along the border; close "
    "with a double click or Enter, take the last click back with Backspace, give up with Esc."
)
_SMART_ON_TIP = (
    "Click along the border; Enter or a double click closes, Backspace takes the last click back, "
    "Esc gives up. Press the button again to stop."
)
_VERTICES = {
    "edit": (
        "Edit vertices",
        "Drag the vertices of the picked region in this slice. A region that was loaded or painted "
        "gets its outline from its voxels first.",
    ),
    "add": ("Add", "Click on an edge of the picked region in this slice to add a vertex there"),
    "remove": (
        "Remove",
        "Click on a vertex of the picked region in this slice to remove it; with its third vertex "
        "an outline goes as well",
    ),
}


class DrawingTools:
    """The widgets, which the panel arranges; they have no logic.

    Attributes
    ----------
    smart_button : QPushButton
        Switches the smart polygon on and off.
    vertex_buttons : dict of str to QPushButton
        "edit", "add" and "remove".
    outline_button : QPushButton
        Makes outlines of voxels.
    brush : BrushForm
        What the brush leaves alone.
    fill_bar : FillBar
        Shown while a preview is.
    """

    def __init__(self) -> None:
        self.smart_button = tool_button("Smart polygon", _SMART_TIP)
        self.smart_button.setCheckable(True)
        self.vertex_buttons = {
            name: tool_button(text, tooltip) for name, (text, tooltip) in _VERTICES.items()
        }
        for button in self.vertex_buttons.values():
            button.setCheckable(True)
        self.outline_button = tool_button(
            "Outline voxels",
            "Make outlines of the voxels of the picked region, in all slices where it has none, so "
            "that loaded and painted regions can be edited and show their names. No voxel changes.",
        )
        self.brush = BrushForm()
        self.fill_bar = FillBar()

    def show_tool(self, *, is_smart: bool, vertex_tool: str) -> None:
        """Show which tool is on; an empty name for none of the vertices."""
        self.smart_button.setChecked(is_smart)
        self.smart_button.setToolTip(_SMART_ON_TIP if is_smart else _SMART_TIP)
        for name, button in self.vertex_buttons.items():
            button.setChecked(name == vertex_tool)


class BrushForm(QWidget):
    """What brush, fill bucket and polygons leave alone.

    Signals
    -------
    spare_changed
        Whether other regions are spared.
    limit_changed
        The user picked another map or another range.
    """

    spare_changed = Signal(bool)
    limit_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.spare = QCheckBox("Spare other regions")
        self.spare.setToolTip(
            "The brush and the fill bucket leave the voxels of other regions alone (B while the "
            "ROIs layer is picked). Polygons, copies and filled slices always do."
        )
        self.map_picker = Picker(
            "Draw only where a map lies in a range, such as the fat fraction below 0.5: brush, "
            "fill bucket, polygons, copies and filled slices leave other voxels alone"
        )
        self.low, self.high = _NumberBox(), _NumberBox()
        self.low.setToolTip("Smallest value of the map where may be drawn")
        self.high.setToolTip("Largest value of the map where may be drawn")
        self._range = QWidget()
        self.low.setPrefix("from ")
        self.high.setPrefix("to ")
        self._range.setLayout(NarrowRow(self.low, self.high))
        picked = NarrowRow(form_label("Draw only"), self.map_picker)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.spare)
        layout.addLayout(picked)
        layout.addWidget(self._range)
        self.spare.toggled.connect(self.spare_changed)
        self.map_picker.textActivated.connect(self._on_limit)
        for box in (self.low, self.high):
            box.valueChanged.connect(self._on_limit)
        self.set_maps([], "")

    def set_spare(self, spares: bool) -> None:
        """Show whether other regions are spared."""
        self.spare.blockSignals(True)
        self.spare.setChecked(spares)
        self.spare.blockSignals(False)

    def set_maps(self, names: Sequence[str], current: str) -> None:
        """Offer maps to limit by; an empty name for no limit."""
        self.map_picker.fill([EVERYWHERE, *names], current or EVERYWHERE)
        self._range.setVisible(self.map_picker.currentIndex() > 0)

    def show_range(self, key: str, values: tuple[float, float] | None = None) -> None:
        """Show a range of a map; without one, the whole range in which the map is displayed."""
        parameter = PARAMETERS[key]
        low, high = parameter.display_limits
        for box, value in zip((self.low, self.high), values or (low, high), strict=True):
            box.blockSignals(True)
            box.setRange(max(parameter.valid_range[0], -_LARGEST),
                         min(parameter.valid_range[1], _LARGEST))  # fmt: skip
            box.setSingleStep((high - low) / _STEPS)
            box.setSuffix(f" {parameter.unit}" if parameter.unit else "")
            box.setValue(value)
            box.blockSignals(False)

    def _on_limit(self, *_: object) -> None:
        self.limit_changed.emit()


class FillBar(QFrame):
    """What a preview shows, with a button to draw it and one to leave it.

    Signals
    -------
    apply_requested, cancel_requested
        The user pressed the button.
    """

    apply_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self.apply_button = tool_button("Apply", "Draw what is shown; Ctrl+Z takes it back")
        self.cancel_button = tool_button("Cancel", "Draw nothing")
        self.apply_button.clicked.connect(self._on_apply)
        self.cancel_button.clicked.connect(self._on_cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._text)
        layout.addLayout(NarrowRow(self.apply_button, self.cancel_button))
        self.hide()

    def show_slices(self, slices: str) -> None:
        """Say in which slices something will be drawn; hide while there are none."""
        word = "slice" if slices.isdigit() else "slices"
        self._text.setText(f"The faint outlines in {word} {slices} will be drawn.")
        self.setVisible(bool(slices))

    def text(self) -> str:
        """Return what is said."""
        return self._text.text()

    def _on_apply(self, *_: object) -> None:
        self.apply_requested.emit()

    def _on_cancel(self, *_: object) -> None:
        self.cancel_requested.emit()


class _NumberBox(QDoubleSpinBox):
    """A number without zeros at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(3)
        self.setLocale(QLocale.c())
        self.setMinimumWidth(60)
        self.setKeyboardTracking(False)
        guard_wheel(self)

    def textFromValue(self, value: float) -> str:
        """Return what is shown for a number."""
        return f"{value:g}"


def tool_button(text: str, tooltip: str) -> QPushButton:
    """Return a button that fits twice into a row of a narrow dock."""
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setStyleSheet("padding-left: 2px; padding-right: 2px;")
    return button
