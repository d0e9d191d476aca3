"""Description of a cohort: who its subjects are, and which files belong to each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data import sequences
from napari_mrf.data.text_files import read_csv
from napari_mrf.errors import MRFInputError
from napari_mrf.io.series.folders import series_and_remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = {
    "subject": "name of the subject",
    "session": "name of the session, where a subject has several",
    "series": "series or raw file",
    "mask": "mask",
    "b1": "measured B1 map",
    "rois": "label map",
    "sequence": "name or file of the sequence",
}
"""Columns of a cohort's table; all but ``subject`` and ``series`` may be absent or empty."""

_NEEDED = ("subject", "series")
_FILES = ("series", "mask", "b1", "rois")
_MOST_BYTES = 50_000_000
OWN_NAMES = ("cohort-rois", "cohort-comparison", "cohort.csv", "cohort.html")
"""What belongs to all subjects and stands beside their folders."""


@dataclass(frozen=True)
class Subject:
    """One subject, or one session of it.

    Parameters
    ----------
    name : str
        Of its folder of results; ``SUBJECT_SESSION`` where there is a session.
    series : Path
        Series or raw file.
    subject, session : str
        As the description has them.
    mask, b1, rois : Path or None
        Files that belong to it.
    sequence : str or None
        Name or file; that of the sidecar, or of the whole cohort, where None.
    is_listed : bool
        Whether a table names it, and not its file.
    """

    name: str
    series: Path
    subject: str = ""
    session: str = ""
    mask: Path | None = None
    b1: Path | None = None
    rois: Path | None = None
    sequence: str | None = None
    is_listed: bool = False


@dataclass(frozen=True)
class Cohort:
    """The subjects of one run.

    Parameters
    ----------
    subjects : tuple of Subject
        With different names.
    remarks : tuple of str
        Sentences a user should read: what was left aside.
    is_one_series : bool
        Whether one file was named and nothing else: its results need no folder of their own.
    """

    subjects: tuple[Subject, ...]
    remarks: tuple[str, ...] = ()
    is_one_series: bool = False


def find_cohort(paths: Sequence[str | Path], *, axes: str | None = None) -> Cohort:
    """Return the cohort that paths stand for.

    Parameters
    ----------
    paths : sequence of str or Path
        One CSV table (see `read_cohort_table`); or series, raw files and folders of them.
    axes : str, optional
        The order of the axes that series will be read with.

    Raises
    ------
    MRFInputError
        ``"bad-table"``, ``"no-series"``, ``"same-name"``.
    """
    places = [Path(path) for path in paths]
    tables = [path for path in places if path.suffix.lower() == ".csv"]
    if tables:
        if len(places) > 1:
            raise MRFInputError("bad-table", "a table describes a whole cohort by itself",
                                path=tables[0], found=f"{len(places)} paths",
                                hint="Give the table alone, or series alone.")  # fmt: skip
        return Cohort(read_cohort_table(tables[0]))
    found, remarks = series_and_remarks(places, axes=axes)
    subjects = [Subject(name, path, name) for name, path in found.items()]
    for one in subjects:
        if one.name in OWN_NAMES:
            raise MRFInputError("bad-name", "results of the whole cohort have this name",
                                path=one.series, hint="Rename the series.")  # fmt: skip
    # A folder of DICOM files is one series itself.
    alone = len(subjects) == 1 and (subjects[0].series == places[0] or not places[0].is_dir())
    return Cohort(tuple(subjects), remarks, alone)


def read_cohort_table(path: str | Path) -> tuple[Subject, ...]:
    """Read the table of a cohort: CSV, UTF-8, one row for each subject or session.

    Parameters
    ----------
    path : str or Path
        With the `COLUMNS`, in any order. Paths in it are relative to its folder.

    Raises
    ------
    MRFInputError
        ``"bad-table"`` naming line and column, ``"same-name"``, and the codes of `read_csv`.
        Whether the files exist is told for each subject when its turn comes.
    """
    path = Path(path)
    header, rows = read_csv(path, "table of a cohort", code="bad-table", most_bytes=_MOST_BYTES)
    columns = [name.lower() for name in header]
    unknown = [name for name, key in zip(header, columns, strict=True) if key not in COLUMNS]
    absent = [name for name in _NEEDED if name not in columns]
    if unknown or absent or len(set(columns)) < len(columns):
        wrong = "has unknown columns" if unknown else "lacks a column"
        if not unknown and not absent:
            wrong = "has a column twice"
        hint = "Separate the columns with commas." if len(header) == 1 else None
        raise MRFInputError("bad-table", f"the table of the cohort {wrong}", path=path,
                            expected=f"{', '.join(COLUMNS)} ({' and '.join(_NEEDED)} are needed)",
                            found=", ".join(header), hint=hint)  # fmt: skip
    if not rows:
        raise MRFInputError("bad-table", "the table of the cohort has no subject", path=path)
    subjects: dict[str, Subject] = {}
    for line, cells in rows:
        one = _subject(dict(zip(columns, cells, strict=True)), path, line)
        if one.name in subjects:
            raise MRFInputError("same-name", f"line {line} has the name {one.name} again",
                                path=path, hint="Give each row its own subject or session."
                                )  # fmt: skip
        subjects[one.name] = one
    return tuple(subjects.values())


def _subject(row: dict[str, str], path: Path, line: int) -> Subject:
    for name in _NEEDED:
        if not row[name]:
            raise MRFInputError("bad-table", f"line {line} has no {name}", path=path)
    name = "_".join(part for part in (row["subject"], row.get("session", "")) if part)
    if set(name) & set("/\\:\0") or name.startswith(".") or name in OWN_NAMES:
        raise MRFInputError("bad-table", f"line {line}: {name!r} cannot name a folder of results",
                            path=path, expected="a name without / \\ : that does not begin with a "
                            f"point, and none of {', '.join(OWN_NAMES)}",
                            hint="Choose another name for the subject.")  # fmt: skip
    files = {key: path.parent / row[key] for key in _FILES if row.get(key)}
    sequence = row.get("sequence") or None
    if sequence is not None and sequence not in sequences.NAMED:
        sequence = str(path.parent / sequence)
    return Subject(name, files["series"], row["subject"], row.get("session", ""),
                   files.get("mask"), files.get("b1"), files.get("rois"), sequence,
                   is_listed=True)  # fmt: skip
