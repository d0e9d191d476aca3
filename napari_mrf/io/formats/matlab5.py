"""MATLAB 5 files (``-v6``, ``-v7``): arrays of numbers, in structs too, checked to their end.

Read here and not by scipy, whose parser can end the program on a damaged file.

References
----------
MathWorks, MAT-File Format, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_CUR
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_mrf.compute.memory import available_bytes, refuse_beyond_memory
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.source import Source, chosen_array, sha256_of, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_MATRIX, _COMPRESSED = 14, 15
_STRUCT = 2
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
"""Type of the numbers by class of an array; the others are cells, structs, text and so on."""
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
"""Type of the numbers by that of a field: MATLAB stores whole doubles as small integers."""
_LOGICAL, _COMPLEX = 0x200, 0x800
_HEAD_BYTES, _MOST_AXES, _DEEPEST = 1 << 16, 32, 32
_PIECE = 1 << 20


@dataclass(frozen=True)
class _Variable:
    """An array of numbers: its place in the file, and what its head says."""

    start: int
    length: int
    packed: bool
    held: int  # bytes of the element, unpacked, its tag among them
    numbers_at: int  # within these
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_complex: bool


def matches(head: bytes, path: Path) -> bool:
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
    with _opened(path) as (file, order):
        variables = _variables(file, path, order)
        name = chosen_array(path, dataset, list(variables))
        array = _array(file, variables[name], name, path, order)
    return Source(path, sha256_of(path), array, arrays=tuple(variables),
                  metadata={"format": "MATLAB 5", "dataset": name,
                            "stored_type": array.dtype.str})  # fmt: skip


def _corrupt(path: Path, found: str) -> MRFInputError:
    return MRFInputError("corrupt-mat", "the MATLAB file is damaged", path=path, found=found,
                         hint="Save or copy it again.")  # fmt: skip


def array_names(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of numbers of three axes or more, by name.

    Raises
    ------
    MRFInputError
        As `read`.
    """
    with _opened(path) as (file, order):
        return {name: one.shape for name, one in _variables(file, path, order).items()}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """Open a file behind its text, with its byte order; what goes wrong inside is damage."""
    try:
        with path.open("rb") as file:
            yield file, "<" if file.read(128)[126:128] == b"IM" else ">"
    except (struct.error, zlib.error, UnicodeDecodeError, LookupError, OSError) as error:
        raise _corrupt(path, reason(error)) from None


def _variables(file: BinaryIO, path: Path, order: str) -> dict[str, _Variable]:
    """Walk over the elements, unpack the packed ones, and return the arrays by name."""
    size = path.stat().st_size
    found: dict[str, _Variable] = {}
    while (start := file.tell()) < size:
        tag = file.read(8)
        if len(tag) < 8:
            raise truncated(path, start + 8, size, least=True)
        kind, length = struct.unpack(f"{order}II", tag)
        end = start + 8 + length
        if end > size:
            raise truncated(path, end, size, least=True)
        packed = kind == _COMPRESSED
        content = _Content(file, length, path, None if packed else tag)
        arrays: dict[str, _Array] = {}
        kind, held = struct.unpack(f"{order}II", content.read(8))
        if kind == _MATRIX and held:
            _collect(content, 8 + held, order, "", arrays)
        content.finish()
        for name, array in arrays.items():
            found[name] = _Variable(start + 8, length, packed, content.at, *array)
        file.seek(end)
    return found


class _Content:
    """The bytes of an element one after another, unpacked where it is packed.

    Parameters
    ----------
    file : binary file
        At the first of them.
    length : int
        So many bytes of the file belong to the element.
    path : Path
        The file, for messages.
    tag : bytes or None
        What comes first; None of an element that is packed, its tag too.
    """

    def __init__(self, file: BinaryIO, length: int, path: Path, tag: bytes | None) -> None:
        self.at = 0
        self._file, self._left, self._path = file, length, path
        self._ready, self._waiting = tag or b"", b""
        self._unpacker = zlib.decompressobj() if tag is None else None
        self._most = available_bytes()

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer only where the element ends."""
        pieces, wanted = [], count
        while wanted and (self._ready or self._fill()):
            pieces.append(self._ready[:wanted])
            self._ready = self._ready[wanted:]
            wanted -= len(pieces[-1])
        if wanted:
            self._refuse_cut()
        self.at += count - wanted
        return b"".join(pieces)

    def skip(self, count: int) -> None:
        """Go on by so many bytes, which must be there."""
        if self._unpacker is None and count > len(self._ready):
            beyond = min(count - len(self._ready), self._left)
            self.at += len(self._ready) + beyond
            self._file.seek(beyond, SEEK_CUR)
            count -= len(self._ready) + beyond
            self._left -= beyond
            self._ready = b""
        while count > 0:
            piece = self.read(min(count, _PIECE))
            if not piece:
                raise LookupError("a field that is longer than the array")
            count -= len(piece)

    def finish(self) -> None:
        """Go to the end, and check the sum of what is packed."""
        if self._unpacker is None:
            self.at += len(self._ready) + self._left
            return
        while self._ready or self._fill():
            self.at += len(self._ready)
            self._ready = b""
        self._refuse_cut()

    def _refuse_cut(self) -> None:
        if self._unpacker is not None and not self._unpacker.eof:
            raise MRFInputError("truncated", "a compressed array ends too early", path=self._path,
                                expected="the end of the compressed data",
                                found=f"{self.at} bytes unpacked",
                                hint="Save or copy it again.")  # fmt: skip

    def _fill(self) -> bool:
        if self._unpacker is None:
            self._ready = self._file.read(min(self._left, _PIECE))
            self._left -= len(self._ready)
            return bool(self._ready)
        while not self._ready and not self._unpacker.eof and (self._waiting or self._left):
            if not self._waiting:
                self._waiting = self._file.read(min(self._left, _PIECE))
                self._left -= len(self._waiting)
            self._ready = self._unpacker.decompress(self._waiting, _PIECE)
            self._waiting = self._unpacker.unconsumed_tail
        if self.at + len(self._ready) > self._most:
            refuse_beyond_memory(self.at + len(self._ready), "the unpacked array", self._path)
        return bool(self._ready)


_Array = tuple[int, tuple[int, ...], np.dtype[Any], bool]
"""Of an array: place of the numbers, shape, type, and whether it is complex."""


def _collect(
    content: _Content, end: int, order: str, name: str, found: dict[str, _Array], depth: int = 0
) -> None:
    """Collect the arrays of numbers of an array, which may be a struct of others, up to its end.

    Fields of structs are called ``struct/field``, those of the second of several structs
    ``struct(2)/field``, as the names of HDF5 files (MATLAB 7.3) and of MATLAB are.
    """
    flags, lengths, own_name = (_head_field(content, order) for _ in range(3))
    (bits,) = struct.unpack(f"{order}I", flags[:4])
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths)
    name = name or own_name.decode()
    kind = bits & 0xFF
    if kind == _STRUCT:
        if depth > _DEEPEST or min(shape, default=0) < 0:
            raise LookupError("an impossible struct")
        (width,) = struct.unpack(f"{order}i", _head_field(content, order)[:4])
        text = _head_field(content, order)
        if width <= 0:
            raise LookupError("names of fields without letters")
        fields = [text[at : at + width].split(b"\0")[0].decode()
                  for at in range(0, len(text), width)]  # fmt: skip
        for number in range(1, math.prod(shape) + 1 if fields else 1):
            home = name if math.prod(shape) == 1 else f"{name}({number})"
            for field in fields:
                kind, length = struct.unpack(f"{order}II", content.read(8))
                inner = content.at + length
                if kind != _MATRIX or inner > end:
                    raise LookupError("a field that is longer than its struct")
                if length:
                    _collect(content, inner, order, f"{home}/{field}", found, depth + 1)
    elif kind in _CLASSES and not bits & _LOGICAL and 2 < len(shape) <= _MOST_AXES:
        if min(shape) < 0:
            raise LookupError(f"an array of shape {shape}")
        found[name] = content.at, shape, np.dtype(_CLASSES[kind]), bool(bits & _COMPLEX)
    if end < content.at:
        raise LookupError("a field that is longer than the array")
    content.skip(end - content.at)


def _head_field(content: _Content, order: str) -> bytes:
    """Return the content of the next field of an array, of those before its numbers."""
    tag = content.read(8)
    kind, length = struct.unpack(f"{order}II", tag)
    if kind >> 16:
        return _field(tag, 0, order)[1]
    if length > _HEAD_BYTES:
        raise LookupError("a field that is longer than any head")
    field = content.read(length)
    if len(field) < length:
        raise LookupError("a field that is longer than the array")
    content.skip(-length % 8)
    return field


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
