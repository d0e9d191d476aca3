"""Checks of HDF5 files: none may reach other files, or declare data that it lacks."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import h5py

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.text_files import read_error
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.hdf5_pieces import pieces_of
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 10_000
_MOST_PIECES = 10_000_000
_MOST_PACKED = 1032
"""Bytes that one byte of the usual compression can stand for."""


@contextmanager
def open_checked(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, and tell damage that is found then or in the body.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-hdf5"`` or ``"unreadable-file"``, and what the body raises.
    """
    try:
        with _opened(path) as file:
            yield file
    except MRFInputError:
        raise
    except Exception as error:  # h5py raises whatever it stumbles over
        raise corrupt(path, error) from None


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking="best-effort")
    except (PermissionError, FileNotFoundError) as error:
        raise read_error(error, path) from error
    except Exception as error:
        end = re.search(r"truncated file.*stored_eof = (\d+)", str(error))
        if end:
            raise truncated(path, int(end[1]), path.stat().st_size) from None
        raise


def corrupt(path: Path, error: Exception) -> MRFInputError:
    """Return the error for a file that the HDF5 library cannot follow."""
    return MRFInputError("corrupt-hdf5", "the HDF5 file is damaged", path=path,
                         found=reason(error),
                         hint="Copy or download it again.")  # fmt: skip


def arrays(file: h5py.File, path: Path) -> dict[str, h5py.Dataset]:
    """Return every array of numbers with three axes or more that lies in the file itself.

    Links to other names or files are not followed: a crafted file could read any file of
    this machine through them.

    Raises
    ------
    MRFInputError
        ``"security-link"`` where there are links but no arrays; ``"too-many-datasets"``.
    """
    found: dict[str, h5py.Dataset] = {}
    links: list[str] = []
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    visited: set[Any] = set()
    n_objects = 0
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            n_objects += 1
            if n_objects > _MOST_OBJECTS:
                raise MRFInputError("too-many-datasets", "the file contains too many objects",
                                    path=path, expected=f"at most {_MOST_OBJECTS}",
                                    hint="Choose the one to read with dataset= (on the command "
                                    "line --dataset).")  # fmt: skip
            name = f"{prefix}/{key}".lstrip("/")
            if not _is_hard_link(group, key):
                links.append(name)
                continue
            item = group[key]
            if isinstance(item, h5py.Dataset):
                if item.ndim >= 3 and is_number(item.dtype):
                    found[name] = item
            elif isinstance(item, h5py.Group) and item.id not in visited:
                # A hard link may lead back to a group above: follow each group once.
                visited.add(item.id)
                waiting.append((name, item))
    if links and not found:
        raise _leads_out(links[0], path)
    return found


def beside(path: Path, name: str) -> tuple[str, ...]:
    """Return the names in the group of a dataset, looking into none of them."""
    home, slash, _ = name.rpartition("/")
    with open_checked(path) as file:
        group = file[home] if home else file
        return tuple(f"{home}{slash}{key}" for key in islice(group, _MOST_OBJECTS))


def is_number(dtype: np.dtype[Any]) -> bool:
    """Return whether a type is a number, or MATLAB's pair of real and imaginary part."""
    if dtype.names is not None:
        return dtype.names == ("real", "imag") and all(
            dtype[name].kind == "f" for name in dtype.names
        )
    return dtype.kind in "iufc" and dtype.subdtype is None


def _is_hard_link(group: h5py.Group, key: str) -> bool:
    try:
        return isinstance(group.get(key, getlink=True), h5py.HardLink)
    except TypeError:  # a kind of link that the library does not know
        return False


def _leads_out(name: str, path: Path) -> MRFInputError:
    return MRFInputError("security-link", f"{name!r} is a link, which could lead to any file",
                         path=path, expected="an array in the file itself",
                         hint="Copy the data into one file (h5repack).")  # fmt: skip


def get_dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset | None:
    """Return a dataset by name, refusing links on the way, or None where there is none.

    Raises
    ------
    MRFInputError
        ``"security-link"``.
    """
    item: Any = file
    for step in name.strip("/").split("/"):
        if not isinstance(item, h5py.Group) or not step:
            return None
        if step not in list(item):
            return None
        if not _is_hard_link(item, step):
            raise _leads_out(name, path)
        item = item[step]
    return item if isinstance(item, h5py.Dataset) else None


def check_dataset(dataset: h5py.Dataset, path: Path) -> None:
    """Refuse a dataset that lies elsewhere, or is not there in full.

    Raises
    ------
    MRFInputError
        What `check_place` raises, ``"declared-size"`` or ``"too-large"``.
    """
    check_place(dataset, path)
    declared = math.prod(int(n) for n in dataset.shape) * dataset.dtype.itemsize
    if dataset.chunks is None:
        stored = dataset.id.get_storage_size()
        if stored != declared:
            raise _not_held(dataset, path, f"{declared} bytes", f"{stored} bytes")
        return
    n_pieces, n_written = pieces_of(dataset), dataset.id.get_num_chunks()
    # Pieces may never have been written. They can have no value among whole numbers, and a small
    # file that declares more than its bytes could ever hold is no honest one.
    is_honest = n_pieces <= _MOST_PIECES and declared <= _MOST_PACKED * path.stat().st_size
    may_lack = is_honest and dataset.dtype.kind not in "iu"
    if n_written != n_pieces and not (n_written and may_lack):
        raise _not_held(dataset, path, f"{n_pieces} pieces ({declared} bytes)",
                        f"{n_written} pieces")  # fmt: skip
    refuse_beyond_memory(math.prod(dataset.chunks) * dataset.dtype.itemsize, "one piece", path)


def check_place(dataset: h5py.Dataset, path: Path) -> None:
    """Refuse a dataset that lies in other files, or is empty.

    Raises
    ------
    MRFInputError
        ``"security-external"``, ``"security-virtual"`` or ``"bad-shape"``.
    """
    if dataset.external:
        raise MRFInputError("security-external", f"{dataset.name!r} stores its numbers in another "
                            "file", path=path, found=repr(dataset.external[0][0]),
                            hint="Copy the data into one file (h5repack).")  # fmt: skip
    if dataset.is_virtual:
        raise MRFInputError("security-virtual", f"{dataset.name!r} is assembled from other "
                            "files", path=path,
                            hint="Copy the data into one file (h5repack).")  # fmt: skip
    if dataset.shape is None or 0 in dataset.shape:
        raise MRFInputError("bad-shape", f"{dataset.name!r} is empty", path=path,
                            found=f"shape {dataset.shape}")  # fmt: skip


def _not_held(dataset: h5py.Dataset, path: Path, expected: str, found: str) -> MRFInputError:
    return MRFInputError("declared-size",
                         f"{dataset.name!r} declares more data than the file contains", path=path,
                         expected=expected, found=found)  # fmt: skip
