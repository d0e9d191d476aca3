"""The voxel under the mouse: told at most 30 times per second, the last one always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.layers import layer_of_series, voxel_at
from napari_mrf.plugin.session import one_per_viewer, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_mrf.plugin.session import Voxel

INTERVAL_MS = 33
_CLICK_TOLERANCE_PIXELS = 3.0


class Pointer(QObject):
    """Follows the mouse over the canvas of one viewer, in the current series.

    Attributes
    ----------
    moved : Signal(object)
        The voxel (z, y, x) in file order under the mouse, or None outside the image. Also when
        another slice comes under a mouse that rests.
    clicked : Signal(object)
        The voxel that was clicked with the left button and no modifier while no layer was being
        drawn on.
    """

    moved = Signal(object)
    clicked = Signal(object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self.voxel: Voxel | None = None
        self._clicked: Voxel | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._is_waiting = False
        self._has_moved = False
        viewer.cursor.events.position.connect(self._on_cursor)
        viewer.dims.events.current_step.connect(self._on_event)
        viewer.mouse_drag_callbacks.append(_click_callback(self))
        viewer.mouse_double_click_callbacks.append(_double_click_callback(self))

    def voxel_here(self) -> Voxel | None:
        """Return the voxel under the mouse, None where there is none."""
        viewer, series = self._viewer(), self._session.series
        if viewer is None or series is None or viewer.dims.ndisplay != 2:
            return None
        layer = layer_of_series(viewer, series)
        if layer is None:
            return None
        # The cursor knows of sliders only what they were when the mouse moved last.
        position = list(viewer.cursor.position)
        if len(position) != viewer.dims.ndim:
            return None
        for axis in range(viewer.dims.ndim):
            if axis not in viewer.dims.displayed:
                position[axis] = viewer.dims.point[axis]
        return voxel_at(layer, series, position)

    def _on_cursor(self, event: Any = None) -> None:
        # Until the mouse has moved, napari's cursor stands at 0 or 1 on every axis.
        viewer = self._viewer()
        if viewer is not None and not set(viewer.cursor.position[-2:]) <= {0.0, 1.0}:
            self._has_moved = True
        self._on_event()

    def _on_event(self, event: Any = None) -> None:
        if self._timer.isActive():
            self._is_waiting = True
        else:
            self._look()
            self._timer.start()

    def _on_timeout(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._look()
            self._timer.start()

    def _look(self) -> None:
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndisplay != 2 or not self._has_moved:
            return
        voxel = self.voxel_here()
        if voxel != self.voxel:
            self.voxel = voxel
            self.moved.emit(voxel)

    def click(self) -> None:
        """Tell of a click where the cursor is, which a picture beside the canvas has taken."""
        self._on_clicked()
        self.forget_click()

    def _on_clicked(self) -> None:
        self._clicked = self.voxel_here()
        if self._clicked is not None:
            self.clicked.emit(self._clicked)

    def forget_click(self) -> None:
        """Forget the last click, so that what follows is not taken for a double click."""
        self._clicked = None

    def _on_double_clicked(self) -> None:
        # A double click zooms; what its first half did is undone by a second click.
        if self._clicked is not None:
            self.clicked.emit(self._clicked)
            self._clicked = None


def _click_callback(pointer: Pointer) -> Any:
    alive = ref(pointer)

    def on_press(viewer: Any, event: Any) -> Iterator[None]:
        """Tell clicks from drags; while a layer is being drawn on, both belong to it."""
        target = alive()
        active = viewer.layers.selection.active
        is_drawing = active is not None and str(getattr(active, "mode", "pan_zoom")) != "pan_zoom"
        if target is None:
            return
        target.forget_click()  # a double click far from it, or while drawing, is none of it
        if event.button != 1 or event.modifiers or is_drawing:
            return
        start = event.pos
        yield
        while event.type == "mouse_move":
            if max(abs(event.pos - start)) > _CLICK_TOLERANCE_PIXELS:
                return
            yield
        target._on_clicked()

    return on_press


def _double_click_callback(pointer: Pointer) -> Any:
    alive = ref(pointer)

    def on_double_click(viewer: Any, event: Any) -> None:
        """Take back what the first half of a double click did."""
        target = alive()
        if target is not None:
            target._on_double_clicked()

    return on_double_click


pointer_of = one_per_viewer(Pointer)
"""Return the pointer of a viewer."""
