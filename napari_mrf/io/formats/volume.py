"""One volume of a NIfTI or .npy file, for what lies over a series: masks, B1 maps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.io.formats import numpy_files
from napari_mrf.io.formats.nifti import Volume, read_volume

if TYPE_CHECKING:
    from pathlib import Path


def read_volume_or_array(path: Path, what: str) -> Volume:
    """Read a NIfTI file (X, Y, Z) or a .npy file (Z, Y, X) into memory.

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
    size_of(path)
    try:
        with path.open("rb") as file:
            is_npy = numpy_files.matches(file.read(8), path)
    except OSError as error:
        raise read_error(error, path) from error
    if not is_npy:
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
