"""JSON from files of unknown origin: no NaN, no duplicate keys, no surprises."""

from __future__ import annotations

import json
import re
from collections import Counter
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
        ``"bad-json"`` for invalid JSON, NaN, infinities, duplicate keys and halves of characters.
    """

    def refuse_constant(name: str) -> None:
        raise MRFInputError("bad-json", f"the JSON holds {name}, which is not a number", path=path)

    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = next(key for key, count in counts.items() if count > 1)
            raise MRFInputError(
                "bad-json", f"the JSON text contains the key {twice!r} twice", path=path
            )
        return record

    try:
        value = json.loads(
            text, parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates
        )
        if re.search(r"\\u[dD][89a-fA-F]", text):
            # Half a character, which no file and no terminal can take.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except MRFInputError:
        raise
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise MRFInputError(
            "bad-json", "the file is not valid JSON", path=path, found=str(error)
        ) from None
