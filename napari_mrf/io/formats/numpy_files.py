"""NumPy ``.npy`` files: mapped into memory, never unpickled."""

from __future__ import annotations

import math
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.source import FileStamp, MappedArray, Source, sha256_of, truncated

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"\x93NUMPY"
_MOST_AXES = 32
# The header is Python text, which NumPy gives to the parser of Python.
_PARSER_ERRORS = (
    ValueError, EOFError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError,
    KeyError, OverflowError,
)  # fmt: skip


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a .npy file."""
    return head.startswith(MAGIC)


def read(path: Path, dataset: str | None = None) -> Source:
    """Read an array; `dataset` means nothing here.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"bad-header"``, ``"not-numeric"``, ``"bad-shape"`` or
        ``"security-pickle"``.
    """
    if dataset is not None:
        raise MRFInputError("bad-dataset", "a .npy file contains only one array", path=path,
                            expected="no dataset", found=repr(dataset))  # fmt: skip
    stamp = FileStamp.of(path)
    with path.open("rb") as file:
        shape, order, dtype = read_header(file, path, stamp.size)
        offset = file.tell()
    end = offset + math.prod(shape) * dtype.itemsize
    if stamp.size < end:
        raise truncated(path, end, stamp.size)
    return Source(path, sha256_of(path), MappedArray(stamp, dtype, shape, offset, order),
                  metadata={"format": "npy", "stored_type": dtype.str})  # fmt: skip


def read_header(
    file: BinaryIO, path: Path, size: int
) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any]]:
    """Return shape, order ("C" or "F") and type; the file then stands at the first number.

    Parameters
    ----------
    file : binary file
        At the beginning of a .npy file or member.
    path : Path
        For messages.
    size : int
        Of the whole, in bytes.

    Raises
    ------
    MRFInputError
        ``"bad-header"``, ``"truncated"`` or ``"security-pickle"``.
    """
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        reader = readers.get(np.lib.format.read_magic(file))
        if reader is None:
            raise ValueError("this version of the format is not supported")
        shape, fortran, dtype = reader(file)
    except _PARSER_ERRORS as error:
        if "EOF" in str(error):
            raise truncated(path, size + 1, size, least=True) from None
        raise MRFInputError("bad-header", "the header of the array is damaged", path=path,
                            found=reason(error)) from None  # fmt: skip
    if len(shape) > _MOST_AXES or any(n < 0 for n in shape):
        raise MRFInputError("bad-header", "the shape of the array is impossible", path=path,
                            found=str(shape)[:200])  # fmt: skip
    if dtype.hasobject:
        raise MRFInputError("security-pickle", "the array contains pickled Python objects, "
                            "which can run any code when they are read", path=path,
                            expected="numbers", found=str(dtype),
                            hint="Save plain complex numbers.")  # fmt: skip
    if dtype.kind not in "biufc" or dtype.subdtype is not None:
        raise MRFInputError("not-numeric", "the array holds no numbers", path=path,
                            expected="complex or real numbers", found=str(dtype)[:200])  # fmt: skip
    if 0 in shape:
        raise MRFInputError("bad-shape", "the array is empty", path=path,
                            found=f"shape {shape}")  # fmt: skip
    return tuple(int(n) for n in shape), "F" if fortran else "C", dtype
