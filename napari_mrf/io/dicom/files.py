"""DICOM files in folders, told by their first bytes; nothing of their content is read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.reading_progress import reading_told_to, tell_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAGIC, _MAGIC_AT = b"DICM", 128


def is_dicom(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of DICOM."""
    return head[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC


def is_dicom_folder(folder: Path) -> bool:
    """Return whether a folder itself holds a DICOM file."""
    return next(dicom_among(folder), None) is not None


def holds_dicom(folder: Path) -> bool:
    """Return whether a folder, or one below it, holds a DICOM file."""
    return next(dicom_below(folder), None) is not None


def dicom_below(folder: Path) -> Iterator[Path]:
    """Yield the DICOM files in a folder and all below, in order; links to folders are left."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from _among(Path(place), names)


def dicom_among(folder: Path) -> Iterator[Path]:
    """Yield the DICOM files directly in a folder, in order.

    Raises
    ------
    MRFInputError
        ``"unreadable-file"``.
    """
    try:
        names = [one.name for one in folder.iterdir()]
    except OSError as error:
        raise read_error(error, folder) from error
    yield from _among(folder, names)


def _among(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in sorted(names):
        path = folder / name
        if name.startswith(".") or name.upper() == "DICOMDIR" or not path.is_file():
            continue
        if is_dicom_file(path):
            yield path


def is_dicom_file(path: Path) -> bool:
    """Return whether a file begins as DICOM does; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(_MAGIC_AT + len(_MAGIC)))
    except OSError:
        return False


def digest(files: Iterable[Path]) -> str:
    """Return one sha256 for files, whatever they are called: of their sorted sha256.

    Raises
    ------
    MRFInputError
        As `sha256_of`.
    """
    paths = list(files)
    sizes = [size_of(path) for path in paths]
    sums = []
    for i, path in enumerate(paths):
        tell_read(sum(sizes[:i]), sum(sizes))
        with reading_told_to(lambda done, total: None):
            sums.append(sha256_of(path))
    return hashlib.sha256("\n".join(sorted(sums)).encode()).hexdigest()
