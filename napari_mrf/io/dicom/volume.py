"""One volume of a multi-frame DICOM file, such as a parametric map."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.image import read_images
from napari_mrf.io.dicom.stack import stacked
from napari_mrf.io.formats.source import Volume, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_volume(path: Path) -> Volume:
    """Read the images of a file into memory, slices in order along their normal.

    Returns
    -------
    Volume
        (Z, Y, X), float32, or whole numbers where they are not scaled.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` for images over time, and what reading a series raises.
    """
    images = read_images(path)
    if not images:
        raise MRFInputError("bad-dicom", "the file holds no images of gray values", path=path)
    file = images[0].file
    refuse_beyond_memory(8 * len(images) * file.rows * file.columns, "the volume", path)
    stack = stacked(images, path)
    if len(stack.images) > 1:
        raise MRFInputError("bad-shape", "the file contains more than one volume", path=path,
                            found=f"{len(stack.images)} images of a slice")  # fmt: skip
    values = np.stack([image.read() for image in stack.images[0]])
    is_whole = file.pixels.dtype.kind in "iu" and all(
        (image.slope, image.intercept) == (1.0, 0.0) for image in images
    )
    dtype = file.pixels.dtype.newbyteorder("=") if is_whole else np.dtype(np.float32)
    return Volume(values.astype(dtype), stack.affine, sha256_of(path), stack.warnings)


def along(volume: Volume, affine: NDArray[np.float64]) -> Volume:
    """Return a volume whose slices follow one another as in a grid.

    In DICOM they have places, but no order.
    """
    if volume.affine is None or float(volume.affine[:3, 2] @ affine[:3, 2]) >= 0:
        return volume
    turned = volume.affine.copy()
    turned[:3, 3] += (len(volume.values) - 1) * turned[:3, 2]
    turned[:3, 2] *= -1
    return replace(volume, values=volume.values[::-1], affine=turned)
