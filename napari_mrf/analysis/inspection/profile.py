"""Values of a map along a line in one slice, with the distance in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.coverage import covered
from napari_mrf.data.geometry import check_same_grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

SAMPLES_PER_VOXEL = 4
"""At least so many samples while the line crosses a voxel."""


@dataclass(frozen=True, eq=False)
class Profile:
    """One map along a line, for several reconstructions.

    Parameters
    ----------
    key : str
        The parameter.
    distances : ndarray
        (samples,) from the start of the line, in `unit`.
    unit : str
        ``"mm"``, or ``"voxels"`` where nobody knows the size of a voxel.
    values, deviations : mapping of str to ndarray
        (samples,) in the unit of the map, by name of the reconstruction; NaN where there is no
        value. Deviations only of those that have standard deviations.
    """

    key: str
    distances: NDArray[np.float64]
    unit: str
    values: Mapping[str, NDArray[np.float64]]
    deviations: Mapping[str, NDArray[np.float64]]


def profile(
    maps_by_name: Mapping[str, ParameterMaps],
    key: str,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
) -> Profile:
    """Return the values along the line between two places.

    Between the centers of voxels values are interpolated linearly; where one of the voxels that
    take part has no value, there is none. A standard deviation is interpolated in the same way:
    it is that of neighboring voxels, not of their mean.

    Parameters
    ----------
    maps_by_name : mapping of str to ParameterMaps
        On one grid, each with the map.
    key : str
        The parameter.
    start, end : tuple of float
        (z, y, x) in voxels, 0 at the center of the first one; z is rounded to the slice.

    Raises
    ------
    MRFInputError
        ``"other-grid"``.
    """
    first = next(iter(maps_by_name.values()))
    for name, maps in maps_by_name.items():
        check_same_grid(maps, first, f"the maps {name} lie on another grid")
    ends = np.array([start, end], np.float64)
    ends[:, 0] = np.round(ends[:, 0])
    crossed = float(np.abs(ends[1] - ends[0]).max())
    n_samples = max(int(np.ceil(SAMPLES_PER_VOXEL * crossed)), 1) + 1
    share = np.linspace(0, 1, n_samples)
    places = ends[0] + share[:, None] * (ends[1] - ends[0])
    step = (ends[1] - ends[0])[::-1]  # (x, y, z)
    length = np.linalg.norm(step if first.affine is None else first.affine[:3, :3] @ step)
    return Profile(
        key=key,
        distances=share * float(length),
        unit="voxels" if first.affine is None else "mm",
        values={
            name: _interpolated(covered(maps)[key], places) for name, maps in maps_by_name.items()
        },
        deviations={
            name: _interpolated(maps.uncertainty[key], places)
            for name, maps in maps_by_name.items()
            if key in maps.uncertainty
        },
    )


def _interpolated(values: NDArray[np.floating], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values (Z, Y, X) at places (n, 3), linear in the slice, NaN outside the grid."""
    low = np.floor(places).astype(int)
    share = places - low
    shape = np.array(values.shape)
    total = np.zeros(len(places))
    for down in (0, 1):
        for along in (0, 1):
            at = low + np.array([0, down, along])
            weight = np.abs(1 - down - share[:, 1]) * np.abs(1 - along - share[:, 2])
            inside = ((at >= 0) & (at < shape)).all(axis=1)
            z, y, x = np.clip(at, 0, shape - 1).T
            found = np.where(inside, values[z, y, x].astype(np.float64), np.nan)
            total += np.where(weight > 0, found * weight, 0)
    return total
