"""One volume of a file of any format that has them: maps, labels, masks, B1 maps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.io.dicom.files import is_dicom
from napari_mrf.io.formats import metaimage, nifti, numpy_files
from napari_mrf.io.formats.source import Volume

if TYPE_CHECKING:
    from pathlib import Path


_HEAD_BYTES = 4096
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".dcm")
"""How files of volumes are called, the likeliest first."""


def read_volume(path: Path) -> Volume:
    """Read one volume of a NIfTI, MetaImage or DICOM file into memory; its first bytes tell.

    Raises
    ------
    MRFInputError
        What the readers raise.
    """
    head = _head(path)
    if metaimage.matches(head, path):
        return metaimage.read_volume(path)
    if is_dicom(head):
        from napari_mrf.io.dicom.volume import read_volume as read_dicom

        return read_dicom(path)
    return nifti.read_volume(path)


def read_volume_or_array(path: Path, what: str) -> Volume:
    """Read a file of `read_volume` (X, Y, Z) or a .npy file (Z, Y, X) into memory.

    Parameters
    ----------
    path : Path
        The file; its first bytes say which of the two it is.
    what : str
        For messages: ``"the mask"``.

    Returns
    -------
    Volume
        (Z, Y, X); its warnings name the file.

    Raises
    ------
    MRFInputError
        What the readers raise.
    """
    if not numpy_files.matches(_head(path), path):
        volume = read_volume(path)
        return replace(volume, warnings=naming(path, volume.warnings))
    source = numpy_files.read(path)
    array = source.array
    refuse_beyond_memory(array.dtype.itemsize * int(np.prod(array.shape, dtype=object)),
                         what, path)  # fmt: skip
    return Volume(array[...], None, source.sha256)


def naming(path: Path, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a user should read about a file among others."""
    return tuple(f"{path.name}: {text}" for text in warnings)


def _head(path: Path) -> bytes:
    size_of(path)
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error
