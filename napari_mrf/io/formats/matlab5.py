"""MATLAB 5 files (``-v6``, ``-v7``): arrays of numbers, every element checked to its end.

Read here and not by scipy, whose parser can end the program on a damaged file.

References
----------
MathWorks, MAT-File Format, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_mrf.compute.memory import available_bytes, refuse_beyond_memory
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.source import Source, choose_error, sha256_of, truncated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MATRIX, _COMPRESSED = 14, 15
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
"""Type of the numbers by class of an array; the others are cells, structs, text and so on."""
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
"""Type of the numbers by that of a field: MATLAB stores whole doubles as small integers."""
_LOGICAL, _COMPLEX = 0x200, 0x800
_HEAD_BYTES, _MOST_AXES = 1024, 32
_PIECE = 1 << 20


@dataclass(frozen=True)
class _Variable:
    """An array of numbers: its place in the file, and what its head says."""

    start: int
    length: int
    packed: bool
    held: int  # bytes that the element holds, unpacked
    numbers_at: int  # within these
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_complex: bool


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
    try:
        with path.open("rb") as file:
            order = "<" if file.read(128)[126:128] == b"IM" else ">"
            variables = _variables(file, path, order)
            names = list(variables)
            name = dataset if dataset is not None else names[0] if len(names) == 1 else ""
            if name not in variables:
                raise choose_error(path, dataset, names)
            array = _array(file, variables[name], name, path, order)
    except (struct.error, zlib.error, UnicodeDecodeError, LookupError, OSError) as error:
        raise _corrupt(path, reason(error)) from None
    return Source(path, sha256_of(path), array,
                  metadata={"format": "MATLAB 5", "dataset": name,
                            "stored_type": array.dtype.str})  # fmt: skip


def _corrupt(path: Path, found: str) -> MRFInputError:
    return MRFInputError("corrupt-mat", "the MATLAB file is damaged", path=path, found=found,
                         hint="Save or copy it again.")  # fmt: skip


def _variables(file: BinaryIO, path: Path, order: str) -> dict[str, _Variable]:
    """Walk over the elements, unpack the packed ones, and return the arrays by name."""
    size, found = path.stat().st_size, {}
    while (start := file.tell()) < size:
        tag = file.read(8)
        if len(tag) < 8:
            raise truncated(path, start + 8, size, least=True)
        kind, length = struct.unpack(f"{order}II", tag)
        end = start + 8 + length
        if end > size:
            raise truncated(path, end, size, least=True)
        packed = kind == _COMPRESSED
        if packed:
            head, held = _unpacked(file, length, path)
            kind, _ = struct.unpack(f"{order}II", head[:8])
        else:
            head, held = tag + file.read(min(length, _HEAD_BYTES)), 8 + length
        file.seek(end)
        if kind == _MATRIX and len(head) > 8:
            variable = _head(head, order)
            if variable is not None:
                name, numbers_at, shape, dtype, is_complex = variable
                found[name] = _Variable(
                    start + 8, length, packed, held, numbers_at, shape, dtype, is_complex
                )
    return found


def _unpacked(file: BinaryIO, length: int, path: Path) -> tuple[bytes, int]:
    """Unpack one element to its checksum and return its head and its size."""
    unpacker, unpacked, most, head = zlib.decompressobj(), 0, available_bytes(), b""
    while length and not unpacker.eof:
        packed = file.read(min(length, _PIECE))
        length -= len(packed)
        while packed and not unpacker.eof:
            piece = unpacker.decompress(packed, _PIECE)
            head += piece[: _HEAD_BYTES - len(head)]
            unpacked += len(piece)
            packed = unpacker.unconsumed_tail
            if unpacked > most:
                refuse_beyond_memory(unpacked, "the unpacked array", path)
    if not unpacker.eof:
        raise MRFInputError("truncated", "a compressed array ends too early", path=path,
                            expected="the end of the compressed data",
                            found=f"{unpacked} bytes unpacked",
                            hint="Save or copy it again.")  # fmt: skip
    return head, unpacked


def _head(head: bytes, order: str) -> tuple[str, int, tuple[int, ...], np.dtype[Any], bool] | None:
    """Return name, place of the numbers, shape, type and whether complex; None for no series."""
    _, flags, at = _field(head, 8, order)
    _, lengths, at = _field(head, at, order)
    _, name, at = _field(head, at, order)
    (bits,) = struct.unpack(f"{order}I", flags[:4])
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths)
    if bits & 0xFF not in _CLASSES or bits & _LOGICAL or not 2 < len(shape) <= _MOST_AXES:
        return None
    if min(shape) < 0:
        raise LookupError(f"an array of shape {shape}")
    dtype = np.dtype(_CLASSES[bits & 0xFF])
    return name.decode(), at, shape, dtype, bool(bits & _COMPLEX)


def _field(content: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """Return kind and content of a field of an array, and where the next one begins."""
    kind, length = struct.unpack_from(f"{order}II", content, at)
    start, end = at + 8, at + 8 + -(-length // 8) * 8
    if kind >> 16:  # a short one: the length stands before the kind, the content in the tag
        kind, length, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
    if start + length > min(len(content), end):
        raise LookupError("a field that is longer than the array")
    return kind, content[start : start + length], end


def _array(file: BinaryIO, variable: _Variable, name: str, path: Path, order: str) -> NDArray[Any]:
    """Read the numbers of an array."""
    count = math.prod(variable.shape)
    if count > variable.held:  # a number takes a byte or more in the file
        raise _boast(path, name, f"at most {variable.held} numbers", f"{count} numbers")
    refuse_beyond_memory(16 * count + variable.held, "the array", path)
    file.seek(variable.start)
    content = file.read(variable.length)
    content = zlib.decompress(content) if variable.packed else b" " * 8 + content
    parts, at = [], variable.numbers_at
    for _ in range(1 + variable.is_complex):
        kind, numbers, at = _field(content, at, order)
        stored = np.dtype(order + _STORED[kind])
        if len(numbers) != count * stored.itemsize:
            raise _boast(path, name, f"{len(numbers)} bytes", f"{count * stored.itemsize} bytes")
        parts.append(np.frombuffer(numbers, stored).reshape(variable.shape, order="F"))
    with np.errstate(over="ignore", invalid="ignore"):
        if not variable.is_complex:
            return parts[0].astype(variable.dtype)
        array = np.empty(variable.shape, np.result_type(variable.dtype, np.complex64), order="F")
        array.real, array.imag = parts
        return array


def _boast(path: Path, name: str, expected: str, found: str) -> MRFInputError:
    return MRFInputError("declared-size", f"{name!r} declares more than the file holds",
                         path=path, expected=expected, found=found)  # fmt: skip
