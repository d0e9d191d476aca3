"""Measured B1 maps from files, on the grid of a series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_mrf.data.b1_map import B1Map
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.volume import read_volume_or_array

if TYPE_CHECKING:
    from napari_mrf.data.geometry import OnGrid

# Of the weight of the (up to eight) neighbors: with less, most of a value would be made up.
_LEAST_WEIGHT = 0.5
_ROUNDING_VOXELS = 1e-6


def load_b1(
    path: str | Path, series: OnGrid, *, unit: str = "relative", resample: bool = False
) -> B1Map:
    """Read a B1 map on the grid of a series: NIfTI (X, Y, Z), or .npy (Z, Y, X).

    Parameters
    ----------
    path : str or Path
        Values that are 0, negative or not finite are no value.
    series : MRFSeries or ParameterMaps
        Its grid must be that of the map, unless it is resampled.
    unit : {"relative", "percent"}
        1 or 100 for a flip angle without error; never guessed.
    resample : bool
        Interpolate a map on another grid; see `resample_b1`.

    Returns
    -------
    B1Map

    Raises
    ------
    MRFInputError
        ``"bad-b1"``, ``"bad-option"``, and what the readers raise.
    """
    path = Path(path)
    volume = read_volume_or_array(path, "the B1 map")
    found = B1Map.of(volume.values, affine=volume.affine, unit=unit, path=str(path),
                     sha256=volume.sha256, warnings=volume.warnings)  # fmt: skip
    if resample:
        return resample_b1(found, series)
    found.check_grid(series)
    return found


def resample_b1(b1: B1Map, grid: OnGrid) -> B1Map:
    """Return a B1 map on the grid of a series, interpolated trilinearly between voxel centers.

    Voxels without value have no say; a place has a value where at least half the weight of its
    neighbors has. Outside the voxels of the map there is none. A map that lies on the grid
    already is returned as it is.

    Parameters
    ----------
    b1 : B1Map
        With its affine.
    grid : MRFSeries or ParameterMaps
        With its affine.

    Raises
    ------
    MRFInputError
        ``"bad-b1"`` where one of the two has no geometry and their shapes differ.
    """
    try:
        b1.check_grid(grid)
    except MRFInputError as other_grid:
        if b1.affine is None or grid.affine is None:
            raise MRFInputError(
                "bad-b1", "the B1 map cannot be resampled without knowing where it lies",
                path=b1.record.get("path"),
                hint="Map and series need a geometry, as in NIfTI files.",
            ) from other_grid  # fmt: skip
    else:
        return b1
    to_map = np.linalg.inv(b1.affine) @ grid.affine  # (x, y, z) of the grid to those of the map
    turned = to_map[2::-1, 2::-1]
    z, y, x = np.indices(grid.spatial_shape, sparse=True)
    places = np.stack(
        [turned[axis, 0] * z + turned[axis, 1] * y + turned[axis, 2] * x + to_map[2 - axis, 3]
         for axis in range(3)]
    )  # fmt: skip
    last = np.array(b1.spatial_shape, float)[:, None, None, None] - 1
    margin = 0.5 + _ROUNDING_VOXELS
    inside = np.all((places >= -margin) & (places <= last + margin), axis=0)
    has_value = np.isfinite(b1.values)
    total, weight = (
        ndimage.map_coordinates(image.astype(np.float64), places, order=1, mode="nearest")
        for image in (np.where(has_value, b1.values, 0), has_value)
    )
    known = inside & (weight >= _LEAST_WEIGHT)
    values = np.full(inside.shape, np.nan, np.float32)
    values[known] = total[known] / weight[known]
    return b1.resampled(values, grid)
