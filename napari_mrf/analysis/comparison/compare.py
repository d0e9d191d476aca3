"""Two reconstructions compared: images, regions of interest, sharpness; one or many subjects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.agreement_table import agreement_rows
from napari_mrf.analysis.agreement.assumptions import RATIO_OPTION
from napari_mrf.analysis.agreement.by_region import agreement_by_region
from napari_mrf.analysis.agreement.outliers import outliers
from napari_mrf.analysis.agreement.regression_table import regression_table
from napari_mrf.analysis.agreement.statistics import map_agreement
from napari_mrf.analysis.comparison.checks import (
    check_subject,
    one_sided_notes,
    outlier_notes,
    region_notes,
)
from napari_mrf.analysis.comparison.inclusion import LeftOut, inclusion_table
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.slice_picture import SlicePicture, slice_picture
from napari_mrf.analysis.images.blurriness import blurriness_table
from napari_mrf.analysis.images.metrics import image_metrics, metrics_table
from napari_mrf.analysis.provenance import check_made_alike, mixed_texts
from napari_mrf.analysis.regions.pairs import PAIR_COLUMNS, roi_pairs
from napari_mrf.analysis.regions.statistics import region_names
from napari_mrf.compute.steps import result_of
from napari_mrf.data.coverage import covered
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.analysis.comparison.subjects import SubjectMaps


_MOST_PICTURES = 8


@dataclass(frozen=True, eq=False)
class Comparison:
    """All results of comparing two reconstructions of the same subjects.

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
    blurriness : pandas.DataFrame
        ``subject``, then the columns of `blurriness_table`.
    pictures : tuple of SlicePicture
        One slice of each of the first subjects.
    warnings : tuple of str
        Sentences a user should read.
    inputs : tuple of mapping
        JSON-ready record of what each subject's maps came from.
    labels : frozenset of int or None
        To which `pairs` were narrowed; None where they are those of all regions.
    known : dict
        Statistics of agreement that were computed, each once: its 2000 bootstrap draws take
        long. Comparisons narrowed to some of the regions share it.
    left_out : tuple of LeftOut
        Subjects and regions that are not in `pairs`, and why.
    ratio_option : str
        How the reader of `agreement` asks for limits of ratios, where it advises them.
    """

    reference_name: str
    test_name: str
    options: ComparisonOptions
    metrics: pd.DataFrame
    pairs: pd.DataFrame
    blurriness: pd.DataFrame
    pictures: tuple[SlicePicture, ...]
    warnings: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...]
    labels: frozenset[int] | None = None
    known: dict[Any, Agreement] = field(default_factory=dict, repr=False)
    left_out: tuple[LeftOut, ...] = ()
    ratio_option: str = RATIO_OPTION

    def agreement_of(
        self, key: str, *, labels: Collection[int] | None = None, scope: str | None = None
    ) -> Agreement:
        """Return every statistic of agreement of a map, computed when first asked for.

        Parameters
        ----------
        key : str
            The parameter.
        labels : collection of int, optional
            Regions that count; those of the comparison without.
        scope : {"pooled", "slice"}, optional
            That of the options without.
        """
        chosen = self.labels if labels is None else frozenset(labels)
        scope = scope or self.options.scope
        which = key, chosen, scope, self.options.seed
        if which not in self.known:
            pairs = self.pairs if labels is None else self.pairs[self.pairs["label"].isin(labels)]
            self.known[which] = map_agreement(pairs, key, scope=scope, **self.options.of_map(key))
        return self.known[which]

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """`agreement.AGREEMENT_COLUMNS`, one row per map; empty without regions."""
        used = set(self.pairs.loc[self.pairs["scope"] == self.options.scope, "map"])
        found = {key: self.agreement_of(key) for key in PARAMETERS if key in used}
        return agreement_rows(found, self.ratio_option)

    @cached_property
    def by_region(self) -> pd.DataFrame:
        """`by_region.BY_REGION_COLUMNS`, a row for each map and region; empty for one subject."""
        return agreement_by_region(self.pairs)

    @cached_property
    def regression(self) -> pd.DataFrame:
        """`regression_table.REGRESSION_COLUMNS`, two lines a map; empty without regions."""
        options = self.options
        return regression_table(self.pairs, scope=options.scope, error_ratio=options.error_ratio,
                                independent=options.independent)  # fmt: skip

    @cached_property
    def inclusion(self) -> pd.DataFrame:
        """`INCLUSION_COLUMNS`: each region of each subject, in the agreement or why not."""
        return inclusion_table(self.pairs, self.left_out, self.options.scope)

    @cached_property
    def outliers(self) -> pd.DataFrame:
        """`OUTLIER_COLUMNS`: regions and subjects whose difference lies far from the others."""
        return outliers(self.pairs, self.options.scope)

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
    """Progress of a comparison.

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
    left_out: Iterable[LeftOut] = (),
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
    left_out : iterable of LeftOut
        Subjects that are not among them, and why, for the table of inclusion.

    Yields
    ------
    ComparisonUpdate

    Returns
    -------
    Comparison

    Raises
    ------
    MRFInputError
        ``"other-grid"``, ``"unit-conflict"``, ``"no-common-map"``, ``"mixed-provenance"``, and
        what loading raises.
    """
    import pandas as pd

    options = options or ComparisonOptions()
    notes: list[str] = list(warnings)
    missing: list[LeftOut] = []
    metrics, pairs, blurriness = [], [], []
    pictures: list[SlicePicture] = []
    inputs: list[Mapping[str, Any]] = []
    total = 2 * n_subjects * len(PARAMETERS) + 1
    sides = (reference_name, test_name)
    made: dict[str, dict[str, Any]] = {"reference": {}, "test": {}}
    several = n_subjects > 1
    yield ComparisonUpdate(0, total, "reading the maps")
    for index, subject in enumerate(subjects):
        who = f"{subject.name}: " if several else ""
        where = f"subject {index + 1} of {n_subjects}, {who}" if several else ""
        base = 2 * index * len(PARAMETERS)
        for side, maps in (("reference", subject.reference), ("test", subject.test)):
            made[side][subject.name] = maps.provenance
            check_made_alike(made[side], side, allow_mixed=options.allow_mixed)
        notes += [who + note for note in (*subject.warnings, *check_subject(subject, sides))]
        whole = subject.reference, subject.test
        subject = replace(subject, reference=covered(whole[0]), test=covered(whole[1]))
        keys = [key for key in PARAMETERS if key in subject.reference and key in subject.test]
        mask = np.ones(subject.reference.spatial_shape, bool)
        if subject.mask is not None:
            mask = np.asarray(subject.mask, bool)
        table = None
        if subject.labels is not None:
            yield ComparisonUpdate(base, total, f"{where}means of the regions")
            table = roi_pairs(
                *whole, subject.labels, subject.region_names,
                subject=subject.name, options=options.rois, mask=subject.mask,
            )  # fmt: skip
            pairs.append(table)
            there = region_names(subject.labels, subject.region_names)
            asked = set(table["label"])
            missing += [
                LeftOut(subject.name, "not among the regions asked for", label, name)
                for label, name in there.items() if options.rois.regions and label not in asked
            ]  # fmt: skip
            notes += [
                who + note for note in (*one_sided_notes(subject, keys), *region_notes(table))
            ]
        else:
            missing.append(LeftOut(subject.name, "no label map"))
        for step, key in enumerate(keys):
            yield ComparisonUpdate(base + 2 * step, total, f"{where}metrics of {key}")
            metrics.append(subject_metrics(subject, key, mask, table, options))
            yield ComparisonUpdate(base + 2 * step + 1, total, f"{where}blurriness of {key}")
            blurriness.append(subject_blurriness(subject, key, mask, sides))
        if len(pictures) < _MOST_PICTURES:
            pictures.append(slice_picture(subject, keys, mask, options.rois))
        inputs.append({"subject": subject.name, **subject.record})
    yield ComparisonUpdate(total - 1, total, "agreement of the regions")
    every_pair = (
        pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame(columns=list(PAIR_COLUMNS))
    )
    for side, of in made.items():
        notes += check_made_alike(of, side, allow_mixed=options.allow_mixed)
        for name, text in mixed_texts(of).items():
            if text:
                mine = every_pair["subject"] == name
                before = every_pair.loc[mine, "mixed"]
                every_pair.loc[mine, "mixed"] = before + f"{side} {text}. "
    far = outliers(every_pair, options.scope)
    notes += outlier_notes(far, several=every_pair["subject"].nunique() > 1)
    if not pairs:
        notes.append("No regions of interest were given, so there is no agreement table.")
    elif every_pair["label"].empty:
        notes.append("The label map holds no region, so there is no agreement table.")
    found = Comparison(
        reference_name=reference_name,
        test_name=test_name,
        options=options,
        metrics=pd.concat(metrics, ignore_index=True),
        pairs=every_pair,
        blurriness=pd.concat(blurriness, ignore_index=True),
        pictures=tuple(pictures),
        warnings=tuple(dict.fromkeys(notes)),
        inputs=tuple(inputs),
        left_out=(*missing, *left_out),
    )
    _ = found.agreement  # here, where a worker thread computes it
    return found


def compare(subjects: Iterable[SubjectMaps], **arguments: Any) -> Comparison:
    """Compare two reconstructions in one go; arguments as in `iter_compare`."""
    subjects = list(subjects)
    return result_of(iter_compare(subjects, len(subjects), **arguments))


def _only(maps: ParameterMaps, key: str) -> ParameterMaps:
    # The validity rules need the fat fraction beside the map.
    return ParameterMaps(
        {name: maps[name] for name in maps if name in ("FF", key)}, affine=maps.affine
    )


def subject_metrics(
    subject: SubjectMaps,
    key: str,
    mask: NDArray[np.bool_],
    regions: pd.DataFrame | None,
    options: ComparisonOptions,
) -> pd.DataFrame:
    """Return the metrics of one map: ``subject``, then the fields of `image_metrics.Metric`."""
    table = metrics_table(
        image_metrics(
            _only(subject.reference, key),
            ParameterMaps({key: subject.test[key]}),
            mask,
            regions=regions,
            apply_validity=options.rois.apply_validity,
            thresholds=options.rois.thresholds,
        )
    )
    table.insert(0, "subject", subject.name)
    return table


def subject_blurriness(
    subject: SubjectMaps, key: str, mask: NDArray[np.bool_], sides: tuple[str, str]
) -> pd.DataFrame:
    """Return the sharpness of one map on both sides: ``subject``, then `blurriness_table`."""
    reference, test = (
        ParameterMaps({key: maps[key]}) for maps in (subject.reference, subject.test)
    )
    table = blurriness_table({"reference": reference, "test": test}, mask)
    table["method"] = table["method"].map(dict(zip(("reference", "test"), sides, strict=True)))
    table.insert(0, "subject", subject.name)
    table.insert(3, "side", np.where(np.arange(len(table)) < len(table) // 2, "reference", "test"))
    return table
