"""Writing that either happens completely or leaves what was there before."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.owners import new_name, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_CAUSES = {
    errno.ENOSPC: ("disk-full", "the disk is full", "Free some space or choose another folder."),
    errno.EDQUOT: ("disk-full", "the disk quota is used up", "Choose another folder."),
    errno.EACCES: ("not-writable", "the folder is not writable", "Choose another folder."),
    errno.EPERM: ("not-writable", "the folder is not writable", "Choose another folder."),
    errno.EROFS: ("not-writable", "the disk is read-only", "Choose another folder."),
    errno.ENAMETOOLONG: ("name-too-long", "the file name is too long", "Choose a shorter name."),
    errno.ENOENT: ("missing-folder", "the folder does not exist", "Create it first."),
    errno.EEXIST: ("not-a-folder", "there is a file where the folder should be", "Choose another."),
    errno.ENOTDIR: (
        "not-a-folder",
        "there is a file where the folder should be",
        "Choose another.",
    ),
    errno.EISDIR: ("not-a-file", "there is a folder where the file should be", "Choose another."),
}

WRITE_CODES = frozenset({"write-failed", *(code for code, _, _ in _CAUSES.values())})
"""Codes of the errors of `write_error`."""


def place_error(error: OSError) -> MRFInputError | None:
    """Return the readable error for what the system refused, None where no place is to blame.

    For what was neither read nor written with care for such errors: it is not known which of the
    two failed.
    """
    if error.errno not in _CAUSES:
        return None
    names = [one for one in (error.filename2, error.filename) if isinstance(one, str | Path)]
    path = Path(names[0]) if names else None
    if error.errno in (errno.EACCES, errno.EPERM):
        return MRFInputError("no-permission", "this may not be read or written", path=path,
                             hint="Check its permissions, or choose another place.")  # fmt: skip
    return write_error(error, path)


def write_error(error: OSError, path: Path | None) -> MRFInputError:
    """Return the readable error for a failed write to a path."""
    code, what, hint = _CAUSES.get(
        error.errno or 0, ("write-failed", f"writing failed: {error.strerror or error}", "")
    )
    return MRFInputError(code, what, path=path, hint=hint or None)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are not yet.

    Raises
    ------
    MRFInputError
        The codes of `atomic_write_all`, and ``"not-a-folder"``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error


def reserve(path: Path, n_bytes: int) -> None:
    """Raise where the disk has no room for a file, before it is given to a library.

    The HDF5 library loses its way where a write fails: its errors come late, and elsewhere. Systems
    that cannot reserve room leave it at that.

    Raises
    ------
    OSError
        For `atomic_write_all` to tell.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise ``"exists"`` where a file stands that may not be replaced."""
    try:
        exists = path.exists()
    except OSError as error:
        raise write_error(error, path) from error
    if exists and not overwrite:
        raise MRFInputError("exists", "the file already exists", path=path,
                            hint="Choose another name, or allow it to be overwritten."
                            )  # fmt: skip


@contextmanager
def atomic_write_all(
    paths: Iterable[Path],
    *,
    instead_of: Iterable[Path] = (),
    before_placing: Callable[[Mapping[Path, Path], Iterable[Path]], None] | None = None,
) -> Iterator[dict[Path, Path]]:
    """Write several files that appear together, or none of them.

    Temporary files that processes killed earlier have left beside them are deleted first.

    Parameters
    ----------
    paths : iterable of Path
        Final names. Their folders must exist.
    instead_of : iterable of Path
        Earlier files that go once the new ones are in place, whatever their names.
    before_placing : callable, optional
        Called with the complete temporary files by their final names, and with the earlier files
        that will go, before any of them moves.

    Yields
    ------
    dict of Path to Path
        A temporary file beside each final name, to be written in the body. On leaving, all
        are flushed to the disk and take their final names in the given order; after an
        exception all are removed and the old files stay as they were. The last one appears
        last, and an earlier one of its name goes first: where it stands, all others do.

    Raises
    ------
    MRFInputError
        ``"disk-full"``, ``"not-writable"``, ``"name-too-long"``, ``"missing-folder"`` or
        ``"write-failed"``.
    """
    staged = {path: _beside(path) for path in map(Path, paths)}
    path = next(iter(staged), Path())
    for folder in {path.parent for path in staged}:
        sweep(folder)
    try:
        for path, temporary in staged.items():
            _refuse_long_name(path)
            temporary.touch(exist_ok=False)
        yield staged
        for temporary in staged.values():
            _flush(temporary)
        stale = set(map(Path, instead_of)) - set(staged)
        if before_placing is not None:
            before_placing(staged, [one for one in (*staged, *stale) if one.exists()])
        _put_in_place(staged, stale)
        for folder in {path.parent for path in staged}:
            _flush_folder(folder)
    except OSError as error:
        raise write_error(error, Path(error.filename2 or path)) from error
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write one file completely or not at all; see `atomic_write_all`.

    Parameters
    ----------
    path : str or Path
        Final name.

    Yields
    ------
    Path
        The temporary file to write.
    """
    path = Path(path)
    with atomic_write_all([path]) as staged:
        yield staged[path]


def _beside(path: Path) -> Path:
    return path.parent / new_name()


def _put_in_place(staged: dict[Path, Path], stale: set[Path]) -> None:
    """Give staged files their final names; after a failure the earlier ones are back."""
    if len(staged) == 1 and not stale:  # one step: the earlier file is never away
        for path, temporary in staged.items():
            temporary.replace(path)
        return
    earlier: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for path in (*reversed(staged), *stale):
            if path.is_file() or path.is_symlink():
                kept = _beside(path)
                path.replace(kept)
                earlier[path] = kept
        for path, temporary in staged.items():
            temporary.replace(path)
            placed.append(path)
    except BaseException:
        for path in reversed(placed):
            path.unlink()
        # The last one of a set says that the set is complete, so it comes back last.
        for path, kept in reversed(earlier.items()):
            kept.replace(path)
        raise
    for kept in earlier.values():
        with suppress(OSError):
            kept.unlink()


def _refuse_long_name(path: Path) -> None:
    # The temporary file would be written in full before the long name is refused.
    if len(os.fsencode(path.name)) > 255:
        raise OSError(errno.ENAMETOOLONG, "File name too long")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # Not every system lets a folder be opened; the rename itself has already happened.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
