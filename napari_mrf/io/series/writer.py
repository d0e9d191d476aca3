"""Series out: complex NIfTI with a sidecar that holds the sequence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, refuse_existing
from napari_mrf.io.formats.nifti_write import write_series
from napari_mrf.io.formats.registry import suffix_of
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.series.sidecar import BLOCK, sidecar_path
from napari_mrf.io.series.sidecar_sequence import block_of

if TYPE_CHECKING:
    from napari_mrf.data.series import MRFSeries


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
        The image and its sidecar.

    Raises
    ------
    MRFInputError
        ``"bad-suffix"``, ``"exists"`` and the codes of `atomic_write_all`.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffix not in (".nii", ".nii.gz"):
        raise MRFInputError("bad-suffix", "a series can only be saved as NIfTI", path=path,
                            expected="a name that ends in .nii or .nii.gz",
                            found=repr(suffix))  # fmt: skip
    sidecar = sidecar_path(path)
    for file in (path, sidecar):
        refuse_existing(file, overwrite=overwrite)
    with atomic_write_all([path, sidecar]) as staged:
        write_series_files(series, staged[path], staged[sidecar], packed=suffix == ".nii.gz")
    return [path, sidecar]


def write_series_files(series: MRFSeries, image: Path, sidecar: Path, *, packed: bool) -> None:
    """Write the image and then the sidecar, which holds its sum, to the paths as they are."""
    write_series(image, series.signal, series.affine, packed=packed)
    block = {
        "SchemaVersion": 1,
        "AxisOrder": "XYZT",
        "ComplexLayout": "complex",
        "NFrames": series.n_frames,
        **({} if series.sequence is None else block_of(series.sequence)),
        "SHA256": sha256_of(image),
    }
    text = json.dumps({BLOCK: block}, indent=1, allow_nan=False) + "\n"
    sidecar.write_text(text, encoding="utf-8")
