"""The line of a profile: the one line of a Shapes layer, drawn and moved with its tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.order import PROFILE_KEY, place_under_pins
from napari_mrf.plugin.layers.outlines import turned
from napari_mrf.plugin.layers.regions import RegionGrid
from napari_mrf.plugin.layers.subjects import is_here, of_subject

if TYPE_CHECKING:
    from napari_mrf.data.series import MRFSeries

_NAME = "MRF profile line"
_COLOR = "#ffd23f"
_EDGE_WIDTH = 1.0  # voxels
Place = tuple[float, float, float]


def profile_layer(viewer: Any) -> Any:
    """Return the layer of the line of the current subject, or None."""
    return next(
        (one for one in viewer.layers if PROFILE_KEY in one.metadata and is_here(viewer, one)),
        None,
    )


def draw_profile_line(viewer: Any, series: MRFSeries) -> Any:
    """Let a drag on the canvas draw the line, in a layer that is made when needed; return it."""
    layer = profile_layer(viewer)
    if layer is None:
        layer = _add_layer(viewer, series)
    layer.metadata[PROFILE_KEY] = RegionGrid.of_series(series)
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = "add_line"
    return layer


def show_profile_line(viewer: Any, series: MRFSeries, ends: tuple[Place, Place]) -> None:
    """Show a line again in a layer of its own, as if it had been drawn.

    Parameters
    ----------
    viewer : napari viewer
        Without a line of the current subject.
    series : MRFSeries
        Of the current subject.
    ends : tuple
        As of `ends_of_profile`.
    """
    with keeping_selection(viewer):
        layer = _add_layer(viewer, series)
    points = turned(np.asarray(ends, float), layer.metadata[PROFILE_KEY], to_file=False)
    layer.add_lines(points)


def _add_layer(viewer: Any, series: MRFSeries) -> Any:
    from napari.layers import Shapes

    grid = RegionGrid.of_series(series)
    layer = Shapes(
        None, ndim=3, edge_width=_EDGE_WIDTH, edge_color=_COLOR, opacity=1.0,
        **of_subject(viewer, _NAME),
        **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
    )  # fmt: skip
    layer.metadata[PROFILE_KEY] = grid
    viewer.layers.insert(place_under_pins(viewer), layer)
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
    start, end = turned(ends, layer.metadata[PROFILE_KEY], to_file=True).tolist()
    return (start[0], start[1], start[2]), (end[0], end[1], end[2])
