"""HDF5 files: any dataset, and the layout that published fingerprinting code uses (pymia)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from napari_mrf.io.formats.hdf5_array import open_array
from napari_mrf.io.formats.hdf5_guard import SIGNATURE, arrays, corrupt, open_checked
from napari_mrf.io.formats.npz import choose_error
from napari_mrf.io.formats.source import Source, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

_PYMIA_AXES = {4: "XYTC", 5: "XYZTC"}


def matches(head: bytes) -> bool:
    """Return whether the first bytes are those of an HDF5 file."""
    return head.startswith(SIGNATURE) or head[512:520] == SIGNATURE


def read(path: Path, dataset: str | None = None) -> Source:
    """Read the dataset of that name, or the only one that can be a series.

    In a pymia file (``data/…`` beside ``meta/subjects``) real arrays that end in an axis of
    two are X, Y, (Z,) T and real/imaginary part.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-hdf5"``, ``"bad-dataset"``, ``"declared-size"``,
        ``"security-link"``, ``"security-external"``, ``"security-virtual"``.
    """
    try:
        with open_checked(path) as file:
            is_pymia = _is_pymia(file)
            name = dataset.strip("/") if dataset else _choose(file, path, is_pymia)
            array = open_array(file, name, path, is_reversed=False)
            if array is None:
                raise choose_error(path, dataset, sorted(arrays(file, path)))
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise corrupt(path, error) from None
    pairs = is_pymia and array.dtype.kind != "c" and array.shape[-1] == 2
    return Source(path, sha256_of(path), array,
                  axes=_PYMIA_AXES.get(array.ndim) if pairs else None,
                  metadata={"format": "HDF5 (pymia)" if is_pymia else "HDF5", "dataset": name,
                            "stored_type": str(array.stored_dtype)})  # fmt: skip


def _is_pymia(file: h5py.File) -> bool:
    for name in ("data", "meta"):
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            return False
    meta = file["meta"]
    return isinstance(meta, h5py.Group) and "subjects" in meta


def _choose(file: h5py.File, path: Path, is_pymia: bool) -> str:
    found = arrays(file, path)
    names = sorted(found)
    if is_pymia:
        likely = [
            name
            for name in names
            if name.startswith("data/") and found[name].ndim >= 4 and found[name].shape[-1] == 2
        ]
        names = likely or names
    if len(names) != 1:
        raise choose_error(path, None, names)
    return names[0]
