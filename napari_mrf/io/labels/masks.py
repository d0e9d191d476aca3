"""Masks: which voxels to reconstruct."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.geometry import Grid, check_same_grid
from napari_mrf.data.series import check_mask
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.volume import read_volume_or_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


def load_mask(path: str | Path, series: MRFSeries | ParameterMaps) -> NDArray[np.bool_]:
    """Read a mask on the grid of a series or of maps: NIfTI (X, Y, Z), or .npy (Z, Y, X).

    What is wrong with the header of the file is told as a Python warning.

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
    mask, told = read_mask(path, series)
    for text in told:
        warnings.warn(text, stacklevel=2)
    return mask


def read_mask(
    path: str | Path, series: MRFSeries | ParameterMaps
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return a mask as `load_mask` does, and what a user should read about its file."""
    path = Path(path)
    volume = read_volume_or_array(path, "the mask")
    values = volume.values
    if values.dtype.kind not in "biuf":
        raise MRFInputError("bad-mask", "a mask must contain only zeros and ones", path=path,
                            found=str(values.dtype))  # fmt: skip
    try:
        mask = check_mask(values, series.spatial_shape)
    except MRFInputError as error:
        raise error.at(path) from None
    check_same_grid(Grid(mask.shape, volume.affine), series,
                    "the mask lies on another grid than the series", code="bad-mask", path=path,
                    hint="Save the mask on the grid of the series.")  # fmt: skip
    return mask, volume.warnings
