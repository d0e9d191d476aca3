"""Two visits of subjects on the disk: found, held to one way of making maps, and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.analysis.comparison.options import margins_of
from napari_mrf.analysis.provenance import check_made_alike, mixed_texts
from napari_mrf.analysis.visits.changes import (
    SubjectChanges,
    Visit,
    change_summary,
    check_regions,
    subject_changes,
)
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_csv
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.io.labels.label_table import load_label_table
from napari_mrf.io.maps.folders import (
    SINGLE,
    file_sums,
    find_label_maps,
    find_maps,
    label_table_beside,
)
from napari_mrf.io.maps.reader import load_maps, load_provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from napari_mrf.analysis.regions.options import RoiOptions

NAMES = ("visit 1", "visit 2")
"""Of visits that have no names of their own."""

TABLE_COLUMNS = {
    "subject": "name of the subject",
    "session": "name of the visit",
    "maps": "folder of maps",
    "rois": "label map",
}
"""Columns of a table of visits."""


@dataclass(frozen=True)
class VisitFiles:
    """The files of one visit of a subject: a folder of maps, and a label map."""

    maps: Path
    rois: Path


@dataclass(frozen=True)
class VisitStudy:
    """Subjects with two visits.

    Parameters
    ----------
    subjects : mapping of str to (VisitFiles, VisitFiles)
        First and second visit by subject.
    names : tuple of str
        Of the two visits.
    warnings : tuple of str
        Who was left out, and how maps were made where that differs or is not known.
    mixed : mapping of str to str
        How the maps of a subject were made, as far as that differs.
    allow_mixed : bool
        Whether maps that were made in different ways are taken together.
    resample : {"nearest"} or None
        What to do with labels on another grid; None refuses them.
    """

    subjects: Mapping[str, tuple[VisitFiles, VisitFiles]]
    names: tuple[str, str] = NAMES
    warnings: tuple[str, ...] = ()
    mixed: Mapping[str, str] = field(default_factory=dict)
    allow_mixed: bool = False
    resample: Literal["nearest"] | None = None


@dataclass(frozen=True, eq=False)
class VisitComparison:
    """The changes of all subjects, and over them.

    Parameters
    ----------
    names : tuple of str
        Of the two visits.
    changes, summary : pandas.DataFrame
        Of `subject_changes` and `change_summary`.
    repeatability : mapping of str to float
        Repeatability coefficients that were given.
    options : RoiOptions
        Of the regions.
    inputs : mapping
        Where the visits come from, by subject, JSON-ready.
    warnings : tuple of str
        Sentences a user should read.
    is_mixed : bool
        Whether maps were made in different ways, so that changes may be theirs.
    """

    names: tuple[str, str]
    changes: pd.DataFrame
    summary: pd.DataFrame
    repeatability: Mapping[str, float]
    options: RoiOptions
    inputs: Mapping[str, Any]
    warnings: tuple[str, ...]
    is_mixed: bool = False


def find_visits(
    first: str | Path,
    second: str | Path,
    rois_first: str | Path,
    rois_second: str | Path,
    *,
    names: tuple[str, str] = NAMES,
    allow_mixed: bool = False,
    resample: Literal["nearest"] | None = None,
) -> VisitStudy:
    """Find the two visits of one subject, or of the subjects of two folders.

    Parameters
    ----------
    first, second : str or Path
        Two folders of maps, or two folders with one folder of maps a subject; subjects are
        matched by the names of their folders.
    rois_first, rois_second : str or Path
        A label map for one subject, or a folder; see `find_label_maps`.
    names, allow_mixed, resample
        See `VisitStudy`.

    Raises
    ------
    MRFInputError
        ``"one-and-many"``, ``"no-common-subject"``, ``"mixed-provenance"``, ``"same-scan"``, and
        the codes of `find_maps` and `find_label_maps`.
    """
    maps = find_maps(first), find_maps(second)
    if (SINGLE in maps[0]) != (SINGLE in maps[1]):
        raise MRFInputError("one-and-many", "one visit is a folder of maps, the other a folder of "
                            "subjects", path=Path(second),
                            hint="Give two folders of maps, or two folders of subjects."
                            )  # fmt: skip
    rois = tuple(
        find_label_maps(path, of) for path, of in zip((rois_first, rois_second), maps, strict=True)
    )
    found, left_out = {}, []
    for subject in sorted({*maps[0], *maps[1]}):
        if all(subject in of for of in (*maps, *rois)):
            one, other = (VisitFiles(of[subject], drawn[subject])
                          for of, drawn in zip(maps, rois, strict=True))  # fmt: skip
            found[subject or Path(first).resolve().name] = (one, other)
        else:
            left_out.append(subject or "the only one")
    return _checked(found, left_out, names, allow_mixed, resample)


def read_visits_table(
    path: str | Path,
    sessions: tuple[str, str] | None = None,
    *,
    allow_mixed: bool = False,
    resample: Literal["nearest"] | None = None,
) -> VisitStudy:
    """Read a table of visits: CSV, UTF-8, one row for each subject and session.

    Parameters
    ----------
    path : str or Path
        With the `TABLE_COLUMNS`; paths in it are relative to its folder.
    sessions : tuple of str, optional
        The first and the second session; without them the table must have just two, and the
        order of their first rows counts.
    allow_mixed, resample
        See `VisitStudy`.

    Raises
    ------
    MRFInputError
        ``"bad-table"``, and what `find_visits` raises.
    """
    path = Path(path)
    header, rows = read_csv(path, "table of visits", code="bad-table")
    if sorted(header) != sorted(TABLE_COLUMNS):
        raise MRFInputError("bad-table", "the table of visits has other columns", path=path,
                            expected=", ".join(TABLE_COLUMNS), found=", ".join(header)
                            )  # fmt: skip
    files: dict[tuple[str, str], VisitFiles] = {}
    for line, cells in rows:
        row = dict(zip(header, cells, strict=True))
        if empty := [key for key in TABLE_COLUMNS if not row[key]]:
            raise MRFInputError("bad-table", f"line {line} has no {empty[0]}", path=path)
        at = row["subject"], row["session"]
        if at in files:
            raise MRFInputError("bad-table", f"line {line} has {at[0]}, session {at[1]} again",
                                path=path)  # fmt: skip
        files[at] = VisitFiles(path.parent / row["maps"], path.parent / row["rois"])
    known = list(dict.fromkeys(session for _, session in files))
    asked = list(sessions or known)
    if len(asked) != 2 or not set(asked) <= set(known) or asked[0] == asked[1]:
        raise MRFInputError("bad-table", "a change is between two sessions", path=path,
                            expected="two of the sessions of the table, the first one first",
                            found=", ".join(known if sessions is None else asked) or "none",
                            hint="Name them: --sessions BEFORE,AFTER.")  # fmt: skip
    found, left_out = {}, []
    for subject in dict.fromkeys(who for who, _ in files):
        pair = [files.get((subject, session)) for session in asked]
        if pair[0] is not None and pair[1] is not None:
            found[subject] = (pair[0], pair[1])
        else:
            left_out.append(subject)
    names = _session_name(asked[0]), _session_name(asked[1])
    return _checked(found, left_out, names, allow_mixed, resample)


def _session_name(session: str) -> str:
    """Return a name that can be read in a title: of "2 - 1" nobody knows what it is."""
    return session if any(letter.isalpha() for letter in session) else f"session {session}"


def compare_visits(
    study: VisitStudy,
    options: RoiOptions,
    repeatability: Mapping[str, float] | None = None,
) -> Iterable[tuple[str, SubjectChanges, dict[str, Any]]]:
    """Yield each subject with its changes and a record of its files; see `comparison_of`.

    Raises
    ------
    MRFInputError
        What the readers and `subject_changes` raise.
    """
    for subject, files in study.subjects.items():
        visits, record, told = [], {}, []
        for name, one in zip(study.names, files, strict=True):
            visit, record[name], warnings = _load(name, one, study.resample)
            visits.append(visit)
            told += [f"{name}: {text}" for text in warnings]
        found = subject_changes(subject, visits[0], visits[1], options=options,
                                repeatability=repeatability, mixed=study.mixed.get(subject, "")
                                )  # fmt: skip
        yield subject, SubjectChanges(found.table, (*told, *found.warnings)), record


def comparison_of(
    found: Iterable[tuple[str, SubjectChanges, dict[str, Any]]],
    names: tuple[str, str],
    options: RoiOptions,
    repeatability: Mapping[str, float] | None = None,
    warnings: tuple[str, ...] = (),
) -> VisitComparison:
    """Put the changes of subjects together.

    Raises
    ------
    MRFInputError
        ``"other-regions"`` where a number is another region in another subject.
    """
    import pandas as pd

    parts = list(found)
    check_regions([one.table for _, one, _ in parts])
    changes = pd.concat([one.table for _, one, _ in parts], ignore_index=True)
    told = [f"{who}: {text}" for who, one, _ in parts for text in one.warnings]
    return VisitComparison(
        names, changes, change_summary(changes, repeatability), dict(repeatability or {}), options,
        {who: record for who, _, record in parts}, (*warnings, *told),
        bool((changes["mixed"] != "").any()),
    )  # fmt: skip


def repeatability_of(words: Iterable[str]) -> dict[str, float]:
    """Return repeatability coefficients by map.

    Parameters
    ----------
    words : iterable of str
        ``MAP=NUMBER`` in the unit of the map (or ``FF=2%``), or the folder of a comparison with
        the design test-retest, or its ``agreement.csv``.

    Raises
    ------
    MRFInputError
        ``"bad-option"``, ``"bad-table"``, ``"missing-file"``.
    """
    found: dict[str, float] = {}
    for word in words:
        if "=" in word:
            found |= margins_of([word], what="repeatability coefficient")
            continue
        path = Path(word) / "agreement.csv" if Path(word).is_dir() else Path(word)
        header, rows = read_csv(path, "table of agreement", code="bad-table")
        if not {"map", "repeatability"} <= set(header):
            raise MRFInputError("bad-table", "this is no table of agreement", path=path,
                                expected="the columns map and repeatability")  # fmt: skip
        table = [dict(zip(header, cells, strict=True)) for _, cells in rows]
        known = margins_of((f"{row['map']}={row['repeatability']}" for row in table
                            if row["repeatability"]), what="repeatability coefficient")  # fmt: skip
        if not known:
            raise MRFInputError("bad-table", "the comparison has no repeatability", path=path,
                                hint="Compare two scans with --design test-retest.")  # fmt: skip
        found |= known
    for key, number in found.items():
        if key not in PARAMETERS or not 0 < number < math.inf:
            raise MRFInputError("bad-option", "a repeatability coefficient is a number above 0 for "
                                "a map", expected=f"one of {', '.join(PARAMETERS)}, above 0",
                                found=f"{key}={number:g}")  # fmt: skip
    return found


def check_two_scans(subject: str, provenances: tuple[Any, Any]) -> None:
    """Refuse two visits that were made from one and the same series.

    Raises
    ------
    MRFInputError
        ``"same-scan"``.
    """
    sums = [
        source.get("sha256") if isinstance(source := (one or {}).get("input"), dict) else None
        for one in provenances
    ]
    if sums[0] and sums[0] == sums[1]:
        raise MRFInputError("same-scan", f"both visits of {subject} were made from one series",
                            hint="To compare two methods on one scan, use compare.")  # fmt: skip


def _checked(
    subjects: dict[str, tuple[VisitFiles, VisitFiles]],
    left_out: list[str],
    names: tuple[str, str],
    allow_mixed: bool,
    resample: Literal["nearest"] | None,
) -> VisitStudy:
    if not subjects:
        raise MRFInputError("no-common-subject", "no subject has maps and a label map at both "
                            "visits", found=", ".join(left_out) or "no subject",
                            hint="Folders of maps and label maps are matched by name.")  # fmt: skip
    warnings = (f"Left out, without maps and a label map at both visits: {', '.join(left_out)}.",)
    made: dict[str, Any] = {}
    for subject, files in subjects.items():
        both = load_provenance(files[0].maps), load_provenance(files[1].maps)
        check_two_scans(subject, both)
        made |= {f"{subject} {name}": one for name, one in zip(names, both, strict=True)}
    told = check_made_alike(made, allow_mixed=allow_mixed)
    texts = mixed_texts(made)
    mixed = {
        subject: "; ".join(f"{name}: {text}" for name in names
                           if (text := texts.get(f"{subject} {name}")))
        for subject in subjects
    }  # fmt: skip
    return VisitStudy(subjects, names, (*(warnings if left_out else ()), *told), mixed, allow_mixed,
                      resample)  # fmt: skip


def _load(
    name: str, files: VisitFiles, resample: Literal["nearest"] | None
) -> tuple[Visit, dict[str, Any], tuple[str, ...]]:
    maps = load_maps(files.maps)
    labels = load_labels(files.rois, maps.spatial_shape, maps.affine, resample=resample)
    record: dict[str, Any] = {
        "maps": {"path": str(files.maps), "sha256": file_sums(files.maps),
                 "provenance": maps.provenance or None},
        "labels": {"path": str(files.rois), "sha256": labels.sha256,
                   "resampled": "nearest" if labels.resampled else None},
    }  # fmt: skip
    names: dict[int, str] = {}
    table = label_table_beside(files.rois)
    if table is not None:
        names = {index: one.name for index, one in load_label_table(table).items() if index}
        record["label_table"] = {"path": str(table), "sha256": sha256_of(table)}
    headers = tuple(f"Header of {text}" for text in maps.file_warnings)
    return Visit(name, maps, labels, names), record, (*headers, *labels.warnings)
