"""The smart polygon: clicks on the canvas that lines along the edges of the picture join.

napari's own tool for polygons is switched on and its callbacks are replaced, so that everybody who
asks whether something is being drawn gets the right answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.layers.outlines import EDGE_WIDTH
from napari_mrf.plugin.layers.regions import REGIONS_KEY, edge_color
from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.preview import Preview
from napari_mrf.plugin.regions.seen import SeenPicture
from napari_mrf.plugin.session import one_per_viewer
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.rois.livewire import Livewire
from napari_mrf.rois.voxel_outlines import simplified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_REDRAW_MS = 30
_KEYS = ("Enter", "Escape", "Backspace")
_OWNER = "smart polygon"


class SmartPolygon(QObject):
    """The tool of one viewer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal()
        The tool was switched on or off.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._editor = regions_editor_of(viewer)
        self._preview = Preview(viewer, "Smart polygon", opacity=1.0)
        self._seen = SeenPicture(viewer)
        self._seen.arrived.connect(self._on_arrived)
        self._layer: Any | None = None  # while the tool is on
        self._label = 0
        self._slice = 0  # in screen order
        self._wire: Livewire | None = None
        self._anchors: list[tuple[float, float]] = []
        self._lines: list[NDArray[np.float64]] = []
        self._mouse: tuple[float, float] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def is_on(self) -> bool:
        """Whether a click on the canvas sets an anchor."""
        return self._layer is not None

    @property
    def anchors(self) -> list[tuple[float, float]]:
        """The clicks of the polygon that is being drawn, (row, column) on the screen."""
        return list(self._anchors)

    def start_by_turns(self, label: int) -> Iterator[None]:
        """Switch the tool on for a region; yield after every new layer."""
        self.stop()
        yield from self._editor.start_by_turns(label)
        layer = self._editor.outlines_layer
        if layer is None or not self._editor.is_drawing():
            return
        # In the same turn: from now on no click is one of napari's own tool.
        self._layer, self._label = layer, label
        self._take_mouse(layer)
        for keys, act in zip(_KEYS, (self.finish, self.cancel, self.take_back), strict=True):
            layer.bind_key(keys, _calling(self, act.__name__), overwrite=True)
        layer.events.mode.connect(self._on_mode)
        self._look()  # a mean that takes a moment is there by the first click
        self.changed.emit()
        yield
        if self._layer is layer:
            self._preview.open(present(self._editor.layer).metadata[REGIONS_KEY])
            self._redraw()

    def set_label(self, label: int) -> None:
        """Go on with another region; a polygon that is half drawn is finished with its own."""
        layer = self._layer
        if layer is None:
            return
        self.finish()
        with layer.events.mode.blocker(self._on_mode):  # napari's tool goes off and on
            self._editor.set_pen(label)
        self._label = label
        self._take_mouse(layer)
        self.changed.emit()

    def stop(self) -> None:
        """Switch the tool off; a polygon that is half drawn is finished."""
        layer = self._layer
        if layer is None:
            return
        self.finish()
        self._layer = None
        layer.events.mode.disconnect(self._on_mode)
        for keys in _KEYS:
            layer.bind_key(keys, None)
        for callbacks in (layer.mouse_drag_callbacks, layer.mouse_move_callbacks,
                          layer.mouse_double_click_callbacks):  # fmt: skip
            callbacks[:] = [one for one in callbacks if getattr(one, "__self__", None) is not self]
        self._close_preview()
        if str(layer.mode) == "add_polygon":
            layer.mode = "pan_zoom"
        self.changed.emit()

    def finish(self) -> None:
        """Close the polygon along the edges and draw it; two clicks and less draw nothing."""
        if self._wire is None or self._layer is None or len(self._anchors) < 3:
            self.cancel()
            return
        ring = np.concatenate([*self._lines, self._wire.line_to(self._anchors[0])])
        same = (ring == np.roll(ring, 1, axis=0)).all(axis=1)
        corners = simplified(ring[~same])
        at, layer = self._slice, self._layer
        self.cancel()
        if len(corners) >= 3:
            layer.add_polygons(
                [np.column_stack([np.full(len(corners), at), corners])], edge_width=EDGE_WIDTH
            )
            layer.selected_data = set()

    def cancel(self) -> None:
        """Give up the polygon that is being drawn; the tool stays on."""
        self._anchors, self._lines, self._wire = [], [], None
        self._redraw()

    def take_back(self) -> bool:
        """Take the last anchor back; return whether there was one."""
        if not self._anchors:
            return False
        self._anchors.pop()
        if self._lines:
            self._lines.pop()
        self._wire = Livewire(self._look(), self._anchors[-1]) if self._anchors else None
        self._redraw()
        return True

    def _set_anchor(self, point: tuple[float, float], at: int) -> None:
        if self._anchors and at != self._slice:
            self.finish()  # in its slice
        self._slice = at
        if self._wire is not None:
            line = self._wire.line_to(point)
            if len(line) < 2:
                return  # the second half of a double click
            self._lines.append(line)
            point = (float(line[-1, 0]), float(line[-1, 1]))
        self._anchors.append(point)
        self._wire = Livewire(self._look(), point)

    def _look(self) -> NDArray[Any]:
        """Return the picture of the slice in which is drawn, or of the one in view."""
        layers = self._editor.layers
        grid = present(layers.layer).metadata[REGIONS_KEY]
        if not self._anchors:
            in_view = (layers.slice_in_view(), 0, 0)
            self._slice = grid.orientation.screen_index(in_view, grid.shape)[0]
        return self._seen.of_slice(self._slice, grid)

    def _redraw(self) -> None:
        """Show the lines so far and the one to the mouse."""
        self._timer.stop()
        color = edge_color(self._editor.table[self._label]) if self._label else np.ones(4)
        lines = list(self._lines)
        if self._wire is not None and self._mouse is not None:
            lines.append(self._wire.line_to(self._mouse))
        points = np.concatenate(lines) if lines else np.empty((0, 2))
        self._preview.show_line(np.column_stack([np.full(len(points), self._slice), points]), color)

    def _point(self, event: Any) -> tuple[tuple[float, float], int]:
        at, row, column = present(self._layer).world_to_data(event.position)[-3:]
        return (float(row), float(column)), round(float(at))

    def _on_press(self, layer: Any, event: Any) -> None:
        if event.button == 1:
            self._set_anchor(*self._point(event))
            self._redraw()

    def _on_move(self, layer: Any, event: Any) -> None:
        self._mouse, _ = self._point(event)
        if self._wire is not None and not self._timer.isActive():
            self._timer.start()

    def _on_double_click(self, layer: Any, event: Any) -> None:
        self.finish()

    def _on_arrived(self) -> None:
        if self._anchors:
            self._wire = Livewire(self._look(), self._anchors[-1])

    def _on_mode(self, event: Any = None) -> None:
        self.stop()

    def _on_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self.cancel()
            self.stop()

    def _take_mouse(self, layer: Any) -> None:
        layer.mouse_drag_callbacks[:] = [self._on_press]
        layer.mouse_move_callbacks[:] = [self._on_move]
        layer.mouse_double_click_callbacks[:] = [self._on_double_click]

    def _close_preview(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            layer_turns_of(viewer).begin(_OWNER, self._closing())

    def _closing(self) -> Iterator[None]:
        self._preview.close()
        yield


def _calling(tool: SmartPolygon, name: str) -> Any:
    """Return what napari calls for a key of a layer, which keeps no tool alive."""
    alive = ref(tool)

    def call(_: Any) -> None:
        target = alive()
        if target is not None:
            getattr(target, name)()

    call.__name__ = name
    return call


smart_polygon_of = one_per_viewer(SmartPolygon)
"""Return the smart polygon of a viewer."""
