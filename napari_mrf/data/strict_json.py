"""JSON from files of unknown origin: no NaN, no duplicate keys, no surprises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path


def loads(text: str, *, path: str | Path | None = None) -> Any:
    """Parse JSON text strictly.

    Python's parser accepts NaN and lets the last of two equal keys win; both hide mistakes.

    Parameters
    ----------
    text : str
        The JSON text.
    path : str or Path, optional
        Where it came from, for the message.

    Returns
    -------
    object
        The parsed value.

    Raises
    ------
    MRFInputError
        ``"bad-json"`` for invalid JSON, NaN, infinities and duplicate keys.
    """

    def refuse_constant(name: str) -> None:
        raise MRFInputError("bad-json", f"the JSON holds {name}, which is not a number", path=path)

    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise MRFInputError(
                "bad-json", f"the JSON text contains the key {twice!r} twice", path=path
            )
        return record

    try:
        return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)
    except MRFInputError:
        raise
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise MRFInputError(
            "bad-json", "the file is not valid JSON", path=path, found=str(error)
        ) from None


def read_text(path: Path, what: str, most_bytes: int = 5_000_000) -> str:
    """Return the text of a small JSON file.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it holds, in a word for the message.
    most_bytes : int
        Larger files are refused unread.

    Raises
    ------
    MRFInputError
        ``"file-too-large"``, ``"unreadable-file"``, or ``"bad-json"`` for what is not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise MRFInputError(
                "file-too-large",
                f"the file is too large for a {what}",
                path=path,
                expected=f"at most {most_bytes} bytes",
                found=f"{size} bytes",
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MRFInputError(
            "unreadable-file", f"the {what} cannot be read: {error.strerror}", path=path
        ) from None
    except UnicodeDecodeError:
        raise MRFInputError("bad-json", "the file is not UTF-8 text", path=path) from None
