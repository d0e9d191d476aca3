"""Two reconstructions compared: images, regions of interest, sharpness; one or many subjects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement import PAIR_COLUMNS, agreement_table, roi_pairs
from napari_mrf.analysis.blurriness import blurriness_table
from napari_mrf.analysis.image_metrics import image_metrics, metrics_table
from napari_mrf.analysis.roi_statistics import RoiOptions
from napari_mrf.analysis.same_grid import check_same_grid
from napari_mrf.analysis.slice_picture import SlicePicture, slice_picture
from napari_mrf.analysis.unit_checks import check_same_units, check_units
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import ParameterMaps
from napari_mrf.parameters import PARAMETERS, validity_rules

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.comparison_input import SubjectMaps

SCOPES = ("pooled", "slice")
_MOST_PICTURES = 8


@dataclass(frozen=True)
class ComparisonOptions:
    """What is compared, and how.

    Parameters
    ----------
    rois : RoiOptions
        Validity rules, their thresholds and erosion.
    scope : {"pooled", "slice"}
        Whether a region counts once in the agreement, or once in every slice.
    seed : int
        Of the subject bootstrap.
    """

    rois: RoiOptions = field(default_factory=RoiOptions)
    scope: str = "pooled"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise MRFInputError("bad-option", "there is no such scope",
                                expected=" or ".join(SCOPES), found=repr(self.scope))  # fmt: skip

    def as_record(self) -> dict[str, Any]:
        """Return the options in JSON-ready form, with the rules in words."""
        rules = validity_rules(self.rois.thresholds) if self.rois.apply_validity else {}
        return {
            "scope": self.scope,
            "erosion_voxels": self.rois.erosion_voxels,
            "validity": {key: rule.describe() for key, rule in rules.items()},
            "bootstrap_seed": self.seed,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that is known of two reconstructions of the same subjects.

    Parameters
    ----------
    reference_name, test_name : str
        As tables and figures call them.
    options : ComparisonOptions
        What was in force.
    metrics : pandas.DataFrame
        ``subject``, then the fields of `image_metrics.Metric`.
    pairs : pandas.DataFrame
        `agreement.PAIR_COLUMNS`, of all subjects.
    agreement : pandas.DataFrame
        `agreement.AGREEMENT_COLUMNS`, one row a map; empty without regions.
    blurriness : pandas.DataFrame
        ``subject``, then the columns of `blurriness_table`.
    pictures : tuple of SlicePicture
        One slice of each of the first subjects.
    warnings : tuple of str
        Sentences a user should read.
    inputs : tuple of mapping
        JSON-ready record of what each subject's maps came from.
    """

    reference_name: str
    test_name: str
    options: ComparisonOptions
    metrics: pd.DataFrame
    pairs: pd.DataFrame
    agreement: pd.DataFrame
    blurriness: pd.DataFrame
    pictures: tuple[SlicePicture, ...]
    warnings: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...]

    @property
    def maps(self) -> tuple[str, ...]:
        """Keys of the maps that were compared."""
        found = set(self.metrics["map"])
        return tuple(key for key in PARAMETERS if key in found)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of the subjects."""
        return tuple(self.metrics["subject"].drop_duplicates())


@dataclass(frozen=True)
class ComparisonUpdate:
    """How far a comparison is.

    Parameters
    ----------
    done, total : int
        Pieces of work.
    what : str
        The piece that comes next, in words.
    """

    done: int
    total: int
    what: str


def iter_compare(
    subjects: Iterable[SubjectMaps],
    n_subjects: int,
    *,
    reference_name: str = "reference",
    test_name: str = "test",
    options: ComparisonOptions | None = None,
    warnings: Iterable[str] = (),
) -> Generator[ComparisonUpdate, None, Comparison]:
    """Compare two reconstructions in pieces, for progress and cancel.

    One subject is in memory at a time where `subjects` is a generator that loads them.

    Parameters
    ----------
    subjects : iterable of SubjectMaps
        With different names.
    n_subjects : int
        How many they are.
    reference_name, test_name : str
        As tables and figures shall call them.
    options : ComparisonOptions, optional
    warnings : iterable of str
        What is known beforehand, such as subjects that were left out.

    Yields
    ------
    ComparisonUpdate

    Returns
    -------
    Comparison

    Raises
    ------
    MRFInputError
        ``"other-grid"``, ``"unit-conflict"``, ``"no-common-map"``, and what loading raises.
    """
    import pandas as pd

    options = options or ComparisonOptions()
    notes = list(warnings)
    metrics, pairs, blurriness = [], [], []
    pictures: list[SlicePicture] = []
    inputs: list[Mapping[str, Any]] = []
    total = 2 * n_subjects * len(PARAMETERS) + 1
    sides = (reference_name, test_name)
    several = n_subjects > 1
    yield ComparisonUpdate(0, total, "reading the maps")
    for index, subject in enumerate(subjects):
        who = f"{subject.name}: " if several else ""
        base = 2 * index * len(PARAMETERS)
        notes += [who + note for note in (*subject.warnings, *_check(subject, sides))]
        keys = [key for key in PARAMETERS if key in subject.reference and key in subject.test]
        mask = np.ones(subject.reference.spatial_shape, bool)
        if subject.mask is not None:
            mask = np.asarray(subject.mask, bool)
        for step, key in enumerate(keys):
            yield ComparisonUpdate(base + 2 * step, total, f"{who}metrics of {key}")
            metrics.append(_metrics(subject, key, mask, options))
            yield ComparisonUpdate(base + 2 * step + 1, total, f"{who}blurriness of {key}")
            blurriness.append(_blurriness(subject, key, mask, sides))
        if subject.labels is not None:
            yield ComparisonUpdate(base + 2 * len(keys), total, f"{who}means of the regions")
            table = roi_pairs(
                subject.reference, subject.test, subject.labels, subject.region_names,
                subject=subject.name, options=options.rois,
            )  # fmt: skip
            pairs.append(table)
            notes += [who + note for note in (*_one_sided(subject, keys), *_region_notes(table))]
        if len(pictures) < _MOST_PICTURES:
            pictures.append(slice_picture(subject, keys, mask, options.rois))
        inputs.append({"subject": subject.name, **subject.record})
    yield ComparisonUpdate(total - 1, total, "agreement of the regions")
    every_pair = (
        pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame(columns=list(PAIR_COLUMNS))
    )
    agreement = agreement_table(every_pair, scope=options.scope, seed=options.seed)
    if not pairs:
        notes.append("No regions of interest were given, so there is no agreement table.")
    elif every_pair["label"].empty:
        notes.append("The label map holds no region, so there is no agreement table.")
    return Comparison(
        reference_name=reference_name,
        test_name=test_name,
        options=options,
        metrics=pd.concat(metrics, ignore_index=True),
        pairs=every_pair,
        agreement=agreement,
        blurriness=pd.concat(blurriness, ignore_index=True),
        pictures=tuple(pictures),
        warnings=tuple(dict.fromkeys(notes)),
        inputs=tuple(inputs),
    )


def compare(subjects: Iterable[SubjectMaps], **arguments: Any) -> Comparison:
    """Compare two reconstructions in one go; arguments as in `iter_compare`."""
    subjects = list(subjects)
    steps = iter_compare(subjects, len(subjects), **arguments)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Comparison = stop.value
            return result


def _check(subject: SubjectMaps, sides: tuple[str, str]) -> list[str]:
    """Refuse what cannot be compared, and return what deserves attention."""
    reference, test = subject.reference, subject.test
    notes = [check_same_grid(reference, test)]
    shared = [key for key in PARAMETERS if key in reference and key in test]
    if not shared:
        raise MRFInputError("no-common-map", "the two reconstructions have no map in common",
                            expected=", ".join(reference), found=", ".join(test))  # fmt: skip
    for maps, other, side in ((reference, test, "reference"), (test, reference, "test")):
        check_units(maps, subject.mask, what=f"the {side}")
        alone = [key for key in maps if key not in other]
        if alone:
            notes.append(f"Only the {side} has {', '.join(alone)}; not compared.")
        if subject.mask is None:
            notes.append(_background(maps, side))
    check_same_units(reference, test, subject.mask)
    rules = [key for key in shared if PARAMETERS[key].validity is not None]
    if rules and "FF" not in reference:
        notes.append(f"The reference has no fat fraction, so {' and '.join(rules)} "
                     f"{'is' if len(rules) == 1 else 'are'} compared everywhere.")  # fmt: skip
    return [note for note in notes if note]


def _background(maps: ParameterMaps, side: str) -> str:
    times = [maps[key] for key in maps if PARAMETERS[key].unit == "ms"]
    n = int(np.logical_and.reduce([values == 0 for values in times]).sum()) if times else 0
    if not n:
        return ""
    return (f"The {side} has {n:,} voxels with times of exactly 0 ms, as some software writes them "
            "outside the patient; they were compared like others. A mask leaves them out."
            )  # fmt: skip


def _only(maps: ParameterMaps, key: str) -> ParameterMaps:
    # The validity rules need the fat fraction beside the map.
    return ParameterMaps(
        {name: maps[name] for name in maps if name in ("FF", key)}, affine=maps.affine
    )


def _metrics(
    subject: SubjectMaps, key: str, mask: NDArray[np.bool_], options: ComparisonOptions
) -> pd.DataFrame:
    table = metrics_table(
        image_metrics(
            _only(subject.reference, key),
            ParameterMaps({key: subject.test[key]}),
            mask,
            labels=subject.labels,
            apply_validity=options.rois.apply_validity,
            thresholds=options.rois.thresholds,
        )
    )
    table.insert(0, "subject", subject.name)
    return table


def _blurriness(
    subject: SubjectMaps, key: str, mask: NDArray[np.bool_], sides: tuple[str, str]
) -> pd.DataFrame:
    reference, test = (
        ParameterMaps({key: maps[key]}) for maps in (subject.reference, subject.test)
    )
    table = blurriness_table({"reference": reference, "test": test}, mask)
    table["method"] = table["method"].map(dict(zip(("reference", "test"), sides, strict=True)))
    table.insert(0, "subject", subject.name)
    table.insert(3, "side", np.where(np.arange(len(table)) < len(table) // 2, "reference", "test"))
    return table


def _one_sided(subject: SubjectMaps, keys: Iterable[str]) -> list[str]:
    """Tell of voxels in the regions that have a value on one side only."""
    if subject.labels is None:
        return []
    drawn, names = np.asarray(subject.labels), subject.region_names
    same: dict[tuple[int, str], list[str]] = {}
    for key in keys:
        one = np.isfinite(subject.reference[key]) != np.isfinite(subject.test[key])
        found, counts = np.unique(drawn[one & (drawn > 0)], return_counts=True)
        if len(found):
            where = ", ".join(names.get(label, f"Label {label}") for label in found.tolist())
            same.setdefault((int(counts.sum()), where), []).append(key)
    return [
        f"{count:,} voxel{'s' if count > 1 else ''} of {where} with {', '.join(maps)} on one "
        "side only: left out of both means."
        for (count, where), maps in same.items()
    ]


def _region_notes(table: pd.DataFrame) -> list[str]:
    pooled = table[(table["scope"] == "pooled") & (table["n_drawn"] > 0)]
    empty = pooled[pooled["difference"].isna()]
    notes = []
    for key, rows in empty.groupby("map", sort=False):
        names = ", ".join(rows["name"])
        notes.append(f"Not in the agreement of {key}, as they have no mean: {names}.")
    return notes
