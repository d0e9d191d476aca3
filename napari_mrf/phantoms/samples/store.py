"""Folders of sample data: complete with a record of it, or not there at all."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import write_error
from napari_mrf.io.owners import new_name, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORD_NAME = "sample.json"


def write_record(
    folder: Path, version: int, acquisition: dict[str, Any], files: list[Path]
) -> None:
    """Say how a sample was made, and how large its images are.

    Written last: a folder without a record is not complete.
    """
    record = {
        "format": "napari-mrf sample",
        "version": version,
        "acquisition": acquisition,
        "files": {path.relative_to(folder).as_posix(): _size(path) for path in files},
    }
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    (folder / RECORD_NAME).write_text(text, encoding="utf-8")


def _size(path: Path) -> int | None:
    """Return the bytes of an image; texts may be edited and have other line ends."""
    return path.stat().st_size if path.suffix in (".nii", ".gz", ".h5") else None


def is_complete(folder: Path, version: int) -> bool:
    """Return whether a folder holds the sample of a version, every image in its full size."""
    path = folder / RECORD_NAME
    try:
        record = strict_json.loads(read_text(path, "record"), path=path)
        return record["version"] == version and all(
            (folder / name).is_file() and _size(folder / name) == size
            for name, size in record["files"].items()
        )
    except (OSError, MRFInputError, KeyError, TypeError, AttributeError):
        return False


def make_once(folder: Path, version: int, make: Callable[[Path], Any]) -> None:
    """Make a sample where it is not yet; it appears complete or not at all.

    Parameters
    ----------
    folder : Path
        Where it belongs.
    version : int
        Of the numbers.
    make : callable
        Makes it in the folder that it is given, beside the other one.

    Raises
    ------
    MRFInputError
        Codes of failed writes, such as ``"disk-full"`` and ``"not-writable"``.
    """
    if is_complete(folder, version):
        return
    sweep(folder.parent)
    staged = folder.parent / new_name()
    try:
        make(staged)
        if folder.exists() and not is_complete(folder, version):
            shutil.rmtree(folder)
        if not folder.exists():
            staged.rename(folder)
    except OSError as error:
        # Another process may have been quicker.
        if not is_complete(folder, version):
            raise write_error(error, folder) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
