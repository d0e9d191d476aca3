"""Masks: which voxels to reconstruct."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.geometry import Grid, check_same_grid
from napari_mrf.data.series import check_mask
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats import numpy_files
from napari_mrf.io.formats.nifti import read_volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


def load_mask(path: str | Path, series: MRFSeries | ParameterMaps) -> NDArray[np.bool_]:
    """Read a mask on the grid of a series or of maps: NIfTI (X, Y, Z), or .npy (Z, Y, X).

    Parameters
    ----------
    path : str or Path
        Every value but 0 counts as inside. Numbers must be finite.
    series : MRFSeries or ParameterMaps
        Its shape and, where both have one, its affine must be those of the mask.

    Returns
    -------
    ndarray of bool
        (Z, Y, X).

    Raises
    ------
    MRFInputError
        ``"bad-mask"`` for another grid, NaN, text or complex values, and what the readers
        raise.
    """
    path = Path(path)
    size_of(path)
    try:
        with path.open("rb") as file:
            is_npy = numpy_files.matches(file.read(8))
    except OSError as error:
        raise read_error(error, path) from error
    if is_npy:
        array = numpy_files.read(path).array
        refuse_beyond_memory(array.dtype.itemsize * int(np.prod(array.shape, dtype=object)),
                             "the mask", path)  # fmt: skip
        values, affine = array[...], None
    else:
        volume = read_volume(path)
        values, affine = volume.values, volume.affine
    if values.dtype.kind not in "biuf":
        raise MRFInputError("bad-mask", "a mask must contain only zeros and ones", path=path,
                            found=str(values.dtype))  # fmt: skip
    try:
        mask = check_mask(values, series.spatial_shape)
    except MRFInputError as error:
        raise error.at(path) from None
    check_same_grid(Grid(mask.shape, affine), series,
                    "the mask lies on another grid than the series", code="bad-mask", path=path,
                    hint="Save the mask on the grid of the series.")  # fmt: skip
    return mask
