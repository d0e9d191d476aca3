"""Pinned voxels as a Points layer: numbered, in the colors of the plot, movable by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plots.trace_styles import pin_color
from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.order import PINS_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.data.series import MRFSeries

_NAME = "MRF pins"
_SIZE_VOXELS = 3.0
_Voxel = tuple[int, int, int]


def pins_layer(viewer: Any) -> Any:
    """Return the layer of pins, or None."""
    return next((layer for layer in viewer.layers if PINS_KEY in layer.metadata), None)


def show_pins(viewer: Any, pins: Sequence[_Voxel], series: MRFSeries) -> Any:
    """Show pinned voxels (z, y, x) in the layer of pins, made when needed; return it.

    The active layer and its tool stay as they are.
    """
    orientation = DisplayOrientation.from_affine(series.affine)
    places = np.array(
        [orientation.screen_index(pin, series.spatial_shape) for pin in pins], dtype=float
    ).reshape(-1, 3)
    layer = pins_layer(viewer)
    spatial = spatial_attributes(series.affine, series.voxel_sizes_mm, orientation)
    if layer is None:
        with keeping_selection(viewer):
            layer = viewer.add_points(
                places,
                ndim=3,
                name=_NAME,
                symbol="ring",
                size=_SIZE_VOXELS,
                border_width=0.0,
                opacity=1.0,
                features={"number": list(range(1, len(places) + 1))},
                text={"string": "{number}", "size": 11, "color": "white", "anchor": "upper_left"},
                metadata={PINS_KEY: True},
                **spatial,
            )
        _number(layer)
        return layer
    if tuple(layer.scale) != tuple(spatial["scale"]):  # pins of another series
        layer.scale, layer.units = spatial["scale"], spatial["units"]
    if len(places) != len(layer.data) or not np.array_equal(layer.data, places):
        layer.data = places
        if not layer.visible:
            # Or the numbers are looked up for the points of before, which napari keeps in sight.
            layer.set_view_slice()
            layer.refresh(force=True)
    _number(layer)
    return layer


def pins_of_layer(layer: Any, series: MRFSeries) -> tuple[_Voxel, ...]:
    """Return the voxels (z, y, x) that the layer of pins marks; points outside are left out."""
    orientation = DisplayOrientation.from_affine(series.affine)
    shape = orientation.in_screen_order(series.spatial_shape)
    pins = []
    for place in np.floor(np.asarray(layer.data, dtype=float)[:, -3:] + 0.5).astype(int):
        if np.all(place >= 0) and np.all(place < shape):
            slice_, row, column = (int(one) for one in place)
            pins.append(orientation.file_index((slice_, row, column), series.spatial_shape))
    return tuple(dict.fromkeys(pins))


def _number(layer: Any) -> None:
    numbers = list(range(1, len(layer.data) + 1))
    layer.features = {"number": numbers}
    if numbers:
        layer.face_color = [pin_color(number) for number in numbers]
        layer.border_color = layer.face_color
        layer.size = _SIZE_VOXELS
        layer.symbol = "ring"
    layer.current_face_color = pin_color(len(numbers) + 1)
