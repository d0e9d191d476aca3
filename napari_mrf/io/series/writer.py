"""Series out: complex NIfTI with a sidecar that holds the sequence, or everything in HDF5."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, refuse_existing, write_error
from napari_mrf.io.formats.nifti_write import write_series
from napari_mrf.io.formats.registry import suffix_of
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.series.sidecar import BLOCK, sidecar_path
from napari_mrf.io.series.sidecar_sequence import block_of
from napari_mrf.io.series.stored import kept_metadata, write_stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.series import MRFSeries

_PACKED, _HDF5 = ".nii.gz", (".h5", ".hdf5")
_SUFFIXES = (".nii", _PACKED, *_HDF5)


def save_series(
    series: MRFSeries,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write a series as complex64 NIfTI with its sequence in a sidecar, or as HDF5.

    HDF5 holds all of a series but its mask: reading it gives the same series again, coefficient
    images and their noise among it. NIfTI holds frames, which are expanded from coefficients where
    a series has these; a warning in the sidecar says what is lost with them.

    Parameters
    ----------
    series : MRFSeries
        Written slice by slice; NIfTI has (X, Y, Z, T).
    path : str or Path
        Ends in ``.nii``, ``.nii.gz``, ``.h5`` or ``.hdf5``.
    overwrite : bool
        Whether earlier files may be replaced.
    progress : callable, optional
        Is told (percent, 100) of a NIfTI file, the form that takes long; what it raises ends the
        writing and leaves no file.

    Returns
    -------
    list of Path
        The image, and its sidecar if it has one.

    Raises
    ------
    MRFInputError
        ``"bad-suffix"``, ``"exists"`` and the codes of `atomic_write_all`.
    """
    path = Path(path)
    paths = refuse_place(path, overwrite=overwrite)
    with atomic_write_all(paths) as staged:
        if suffix_of(path) in _HDF5:
            write_stored(staged[path], series)
        else:
            image, sidecar = staged.values()
            write_series_files(series, image, sidecar, packed=suffix_of(path) == _PACKED,
                               progress=progress)  # fmt: skip
    return paths


def refuse_place(path: Path, *, overwrite: bool) -> list[Path]:
    """Refuse a name under which no series can be written, before any work.

    Returns
    -------
    list of Path
        The files that would be written.

    Raises
    ------
    MRFInputError
        ``"bad-suffix"``, ``"exists"``, ``"missing-folder"``.
    """
    if suffix_of(path) not in _SUFFIXES:
        raise MRFInputError("bad-suffix", "a series can only be saved as NIfTI or HDF5", path=path,
                            expected=f"a name that ends in {', '.join(_SUFFIXES)}",
                            found=repr(suffix_of(path)))  # fmt: skip
    paths = [path] if suffix_of(path) in _HDF5 else [path, sidecar_path(path)]
    for file in paths:
        refuse_existing(file, overwrite=overwrite)
    if not path.parent.is_dir():
        raise write_error(OSError(errno.ENOENT, os.strerror(errno.ENOENT)), path.parent)
    return paths


def warnings_in(series: MRFSeries, path: Path) -> tuple[str, ...]:
    """Return what a user should read of a series once it is in a file of this name."""
    subspace = series.subspace
    if subspace is None or suffix_of(path) in _HDF5:
        return series.kept_warnings
    lost = kept = ""
    if subspace.noise is not None:
        lost = ", and what is known of the noise of these was left behind"
        kept = " Images saved as .h5 keep it."
    note = (f"The frames were expanded from {subspace.basis.shape[1]} coefficient images{lost}: "
            "standard deviations of maps made of the frames are 2 to 5 times too small."
            f"{kept}")  # fmt: skip
    return (*series.kept_warnings, note)


def write_series_files(
    series: MRFSeries,
    image: Path,
    sidecar: Path,
    *,
    packed: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the image and then the sidecar, which holds its sum, to the paths as they are."""
    write_series(image, series.signal, series.affine, packed=packed, progress=progress)
    block = {
        "SchemaVersion": 1,
        "AxisOrder": "XYZT",
        "ComplexLayout": "complex",
        "NFrames": series.n_frames,
        **({} if series.sequence is None else block_of(series.sequence)),
        "SHA256": sha256_of(image),
    }
    if warnings := warnings_in(series, image):
        block["Warnings"] = warnings
    if "images" in series.metadata:
        block["Images"] = kept_metadata(series.metadata)
    text = json.dumps({BLOCK: block}, indent=1, allow_nan=False) + "\n"
    sidecar.write_text(text, encoding="utf-8")
