"""Change of regional means from one visit to the next, of each subject and over subjects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.images.unit_checks import check_units
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.statistics import region_names, roi_statistics
from napari_mrf.data.coverage import coverage_notes, outside_coverage
from napari_mrf.data.geometry import values_on
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.geometry import Placed

CHANGE_COLUMNS = {
    "subject": "whose region it is",
    "label": "number in the label maps",
    "name": "name of the label",
    "map": "key of the map",
    "unit": "unit of the map",
    "first": "mean of the region at the first visit",
    "second": "mean of the region at the second visit",
    "change": "second - first",
    "noise_se": "standard error of the change by noise alone: of the standard deviations that the "
    "method gives for voxels, as if these were independent; empty where it gives none. Position, "
    "regions drawn anew and physiology come on top",
    "repeatability": "repeatability coefficient that was given: 95 % of the changes between two "
    "scans of somebody who has not changed are smaller",
    "beyond": "whether the change is larger than that; empty where none was given",
    "n_first": "voxels behind the first mean",
    "n_second": "voxels behind the second mean",
    "volume_first_ml": "volume of the region as drawn at the first visit",
    "volume_second_ml": "volume as drawn at the second visit",
    "reason": "why numbers are missing",
    "mixed": "how the maps of the visits were made, as far as that differs",
}
"""Columns of the changes of subjects, and what they mean."""

SUMMARY_COLUMNS = {
    "label": "number in the label maps",
    "name": "name of the label",
    "map": "key of the map",
    "unit": "unit of the map",
    "n_subjects": "subjects with a mean at both visits",
    "first": "mean over these subjects at the first visit",
    "second": "mean over these subjects at the second visit",
    "change": "mean change, second - first",
    "sd": "standard deviation of the change over subjects (n - 1)",
    "low": "95 % confidence interval of the mean change, t(n - 1)",
    "high": "",
    "smallest_of_one": "smallest change of one subject that can be told from repeating the scan: "
    "the repeatability coefficient",
    "smallest_of_mean": "smallest mean change of so many subjects: the same / √n",
    "message": "why numbers are missing",
}
"""Columns of the changes over subjects, and what they mean."""

_OF_REGION = ["label", "name", "map", "unit"]


@dataclass(frozen=True, eq=False)
class Visit:
    """One scan of a subject with its regions.

    Parameters
    ----------
    name : str
        Of the visit, such as ``"visit 1"`` or a session.
    maps : ParameterMaps
        Its maps.
    labels : ndarray of int or Placed
        (Z, Y, X) on their grid.
    names : mapping of int to str
        Of the regions.
    """

    name: str
    maps: ParameterMaps
    labels: NDArray[Any] | Placed
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SubjectChanges:
    """The changes of one subject.

    Parameters
    ----------
    table : pandas.DataFrame
        With the `CHANGE_COLUMNS`.
    warnings : tuple of str
        Sentences a user should read.
    """

    table: pd.DataFrame
    warnings: tuple[str, ...]


def subject_changes(
    subject: str,
    first: Visit,
    second: Visit,
    *,
    options: RoiOptions | None = None,
    repeatability: Mapping[str, float] | None = None,
    mixed: str = "",
) -> SubjectChanges:
    """Return how the means of the regions of a subject differ between two visits.

    Each visit has its own regions; those of one number belong together. Validity rules look at
    the fat fraction of the same visit.

    Parameters
    ----------
    subject : str
        Name.
    first, second : Visit
        In this order: changes are second - first.
    options : RoiOptions, optional
    repeatability : mapping of str to float, optional
        Repeatability coefficient by map, in its unit.
    mixed : str
        How the maps were made, as far as that differs; see `mixed_texts`.

    Returns
    -------
    SubjectChanges
        A region without a mean at a visit has NaN and a reason.

    Raises
    ------
    MRFInputError
        ``"other-regions"`` where a number has another name at the second visit,
        ``"no-common-map"``, ``"unit-conflict"``, and what `roi_statistics` raises.
    """
    options, known = options or RoiOptions(), repeatability or {}
    names = _common_names(subject, first, second)
    keys = [key for key in PARAMETERS if key in first.maps and key in second.maps]
    if not keys:
        raise MRFInputError("no-common-map", f"the two visits of {subject} have no map in common",
                            found=f"{', '.join(first.maps)} and {', '.join(second.maps)}"
                            )  # fmt: skip
    warnings: list[str] = []
    for one, other in ((first, second), (second, first)):
        warnings += check_units(one.maps, what=f"the maps of {one.name}")
        alone = [key for key in one.maps if key not in other.maps]
        if alone:
            warnings.append(f"Only {one.name} has {', '.join(alone)}, left out.")
        warnings += [
            f"{one.name}: {text}"
            for text in coverage_notes(one.maps, "the maps in the regions", _values(one) > 0)
        ]
    tables = [_means(one, names, keys, options) for one in (first, second)]
    table = tables[0].merge(
        tables[1], on=_OF_REGION, how="left", suffixes=("_first", "_second"), sort=False
    )
    is_drawn = (table["n_drawn_first"].fillna(0) > 0) | (table["n_drawn_second"].fillna(0) > 0)
    table = table[is_drawn].reset_index(drop=True)
    table["subject"], table["mixed"] = subject, mixed
    table["first"], table["second"] = table["mean_first"], table["mean_second"]
    table["change"] = table["second"] - table["first"]
    noise = (table["se_first"] ** 2 + table["se_second"] ** 2) ** 0.5
    table["noise_se"] = noise.where(table["change"].notna())
    table["repeatability"] = table["map"].map(dict(known)).astype("float64")
    beyond = table["change"].abs() > table["repeatability"]
    is_known = table["change"].notna() & table["repeatability"].notna()
    table["beyond"] = beyond.astype(object).where(is_known, "")
    table["reason"] = [
        "; ".join(f"{visit.name}: {text}" for visit, text in zip((first, second), both, strict=True)
                  if isinstance(text, str) and text)
        for both in zip(table["reason_first"], table["reason_second"], strict=True)
    ]  # fmt: skip
    table = table.rename(columns={"volume_ml_first": "volume_first_ml",
                              "volume_ml_second": "volume_second_ml"})  # fmt: skip
    return SubjectChanges(table[list(CHANGE_COLUMNS)], tuple(dict.fromkeys(warnings)))


def change_summary(
    changes: pd.DataFrame, repeatability: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the mean change over subjects for each region and map.

    Parameters
    ----------
    changes : pandas.DataFrame
        Of `subject_changes`, all subjects. Each subject counts once in a region.
    repeatability : mapping of str to float, optional
        Repeatability coefficient by map, in its unit.

    Returns
    -------
    pandas.DataFrame
        With the `SUMMARY_COLUMNS`. Fewer than three subjects have no interval.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160. de Vet et al., Health Qual Life
    Outcomes 2006;4:54, doi 10.1186/1477-7525-4-54 (smallest detectable change of a group).
    """
    import pandas as pd

    known = repeatability or {}
    rows = []
    for of, part in changes.groupby(_OF_REGION, sort=False):
        both = part[part["change"].notna()]
        found = bland_altman(both["second"].to_numpy(float), both["first"].to_numpy(float))
        least = known.get(str(part["map"].iloc[0]), float("nan"))
        rows.append({
            **dict(zip(_OF_REGION, of, strict=True)),
            "n_subjects": found.n,
            "first": both["first"].mean(),
            "second": both["second"].mean(),
            "change": found.bias,
            "sd": found.sd,
            "low": found.bias_interval[0],
            "high": found.bias_interval[1],
            "smallest_of_one": least,
            "smallest_of_mean": least / np.sqrt(found.n) if found.n else np.nan,
            "message": found.message.replace("limits", "interval") if found.n > 1 else "",
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def as_pairs(changes: pd.DataFrame) -> pd.DataFrame:
    """Return changes as pairs of means, the second visit as the reference; see `roi_pairs`.

    Their difference is the change.
    """
    found = changes.rename(columns={"second": "reference", "first": "test", "change": "difference"})
    found["average"] = (found["reference"] + found["test"]) / 2
    found["scope"] = "pooled"
    return found


def check_regions(changes: Sequence[pd.DataFrame]) -> None:
    """Refuse subjects whose regions of one number have different names.

    Raises
    ------
    MRFInputError
        ``"other-regions"``.
    """
    names: dict[int, tuple[str, str]] = {}
    for table in changes:
        for subject, label, name in zip(*(table[key] for key in ("subject", "label", "name")),
                                        strict=True):  # fmt: skip
            before, who = names.setdefault(int(label), (name, subject))
            if name != before:
                raise _other_regions(int(label), f"{before} ({who})", f"{name} ({subject})")


def _common_names(subject: str, first: Visit, second: Visit) -> dict[int, str]:
    for label, name in first.names.items():
        other = second.names.get(label, name)
        if other != name:
            raise _other_regions(label, f"{name} ({subject}, {first.name})",
                                 f"{other} ({subject}, {second.name})")  # fmt: skip
    named = {**second.names, **first.names}
    return {**region_names(_values(second), named), **region_names(_values(first), named)}


def _other_regions(label: int, one: str, other: str) -> MRFInputError:
    return MRFInputError("other-regions", f"label {label} is not the same region everywhere",
                         found=f"{one} and {other}", hint="Use one label table for all visits."
                         )  # fmt: skip


def _values(visit: Visit) -> NDArray[Any]:
    return values_on(visit.labels, visit.maps, "the labels lie on another grid than the maps")


def _means(
    visit: Visit, names: Mapping[int, str], keys: Sequence[str], options: RoiOptions
) -> pd.DataFrame:
    """Return the pooled means of a visit with the standard error that noise gives them."""
    maps, labels = visit.maps, _values(visit)
    fraction, outside = maps.get("FF"), outside_coverage(maps)

    def pooled(of: ParameterMaps) -> pd.DataFrame:
        table = roi_statistics(of, labels, names, options=options, fat_fraction=fraction,
                               outside={key: outside[key] for key in of})  # fmt: skip
        return table[table["scope"] == "pooled"]

    means, variances = pooled(_of_keys(maps, keys)), _variances(maps, keys)
    variance: Any = np.nan
    if len(variances):
        squares = pooled(variances).set_index(["label", "map"])["mean"]
        at = list(zip(means["label"], means["map"], strict=True))
        variance = squares.reindex(at).to_numpy(float)
    means = means.assign(se=np.sqrt(variance / means["n"].where(means["n"] > 0)))
    return means[[*_OF_REGION, "mean", "se", "n", "n_drawn", "volume_ml", "reason"]]


def _of_keys(maps: ParameterMaps, keys: Sequence[str]) -> ParameterMaps:
    return ParameterMaps({key: maps[key] for key in keys}, affine=maps.affine)


def _variances(maps: ParameterMaps, keys: Sequence[str]) -> ParameterMaps:
    """Return the variances of voxels where there is a value, in the place of the values."""
    found = {
        key: np.where(np.isfinite(maps[key]), np.square(maps.uncertainty[key], dtype=np.float64),
                      np.nan)
        for key in keys
        if key in maps.uncertainty
    }  # fmt: skip
    return ParameterMaps(found, affine=maps.affine)
