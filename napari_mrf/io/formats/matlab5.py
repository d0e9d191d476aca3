"""MATLAB 5 files (``-v6``, ``-v7``): every element checked to its end, then read by scipy."""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from scipy.io import loadmat, whosmat

from napari_mrf.compute.memory import available_bytes, refuse_beyond_memory
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import Source, choose_error, sha256_of, truncated

if TYPE_CHECKING:
    from pathlib import Path

_COMPRESSED = 15
_CLASSES = ("double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32)))
_PIECE = 1 << 20


def matches(head: bytes) -> bool:
    """Return whether the first bytes are those of a MATLAB 5 file."""
    return head[124:128] in (b"\x00\x01IM", b"\x01\x00MI") and len(head) >= 128


def read(path: Path, dataset: str | None = None) -> Source:
    """Read the variable of that name, or the only array, into memory.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-mat"``, ``"declared-size"``, ``"too-large"`` or
        ``"bad-dataset"``.
    """
    held_bytes = _check_elements(path)
    try:
        variables = {name: (shape, kind) for name, shape, kind in whosmat(path, appendmat=False)}
        names = [n for n, (shape, kind) in variables.items() if kind in _CLASSES and len(shape) > 2]
        name = dataset if dataset is not None else names[0] if len(names) == 1 else ""
        if name not in names:
            raise choose_error(path, dataset, names)
        # A number takes a byte or more in the file, whatever its class.
        declared = math.prod(variables[name][0])
        if declared > held_bytes:
            raise MRFInputError("declared-size",
                                f"{name!r} declares more data than the file contains", path=path,
                                expected=f"at most {held_bytes} numbers",
                                found=f"{declared} numbers")  # fmt: skip
        refuse_beyond_memory(16 * declared, "the array", path)
        array = loadmat(path, appendmat=False, variable_names=[name])[name]
    except MRFInputError:
        raise
    except Exception as error:  # scipy's parser raises whatever it stumbles over
        raise _corrupt(path, error) from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iufc":
        raise MRFInputError("not-numeric", f"{name!r} does not contain numbers", path=path)
    return Source(path, sha256_of(path), array,
                  metadata={"format": "MATLAB 5", "dataset": name,
                            "stored_type": array.dtype.str})  # fmt: skip


def _corrupt(path: Path, error: Exception) -> MRFInputError:
    return MRFInputError("corrupt-mat", "the MATLAB file is damaged", path=path,
                         found=f"{error}"[:200] or type(error).__name__,
                         hint="Save or copy it again.")  # fmt: skip


def _check_elements(path: Path) -> int:
    """Walk over the elements, unpack the packed ones, and return how many bytes they hold."""
    size, held = path.stat().st_size, 0
    with path.open("rb") as file:
        order = "<" if file.read(128)[126:128] == b"IM" else ">"
        while (start := file.tell()) < size:
            tag = file.read(8)
            if len(tag) < 8:
                raise truncated(path, start + 8, size, least=True)
            kind, length = struct.unpack(f"{order}II", tag)
            if start + 8 + length > size:
                raise truncated(path, start + 8 + length, size, least=True)
            if kind == _COMPRESSED:
                held += _unpacked_size(file, length, path)
            else:
                held += length
                file.seek(start + 8 + length)
    return held


def _unpacked_size(file: BinaryIO, length: int, path: Path) -> int:
    """Unpack one element to its checksum without keeping it, and return its size."""
    unpacker, unpacked, most = zlib.decompressobj(), 0, available_bytes()
    try:
        while length and not unpacker.eof:
            packed = file.read(min(length, _PIECE))
            length -= len(packed)
            while packed and not unpacker.eof:
                unpacked += len(unpacker.decompress(packed, _PIECE))
                packed = unpacker.unconsumed_tail
                if unpacked > most:
                    refuse_beyond_memory(unpacked, "the unpacked array", path)
    except zlib.error as error:
        raise _corrupt(path, error) from None
    if not unpacker.eof:
        raise MRFInputError("truncated", "a compressed array ends too early", path=path,
                            expected="the end of the compressed data",
                            found=f"{unpacked} bytes unpacked",
                            hint="Save or copy it again.")  # fmt: skip
    file.seek(length, 1)
    return unpacked
