"""From points drawn on a fine grid to voxels: means, and the most frequent label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checked_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the shape (Z, Y, X) of a phantom.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for another number of axes, or an empty one.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise MRFInputError("bad-phantom", "a phantom must have the shape (Z, Y, X)",
                            found=f"{tuple(shape)}")  # fmt: skip
    return shape[0], shape[1], shape[2]


def fine_positions(count: int, factor: int, voxel_size_mm: float) -> NDArray[np.float64]:
    """Return the centers (mm) of fine samples along one axis, around 0: factor a voxel."""
    fine = np.arange(count * factor) + 0.5
    return np.asarray(fine / factor - count / 2.0) * voxel_size_mm


def block_means(fine: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Return the means (Y, X) of blocks of factor x factor fine samples."""
    height, width = fine.shape
    blocks = fine.reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def majority(fine: NDArray[np.uint16], factor: int) -> NDArray[np.uint16]:
    """Return the most frequent label of each voxel, the lowest of equals."""
    present = np.unique(fine)
    counts = np.stack([block_means((fine == one).astype(np.float64), factor) for one in present])
    return np.asarray(present[np.argmax(counts, axis=0)], dtype=np.uint16)


def water_fat_means(
    painted: dict[str, NDArray[np.float64]], factor: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Average fine points into voxels: each quantity weighted by the spins that carry it.

    Returns the maps FF, T1H2O, T1fat, Df and B1, and the proton density.
    """
    density, fat_fraction = painted["m0"], painted["FF"]
    weights = {
        "FF": density,
        "T1H2O": density * (1.0 - fat_fraction),
        "T1fat": density * fat_fraction,
        "Df": density,
        "B1": density,
    }
    values = {}
    for key, weight in weights.items():
        share = block_means(weight, factor)
        values[key] = block_means(weight * painted[key], factor) / np.maximum(share, 1e-12)
    return values, block_means(density, factor)
