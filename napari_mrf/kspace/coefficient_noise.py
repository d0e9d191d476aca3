"""The noise of coefficient images: what is left of it, and what the images leave open.

The solver stops early, and what it has done by then to noise follows from no formula for the
solution: noise is measured as it does it, by solving once more with noise that is added to the
samples (a pseudo-replica).

Apart from `subspace`: what noise is read from is no part of solving.

References
----------
Robson et al., MRM 2008, doi 10.1002/mrm.21728 (pseudo-replicas).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The scale of noise changes as slowly in space as coils do; one replica tells it to 3 %.
_SMOOTHING_VOXELS = 4.0
_SEED = 0x5EED


@dataclass(frozen=True, eq=False)
class SliceNoise:
    """The noise of the coefficients of a slice.

    Parameters
    ----------
    covariance : ndarray
        (K, K) complex128, Hermitian: of the noise of a typical voxel of tissue.
    scale : ndarray
        (Y, X) float32: of the standard deviations, 1 in a typical voxel.
    """

    covariance: NDArray[np.complex128]
    scale: NDArray[np.float32]


def white_noise(shape: tuple[int, ...], variance: float) -> NDArray[np.complex64]:
    """Return complex64 noise of a variance (of the complex number), always the same."""
    rng = np.random.default_rng(_SEED)
    parts = rng.standard_normal((*shape, 2), np.float32)
    return np.asarray(parts.view(np.complex64)[..., 0] * np.float32(np.sqrt(variance / 2)))


def noise_of_replica(
    difference: NDArray[np.complexfloating], images: NDArray[np.complexfloating]
) -> SliceNoise:
    """Return the noise that a replica shows.

    Parameters
    ----------
    difference : ndarray
        (K, Y, X): the replica less the images.
    images : ndarray
        (K, Y, X): their first coefficient tells where tissue is.
    """
    rank, *plane = difference.shape
    flat = difference.reshape(rank, -1).astype(np.complex128)
    weights = np.abs(images[0]).ravel().astype(np.float64)
    weights = weights / weights.sum() if weights.any() else np.full(weights.size, 1 / weights.size)
    covariance = (flat * weights) @ flat.conj().T
    # Numbers of variance 1 and independent: their mean square is that of the scale.
    values, vectors = np.linalg.eigh(covariance)
    inverse = np.where(values > 1e-12 * values[-1], np.maximum(values, 1e-300) ** -0.5, 0.0)
    white = inverse[:, None] * (vectors.conj().T @ flat)
    power = np.mean(np.abs(white) ** 2, axis=0).reshape(plane)
    power = gaussian_filter(power, _SMOOTHING_VOXELS, mode="nearest")
    typical = float(power.ravel() @ weights)
    if typical == 0.0:  # no noise at all
        return SliceNoise(covariance, np.ones(plane, np.float32))
    return SliceNoise(covariance * typical, np.sqrt(power / typical).astype(np.float32))
