"""Contents of a session: all that its file names, loaded again, and changes on the disk since."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.data.label import Label
from napari_mrf.data.sequence import Sequence
from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.files import dicom_below, digest
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.io.maps.reader import load_maps
from napari_mrf.io.series.reader import load_series
from napari_mrf.io.session.file import SessionFile, load_session
from napari_mrf.io.session.results import read_result

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.io.session.file import FileRecord, ItemRecord
    from napari_mrf.io.session.results import StoredResult


@dataclass
class SessionContents:
    """Everything of a session that could be loaded.

    Parameters
    ----------
    file : SessionFile
        What the file says.
    path : Path
        Where it lies.
    series : MRFSeries or None
        None without one, where it is gone, and where it has to be made of a raw file.
    raw_path : Path or None
        The raw file that the images are made of.
    raw_reading : dict
        How: ``"images"``, ``"coils"`` and keywords of `load_raw`.
    sequence : Sequence or None
        That the record of the series names.
    maps : dict of str to ParameterMaps
        By name of the set, in the order they were made.
    folders : dict of str to Path
        Where each set lies.
    labels : ndarray or None
        (Z, Y, X) label map.
    labels_path : Path or None
        Where it lies.
    table : dict of int to Label
        The regions' names.
    near, far : list of Path
        Files found beside the session file as they were, and those found only at their former
        absolute place.
    remarks : list of str
        One sentence for everything that is missing or has changed; empty when all is as it was.
    items : list of (ItemRecord, StoredResult)
        Results and volumes whose sources are as they were.
    sums : dict of Path to str
        sha256 of the files that were looked at.
    """

    file: SessionFile
    path: Path
    series: MRFSeries | None = None
    raw_path: Path | None = None
    raw_reading: dict[str, Any] = field(default_factory=dict)
    sequence: Sequence | None = None
    maps: dict[str, ParameterMaps] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    labels: NDArray[Any] | None = None
    labels_path: Path | None = None
    table: dict[int, Label] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    near: list[Path] = field(default_factory=list)
    far: list[Path] = field(default_factory=list)
    items: list[tuple[ItemRecord, StoredResult]] = field(default_factory=list)
    sums: dict[Path, str] = field(default_factory=dict)

    def sum_of(self, path: Path) -> str:
        """Return the sha256 of a file, or of the DICOM files in a folder, which is read once."""
        if path not in self.sums:
            self.sums[path] = digest(dicom_below(path)) if path.is_dir() else sha256_of(path)
        return self.sums[path]


def iter_contents(
    path: str | Path, file: SessionFile | None = None
) -> Generator[str, None, SessionContents]:
    """Load a session in steps; yields what comes next, returns the contents.

    A file that is missing or cannot be read is left out with a remark, so that the rest of a
    study is not lost with it. A file that has changed is loaded as it is now, with a remark.

    Parameters
    ----------
    path : str or Path
        The session file.
    file : SessionFile, optional
        What it says, where it has been read before.

    Raises
    ------
    MRFInputError
        What `load_session` raises: for the session file itself only.
    """
    path = Path(path)
    contents = SessionContents(file or load_session(path), path)
    yield from _load_series(contents)
    for record in contents.file.maps:
        yield f"loading the maps {record.name}"
        folder = record.find_folder(path)
        if folder is None:
            _remark_missing(contents, record.files[0], f"the maps {record.name}")
            continue
        yield from _compare(contents, record.files, f"The maps {record.name}")
        try:
            maps = contents.maps[record.name] = load_maps(folder)
            contents.folders[record.name] = folder
            contents.remarks += [
                f"The maps {record.name}, header of {text}" for text in maps.file_warnings
            ]
        except MRFInputError as error:
            contents.remarks.append(f"The maps {record.name} were left out. {error.sentence()}")
    yield from _load_regions(contents)
    yield from _load_items(contents)
    if contents.near:
        # A session file that moved alone finds everything at its former place, as it should.
        contents.remarks += [
            f"{path.name} was not found beside the moved session and was loaded from its former "
            f"place, {path.parent}."
            for path in contents.far
        ]
    return contents


_NUMBERS = ("measurement", "matrix", "coils")


def _load_series(contents: SessionContents) -> Generator[str, None, None]:
    record = contents.file.series
    if record is None:
        return
    yield f"loading the series {record.name}"
    found = record.files[0].find(contents.path)
    if found is None:
        _remark_missing(contents, record.files[0], f"the series {record.name}")
        return
    yield from _compare(contents, record.files, f"The series {record.name}")
    reading: dict[str, Any] = dict(record.reading)
    try:
        if record.sequence is not None:
            contents.sequence = Sequence.from_json(json.dumps(record.sequence))
        if "images" in reading:  # which may take minutes: the user says when
            numbers = {key: int(reading[key]) for key in _NUMBERS if key in reading}
            contents.raw_path, contents.raw_reading = found, {**reading, **numbers}
            contents.remarks.append(
                f"The images {record.name} are in no file, but {found.name}, which they were made "
                "of, is: make them again with Make images or Reconstruct."
            )
            return
        contents.series = load_series(found, contents.sequence, **reading)
    except (MRFInputError, TypeError, ValueError) as error:
        reason = error.sentence() if isinstance(error, MRFInputError) else str(error)
        contents.remarks.append(f"The series {record.name} was left out. {reason}")


def _load_regions(contents: SessionContents) -> Generator[str, None, None]:
    record = contents.file.regions
    if record is None:
        return
    contents.table = {
        label.index: Label(label.index, label.name, tuple(label.color), label.opacity)  # type: ignore[arg-type]
        for label in record.table
    }
    if record.file is None:
        return
    yield "loading the regions"
    found = record.file.find(contents.path)
    grid = contents.series or next(iter(contents.maps.values()), None)
    if found is None:
        _remark_missing(contents, record.file, "the regions")
        return
    if grid is None:
        contents.remarks.append("The regions were left out: there is no image to show them on.")
        return
    yield from _compare(contents, [record.file], "The label map")
    try:
        loaded = load_labels(found, grid.spatial_shape, grid.affine)
        contents.labels, contents.labels_path = loaded.values, found
        contents.remarks += loaded.warnings
    except MRFInputError as error:
        contents.remarks.append(f"The regions were left out. {error.sentence()}")


_CURES = {
    "comparison": "Compare again.",
    "importance": "Measure it again.",
    "error": "Show it again in the step Compare.",
}


def _load_items(contents: SessionContents) -> Generator[str, None, None]:
    """Load results and volumes; one of other sources than those of now is refused, with a word."""
    for record in contents.file.items:
        yield f"loading {record.name}"
        name, cure = f"{record.name[0].upper()}{record.name[1:]}", _CURES.get(record.kind, "")
        found = record.file.find(contents.path)
        if found is None:
            _remark_missing(contents, record.file, record.name)
            continue
        changed = []
        for source in record.of:
            now = source.find(contents.path)
            if now is None or contents.sum_of(now) != source.sha256:
                changed.append(Path(source.path).name)
        if changed:
            contents.remarks.append(
                f"{name} was left out: it came from {', '.join(dict.fromkeys(changed))}, which "
                f"changed {_since(contents)}. {cure}".rstrip()
            )
            continue
        if contents.sum_of(found) != record.file.sha256:
            contents.remarks.append(
                f"{name} was left out: its file {found.name} changed {_since(contents)}. "
                f"{cure}".rstrip()
            )
            continue
        try:
            contents.items.append((record, read_result(found)))
        except MRFInputError as error:
            contents.remarks.append(f"{name} was left out. {error.sentence()}")


def _since(contents: SessionContents) -> str:
    when = f" on {contents.file.saved_at[:10]}" if contents.file.saved_at else ""
    return f"since the session was saved{when}"


def _compare(
    contents: SessionContents, records: list[FileRecord], what: str
) -> Generator[str, None, None]:
    """Add one remark for the files of a part that are gone or not what they were."""
    gone, changed = [], []
    for record in records:
        found = record.find(contents.path)
        if found is None:
            gone.append(Path(record.path).name)
            continue
        is_near = found == record.candidates(contents.path)[0]
        (contents.near if is_near else contents.far).append(found)
        yield f"checking {found.name}"
        if contents.sum_of(found) != record.sha256:
            changed.append(found.name)
    if changed:
        contents.remarks.append(f"{what} changed {_since(contents)}: {', '.join(changed)}.")
    if gone:
        contents.remarks.append(f"{what} has missing files: {', '.join(gone)}.")


def _remark_missing(contents: SessionContents, record: FileRecord, what: str) -> None:
    places = " and ".join(dict.fromkeys(
        str(place.parent) for place in record.candidates(contents.path)))  # fmt: skip
    contents.remarks.append(
        f"{what[0].upper()}{what[1:]} could not be found: no {Path(record.path).name} in "
        f"{places}. Put it back, or open it by hand."
    )
