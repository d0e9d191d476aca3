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

_RECORD = "record"


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

    def __eq__(self, other: object) -> bool:
        """Return whether another result is stored alike."""
        return isinstance(other, StoredResult) and self.words == other.words and (
            self.arrays.keys() == other.arrays.keys()
            and all(_are_alike(one, other.arrays[name]) for name, one in self.arrays.items())
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

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
    empty = {
        name: [array.dtype.str, *array.shape]  # which readers of arrays refuse
        for name, array in result.arrays.items()
        if not array.size
    }
    record = np.frombuffer(_packed({"words": result.words, "empty": empty}), np.uint8)
    filled = {name: array for name, array in result.arrays.items() if array.size}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_RECORD: record}, **filled)


def read_result(path: Path) -> StoredResult:
    """Read a result.

    Raises
    ------
    MRFInputError
        ``"bad-session"`` for an archive without words, ``"bad-json"``, and those of `read_all`.
    """
    arrays = read_all(path)
    if _RECORD not in arrays:
        raise _not_valid(path, ", ".join(arrays))
    try:
        record = strict_json.loads(arrays.pop(_RECORD).tobytes().decode(), path=path)
        for name, (kind, *shape) in record["empty"].items():
            if 0 not in shape:
                raise ValueError(f"{name} is not empty")
            arrays[name] = np.empty(shape, np.dtype(kind))
        return StoredResult(dict(record["words"]), arrays)
    except MRFInputError:  # a ValueError, too
        raise
    except UnicodeDecodeError as error:
        raise MRFInputError("bad-json", "the file is not valid JSON", path=path,
                            found=str(error)) from None  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_valid(path, repr(error)) from None


def _are_alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def _not_valid(path: Path, found: str) -> MRFInputError:
    return MRFInputError("bad-session", "the result of a session is not valid", path=path,
                         expected=f"an array {_RECORD} of words, as this software writes it",
                         found=found)  # fmt: skip


def _packed(words: dict[str, Any]) -> bytes:
    return json.dumps(words, allow_nan=False, sort_keys=True).encode()
