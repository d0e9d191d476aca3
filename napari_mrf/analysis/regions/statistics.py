"""Statistics of every map in every region of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.regions.choice import chosen_labels
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.coverage import outside_coverage
from napari_mrf.data.geometry import values_on
from napari_mrf.data.parameters import PARAMETERS, ValidityRule, validity_rules
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.geometry import Placed
    from napari_mrf.data.maps import ParameterMaps


COLUMNS: dict[str, str] = {
    "label": "number in the label map",
    "name": "name of the label",
    "scope": '"slice" or "pooled" over all slices',
    "slice": "index of the slice from 0; empty where pooled",
    "map": "parameter key",
    "unit": "unit of the map",
    "n": "voxels that entered the statistics",
    "n_invalid": "voxels of the region, after erosion, that did not enter",
    "n_outside": "those of them that the maps do not cover: 0 where no tissue is 0",
    "n_by_rule": "those of them that the validity rule left out",
    "valid_share": "n / voxels of the region after erosion",
    "n_drawn": "voxels of the region as drawn",
    "mean": "arithmetic mean",
    "sd": "standard deviation of the voxels (n - 1)",
    "median": "median",
    "p05": "5th percentile, linear between order statistics",
    "p25": "25th percentile",
    "p75": "75th percentile",
    "p95": "95th percentile",
    "mean_uncertainty": "mean standard deviation of a voxel's estimate, where the method gives it",
    "volume_ml": "volume as drawn; empty where the geometry is not known",
    "validity": "validity rule that was applied",
    "erosion_voxels": "voxels taken off the rim in every slice",
    "reason": "why numbers are missing",
}
"""Columns of the table and what they mean."""


def roi_statistics(
    maps: ParameterMaps,
    labels: NDArray[Any] | Placed,
    names: Mapping[int, str] | None = None,
    *,
    options: RoiOptions | None = None,
    fat_fraction: NDArray[np.floating] | None = None,
    outside: Mapping[str, NDArray[np.bool_]] | None = None,
) -> pd.DataFrame:
    """Return one row for every region, map and slice, and one pooled over the slices.

    Parameters
    ----------
    maps : ParameterMaps
        NaN where there is no value.
    labels : ndarray of int or Placed
        (Z, Y, X); 0 is the background. With their geometry (a `LabelMap`), their place is
        checked as well.
    names : mapping of int to str, optional
        Every named label but 0 has its rows, drawn or not. Other labels that are drawn follow
        as ``"Label 7"``.
    options : RoiOptions, optional
    fat_fraction : ndarray, optional
        (Z, Y, X) that the validity rules look at, 0-1; the map FF of `maps` by default. Give
        the reference's, and two reconstructions are judged on the same voxels.
    outside : mapping of str to ndarray of bool, optional
        (Z, Y, X) by map: voxels that are not covered; those of `outside_coverage` by default.

    Returns
    -------
    pandas.DataFrame
        With the `COLUMNS`, in float64. Slices without a drawn voxel have no rows. A region
        that is empty, has a single voxel, or is eroded away keeps its row, with n = 0, NaN
        and a reason.

    Raises
    ------
    MRFInputError
        ``"other-grid"`` when labels and maps lie on different grids, ``"bad-labels"`` for
        labels that are no whole numbers, ``"bad-region"`` for a region that is asked for and not
        there.
    """
    import pandas as pd

    options = options or RoiOptions()
    values = values_on(labels, maps, "the labels lie on another grid than the maps")
    if values.dtype.kind not in "biu":
        raise MRFInputError("bad-labels", "labels must be whole numbers", found=str(values.dtype))
    if fat_fraction is None:
        fat_fraction = maps.get("FF")
    rules = validity_rules(options.thresholds) if options.apply_validity else {}
    valid = {
        key: rule.mask(fat_fraction).ravel()
        for key, rule in rules.items()
        if key in maps and fat_fraction is not None
    }
    if outside is None:
        outside = outside_coverage(maps)
    uncovered = {key: where.ravel() for key, where in outside.items()}
    voxel_ml = _voxel_ml(maps.affine)
    rows = [
        {
            "label": region.label,
            "name": region.name,
            "scope": "pooled" if z is None else "slice",
            "slice": z,
            "map": key,
            "unit": PARAMETERS[key].file_unit,
            **region_row(maps, key, drawn, kept, valid.get(key), uncovered[key], options),
            "volume_ml": voxel_ml * len(drawn),
            "validity": describe_validity(key, options, rules, key in valid),
            "erosion_voxels": options.erosion_voxels,
        }
        for region in _regions(values, names or {}, options)
        for z, drawn, kept in region.scopes
        for key in maps
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"slice": "Int64", **dict.fromkeys((*NUMBERS, "volume_ml"), "float64")})


def region_names(labels: NDArray[Any], names: Mapping[int, str]) -> dict[int, str]:
    """Return every region by number: those named, drawn or not, then those drawn without a name."""
    drawn = [int(label) for label in np.unique(labels) if label]
    named = {label: name for label, name in names.items() if label != 0}
    return named | {label: f"Label {label}" for label in drawn if label not in named}


def _regions(
    labels: NDArray[Any], names: Mapping[int, str], options: RoiOptions
) -> Iterator[Region]:
    from scipy import ndimage

    erosion, known = options.erosion_voxels, region_names(labels, names)
    chosen = chosen_labels(options.regions, known) if options.regions else list(known)
    plane = labels.shape[1] * labels.shape[2]
    flat = labels.ravel()
    inside = np.flatnonzero(flat)
    by_label = inside[np.argsort(flat[inside], kind="stable")]
    present, starts = np.unique(flat[by_label], return_index=True)
    drawn_by_label = dict(
        zip(present.tolist(), np.split(by_label, starts[1:]) if len(present) else [], strict=True)
    )
    for label in chosen:
        drawn = drawn_by_label.get(label, np.empty(0, np.int64))
        kept = drawn
        if erosion and len(drawn):
            _, y, x = np.unravel_index(drawn, labels.shape)
            box = (slice(None), slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
            stays = np.zeros(labels.shape, bool)
            stays[box] = ndimage.binary_erosion(
                labels[box] == label, _IN_PLANE_CROSS, iterations=erosion
            )
            kept = drawn[stays.ravel()[drawn]]
        slices = np.unique(drawn // plane).tolist()
        scopes: list[tuple[int | None, NDArray[np.int64], NDArray[np.int64]]] = [
            (z, drawn[drawn // plane == z], kept[kept // plane == z]) for z in slices
        ]
        yield Region(label, known[label], [*scopes, (None, drawn, kept)])


_IN_PLANE_CROSS = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)


def _voxel_ml(affine: NDArray[np.float64] | None) -> float:
    if affine is None:
        return float("nan")
    return abs(float(np.linalg.det(affine[:3, :3]))) / 1000.0


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
    outside: NDArray[np.bool_],
    options: RoiOptions,
) -> dict[str, Any]:
    """Return the numbers of one map in the voxels of a region, and why some are missing."""
    inside = kept[~outside[kept]]
    allowed = inside if valid is None else inside[valid[inside]]
    values = maps[key].ravel()[allowed].astype(np.float64)
    entered = allowed[np.isfinite(values)]
    values = values[np.isfinite(values)]
    counts = {
        "n_outside": len(kept) - len(inside),
        "n_by_rule": len(inside) - len(allowed),
        "n_drawn": len(drawn),
        "valid_share": len(values) / len(kept) if len(kept) else np.nan,
    }
    if len(kept) <= 1 or not len(values):
        reason = _reason(len(drawn), len(kept), len(inside), len(allowed))
        return {"n": 0, "n_invalid": len(kept), **counts, "reason": reason}
    counts |= {"n": len(values), "n_invalid": len(kept) - len(values)}
    if reason := _too_few(len(values), len(kept), options):
        return {**counts, "reason": reason}
    low, quarter, median, three_quarters, high = np.percentile(values, (5, 25, 50, 75, 95))
    deviations = maps.uncertainty.get(key)
    return {
        **counts,
        "mean": values.mean(),
        "sd": values.std(ddof=1),
        "median": median,
        "p05": low,
        "p25": quarter,
        "p75": three_quarters,
        "p95": high,
        "mean_uncertainty": np.nan if deviations is None else _finite_mean(deviations, entered),
        "reason": "",
    }


def _reason(n_drawn: int, n_kept: int, n_inside: int, n_allowed: int) -> str:
    if n_drawn == 0:
        return "the region is empty"
    if n_kept == 0:
        return "erosion leaves no voxel"
    if n_kept == 1:
        return (
            "the region has one voxel, statistics need two"
            if n_drawn == 1
            else "erosion leaves one voxel"
        )
    if n_inside == 0:
        return "the region lies outside the coverage of the map"
    if n_allowed == 0:
        return "the validity rule leaves no voxel"
    return "no voxel has a value"


LESS = "less than the minimum"


def _too_few(n: int, n_kept: int, options: RoiOptions) -> str:
    least = f"{100 * options.min_valid_share:g} %"
    if n < n_kept * options.min_valid_share:
        return f"{n:,} of {n_kept:,} voxels have a valid value, {LESS} of {least}"
    if n < options.min_voxels:
        have = "voxel has" if n == 1 else "voxels have"
        return f"{n:,} {have} a valid value, {LESS} of {options.min_voxels:,}"
    return ""


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
