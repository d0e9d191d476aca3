"""One row of the table of regions: the numbers of one map in one region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import PARAMETERS, ValidityRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.data.maps import ParameterMaps


NUMBERS = ("mean", "sd", "median", "p05", "p25", "p75", "p95", "mean_uncertainty")


@dataclass(frozen=True)
class Region:
    """Flat voxel indices of one label: (slice or None, as drawn, after erosion)."""

    label: int
    name: str
    scopes: list[tuple[int | None, NDArray[np.int64], NDArray[np.int64]]]


def region_row(
    maps: ParameterMaps,
    key: str,
    drawn: NDArray[np.int64],
    kept: NDArray[np.int64],
    valid: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    """Return the numbers of one map in the voxels of a region, and why some are missing."""
    allowed = kept if valid is None else kept[valid[kept]]
    values = maps[key].ravel()[allowed].astype(np.float64)
    entered = allowed[np.isfinite(values)]
    values = values[np.isfinite(values)]
    counts = {"n_by_rule": len(kept) - len(allowed), "n_drawn": len(drawn)}
    reason = _reason(len(drawn), len(kept), len(allowed), len(values))
    if len(kept) <= 1 or not len(values):
        return {"n": 0, "n_invalid": len(kept), **counts, "reason": reason}
    low, quarter, median, three_quarters, high = np.percentile(values, (5, 25, 50, 75, 95))
    deviations = maps.uncertainty.get(key)
    return {
        "n": len(values),
        "n_invalid": len(kept) - len(values),
        **counts,
        "mean": values.mean(),
        "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
        "median": median,
        "p05": low,
        "p25": quarter,
        "p75": three_quarters,
        "p95": high,
        "mean_uncertainty": np.nan if deviations is None else _finite_mean(deviations, entered),
        "reason": reason,
    }


def _reason(n_drawn: int, n_kept: int, n_allowed: int, n: int) -> str:
    if n_drawn == 0:
        return "the region is empty"
    if n_kept == 0:
        return "erosion leaves no voxel"
    if n_kept == 1:
        return "one voxel is no region" if n_drawn == 1 else "erosion leaves one voxel"
    if n_allowed == 0:
        return "the validity rule leaves no voxel"
    if n == 0:
        return "no voxel has a value"
    return "one value has no standard deviation" if n == 1 else ""


def _finite_mean(deviations: NDArray[np.floating], entered: NDArray[np.int64]) -> float:
    values = deviations.ravel()[entered].astype(np.float64)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def describe_validity(
    key: str, options: RoiOptions, rules: Mapping[str, ValidityRule], used: bool
) -> str:
    """Return in words where the values of a map count."""
    if PARAMETERS[key].validity is None:
        return "everywhere"
    if not options.apply_validity:
        return "not applied"
    return rules[key].describe() if used else "not applied: no fat fraction"
