"""Everything that changes what a viewer shows, told by three signals.

Apart from the pictures, which come and go: napari holds on to no picture, and a picture listens to
no layer.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from psygnal import Signal

from napari_mrf.plugin.session import one_per_viewer

_OF_A_LAYER = (
    "colormap", "contrast_limits", "data", "edge_color", "face_color", "features", "gamma",
    "interpolation2d", "labels_update", "metadata", "opacity", "paint", "rotate", "scale",
    "selected_label", "set_data", "shear", "show_selected_label", "text", "translate", "visible",
)  # fmt: skip


class SceneChanges:
    """Listens to the layers, the sliders, the camera and the cursor of one viewer.

    Attributes
    ----------
    changed : Signal()
        Something else is to be seen.
    moved : Signal()
        The camera looks from elsewhere.
    pointed : Signal()
        The cursor is at another place.
    """

    changed = Signal()
    moved = Signal()
    pointed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        layers, dims, camera = viewer.layers.events, viewer.dims.events, viewer.scene.camera.events
        for event in (layers.removed, layers.reordered, dims.point, dims.order, dims.ndisplay,
                      dims.range, camera.orientation, viewer.events.theme,
                      viewer.canvas.events.background_color):  # fmt: skip
            event.connect(self._on_changed)
        camera.center.connect(self._on_moved)
        camera.zoom.connect(self._on_moved)
        layers.inserted.connect(self._on_inserted)
        viewer.cursor.events.position.connect(self._on_pointed)
        for layer in viewer.layers:
            self._follow(layer)

    def _follow(self, layer: Any) -> None:
        for name in _OF_A_LAYER:
            emitter = getattr(layer.events, name, None)
            if emitter is not None:
                emitter.connect(self._on_changed)

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)
        self.changed.emit()

    def _on_changed(self, event: Any = None) -> None:
        self.changed.emit()

    def _on_moved(self, event: Any = None) -> None:
        self.moved.emit()

    def _on_pointed(self, event: Any = None) -> None:
        self.pointed.emit()


scene_changes_of = one_per_viewer(SceneChanges)
"""Return what tells of the changes of a viewer."""
