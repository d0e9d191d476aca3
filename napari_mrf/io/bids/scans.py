"""Scans of maps on the disk: the files of one measurement of a subject, by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_error
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.dialects import FOREGROUND, RECORD_SUFFIX, REGIONS, Place, key_of
from napari_mrf.io.bids.names import NIFTI_SUFFIXES, BidsName, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DATA_FOLDERS = ("anat", "fmap", "mr-quant")


@dataclass(frozen=True)
class Scan:
    """The maps of one scan.

    Parameters
    ----------
    path : Path
        What it is opened by: the folder of the subject or session, or one of its maps where the
        folder holds several scans.
    name : str
        What all file names begin with, such as ``sub-01_ses-1``.
    files : mapping of str to (Path, Place)
        Files by key of the map, and of what comes with maps.
    record : Path or None
        The record of all files; None where there is none.
    """

    path: Path
    name: str
    files: Mapping[str, tuple[Path, Place]]
    record: Path | None

    @property
    def folder(self) -> Path:
        """That of the subject or session."""
        first = next(iter(self.files.values()))[0].parent
        return first.parent if first.name in _DATA_FOLDERS else first


def find_scans(folder: Path, levels: int = 2) -> dict[str, Scan]:
    """Return the scans of maps in a data set, or in the folder of a subject or session, by name.

    Parameters
    ----------
    folder : Path
    levels : int
        Of folders ``sub-…`` and ``ses-…`` below, to look into where the folder has no maps.

    Raises
    ------
    MRFInputError
        ``"doubled-map"`` where two files of a scan are the same map.
    """
    found = _scans_of(folder)
    if not found and levels:
        for below in _subfolders(folder, ("sub-", "ses-")):
            found |= find_scans(below, levels - 1)
    return found


def scan_at(path: Path) -> Scan | None:
    """Return the scan that a folder, or one of its maps, stands for; None where it is none.

    Raises
    ------
    MRFInputError
        ``"several-scans"`` for a folder that holds more than one; ``"doubled-map"``.
    """
    if path.is_file():
        name = parsed(path.name)
        if name is None or key_of(name, path.parent.name) is None:
            return None
        home = path.parent.parent if path.parent.name in _DATA_FOLDERS else path.parent
        return _scans_of(home).get(name.scan)
    found = find_scans(path)
    if len(found) > 1:
        raise MRFInputError(
            "several-scans", "the folder contains the maps of several scans", path=path,
            expected="one", found=", ".join(found),
            hint="Give the folder of a session, or one of the maps of a scan.",
        )  # fmt: skip
    return next(iter(found.values()), None)


def find_segmentation(folder: Path, scan: str) -> Path | None:
    """Return the label map of a scan in a data set or a folder of it, None without any.

    Parameters
    ----------
    folder : Path
        The data set, or the folder of a subject or session.
    scan : str
        Name of the scan; empty for the only one.

    Raises
    ------
    MRFInputError
        ``"several-label-maps"`` where none of several is called ``desc-muscles``.
    """
    name = parsed(f"{scan}_{REGIONS.suffix}.nii.gz")
    homes = [folder]
    if name is not None:
        subject = folder / f"sub-{name.entities['sub']}"
        homes += [subject, subject / f"ses-{name.entities.get('ses', '')}"]
    found = [
        (file, known)
        for home in homes
        for file, known, _ in _named(home)
        if known.suffix == REGIONS.suffix and (not scan or known.scan == scan)
    ]
    ours = [file for file, known in found if known.desc == REGIONS.desc]
    chosen = ours or [file for file, _ in found]
    if len(chosen) > 1:
        raise MRFInputError("several-label-maps", f"{scan or 'the folder'} has several label maps",
                            path=folder, expected=f"one, or one with desc-{REGIONS.desc}",
                            found=", ".join(file.name for file in chosen),
                            hint="Give one of them by its path.")  # fmt: skip
    return chosen[0] if chosen else None


def find_foreground(scan: Scan) -> Path | None:
    """Return the mask of the voxels of a scan that have values, None without any."""
    found = (file for file, name, _ in _named(scan.folder)
             if name.scan == scan.name and is_foreground(file))  # fmt: skip
    return next(found, None)


def is_foreground(path: Path) -> bool:
    """Return whether a file is the mask of the voxels of a scan that have values."""
    name = parsed(path.name)
    return name is not None and (name.suffix, name.desc) == (FOREGROUND.suffix, FOREGROUND.desc)


def _scans_of(folder: Path) -> dict[str, Scan]:
    """Return the scans whose maps lie in a folder, or in its folders of data."""
    maps: dict[str, dict[str, tuple[Path, Place]]] = {}
    for file, name, home in _named(folder):
        known = key_of(name, home)
        if known is None:
            continue
        key, place = known
        earlier = maps.setdefault(name.scan, {}).setdefault(key, (file, place))
        if earlier[0] != file:
            raise MRFInputError("doubled-map", f"two files are the map {key} of {name.scan}",
                                path=file, found=str(earlier[0]),
                                hint="Move one of them elsewhere.")  # fmt: skip
    maps = {scan: files for scan, files in maps.items() if set(files) & set(PARAMETERS)}
    return {scan: _scan(folder, scan, maps) for scan in sorted(maps)}


def _scan(folder: Path, name: str, maps: Mapping[str, dict[str, tuple[Path, Place]]]) -> Scan:
    order = [*PARAMETERS, *(key for key in maps[name] if key not in PARAMETERS)]
    files = {key: maps[name][key] for key in order if key in maps[name]}
    first = next(iter(files.values()))[0]
    records = [
        folder / home / f"{name}_{RECORD_SUFFIX}.json"
        for home in dict.fromkeys(("anat", first.parent.name))
    ]
    record = next((one for one in records if one.is_file()), None)
    return Scan(folder if len(maps) == 1 else first, name, files, record)


def _named(folder: Path) -> Iterator[tuple[Path, BidsName, str]]:
    """Yield NIfTI files with their names, and the names of the folders that they lie in."""
    homes = [folder, *(folder / home for home in _DATA_FOLDERS)]
    for home in homes:
        try:
            files = sorted(home.iterdir()) if home.is_dir() else []
        except OSError as error:
            raise read_error(error, home) from error
        for file in files:
            name = parsed(file.name) if file.name.endswith(NIFTI_SUFFIXES) else None
            if name is not None and file.is_file():
                yield file, name, home.name


def _subfolders(folder: Path, prefixes: tuple[str, ...]) -> list[Path]:
    try:
        return [one for one in sorted(folder.iterdir())
                if one.name.startswith(prefixes) and one.is_dir()]  # fmt: skip
    except OSError as error:
        raise read_error(error, folder) from error
