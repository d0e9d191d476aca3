"""Look of the regions: outlines or filled, and how opaque each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QSpinBox, QWidget

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.picker import NarrowRow
from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.layers.closeup.region_look import is_outlined, show_outlined
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.rois.label_set import with_opacity

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.rois.panel import RoisPanel


class RegionsLook(QWidget):
    """A button for outlines and the opacity of the picked region.

    Signals
    -------
    outlines_requested
        Whether the user wants outlines only.
    opacity_requested
        The opacity that the user wants, in percent.
    """

    outlines_requested = Signal(bool)
    opacity_requested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.outlines_button = QPushButton("Outlines only")
        self.outlines_button.setCheckable(True)
        self.outlines_button.setToolTip(
            "Show the outlines of regions, which leave the map visible, or fill them (Ctrl+B)"
        )
        self.opacity_box = QSpinBox()
        self.opacity_box.setRange(0, 100)
        self.opacity_box.setSingleStep(10)
        self.opacity_box.setPrefix("Opacity ")
        self.opacity_box.setSuffix(" %")
        self.opacity_box.setKeyboardTracking(False)
        guard_wheel(self.opacity_box)
        self.setLayout(NarrowRow(self.outlines_button, self.opacity_box))
        self.outlines_button.clicked.connect(self.outlines_requested)
        self.opacity_box.valueChanged.connect(self.opacity_requested)

    def set_look(self, *, outlined: bool | None, name: str, opacity: float) -> None:
        """Show how the regions look; None without a layer, and no name if none is picked."""
        self.outlines_button.setEnabled(outlined is not None)
        self.outlines_button.setChecked(outlined is not False)
        self.opacity_box.blockSignals(True)
        self.opacity_box.setEnabled(bool(name))
        self.opacity_box.setValue(round(100 * opacity))
        self.opacity_box.setToolTip(f"Opacity of {name or 'the picked region'} in the image")
        self.opacity_box.blockSignals(False)


class RegionsLookBinding:
    """Controller of the look of regions.

    Parameters
    ----------
    viewer : napari viewer
        With the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.panel, self.view = panel, panel.look
        self.editor = regions_editor_of(viewer)
        self.bond = Bond(panel)
        self._followed: Any = lambda: None
        self.view.outlines_requested.connect(self._on_outlines_requested)
        self.view.opacity_requested.connect(self._on_opacity_requested)

    def show(self, *_: Any) -> None:
        """Show the look of the layer in use and of the picked region."""
        layer, label = self.editor.layer, self.editor.table.get(self.panel.tree.picked())
        if layer is not None and layer is not self._followed():
            self._followed = ref(layer)
            self.bond.connect(layer.events.contour, self.show)  # napari's own box of it
        self.view.set_look(
            outlined=None if layer is None else is_outlined(layer),
            name="" if label is None else label.name,
            opacity=1.0 if label is None else label.opacity,
        )

    def toggle(self) -> None:
        """Show outlines only, or fill the regions."""
        if self.editor.layer is not None:
            show_outlined(self.editor.layer, not is_outlined(self.editor.layer))

    def is_filled(self) -> bool:
        """Return whether regions are filled."""
        return self.editor.layer is not None and not is_outlined(self.editor.layer)

    def restore(self, is_filled: object) -> None:
        """Fill the regions, or show their outlines only; anything else leaves them alone."""
        if isinstance(is_filled, bool):
            self._on_outlines_requested(not is_filled)

    def _on_outlines_requested(self, is_wanted: bool) -> None:
        if self.editor.layer is not None:
            show_outlined(self.editor.layer, is_wanted)

    def _on_opacity_requested(self, percent: int) -> None:
        picked = self.panel.tree.picked()
        if picked in self.editor.table:
            self.editor.set_table(with_opacity(self.editor.table, picked, percent / 100))
