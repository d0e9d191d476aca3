"""Folders of what can be made again: caches and samples."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari_mrf.io.atomic import write_error


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
