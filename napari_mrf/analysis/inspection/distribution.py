"""Distribution of the values of a map in regions, alike for several reconstructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.coverage import covered
from napari_mrf.data.geometry import check_same_grid, values_on
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.geometry import Placed
    from napari_mrf.data.maps import ParameterMaps

N_BINS = 40


@dataclass(frozen=True, eq=False)
class Distribution:
    """Histograms of one map in the same voxels, with the same bins for every reconstruction.

    Parameters
    ----------
    key : str
        The parameter.
    edges : ndarray
        (bins + 1,) in the unit of the map; equally wide, from the smallest to the largest value.
        Empty where no voxel has a value.
    counts : mapping of str to ndarray
        (bins,) voxels by name of the reconstruction.
    n_without : mapping of str to int
        Voxels of the regions without a value that counts, by name.
    n_voxels : int
        Voxels of the regions.
    """

    key: str
    edges: NDArray[np.float64]
    counts: Mapping[str, NDArray[np.int64]]
    n_without: Mapping[str, int]
    n_voxels: int


def distribution(
    maps_by_name: Mapping[str, ParameterMaps],
    key: str,
    *,
    region: NDArray[np.bool_] | Placed | None = None,
    n_bins: int = N_BINS,
    apply_validity: bool = True,
    thresholds: Mapping[str, float] | None = None,
) -> Distribution:
    """Return the histograms of a map in the same voxels of several reconstructions.

    Parameters
    ----------
    maps_by_name : mapping of str to ParameterMaps
        On one grid, each with the map.
    key : str
        The parameter.
    region : ndarray of bool or Placed, optional
        (Z, Y, X) voxels to look at; all of the grid by default.
    n_bins : int
        Number of bins.
    apply_validity : bool
        Leave values out by the validity rules, each by the fat fraction of its own maps.
    thresholds : mapping of str to float, optional
        Fat-fraction thresholds by key, see `validity_rules`.

    Raises
    ------
    MRFInputError
        ``"other-grid"``.
    """
    first = next(iter(maps_by_name.values()))
    inside = np.ones(first.spatial_shape, bool)
    if region is not None:
        inside = values_on(region, first, "the region lies on another grid than the maps") > 0
    rules = validity_rules(thresholds) if apply_validity else {}
    found = {}
    for name, maps in maps_by_name.items():
        check_same_grid(maps, first, f"the maps {name} lie on another grid")
        values = covered(maps)[key].astype(np.float64)
        counts = np.isfinite(values) & inside
        if key in rules and "FF" in maps:
            counts &= rules[key].mask(maps["FF"])
        found[name] = values[counts]
    n_voxels = int(inside.sum())
    every = np.concatenate(list(found.values()))
    edges = np.histogram_bin_edges(every, n_bins) if every.size else np.empty(0)
    return Distribution(
        key=key,
        edges=edges,
        counts={
            name: np.histogram(values, edges)[0] if edges.size else np.zeros(0, np.int64)
            for name, values in found.items()
        },
        n_without={name: n_voxels - values.size for name, values in found.items()},
        n_voxels=n_voxels,
    )
