"""Folders of what can be made again (caches and samples), and what of it is in use.

An entry is a file or folder directly in such a folder. A process that uses one leaves a mark
beside it, a hidden file that holds its name, so that no other process deletes it meanwhile.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import WRITE_CODES, write_error
from napari_mrf.io.owners import Owner, new_name, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOGGER = logging.getLogger(__name__)
_MARK = "use"


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


def cache_folder(name: str) -> Path:
    """Return a folder of the cache of this user (it need not exist)."""
    from platformdirs import user_cache_path

    return user_cache_path("napari-mrf") / name


def hold(path: Path) -> Callable[[], None]:
    """Mark the entry of the cache that a path is, or lies in, as used; return what ends that.

    Nothing happens for a path elsewhere, or where the cache cannot be written. To be called
    before it is looked whether the entry is there: one that is there then stays.
    """
    root = cache_folder("").resolve()
    inside = Path(os.path.realpath(path))
    parts = inside.relative_to(root).parts if inside.is_relative_to(root) else ()
    if len(parts) < 2:
        return lambda: None
    folder = root / parts[0]
    mark, staged = folder / new_name(_MARK), folder / new_name()
    with suppress(OSError):
        staged.write_text(parts[1], encoding="utf-8")
        staged.rename(mark)  # there with its content
    process = os.getpid()

    def release() -> None:
        if os.getpid() == process:  # not one that was forked from it
            with suppress(OSError):
                mark.unlink()

    return release


@functools.cache
def hold_until_exit(path: Path) -> None:
    """Mark an entry of the cache as used by this process, as `hold`, for as long as it runs."""
    atexit.register(hold(path))


def delete_kept(folder: Path) -> int:
    """Empty a folder, which need not exist, and return the number of bytes freed.

    Entries that a process uses or writes are kept, and a warning is logged for each.

    Raises
    ------
    MRFInputError
        The codes of failed writes, such as ``"not-writable"``.
    """
    freed = 0
    try:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        for entry in entries:
            if owner_of(entry.name, _MARK) is None:
                freed += _delete_unused(entry)
    except OSError as error:
        raise write_error(error, Path(error.filename or folder)) from error
    return freed


def _delete_unused(entry: Path) -> int:
    writer = owner_of(entry.name)
    if writer is not None and not writer.is_gone(entry, entry.parent):
        return _kept(entry, writer)
    if user := _users(entry.parent).get(entry.name):
        return _kept(entry, user)
    aside = entry.with_name(new_name())
    try:
        entry.rename(aside)
    except FileNotFoundError:  # another process was quicker
        return 0
    try:
        if (user := _users(entry.parent).get(entry.name)) and not entry.exists():
            aside.rename(entry)
            return _kept(entry, user)
        return _delete(aside)
    except OSError as error:
        with suppress(OSError):
            aside.rename(entry)
        raise write_error(error, entry) from error


def _kept(entry: Path, user: Owner) -> int:
    _LOGGER.warning("%s was kept: %s uses it", entry, user)
    return 0


def _users(folder: Path) -> dict[str, Owner]:
    """Return who uses the entries of a folder, by their names; marks of dead processes go."""
    users = {}
    for mark in folder.glob(f".mrf-*.{_MARK}"):
        owner = owner_of(mark.name, _MARK)
        with suppress(FileNotFoundError):
            if owner is not None and owner.is_gone(mark, folder):
                mark.unlink()
            elif owner is not None:
                users[mark.read_text(encoding="utf-8")] = owner
    return users


def _delete(path: Path) -> int:
    """Delete a file or folder and return its bytes; what links lead to stays."""
    if not path.is_dir() or path.is_symlink():
        size = path.lstat().st_size
        path.unlink()
        return size
    freed = sum(_delete(one) for one in path.iterdir())
    path.rmdir()
    return freed
