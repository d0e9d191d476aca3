"""Folders of what can be made again: caches and samples."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import WRITE_CODES, write_error

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def keeping(
    folder: Path, what: str, *, variable: str = "XDG_CACHE_HOME", otherwise: str = ""
) -> Iterator[None]:
    """Tell of failed writes in the body that nobody chose the folder, and how to move it.

    Parameters
    ----------
    folder : Path
        What is written to, or beside.
    what : str
        What the folder is, for messages: ``"the cache folder for unpacked series"``.
    variable : str
        Of the environment: where it lies, on systems that know it.
    otherwise : str
        What helps besides, as a clause.

    Raises
    ------
    MRFInputError
        The codes of failed writes.
    """
    try:
        yield
    except OSError as error:
        raise _unusable(write_error(error, folder), folder, what, variable, otherwise) from error
    except MRFInputError as error:
        is_here = error.path is not None and Path(error.path).is_relative_to(folder.parent)
        if error.code not in WRITE_CODES or not is_here:
            raise
        raise _unusable(error, folder, what, variable, otherwise) from error


def _unusable(
    error: MRFInputError, folder: Path, what: str, variable: str, otherwise: str
) -> MRFInputError:
    cures = ["free some space" if error.code == "disk-full" else "make it writable"]
    if sys.platform not in ("win32", "darwin"):
        cures.append(f"set the environment variable {variable} to another folder")
    cure = ", or ".join([*cures, *filter(None, [otherwise])])
    return MRFInputError(error.code, f"{what} cannot be used: {error.what}", path=folder,
                         expected=error.expected, found=error.found,
                         hint=f"{cure[0].upper()}{cure[1:]}.")  # fmt: skip


def delete_kept(folder: Path) -> int:
    """Delete a folder, which need not exist, and return the number of bytes freed.

    Raises
    ------
    MRFInputError
        The codes of failed writes, such as ``"not-writable"``.
    """
    freed = 0
    try:
        # Backwards, so that a folder is empty when its turn comes.
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                size = path.lstat().st_size
                path.unlink(missing_ok=True)
                freed += size
    except OSError as error:
        raise write_error(error, Path(error.filename or folder)) from error
    with suppress(OSError):  # a link, or another process has put something in
        folder.rmdir()
    return freed
