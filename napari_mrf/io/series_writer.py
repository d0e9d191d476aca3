"""Series out: complex NIfTI with a sidecar that holds the sequence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all
from napari_mrf.io.fingerprints import refuse_existing
from napari_mrf.io.formats import suffix_of
from napari_mrf.io.nifti_write import write_series

if TYPE_CHECKING:
    from napari_mrf.series import MRFSeries


def save_series(series: MRFSeries, path: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write a series as complex64 NIfTI, and its sequence into the sidecar beside it.

    Parameters
    ----------
    series : MRFSeries
        Written slice by slice, as (X, Y, Z, T).
    path : str or Path
        Ends in ``.nii`` or ``.nii.gz``.
    overwrite : bool
        Whether earlier files may be replaced.

    Returns
    -------
    list of Path
        The image, and the sidecar where the series has a sequence.

    Raises
    ------
    MRFInputError
        ``"bad-suffix"``, ``"exists"`` and the codes of `atomic_write_all`.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffix not in (".nii", ".nii.gz"):
        raise MRFInputError("bad-suffix", "a series is saved as NIfTI", path=path,
                            expected="a name that ends in .nii or .nii.gz",
                            found=repr(suffix))  # fmt: skip
    files = [path]
    refuse_existing(path, overwrite)
    with atomic_write_all(files) as staged:
        write_series(staged[path], series.signal, series.affine, packed=suffix == ".nii.gz")
    return files
