"""Fingerprints out: the ``.npy`` file of simulated signals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write, refuse_existing


def save_fingerprints(fingerprints: Any, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write fingerprints as ``.npy``, completely or not at all.

    Parameters
    ----------
    fingerprints : array-like
        (N, T) complex; written as complex64.
    path : str or Path
        Final name, taken as it is.
    overwrite : bool
        Whether an earlier file may be replaced.

    Returns
    -------
    Path

    Raises
    ------
    MRFInputError
        ``"exists"``, ``"bad-shape"``, ``"bad-name"`` and the codes of `atomic_write_all`.
    """
    path = Path(path)
    array = np.asarray(fingerprints, dtype=np.complex64)
    if array.ndim != 2:
        raise MRFInputError("bad-shape", "fingerprints must be an array with two axes",
                            expected="shape (N, T)", found=f"shape {array.shape}")  # fmt: skip
    if path.suffix.lower() != ".npy":
        raise MRFInputError("bad-name", "fingerprints can only be written as .npy",
                            path=path, expected="a name ending in .npy")  # fmt: skip
    refuse_existing(path, overwrite=overwrite)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    return path
