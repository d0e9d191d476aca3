"""The line of a profile: the one line of a Shapes layer, drawn and moved with its tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.order import place_under_pins
from napari_mrf.plugin.layers.outlines import turned
from napari_mrf.plugin.layers.regions import RegionGrid

if TYPE_CHECKING:
    from napari_mrf.data.series import MRFSeries

_PROFILE_KEY = "mrf_profile"
"""Metadata of the layer: the `RegionGrid` that its line lies on."""

_NAME = "MRF profile line"
_COLOR = "#ffd23f"
_EDGE_WIDTH = 1.0  # voxels
Place = tuple[float, float, float]


def profile_layer(viewer: Any) -> Any:
    """Return the layer of the line, or None."""
    return next((layer for layer in viewer.layers if _PROFILE_KEY in layer.metadata), None)


def draw_profile_line(viewer: Any, series: MRFSeries) -> Any:
    """Let a drag on the canvas draw the line, in a layer that is made when needed; return it."""
    from napari.layers import Shapes

    grid = RegionGrid.of_series(series)
    layer = profile_layer(viewer)
    if layer is None:
        layer = Shapes(
            None, ndim=3, name=_NAME, edge_width=_EDGE_WIDTH, edge_color=_COLOR, opacity=1.0,
            **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
        )  # fmt: skip
        viewer.layers.insert(place_under_pins(viewer), layer)
    layer.metadata[_PROFILE_KEY] = grid
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = "add_line"
    return layer


def end_profile_line(layer: Any) -> None:
    """Keep the last line of a layer alone, and let clicks be clicks again."""
    if len(layer.data) > 1:
        layer.selected_data = set(range(len(layer.data) - 1))
        layer.remove_selected()
    layer.mode = "pan_zoom"


def ends_of_profile(layer: Any) -> tuple[Place, Place] | None:
    """Return both ends of the line, (z, y, x) in voxels of the file; None without one."""
    lines = [
        points for points, kind in zip(layer.data, layer.shape_type, strict=True)
        if kind in ("line", "path")
    ]  # fmt: skip
    if not lines:
        return None
    ends = np.asarray(lines[-1], float)[[0, -1]]
    start, end = turned(ends, layer.metadata[_PROFILE_KEY], to_file=True).tolist()
    return (start[0], start[1], start[2]), (end[0], end[1], end[2])
