"""The pieces (chunks) of an HDF5 dataset: how they are packed, and which were never written."""

from __future__ import annotations

import math
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_PLUGINS = "hdf5plugin"
_FILTERS = {
    4: "szip", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32002: "MAFISC", 32003: "Snappy",
    32004: "LZ4", 32008: "Bitshuffle", 32013: "ZFP", 32014: "FPZIP", 32015: "Zstandard",
    32017: "SZ", 32018: "FCIDECOMP", 32019: "JPEG", 32024: "SZ3", 32026: "Blosc2", 32028: "SPERR",
}  # fmt: skip
"""Names by number, of the filters that are registered with the HDF Group and packing arrays."""
_IN_PLUGINS = {307, 32001, 32004, 32008, 32013, 32015, 32017, 32018, 32024, 32026, 32028}


def missing_filter(dataset: h5py.Dataset, path: Path) -> MRFInputError | None:
    """Return the error for a dataset that is packed in a way this library cannot unpack, if so.

    Filters that the package hdf5plugin brings are taken from there, where it is installed.
    """
    properties = dataset.id.get_create_plist()
    packed_by = {}
    for place in range(properties.get_nfilters()):
        number, _, _, name = properties.get_filter(place)
        packed_by[number] = _FILTERS.get(number) or name.decode("utf-8", "replace").split(";")[0]
    if all(map(h5py.h5z.filter_avail, packed_by)):
        return None
    with suppress(ImportError):
        import_module(_PLUGINS)
    missing = [number for number in packed_by if not h5py.h5z.filter_avail(number)]
    if not missing:
        return None
    names = " and ".join(
        f"{packed_by[number] or 'an unregistered filter'} (HDF5 filter {number})"
        for number in missing
    )
    cure = "rewrite the file where it was made: h5repack -f GZIP=4 old.h5 new.h5"
    if _IN_PLUGINS.issuperset(missing):
        cure = f"install it: pip install {_PLUGINS}; or {cure}"
    return MRFInputError("missing-filter", f"{dataset.name!r} is compressed with {names}, which "
                         "the HDF5 library here lacks", path=path,
                         hint=f"{cure[0].upper()}{cure[1:]}.")  # fmt: skip


def pieces_of(dataset: h5py.Dataset) -> int:
    """Return how many pieces a dataset in pieces has, written or not."""
    return math.prod(
        -(-int(n) // int(size)) for n, size in zip(dataset.shape, dataset.chunks, strict=True)
    )


def written_pieces(dataset: h5py.Dataset) -> NDArray[np.bool_] | None:
    """Return which pieces were written, by place along every axis; None where all were."""
    if dataset.chunks is None or dataset.id.get_num_chunks() == pieces_of(dataset):
        return None
    counts = [-(-n // size) for n, size in zip(dataset.shape, dataset.chunks, strict=True)]
    written = np.zeros(counts, bool)

    def note(piece: Any) -> None:
        corner = piece.chunk_offset
        written[tuple(at // size for at, size in zip(corner, dataset.chunks, strict=True))] = True

    dataset.id.chunk_iter(note)
    return written


def in_written(
    written: NDArray[np.bool_], sizes: tuple[int, ...], shape: tuple[int, ...], index: Any
) -> NDArray[np.bool_]:
    """Return which numbers of a part of a dataset were written.

    Parameters
    ----------
    written : ndarray of bool
        Of `written_pieces`.
    sizes : tuple of int
        Of a piece.
    shape : tuple of int
        Of the dataset.
    index : tuple of slice
        The part.
    """
    steps = (np.arange(n)[part] // size for part, n, size in zip(index, shape, sizes, strict=True))
    return written[np.ix_(*steps)]
