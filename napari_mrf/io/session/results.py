"""Results beside a session: numbers as arrays and words as strict JSON, in one ``.npz``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data import strict_json
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.npz import read_all

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_WORDS = "record"


@dataclass(frozen=True, eq=False)
class StoredResult:
    """A result as it is stored.

    Parameters
    ----------
    words : dict
        JSON-ready.
    arrays : dict of str to ndarray
        By name, without objects.
    """

    words: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def digest(self) -> str:
        """Return a sha256 of the content, the same for the same result."""
        found = hashlib.sha256(_packed(self.words))
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            found.update(f"{name} {array.dtype.str} {array.shape}".encode())
            found.update(array.data)
        return found.hexdigest()


def write_result(path: Path, result: StoredResult) -> None:
    """Write a result; no other file is there yet."""
    words = np.frombuffer(_packed(result.words), np.uint8)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_WORDS: words}, **result.arrays)


def read_result(path: Path) -> StoredResult:
    """Read a result.

    Raises
    ------
    MRFInputError
        ``"bad-session"`` for an archive without words, ``"bad-json"``, and those of `read_all`.
    """
    arrays = read_all(path)
    if _WORDS not in arrays:
        raise MRFInputError("bad-session", "the result of a session is not valid", path=path,
                            expected=f"an array {_WORDS}", found=", ".join(arrays)
                            )  # fmt: skip
    try:
        words = strict_json.loads(arrays.pop(_WORDS).tobytes().decode(), path=path)
    except UnicodeDecodeError as error:
        raise MRFInputError("bad-json", "the file is not valid JSON", path=path,
                            found=str(error)) from None  # fmt: skip
    return StoredResult(words, arrays)


def _packed(words: dict[str, Any]) -> bytes:
    return json.dumps(words, allow_nan=False, sort_keys=True).encode()
