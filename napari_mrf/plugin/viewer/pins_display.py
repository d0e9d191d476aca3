"""Pins of a viewer: the Points layer and the pins of the session, kept in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.layers import pins_layer, pins_of_layer, show_pins
from napari_mrf.plugin.layers.batch import remove_together
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.pointer import pointer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qtpy.QtWidgets import QWidget

    from napari_mrf.plugin.session import Voxel

_OWNER = "pins"


class PinsDisplay(QObject):
    """Pins voxels by click while a panel with pins is visible, and follows edits of the layer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._panels: WeakSet[QWidget] = WeakSet()
        self._is_showing = False
        self._layer: Any = None
        # A layer must not be changed while it tells of a change.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._adopt)
        self._session.subject_changing.connect(self._on_subject_changing)
        self._session.pins_changed.connect(self._on_pins_changed)
        pointer_of(viewer).clicked.connect(self._on_clicked)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        self._on_pins_changed(self._session.pins)

    def attend(self, panel: QWidget) -> None:
        """Pin by click while this panel is visible."""
        self._panels.add(panel)

    def toggle(self, voxel: Voxel) -> None:
        """Pin a voxel and select it, or unpin it."""
        pins = self._session.pins
        if voxel in pins:
            self._session.set_pins(tuple(pin for pin in pins if pin != voxel))
        else:
            self._session.select_voxel(voxel)
            self._session.set_pins((*pins, voxel))

    def _on_clicked(self, voxel: Voxel) -> None:
        if any(_is_visible(panel) for panel in self._panels):
            self.toggle(voxel)

    def _on_pins_changed(self, pins: tuple[Voxel, ...]) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        layer = pins_layer(viewer)
        if layer is not None and layer.visible and self._session.series is not None:
            self._show_pins()
            layer.visible = bool(pins)
            return
        if layer is not None:
            layer.visible = bool(pins)
        turns = layer_turns_of(viewer)
        turns.drop(_OWNER)
        turns.begin(_OWNER, self._by_turns())

    def _by_turns(self) -> Iterator[None]:
        """Show the pins of the moment; a layer without any stays, hidden, for the next."""
        viewer = present(self._viewer())
        layer = pins_layer(viewer)
        if self._session.series is not None and (self._session.pins or layer is not None):
            self._show_pins()
        elif layer is not None:
            self._is_showing = True
            try:
                remove_together(viewer, [layer])
            finally:
                self._is_showing = False
        yield

    def _show_pins(self) -> None:
        pins, series = self._session.pins, present(self._session.series)
        self._is_showing = True
        try:
            layer = show_pins(self._viewer(), pins, series)
            if layer is not self._layer:
                self._layer = layer
                layer.events.data.connect(self._on_data)
        finally:
            self._is_showing = False

    def _on_data(self, event: Any = None) -> None:
        if not self._is_showing:
            self._later.start(0)

    def _adopt(self) -> None:
        """Take over pins that the user added, moved or deleted with the tools of the layer."""
        viewer, series = self._viewer(), self._session.series
        layer = pins_layer(viewer) if viewer is not None else None
        if layer is None or series is None:
            return
        pins = pins_of_layer(layer, series)
        if pins == self._session.pins:
            self._on_pins_changed(pins)  # back to the middle of the voxel
        else:
            self._session.set_pins(pins)

    def _on_subject_changing(self) -> None:
        """Take over what was done to the layer while it still shows the pins of its subject."""
        if self._later.isActive():
            self._later.stop()
            self._adopt()

    def _on_layer_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self._layer = None
            if not self._is_showing:
                self._session.set_pins(())


def _is_visible(panel: QWidget) -> bool:
    try:
        return bool(panel.isVisible())
    except RuntimeError:  # Qt has deleted it
        return False


pins_display_of = one_per_viewer(PinsDisplay)
"""Return the pins of a viewer."""
