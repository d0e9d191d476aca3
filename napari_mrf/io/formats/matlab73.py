"""MATLAB 7.3 files: HDF5 with a foreword, axes in reverse, complex numbers as pairs.

Apart from `hdf5`, since a format is one file and one line in the table of formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.io.formats import hdf5
from napari_mrf.io.formats.hdf5 import HDF5Array, open_array
from napari_mrf.io.formats.hdf5_child import refuse_endless
from napari_mrf.io.formats.hdf5_guard import arrays, beside, open_checked
from napari_mrf.io.formats.source import Source, choose_error, chosen_array, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

FOREWORD = b"MATLAB 7.3 MAT-file"


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a MATLAB 7.3 file."""
    return head.startswith(FOREWORD) and hdf5.matches(head, path)


def read(path: Path, dataset: str | None = None) -> Source:
    """Read the variable of that name, or the only array; axes as MATLAB counts them.

    Raises
    ------
    MRFInputError
        As for HDF5.
    """
    refuse_endless(path, dataset, "matlab73")
    array = find(path, dataset)
    return Source(path, sha256_of(path), array, warnings=array.warnings,
                  arrays=beside(path, array.name),
                  metadata={"format": "MATLAB 7.3", "dataset": array.name,
                            "stored_type": str(array.stored_dtype)})  # fmt: skip


def find(path: Path, dataset: str | None) -> HDF5Array:
    """Return the array of a file; see `read`."""
    with open_checked(path) as file:
        # "#refs#" holds the content of cells and structs.
        names = sorted(n for n in arrays(file, path) if not n.startswith("#"))
        name = dataset or chosen_array(path, None, names)
        array = open_array(file, name, path, is_reversed=True)
    if array is None:
        raise choose_error(path, dataset, names)
    return array
