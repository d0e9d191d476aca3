"""How far maps are from their reference: the NRMSE whose change is the importance of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.importance.result import Baseline
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares values of one map with its reference, over the voxels that count.

    Parameters
    ----------
    reference : ndarray
        (N,) float64.
    counted : ndarray of bool
        (N,) voxels where reference and baseline have a value and the validity rule holds.
    region : str
        The rule in words.
    reason : str
        Why the map cannot be judged; empty where it can.
    """

    reference: NDArray[np.float64]
    counted: NDArray[np.bool_]
    region: str
    reason: str = ""

    @property
    def span(self) -> float:
        """Maximum - minimum of the reference over the voxels that count."""
        return float(np.ptp(self.reference[self.counted])) if self.counted.any() else float("nan")

    def nrmse(self, values: NDArray[np.float32]) -> float:
        """Return RMSE / span of (N,) values; a voxel that lost its value does not count."""
        counted = self.counted & np.isfinite(values)
        if self.reason or not counted.any():
            return float("nan")
        error = values[counted].astype(np.float64) - self.reference[counted]
        return float(np.sqrt(np.mean(error**2))) / self.span

    def baseline(self, values: NDArray[np.float32]) -> Baseline:
        """Return the record of the map from unchanged fingerprints."""
        n_voxels = int(self.counted.sum())
        return Baseline(self.nrmse(values), self.span, n_voxels, self.region, self.reason)


def make_judges(
    values: Mapping[str, NDArray[np.float32]],
    reference: ParameterMaps | None,
    places: NDArray[np.intp],
    *,
    apply_validity: bool,
) -> dict[str, Judge]:
    """Return a judge for every map.

    Parameters
    ----------
    values : mapping of str to ndarray
        (N,) maps from unchanged fingerprints; they are the reference where none is given.
    reference : ParameterMaps or None
        True maps, (Z, Y, X).
    places : ndarray
        (3, N) file indices z, y, x.
    apply_validity : bool
        Whether maps count only where their validity rule holds for the reference.
    """
    compared: dict[str, NDArray[Any]] = dict(values)
    if reference is not None:
        compared = {key: reference[key][tuple(places)] for key in reference}
    fat_fraction = compared.get("FF", values.get("FF"))
    rules = validity_rules() if apply_validity else {}
    judges = {}
    for key, unchanged in values.items():
        if key not in compared:
            nothing = np.zeros(len(unchanged))
            judges[key] = Judge(nothing, nothing > 0, "", "the reference has no such map")
            continue
        truth = compared[key].astype(np.float64)
        counted, region = np.isfinite(truth) & np.isfinite(unchanged), "everywhere"
        if key in rules and fat_fraction is not None:
            counted, region = counted & rules[key].mask(fat_fraction), rules[key].describe()
        reason = ""
        if not counted.any():
            reason = "no voxel to compare"
        elif np.ptp(truth[counted]) == 0:
            reason = "the reference is the same everywhere"
        judges[key] = Judge(truth, counted, region, reason)
    return judges
