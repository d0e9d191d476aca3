"""Saving and opening a session file: the work itself, in a worker thread."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Step, counted, reading
from napari_mrf.plugin.viewer.opening import OpenedSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.io.session.beside import Beside
    from napari_mrf.io.session.contents import SessionContents
    from napari_mrf.io.session.file import ItemRecord, MapsRecord, RegionsRecord, SeriesRecord
    from napari_mrf.plugin.panels.shared.stored_items import Item
    from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, Voxel
    from napari_mrf.plugin.viewer.unsaved import Result


@dataclass(frozen=True, eq=False)
class Study:
    """The content of a window when the session is saved."""

    series: MRFSeries | None
    series_name: str
    component: str
    maps_sets: tuple[MapsSet, ...]
    regions: Regions | None
    chosen_region: RegionChoice | None
    pins: tuple[Voxel, ...]
    view: dict[str, float]
    panels: dict[str, dict[str, Any]]
    results: tuple[Result, ...] = ()
    layers: list[dict[str, Any]] = field(default_factory=list)
    items: tuple[Item, ...] = ()
    remarks: tuple[str, ...] = ()
    views: dict[str, Any] = field(default_factory=dict)


@dataclass
class SavedStudy:
    """The session file, and the maps, labels and results that were saved with it."""

    path: Path
    study: Study
    sha256: str = ""
    folders: dict[str, Path] = field(default_factory=dict)
    labels_path: Path | None = None
    results: list[Path] = field(default_factory=list)
    items: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class OpenedStudy:
    """The contents of a session file, and the results among them by kind, ready to be shown."""

    contents: SessionContents
    series: OpenedSeries | None
    sha256: str
    results: dict[str, Any] = field(default_factory=dict)


def save_study(
    study: Study, path: Path, known: str | None = None
) -> Generator[Step, None, SavedStudy]:
    """Write a session file, and beside it what is not saved yet; all or nothing.

    Parameters
    ----------
    study : Study
        The content of the window.
    path : Path
        The session file.
    known : str, optional
        sha256 of the file that may be replaced, ``""`` for none; without it any file.

    Raises
    ------
    MRFInputError
        ``"exists"`` if there is another file than the known one, ``"no-file"`` if the series is
        not in a file, and the errors of the writers.
    """
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.session.beside import saving_beside
    from napari_mrf.io.session.file import LayerRecord, SessionFile, ViewsRecord, save_session

    saved = SavedStudy(path, study)
    series = None if study.series is None else _series_record(study, study.series, path)
    with saving_beside(path) as beside:
        maps, regions, items = yield from counted(
            _writing_parts(study, series, saved, beside), _n_parts(study)
        )
        session = SessionFile(
            format="napari-mrf session",
            saved_at=datetime.now(UTC).isoformat(timespec="seconds"),
            series=series,
            maps=maps,
            regions=regions,
            pins=list(study.pins),
            layers=[LayerRecord(**one) for one in study.layers],
            items=items,
            view=study.view,
            views=ViewsRecord.model_validate(study.views),
            panels=study.panels,
        )

        def save() -> None:
            refuse_unknown(path, known)
            save_session(session, path, overwrite=True)
            saved.sha256 = sha256_of(path)

        beside.put_in_place(save)
    return saved


def _n_parts(study: Study) -> int:
    """Return how often `_writing_parts` yields."""
    from napari_mrf.io.maps.writer import maps_names

    files = sum(1 if _is_there(one) else len(maps_names(one.maps)) for one in study.maps_sets)
    return files + 1 + len(study.results) + len(study.items) + 1


def _writing_parts(
    study: Study, series: SeriesRecord | None, saved: SavedStudy, beside: Beside
) -> Generator[str, None, tuple[list[MapsRecord], RegionsRecord | None, list[ItemRecord]]]:
    """Write what is not saved yet, and describe all; yields the name of what comes next."""
    maps = []
    for maps_set in study.maps_sets:
        maps.append((yield from _maps_record(maps_set, saved, beside)))
    yield "the regions"
    regions = (
        None if study.regions is None else _regions_record(study, study.regions, saved, beside)
    )
    for result in study.results:
        yield f"the {result.kind} {result.name}"
        written, place = beside.place(_file_name(f"{result.kind} {result.name}"))
        result.write(written)
        saved.results.append(place)
    items = []
    for item in study.items:
        yield item.name
        items.append(_item_record(item, (series, maps, regions), saved, beside))
    yield "the session file"
    return maps, regions, items


def refuse_unknown(path: Path, known: str | None) -> None:
    """Refuse to replace another file than the one with a known sha256; see `save_study`."""
    from napari_mrf.io.formats.source import sha256_of

    if known is None or not path.exists() or (known and sha256_of(path) == known):
        return
    what = "the session file has changed since this window read it" if known else (
        "a session file of this name exists")  # fmt: skip
    raise MRFInputError("exists", what, path=path,
                        hint="Save the session under another name, or replace the file."
                        )  # fmt: skip


def open_study(path: Path) -> Generator[Step, None, OpenedStudy]:
    """Load all files of a session."""
    yield Step(detail="reading the session file")
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.session.contents import iter_contents
    from napari_mrf.io.session.file import load_session
    from napari_mrf.plugin.layers import peak_magnitude

    # Before it is read, so that what changes meanwhile is asked about.
    sha256 = sha256_of(path) if path.is_file() else ""
    file = load_session(path)
    contents = yield from reading(iter_contents(path, file), file.bytes_to_read(path))
    series, record = contents.series, contents.file.series
    results = yield from _results(contents)
    if series is None or record is None:
        return OpenedStudy(contents, None, sha256, results)
    yield Step(detail="looking at a few frames")
    opened = OpenedSeries(series, record.name, peak_magnitude(series))
    return OpenedStudy(contents, opened, sha256, results)


FAULTS = (KeyError, TypeError, ValueError, AttributeError, IndexError, MRFInputError)
"""What a file may raise that says what no version of the software has written."""


def _results(contents: SessionContents) -> Generator[Step, None, dict[str, Any]]:
    """Return the comparison and the importance of a session by kind; damaged ones are told."""
    from napari_mrf.analysis.comparison.stored import from_stored as comparison_from
    from napari_mrf.analysis.importance.stored import from_stored as importance_from

    makers: dict[str, Callable[..., Any]] = {
        "comparison": comparison_from,
        "importance": importance_from,
    }
    results: dict[str, Any] = {}
    for record, stored in contents.items:
        if record.kind in makers:
            yield Step(detail=record.name)
            try:
                results[record.kind] = makers[record.kind](stored.words, stored.arrays)
            except FAULTS as error:
                contents.remarks.append(fault_sentence(record, error))
    return results


def fault_sentence(record: ItemRecord, error: Exception) -> str:
    """Return that an item was left out, and why."""
    reason = error.sentence() if isinstance(error, MRFInputError) else repr(error)
    name = f"{record.name[0].upper()}{record.name[1:]}"
    return f"{name} was left out: its file is not valid ({reason})."


def _series_record(study: Study, series: MRFSeries, path: Path) -> SeriesRecord:
    from napari_mrf.io.session.file import FileRecord, SeriesRecord

    sources = series.metadata.get("sources", ())
    if series.source_path is None or not sources:
        raise MRFInputError("no-file", "the series is not in a file, so a session cannot "
                            "find it again", found=study.series_name,
                            hint="Save the series to a file and open it from there."
                            )  # fmt: skip
    reading = dict(series.metadata.get("reading", {}))
    sequence = None if series.sequence is None else json.loads(series.sequence.to_json())
    return SeriesRecord(
        name=study.series_name,
        files=[FileRecord.of(source["path"], source["sha256"], path) for source in sources],
        reading=reading,
        sequence=sequence,
        component=study.component,
    )


def _is_there(maps_set: MapsSet) -> bool:
    """Return whether a set lies in a folder of its own; scans of data sets share theirs."""
    from napari_mrf.io.maps.folders import named_scan

    folder = Path(maps_set.folder)
    try:
        return bool(maps_set.folder) and folder.is_dir() and named_scan(folder) is None
    except MRFInputError:  # several scans
        return False


def _maps_record(
    maps_set: MapsSet, saved: SavedStudy, beside: Beside
) -> Generator[str, None, MapsRecord]:
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.maps.writer import iter_save_maps
    from napari_mrf.io.session.file import FileRecord, MapsRecord

    what = f"the maps {maps_set.name}"
    if _is_there(maps_set):
        yield what
        written = folder = Path(maps_set.folder)
    else:
        written, folder = beside.place(_file_name(maps_set.name))
        for name in iter_save_maps(maps_set.maps, written):
            yield f"{what}: {name}"
        saved.folders[maps_set.name] = folder
    files = sorted(file for file in written.iterdir() if _belongs_to_maps(file))
    return MapsRecord(
        name=maps_set.name,
        files=[FileRecord.of(folder / file.name, sha256_of(file), saved.path) for file in files],
        series_name=maps_set.series_name,
        seconds=float(maps_set.seconds),
    )


def _regions_record(
    study: Study, regions: Regions, saved: SavedStudy, beside: Beside
) -> RegionsRecord:
    from napari_mrf.io import save_labels
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.session.file import FileRecord, LabelRecord, RegionsRecord

    grids = (study.series, *(one.maps for one in study.maps_sets))
    grid = next((one for one in grids if one is not None), None)
    written = path = Path(regions.path) if regions.path else None
    if (path is None or not path.is_file()) and regions.labels.any():
        written, path = beside.place("regions", ".nii.gz")
        affine = grid.affine if grid is not None and regions.affine is None else regions.affine
        save_labels(written, regions.labels, affine)
        saved.labels_path = path
    file = None
    if path is not None and written is not None and written.is_file():
        file = FileRecord.of(path, sha256_of(written), saved.path)
    return RegionsRecord(
        file=file,
        table=[
            LabelRecord(index=label.index, name=label.name, color=list(label.color),
                        opacity=float(label.opacity))
            for label in regions.table.values()
        ],
        chosen=None if study.chosen_region is None else study.chosen_region.label,
    )  # fmt: skip


def _item_record(
    item: Item,
    parts: tuple[SeriesRecord | None, list[MapsRecord], RegionsRecord | None],
    saved: SavedStudy,
    beside: Beside,
) -> ItemRecord:
    """Write an item, named after its content so that none is written twice, and describe it."""
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.session.file import FileRecord, ItemRecord
    from napari_mrf.io.session.results import write_result

    series, maps, regions = parts
    stored = item.make()
    name = f"{item.kind}_{stored.digest()[:16]}"
    written = path = beside.kept(f"{name}.npz")
    if written is None or path is None:
        written, path = beside.place(name, ".npz")
        write_result(written, stored)
    saved.items.append(path)
    of = [file for one in maps if one.name in item.maps for file in one.files]
    of += [FileRecord.of(source, sha256, saved.path) for source, sha256 in item.files]
    if item.of_series and series is not None:
        of += series.files
    if item.of_regions and regions is not None and regions.file is not None:
        of.append(regions.file)
    file = FileRecord.of(path, sha256_of(written), saved.path)
    return ItemRecord(kind=item.kind, name=item.name, file=file, of=of)  # type: ignore[arg-type]


def _belongs_to_maps(file: Path) -> bool:
    from napari_mrf.io.maps.writer import MAPS_RESULTS

    names = (MAPS_RESULTS.record, *MAPS_RESULTS.files)
    return file.name in names or (file.suffix == ".nii" and f"{file.name}.gz" in names)


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
