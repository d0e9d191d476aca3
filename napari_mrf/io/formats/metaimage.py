"""MetaImage files (``.mha``, ``.mhd`` with its data beside it), as ITK writes them.

The header is text, checked before anything is believed of it; positions are LPS and turned to RAS.

References
----------
MetaIO of ITK: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import hashlib
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.geometry import LPS_TO_RAS
from napari_mrf.data.series import check_affine
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import (
    FileStamp,
    MappedArray,
    Source,
    Volume,
    sha256_of,
    truncated,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
"""Types of numbers; a LONG has 4 bytes on every system."""
_HEAD_BYTES = 16_384
_MOST_AXES = 5
_KEYS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType")
_NO_PLACE = "The header contains no geometry."


@dataclass(frozen=True)
class Header:
    """The part of a header that the reader needs.

    Parameters
    ----------
    shape : tuple of int
        (X, Y, Z, ...), as in the file.
    n_channels : int
        Numbers of each voxel; two are real and imaginary part.
    dtype : numpy.dtype
        With the byte order of the file.
    packed_bytes : int or None
        Size of the compressed numbers, None where they are not compressed.
    data : str
        Where the numbers are: ``"LOCAL"``, or the name of a file beside this one.
    offset : int
        Bytes before the numbers, in their file.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm (RAS).
    """

    shape: tuple[int, ...]
    n_channels: int
    dtype: np.dtype[Any]
    packed_bytes: int | None
    data: str
    offset: int
    affine: NDArray[np.float64] | None

    @property
    def n_bytes(self) -> int:
        """Size of the numbers, unpacked."""
        return math.prod(self.shape) * self.n_channels * self.dtype.itemsize

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Of the numbers as they lie there, the channels varying fastest."""
        return self.shape if self.n_channels == 1 else (self.n_channels, *self.shape)


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a MetaImage header."""
    first = head[:64].split(b"=", 1)
    return len(first) == 2 and first[0].strip() in _KEYS and b"NDims" in head[:2000]


def read(path: Path, dataset: str | None = None) -> Source:
    """Read a series: four axes, of complex numbers as two channels; `dataset` means nothing here.

    Raises
    ------
    MRFInputError
        ``"bad-header"``, ``"truncated"``, ``"not-numeric"``, ``"corrupt-zip"``, ``"too-large"``,
        ``"security-path"``, ``"missing-file"``.
    """
    if dataset is not None:
        raise MRFInputError("bad-dataset", "a MetaImage file contains only one array", path=path,
                            expected="no dataset", found=repr(dataset))  # fmt: skip
    header, sha256 = _read_header(path)
    has_parts, n_axes = header.n_channels == 2, len(header.shape)
    axes = None
    if n_axes == 4:
        axes = "CXYZT" if has_parts else "XYZT"
    array: Any = _numbers(header, path)
    if has_parts:  # the affine is of the first three axes
        array = np.moveaxis(array, 0, -1)
        axes = "XYZTC" if axes else None
    warnings = () if header.affine is not None else (
        f"{_NO_PLACE} Volumes are not available, and the display is in voxels.",)  # fmt: skip
    return Source(path, sha256, array, axes=axes, space="XYZ", affine=header.affine,
                  warnings=warnings,
                  metadata={"format": "MetaImage", "stored_type": header.dtype.str})  # fmt: skip


def read_volume(path: Path) -> Volume:
    """Read one volume into memory; two channels are real and imaginary part.

    Raises
    ------
    MRFInputError
        As `read`, and ``"bad-shape"`` for more than three axes.
    """
    header, sha256 = _read_header(path)
    if len(header.shape) > 3:
        raise MRFInputError("bad-shape", "the file contains more than one volume", path=path,
                            expected="axes (X, Y, Z)", found=f"shape {header.shape}")  # fmt: skip
    stored = np.asarray(_numbers(header, path))
    if header.n_channels == 2:
        stored = _complex(stored)
    stored = stored.reshape(stored.shape + (1,) * (3 - stored.ndim), order="F")
    values = stored.T
    return Volume(np.array(values, dtype=values.dtype.newbyteorder("=")), header.affine, sha256)


def _complex(stored: NDArray[Any]) -> NDArray[Any]:
    numbers = np.empty(stored.shape[1:], np.result_type(stored.dtype, np.complex64), order="F")
    numbers.real, numbers.imag = stored
    return numbers


def _read_header(path: Path) -> tuple[Header, str]:
    size_of(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error
    header = parse_header(head, path)
    sha256 = sha256_of(path)
    if header.data != "LOCAL":  # one checksum for both files
        sha256 = hashlib.sha256(f"{sha256} {sha256_of(_data_path(header, path))}".encode()
                                ).hexdigest()  # fmt: skip
    return header, sha256


def parse_header(head: bytes, path: Path) -> Header:
    """Read and check a header.

    Parameters
    ----------
    head : bytes
        The first bytes of the file.
    path : Path
        For messages.

    Raises
    ------
    MRFInputError
        ``"bad-header"`` with the field that is wrong, ``"not-numeric"``.
    """
    fields, offset = _fields(head, path)
    n_axes = _integers(fields, "NDims", 1, path)[0]
    if not 1 <= n_axes <= _MOST_AXES:
        raise _bad("NDims", f"1 to {_MOST_AXES}", n_axes, path)
    shape = _integers(fields, "DimSize", n_axes, path)
    if min(shape) < 1:
        raise _bad("DimSize", "lengths of 1 or more", shape, path)
    channels = _integers({"n": fields.get("ElementNumberOfChannels", "1")}, "n", 1, path)[0]
    if channels not in (1, 2):
        raise MRFInputError("not-numeric", "the voxels are vectors", path=path,
                            expected="one number a voxel, or real and imaginary part",
                            found=f"{channels} channels")  # fmt: skip
    kind = fields.get("ElementType", "")
    if kind not in TYPES:
        raise MRFInputError("not-numeric", "the data type is not supported", path=path,
                            expected=", ".join(TYPES), found=repr(kind[:40]))  # fmt: skip
    if not _is_true(fields, "BinaryData", default=False):
        raise _bad("BinaryData", "True", fields.get("BinaryData"), path)
    msb = _is_true(fields, "BinaryDataByteOrderMSB", default=False) or (
        _is_true(fields, "ElementByteOrderMSB", default=False))  # fmt: skip
    packed = None
    if _is_true(fields, "CompressedData", default=False):
        packed = _integers({"n": fields.get("CompressedDataSize", "-1")}, "n", 1, path)[0]
    data = fields["ElementDataFile"]
    skipped = _integers({"HeaderSize": fields.get("HeaderSize", "0")}, "HeaderSize", 1, path)[0]
    if skipped < 0 or (skipped and data.upper() == "LOCAL"):
        raise _bad("HeaderSize", "0 or more, and 0 for LOCAL data", skipped, path)
    if data.upper() == "LOCAL":
        data = "LOCAL"
    elif data.upper().startswith("LIST") or "%" in data:
        raise _bad("ElementDataFile", "LOCAL or the name of one file", repr(data[:40]), path)
    return Header(
        tuple(shape), channels, np.dtype((">" if msb else "<") + TYPES[kind]), packed, data,
        offset if data == "LOCAL" else skipped, _affine(fields, n_axes, path),
    )  # fmt: skip


def _fields(head: bytes, path: Path) -> tuple[dict[str, str], int]:
    """Return the fields of a header, and where it ends: behind the line of its data file."""
    fields: dict[str, str] = {}
    start = 0
    while (end := head.find(b"\n", start)) >= 0:
        key, equals, value = head[start:end].decode("latin-1").partition("=")
        start = end + 1
        key = key.strip()
        if not equals:
            if key:
                raise _bad("a line", "KEY = VALUE", repr(key[:40]), path)
            continue
        if key in fields:
            raise _bad(key[:40], "one line", "several", path)
        fields[key] = value.strip()
        if key == "ElementDataFile":
            return fields, start
    raise _bad("ElementDataFile", "a line that ends the header", "none", path)


def _affine(fields: dict[str, str], n_axes: int, path: Path) -> NDArray[np.float64] | None:
    """Return the affine of the first three axes, None where the header has no spacing."""
    spacing = _first(fields, "ElementSpacing", "ElementSize")
    if spacing is None:
        return None
    n = min(n_axes, 3)
    sizes = _floats(spacing, n_axes, "ElementSpacing", path)
    origin = _floats(_first(fields, "Offset", "Position", "Origin") or " 0" * n_axes, n_axes,
                     "Offset", path)  # fmt: skip
    turned = _first(fields, "TransformMatrix", "Rotation", "Orientation")
    # The direction of each axis, one after the other.
    directions = np.eye(n_axes)
    if turned is not None:
        directions = _floats(turned, n_axes**2, "TransformMatrix", path).reshape(directions.shape).T
    lps = np.eye(4)
    lps[:n, :n] = directions[:n, :n] * sizes[:n]
    lps[:n, 3] = origin[:n]
    try:
        return check_affine(LPS_TO_RAS @ lps)
    except MRFInputError:
        raise _bad("TransformMatrix", "axes in three directions", "less", path) from None


def _numbers(header: Header, path: Path) -> Any:
    """Return the numbers in the order of the file, mapped where they are not compressed."""
    home = _data_path(header, path)
    size = size_of(home)
    if header.packed_bytes is None:
        if size < header.offset + header.n_bytes:
            raise truncated(home, header.offset + header.n_bytes, size)
        return MappedArray(FileStamp.of(home), header.dtype, header.array_shape, header.offset,
                           "F")[...]  # fmt: skip
    packed = header.packed_bytes if header.packed_bytes > 0 else size - header.offset
    if size < header.offset + packed:
        raise truncated(home, header.offset + packed, size)
    # Deflate shrinks at most 1032 times: a header that declares more is lying.
    if header.n_bytes > 1032 * packed + 1024:
        raise MRFInputError("declared-size", "the header declares more data than the file holds",
                            path=path, expected=f"{header.n_bytes} bytes",
                            found=f"{packed} compressed bytes")  # fmt: skip
    refuse_beyond_memory(header.n_bytes, "the volume", path)
    try:
        with home.open("rb") as file:
            file.seek(header.offset)
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(file.read(packed), header.n_bytes + 1)
    except OSError as error:
        raise read_error(error, home) from error
    except zlib.error:
        raise MRFInputError("corrupt-zip", "the compressed data is damaged", path=home,
                            hint="Copy or download it again.") from None  # fmt: skip
    if len(content) != header.n_bytes or not unpacker.eof:
        found = f"{len(content)} bytes" if len(content) < header.n_bytes else "more"
        raise MRFInputError("corrupt-zip", "the compressed data is not what the header says",
                            path=home, expected=f"{header.n_bytes} bytes", found=found,
                            hint="Write the file again.")  # fmt: skip
    return np.frombuffer(content, header.dtype).reshape(header.array_shape, order="F")


def _data_path(header: Header, path: Path) -> Path:
    if header.data == "LOCAL":
        return path
    if header.data in ("", ".", "..") or set("\\/:") & set(header.data):
        raise MRFInputError("security-path", "the header names a file outside its folder",
                            path=path, expected="a file name", found=repr(header.data[:80])
                            )  # fmt: skip
    return path.with_name(header.data)


def _first(fields: dict[str, str], *keys: str) -> str | None:
    return next((fields[key] for key in keys if key in fields), None)


def _is_true(fields: dict[str, str], key: str, *, default: bool) -> bool:
    value = fields.get(key)
    return default if value is None else value.lower() in ("true", "t", "1")


def _integers(fields: dict[str, str], key: str, count: int, path: Path) -> tuple[int, ...]:
    text = fields.get(key, "")
    try:
        numbers = tuple(int(word) for word in text.split())
    except ValueError:
        numbers = ()
    if len(numbers) != count or any(abs(number) >= 2**62 for number in numbers):
        raise _bad("CompressedDataSize or ElementNumberOfChannels" if key == "n" else key,
                   f"{count} whole numbers", repr(text[:60]), path)  # fmt: skip
    return numbers


def _floats(text: str, count: int, key: str, path: Path) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        numbers = np.empty(0)
    if numbers.size != count or not np.all(np.isfinite(numbers)):
        raise _bad(key, f"{count} numbers", repr(text[:60]), path)
    return numbers


def _bad(field: str, expected: object, found: object, path: Path) -> MRFInputError:
    return MRFInputError("bad-header", f"{field} in the MetaImage header is not valid", path=path,
                         expected=expected, found=found)  # fmt: skip
