"""Records of ISMRMRD readouts, read from the bytes of the file.

The HDF5 library reads and leaks all samples where one field is asked for, and runs in circles on
damaged heaps. Where the records lie is asked from it; the rest is simple: a record holds its
header, and for coordinates and samples a length, the address of a heap and a number in it.

References
----------
HDF5 File Format Specification, III.E, Global Heap, and IV.A.2.d, Variable-Length Datatype.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import h5py
import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.hdf5_guard import corrupt
from napari_mrf.io.formats.source import FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_HEAP, _OBJECT, _VALUE = struct.Struct("<4sB3xQ"), struct.Struct("<HHIQ"), struct.Struct("<IQI")
_LEAST_HEAP_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Records:
    """The records of a dataset; holds no open file.

    Parameters
    ----------
    file : FileStamp
        The file.
    starts : ndarray
        (records,) first byte of each.
    base : int
        Where addresses count from.
    offsets : dict of str to int
        Of the members in a record.
    head : numpy.dtype
        Of the member ``head``.
    """

    file: FileStamp
    starts: NDArray[np.int64] = field(repr=False)
    base: int
    offsets: dict[str, int]
    head: np.dtype[Any]

    @classmethod
    def of(cls, data: h5py.Dataset, path: Path) -> Records:
        """Return the records of a dataset with the members head, traj and data.

        Raises
        ------
        MRFInputError
            ``"bad-header"`` for records that are packed, ``"corrupt-hdf5"``.
        """
        kind, plan = data.id.get_type(), data.file.id.get_create_plist()
        offsets = {
            name: kind.get_member_offset(kind.get_member_index(name.encode()))
            for name in ("head", "traj", "data")
        }
        starts = _starts(data, path)
        if starts is None or plan.get_sizes() != (8, 8):
            raise MRFInputError(
                "bad-header", f"the records of {data.name!r} are packed", path=path,
                hint="Rewrite the file without compression: h5repack -f NONE old.h5 new.h5.",
            )  # fmt: skip
        return cls(FileStamp.of(path), starts, data.file.userblock_size, offsets,
                   data.dtype["head"])  # fmt: skip

    def heads(self) -> NDArray[Any]:
        """Return the headers of all records."""
        return self._stored(self.offsets["head"], self.head)

    def lengths(self, name: str) -> NDArray[np.int64]:
        """Return how many numbers each record holds of a member, as the file says."""
        return self._stored(self.offsets[name], np.dtype("<u4")).astype(np.int64)

    def values(self, name: str, rows: list[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the numbers of some records, in single precision.

        Raises
        ------
        MRFInputError
            ``"file-changed"``, ``"corrupt-hdf5"``.
        """
        self.file.check()
        path, heaps = self.file.path, _Heaps(self.file.size, self.base)
        try:
            with path.open("rb", buffering=0) as content:
                for row in rows:
                    start = int(self.starts[row]) + self.offsets[name]
                    n, address, number = _VALUE.unpack(_read(content, start, _VALUE.size))
                    place, n_bytes = heaps.find(content, address, number)
                    if n_bytes < 4 * n:
                        raise ValueError("a record is shorter than it says")
                    yield np.frombuffer(_read(content, place, 4 * n), "<f4")
        except (OSError, ValueError, struct.error) as error:
            raise corrupt(path, error) from None

    def _stored(self, offset: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        out = np.empty(len(self.starts), dtype)
        # Not mapped: with the pages around every record, that would be the whole file.
        with self.file.path.open("rb", buffering=0) as content:
            for row, start in enumerate(self.starts.tolist()):
                out[row] = np.frombuffer(_read(content, start + offset, dtype.itemsize), dtype)[0]
        return out


def read_text(data: h5py.Dataset, path: Path, most_bytes: int) -> bytes:
    """Return the only text of a dataset.

    Raises
    ------
    MRFInputError
        ``"file-too-large"``, ``"bad-header"``, ``"corrupt-hdf5"``.
    """
    starts, info = _starts(data, path), h5py.check_string_dtype(data.dtype)
    if data.size != 1 or info is None or starts is None:
        raise MRFInputError("bad-header", f"{data.name!r} is no single text", path=path)
    start = int(starts[0])
    try:
        with path.open("rb", buffering=0) as content:
            n_bytes = info.length
            if n_bytes is None:
                n_bytes, address, number = _VALUE.unpack(_read(content, start, _VALUE.size))
                heaps = _Heaps(path.stat().st_size, data.file.userblock_size)
                start, held = heaps.find(content, address, number)
                if held < n_bytes:
                    raise ValueError("a text is shorter than it says")
            if n_bytes > most_bytes:
                raise MRFInputError("file-too-large", "the XML header is too large", path=path,
                                    expected=f"at most {most_bytes} bytes",
                                    found=f"{n_bytes} bytes")  # fmt: skip
            return _read(content, start, n_bytes).rstrip(b"\0")
    except MRFInputError:
        raise
    except (OSError, ValueError, struct.error) as error:
        raise corrupt(path, error) from None


def _starts(data: h5py.Dataset, path: Path) -> NDArray[np.int64] | None:
    """Return the place of every record in the bytes of the file; None where they are packed."""
    info = h5py.check_string_dtype(data.dtype)
    is_text = info is not None and info.length is None  # in memory a pointer
    size = _VALUE.size if is_text else data.id.get_type().get_size()
    n = data.size
    if data.chunks is None:
        offset = data.id.get_offset()
        if offset is None:
            return None
        firsts, starts, count = np.array([0]), np.array([offset]), n
    else:
        if data.id.get_create_plist().get_nfilters():
            return None
        pieces: list[tuple[int, int]] = []
        data.id.chunk_iter(lambda one: pieces.append((one.chunk_offset[0], one.byte_offset)))
        firsts, starts = np.array(sorted(pieces)).T
        starts, count = starts + data.file.userblock_size, data.chunks[0]
    numbers = (firsts[:, None] + np.arange(count)).ravel()
    places = (starts[:, None] + size * np.arange(count)).ravel()[numbers < n]
    if len(places) != n or places.min() < 0 or places.max() + size > path.stat().st_size:
        raise corrupt(path, ValueError("records are missing or beyond the end of the file"))
    return np.asarray(places, np.int64)


def _read(content: BinaryIO, place: int, n_bytes: int) -> bytes:
    content.seek(place)
    found = content.read(n_bytes)
    if len(found) != n_bytes:
        raise ValueError("the file ends within a record")
    return found


class _Heaps:
    """Where the objects of heaps lie; each heap is looked through once."""

    def __init__(self, file_bytes: int, base: int) -> None:
        self._file_bytes, self._base = file_bytes, base
        self._known: dict[int, dict[int, tuple[int, int]]] = {}

    def find(self, content: BinaryIO, address: int, number: int) -> tuple[int, int]:
        """Return place and bytes of an object; a `ValueError` where there is none."""
        if number == 0:  # an empty value has no object
            return 0, 0
        if address not in self._known:
            self._known[address] = self._objects(content, address + self._base)
        if number not in self._known[address]:
            raise ValueError("a record names an object that its heap does not have")
        return self._known[address][number]

    def _objects(self, content: BinaryIO, start: int) -> dict[int, tuple[int, int]]:
        if start + _LEAST_HEAP_BYTES > self._file_bytes:
            raise ValueError("a heap lies beyond the end of the file")
        signature, version, size = _HEAP.unpack(_read(content, start, _HEAP.size))
        end = start + size
        if signature != b"GCOL" or version != 1 or end > self._file_bytes:
            raise ValueError("a heap is damaged")
        found: dict[int, tuple[int, int]] = {}
        place = start + _HEAP.size
        while place + _OBJECT.size <= end:
            number, _, _, n_bytes = _OBJECT.unpack(_read(content, place, _OBJECT.size))
            if number == 0:  # what is left is free
                break
            place += _OBJECT.size
            if place + n_bytes > end or number in found:
                raise ValueError("a heap is damaged")
            found[number] = place, n_bytes
            place += -(-n_bytes // 8) * 8
        return found
