"""Checks of two reconstructions that are compared: errors, and warnings for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.images.unit_checks import check_same_units, check_units
from napari_mrf.analysis.provenance import other_series
from napari_mrf.data.coverage import coverage_notes
from napari_mrf.data.geometry import check_same_grid, unknown_place
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from napari_mrf.analysis.comparison.subjects import SubjectMaps


def check_subject(subject: SubjectMaps, sides: tuple[str, str]) -> list[str]:
    """Raise an error for what cannot be compared, and return warnings."""
    reference, test = subject.reference, subject.test
    check_same_grid(test, reference, "the test lies on another grid than the reference")
    source = reference.provenance.get("input")
    sha256 = source.get("sha256") if isinstance(source, dict) else None
    notes = []
    if other_series(test.provenance, sha256):
        notes.append("Reference and test were reconstructed from different series.")
    notes += [unknown_place(reference, test, ("the reference", "the test"))]
    for maps, side in ((reference, "reference"), (test, "test")):
        notes += [f"Header of the {side}, {text}" for text in maps.file_warnings]
    shared = [key for key in PARAMETERS if key in reference and key in test]
    if not shared:
        raise MRFInputError("no-common-map", "the two reconstructions have no map in common",
                            expected=", ".join(reference), found=", ".join(test))  # fmt: skip
    for maps, other, side in ((reference, test, "reference"), (test, reference, "test")):
        notes += check_units(maps, subject.mask, what=f"the {side}")
        alone = [key for key in maps if key not in other]
        if alone:
            notes.append(f"Only the {side} has {', '.join(alone)}; not compared.")
        notes += coverage_notes(
            maps, f"the {side}", subject.mask, is_masked=subject.mask is not None
        )
    check_same_units(reference, test, subject.mask)
    rules = [key for key in shared if PARAMETERS[key].validity is not None]
    if rules and "FF" not in reference:
        notes.append(f"The reference has no fat fraction, so {' and '.join(rules)} "
                     f"{'is' if len(rules) == 1 else 'are'} compared everywhere.")  # fmt: skip
    return [note for note in notes if note]


def one_sided_notes(subject: SubjectMaps, keys: Iterable[str]) -> list[str]:
    """Tell of voxels in the regions that have a value on one side only."""
    if subject.labels is None:
        return []
    drawn, names = np.asarray(subject.labels), subject.region_names
    if subject.mask is not None:
        drawn = np.where(subject.mask, drawn, 0)
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


def region_notes(table: pd.DataFrame) -> list[str]:
    """Tell which regions have no mean, by map and reason."""
    pooled = table[(table["scope"] == "pooled") & (table["n_drawn"] > 0)]
    empty = pooled[pooled["difference"].isna()]
    notes = []
    for key, rows in empty.groupby("map", sort=False):
        names = ", ".join(rows["name"])
        notes.append(f"Not in the agreement of {key}, as they have no mean: {names}.")
    return notes


def outlier_notes(found: pd.DataFrame, *, several: bool) -> list[str]:
    """Tell whose differences lie far from the others, by map; they are counted all the same.

    Parameters
    ----------
    found : pandas.DataFrame
        From `outliers`.
    several : bool
        Whether there are several subjects, so that theirs are named.
    """
    notes = []
    for key, rows in found.groupby("map", sort=False):
        names = [
            _place(row, several=several) if row["of"] == "region" else f"subject {row['subject']}"
            for _, row in rows.head(_MOST_OUTLIERS).iterrows()
        ]  # fmt: skip
        more = f" and {len(rows) - len(names)} more" if len(rows) > len(names) else ""
        notes.append(f"Far from the other differences of {key}, and counted: {', '.join(names)}"
                     f"{more}.")  # fmt: skip
    return notes


def _place(row: pd.Series, *, several: bool) -> str:
    import pandas as pd

    where = "" if pd.isna(row["slice"]) else f" in slice {row['slice']}"
    return f"{row['name']}{where}" + (f" of {row['subject']}" if several else "")


_MOST_OUTLIERS = 5
