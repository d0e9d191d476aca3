"""Small text files of unknown origin: regular files only, their size known before they are read."""

from __future__ import annotations

import csv
import stat
from io import StringIO
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


def read_csv(
    path: Path, what: str, *, code: str, most_bytes: int = 5_000_000
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header of a CSV file, and its other rows with the numbers of their lines.

    Blank lines count for nothing, as at the end of files that were edited by hand.

    Parameters
    ----------
    path : Path
        A regular file of UTF-8 text.
    what : str
        What it holds, in a word or two for messages.
    code : str
        Code of the error for what is no CSV text.
    most_bytes : int
        Larger files are refused unread.

    Raises
    ------
    MRFInputError
        That code, also where a row has other cells than the header, and those of `read_text`.
    """
    text = read_text(path, what, most_bytes=most_bytes, not_text=code)
    reader = csv.reader(StringIO(text, newline=""))
    rows = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise MRFInputError(code, "the file is not CSV text", path=path, found=str(error)) from None
    header = rows[0][1] if rows else []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise MRFInputError(
                code,
                f"line {line} has a different number of cells from the header",
                path=path,
                expected=len(header),
                found=len(cells),
            )
    return header, rows[1:]


def number(cell: str, column: str, line: int, path: Path, *, code: str) -> float:
    """Return the number in a cell of a CSV file.

    Raises
    ------
    MRFInputError
        That code, naming line and column.
    """
    try:
        return float(cell)
    except ValueError:
        raise MRFInputError(
            code, f"line {line}, column {column} is not a number", path=path, found=repr(cell)
        ) from None


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
