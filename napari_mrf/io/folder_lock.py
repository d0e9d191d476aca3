"""Folders that one process writes to at a time, and what a process killed there has left.

The lock is the folder ``.mrf-lock`` with one file in it, named by its owner. It appears by one
rename, with the file in it, and a dead owner's file is taken over by one rename too: of several
processes one wins, on any disk. The file is the note of what is about to take its place.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import write_error
from napari_mrf.io.owners import delete, new_name, owner_of, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LOCK_NAME = ".mrf-lock"
_KIND = "lock"


class FolderLock:
    """A folder that is held by this process; see `held`.

    Parameters
    ----------
    folder : Path
        The folder.
    own : Path
        The file that says who holds it.
    """

    def __init__(self, folder: Path, own: Path) -> None:
        self.folder, self._own = folder, own

    def refresh(self) -> None:
        """Show other computers that the folder is still in use; call it within a week."""
        with suppress(OSError):
            os.utime(self._own)

    def note(self, record: Path, new: Mapping[Path, Path], old: Iterable[Path] = ()) -> None:
        """Write down what is about to take its place, so that it can be taken away again.

        Parameters
        ----------
        record : Path
            Where this file is new, all is in place.
        new : mapping of Path to Path
            Where the complete files lie so far, by their final names.
        old : iterable of Path
            Earlier files that go with the earlier record.
        """
        content = {
            "record": os.path.relpath(record, self.folder),
            "before": _identity(record),
            "new": {self._name(path): _identity(staged) for path, staged in new.items()},
            "old": {self._name(path): _identity(path) for path in old},
        }
        with self._own.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())

    def settle(self) -> None:
        """Delete what the note names, unless all of it is in place, and temporary files with it.

        A file goes only where size and time are those of the note, so nobody else's does; an
        earlier one only after its record.
        """
        note = _read(self._own)
        record = _identity(self.folder / note.record)
        if record in (None, note.before):
            for doomed in (note.new, note.old if record != note.before else {}):
                for name, identity in doomed.items():
                    if _identity(self.folder / name) == identity:
                        (self.folder / name).unlink()
        for folder in {(self.folder / name).parent for name in (*note.new, *note.old)}:
            sweep(folder)
            if folder != self.folder:
                with suppress(OSError):  # it is not empty
                    folder.rmdir()
        self._own.write_text("")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


@contextmanager
def held(folder: Path) -> Iterator[FolderLock]:
    """Hold a folder, which exists, against all other processes and threads.

    What a dead one has left unfinished there is deleted first.

    Yields
    ------
    FolderLock
        To note in it what is about to be put in place.

    Raises
    ------
    MRFInputError
        ``"in-use"``, and the codes of failed writes.
    """
    try:
        own = _take(folder)
    except OSError as error:
        raise write_error(error, folder) from error
    lock = FolderLock(folder, own)
    try:
        sweep(folder)
        lock.settle()
        yield lock
    finally:
        with suppress(OSError):
            own.unlink(missing_ok=True)
            own.parent.rmdir()


def settle(folder: Path) -> None:
    """Delete what a dead process has left unfinished in a folder, which need not exist.

    Raises
    ------
    MRFInputError
        ``"in-use"`` where a process is still at it, and the codes of failed writes.
    """
    if (folder / LOCK_NAME).is_dir():
        with held(folder):
            pass


def _take(folder: Path) -> Path:
    """Make the lock, or take over that of a dead process; return the own file in it."""
    place, name = folder / LOCK_NAME, new_name(_KIND)
    staged = folder / new_name()
    staged.mkdir()
    try:
        (staged / name).touch()
        while True:
            try:
                os.rename(staged, place)  # noqa: PTH104 (Path.rename is for files)
                return place / name
            except OSError as error:
                # A folder that is not empty has one code on one system and another on the next.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not place.is_dir():
                    raise
            for other in list(place.iterdir()) if place.is_dir() else []:
                _refuse_living(other, folder)
                with suppress(FileNotFoundError):  # another process was quicker
                    os.utime(other)
                    other.rename(place / name)
                    return place / name
            with suppress(OSError):  # where an empty folder is in the way of a rename
                place.rmdir()
    finally:
        delete(staged)


def _refuse_living(lock: Path, folder: Path) -> None:
    owner = owner_of(lock.name, _KIND)
    if owner is not None and owner.is_gone(lock, folder):
        return
    hint = "Wait until it has ended, or choose another folder."
    if owner is None or not owner.is_here:
        hint += f" If it no longer runs, delete {LOCK_NAME} in this folder."
    raise MRFInputError("in-use", "another process is writing to this folder", path=folder,
                        found=str(owner or lock.name), hint=hint)  # fmt: skip


_Identity = list[int] | None


@dataclass(frozen=True)
class _Note:
    """What `FolderLock.note` has written: names with size and time of the files."""

    record: str
    before: _Identity
    new: dict[str, _Identity]
    old: dict[str, _Identity]


def _read(path: Path) -> _Note:
    """Return a note; an empty one where it is none, or reaches out of its folder."""
    try:
        note = _Note(**json.loads(path.read_text(encoding="utf-8")))
        names = [PurePath(name) for name in (*note.new, *note.old)]
    except (OSError, ValueError, TypeError):
        names = [PurePath("..")]
    if any(name.is_absolute() or ".." in name.parts for name in names):
        return _Note("", None, {}, {})
    return note


def _identity(path: Path) -> _Identity:
    """Return size and time of a file, which a rename leaves as they are; None without one."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
