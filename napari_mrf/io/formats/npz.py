"""NumPy ``.npz`` archives: arrays are taken, never unpickled."""

from __future__ import annotations

import math
import struct
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.numpy_files import read_header
from napari_mrf.io.formats.source import Source, chosen_array, sha256_of, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"PK\x03\x04"


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a zip archive."""
    return head.startswith(MAGIC)


def read(path: Path, dataset: str | None = None) -> Source:
    """Read the array `dataset`, or the only one, into memory.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-zip"``, ``"declared-size"``, ``"too-large"``,
        ``"bad-dataset"``, ``"bad-header"`` or ``"security-pickle"``.
    """
    with _opened(path) as archive:
        member = _choose(archive, path, dataset)
        array, names = _read_member(archive, member, path), tuple(_members(archive))
    return Source(path, sha256_of(path), array, arrays=names,
                  metadata={"format": "npz", "dataset": member.filename.removesuffix(".npy"),
                            "stored_type": array.dtype.str})  # fmt: skip


def read_all(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array of an archive into memory, by name.

    Raises
    ------
    MRFInputError
        As from `read`, but for ``"bad-dataset"``.
    """
    with _opened(path) as archive:
        members = _members(archive)
        refuse_beyond_memory(sum(one.file_size for one in members.values()), "the arrays", path)
        return {name: _read_member(archive, one, path) for name, one in members.items()}


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive, and tell damage of any kind, also what is found while reading."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise _broken_zip(path, error) from None
    except MRFInputError:
        raise
    except Exception as error:  # each way of packing raises errors of its own
        raise _corrupt(path, reason(error)) from None


def _choose(archive: zipfile.ZipFile, path: Path, dataset: str | None) -> zipfile.ZipInfo:
    members = _members(archive)
    return members[chosen_array(path, dataset, list(members))]


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {info.filename.removesuffix(".npy"): info for info in archive.infolist()}


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    refuse_beyond_memory(member.file_size, "the array", path)
    with archive.open(member) as file:
        shape, order, dtype = read_header(file, path, member.file_size)  # type: ignore[arg-type]
        declared = math.prod(shape) * dtype.itemsize
        left = member.file_size - file.tell()
        if declared != left:
            raise MRFInputError("declared-size", "the array is not as long as its header declares",
                                path=path, expected=f"{declared} bytes",
                                found=f"{left} bytes")  # fmt: skip
        # Reading to the end also checks the checksum of the member.
        content = file.read()
    array: NDArray[Any] = np.frombuffer(content, dtype).reshape(shape, order=order)
    return array


def _corrupt(path: Path, found: str) -> MRFInputError:
    return MRFInputError("corrupt-zip", "the archive is damaged", path=path,
                         expected="a matching checksum", found=found,
                         hint="Copy or download it again.")  # fmt: skip


def _broken_zip(path: Path, error: zipfile.BadZipFile) -> MRFInputError:
    """Tell an archive that ends early from a damaged one, by its first local header."""
    if "CRC" in str(error):
        return _corrupt(path, str(error))
    size = path.stat().st_size
    with path.open("rb") as file:
        local = file.read(30)
        if len(local) == 30:
            packed, _, name_length, extra_length = struct.unpack("<IIHH", local[18:30])
            if packed == 0xFFFFFFFF:
                extra = file.read(name_length + extra_length)[name_length:]
                packed = struct.unpack("<Q", extra[12:20])[0] if len(extra) >= 20 else 0
            # Behind the members stands a table of at least 46 + 22 bytes.
            end = 30 + name_length + extra_length + packed + 68
            if size < end:
                return truncated(path, end, size, least=True)
    if "not a zip file" in str(error):
        return truncated(path, size + 1, size, least=True)
    return _corrupt(path, str(error))
