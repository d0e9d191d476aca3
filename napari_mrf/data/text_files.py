"""Small text files of unknown origin: regular files only, their size known before they are read."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path


def size_of(path: Path) -> int:
    """Return the size of a regular file in bytes.

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"not-a-file"`` for folders and for devices and pipes, which may
        never end, or ``"unreadable-file"``.
    """
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        raise read_error(error, path) from None
    if stat.S_ISDIR(state.st_mode):
        raise read_error(IsADirectoryError(), path)
    if not stat.S_ISREG(state.st_mode):
        raise MRFInputError("not-a-file", "this is a device or a pipe, not a file", path=path,
                            hint="Save its content to a file first.")  # fmt: skip
    return state.st_size


def read_text(
    path: Path, what: str, *, most_bytes: int = 5_000_000, not_text: str = "bad-json"
) -> str:
    """Return the text of a small file, line ends as they are.

    Parameters
    ----------
    path : Path
        A regular file of UTF-8 text, with or without a byte order mark.
    what : str
        What it holds, in a word or two for messages.
    most_bytes : int
        Larger files are refused unread.
    not_text : str
        Code of the error for what is not UTF-8.

    Raises
    ------
    MRFInputError
        ``"file-too-large"``, that for what is not UTF-8, and the codes of `size_of`.
    """
    size = size_of(path)
    if size <= most_bytes:
        try:
            with path.open("rb") as file:
                # One byte more than it may have: the file may be growing.
                content = file.read(most_bytes + 1)
        except OSError as error:
            raise read_error(error, path) from None
        size = max(size, len(content))
    if size > most_bytes:
        raise MRFInputError("file-too-large", f"the file is too large for a {what}", path=path,
                            expected=f"at most {most_bytes} bytes",
                            found=f"{size} bytes")  # fmt: skip
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MRFInputError(not_text, f"the {what} is not UTF-8 text", path=path,
                            hint="Save it again as UTF-8 text.") from None  # fmt: skip


def read_error(error: OSError | ValueError, path: Path) -> MRFInputError:
    """Return the readable error for a failed read of a path."""
    if isinstance(error, FileNotFoundError):
        return MRFInputError("missing-file", "the file does not exist", path=path)
    if isinstance(error, IsADirectoryError):
        return MRFInputError("not-a-file", "this is a folder, not a file", path=path,
                             hint="Choose a file in it.")  # fmt: skip
    hint = "Check its permissions." if isinstance(error, PermissionError) else None
    reason = getattr(error, "strerror", None) or error
    return MRFInputError("unreadable-file", f"the file cannot be read: {reason}", path=path,
                         hint=hint)  # fmt: skip
