"""Voxel and frame of a series at a position of the viewer, in any view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers.metadata import SERIES_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.data.series import MRFSeries


def layer_of_series(viewer: Any, series: MRFSeries | None) -> Any:
    """Return the layer that shows a series, or None."""
    if series is not None:
        for layer in viewer.layers:
            if layer.metadata.get(SERIES_KEY) is series:
                return layer
    return None


def voxel_at(
    layer: Any, series: MRFSeries, position: Sequence[float]
) -> tuple[int, int, int] | None:
    """Return the voxel (z, y, x) in file order at a world position, None outside the image.

    Parameters
    ----------
    layer : napari.layers.Image
        Shows the series.
    series : MRFSeries
        The series.
    position : sequence of float
        World coordinates of all axes of the viewer, such as those of its cursor.
    """
    place = np.asarray(layer.world_to_data(position), dtype=float)[-3:]
    if not np.isfinite(place).all():
        return None
    # A voxel reaches half a voxel to either side of its index.
    index = np.floor(place + 0.5).astype(int)
    affine = series.affine
    orientation = _orientation(None if affine is None else affine.astype(float).tobytes())
    shape = orientation.in_screen_order(series.spatial_shape)
    if np.any(index < 0) or np.any(index >= shape):
        return None
    slice_, row, column = (int(one) for one in index)
    return orientation.file_index((slice_, row, column), series.spatial_shape)


def slice_in_view(viewer: Any, series: MRFSeries | None, *, nearest: bool = False) -> int | None:
    """Return the file slice of a series that the canvas shows, None where it shows none.

    Parameters
    ----------
    viewer : napari viewer
        Of the canvas.
    series : MRFSeries or None
        The series.
    nearest : bool
        Whether the nearest slice is meant where the canvas shows none; None without a layer.
    """
    layer = layer_of_series(viewer, series)
    if series is None or layer is None:
        return None
    dims, n_slices = viewer.dims, series.spatial_shape[0]
    at = round(float(layer.world_to_data(dims.point)[-3]))
    if not nearest and (dims.ndim - 3 in dims.displayed or not 0 <= at < n_slices):
        return None
    orientation = DisplayOrientation.from_affine(series.affine)
    inside = min(max(at, 0), n_slices - 1)
    return orientation.file_index((inside, 0, 0), series.spatial_shape)[0]


@lru_cache(maxsize=4)
def _orientation(affine: bytes | None) -> DisplayOrientation:
    """Return the orientation of an affine's 16 numbers; finding it takes as long as a plot line."""
    numbers = None if affine is None else np.frombuffer(affine).reshape(4, 4)
    return DisplayOrientation.from_affine(numbers)


def frame_of(viewer: Any, layer: Any) -> int | None:
    """Return the frame of a series layer in view; None while frames are an axis of the canvas."""
    axis = viewer.dims.ndim - layer.ndim
    if axis < 0 or axis in viewer.dims.displayed:
        return None
    frame = round(float(layer.world_to_data(viewer.dims.point)[0]))
    return int(min(max(frame, 0), layer.data.shape[0] - 1))


def show_frame(viewer: Any, layer: Any, frame: int) -> None:
    """Move the slider of a series layer to a frame."""
    axis = viewer.dims.ndim - layer.ndim
    if axis >= 0 and axis not in viewer.dims.displayed:
        viewer.dims.set_point(axis, frame * layer.scale[0] + layer.translate[0])
