"""Receive coils: simulated sensitivities, and combination of coil images without knowing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray


def simulated_sensitivities(
    shape: tuple[int, int], n_coils: int, *, seed: int = 0
) -> NDArray[np.complex64]:
    """Return smooth sensitivities of loops on a ring around the object.

    The magnitude falls off with the distance d as (1 + (d/R)²)^(-3/2), the field on the axis
    of a loop of radius R; every coil has a random constant phase and a gentle phase slope.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    n_coils : int
        One or more.
    seed : int
        Of the random phases and the small irregularity of the ring.

    Returns
    -------
    ndarray
        (n_coils, Y, X) complex64, with unit root sum of squares in every voxel.
    """
    rng = np.random.default_rng([seed, 0xC011])
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, size) for size in shape), indexing="ij")
    angles = 2.0 * np.pi * (np.arange(n_coils) + 0.3 * rng.uniform(-1, 1, n_coils)) / n_coils
    offsets = rng.uniform(-np.pi, np.pi, n_coils)
    slopes = rng.normal(0.0, 0.4, (2, n_coils))
    coils = np.empty((n_coils, *shape), dtype=np.complex128)
    for coil, angle in enumerate(angles):
        squared_distance = (y - 1.2 * np.sin(angle)) ** 2 + (x - 1.2 * np.cos(angle)) ** 2
        phase = offsets[coil] + slopes[0, coil] * y + slopes[1, coil] * x
        coils[coil] = (1.0 + squared_distance / 0.8**2) ** -1.5 * np.exp(1j * phase)
    coils /= np.sqrt((np.abs(coils) ** 2).sum(axis=0))
    return coils.astype(np.complex64)


def combination_weights(
    images: NDArray[np.complexfloating], *, smoothing_voxels: float = 2.0
) -> NDArray[np.complex64]:
    """Estimate from coil images the weights that combine them with the best SNR.

    The weights of a voxel are the dominant eigenvector of the coil covariance around it.
    Its phase is free: it is fixed by asking that the combination with one virtual coil, the
    same everywhere, is real and positive. So the phase of combined images is unknown but
    smooth. In air the weights tend to those of the virtual coil.

    Parameters
    ----------
    images : ndarray
        (images, coils, Y, X) complex; several images of one slice, such as means over parts
        of a series.
    smoothing_voxels : float
        Standard deviation (voxels) of the neighborhood.

    Returns
    -------
    ndarray
        (coils, Y, X) complex64, unit norm in every voxel; use with `combine`.

    References
    ----------
    Walsh et al., MRM 2000, doi 10.1002/(SICI)1522-2594(200005)43:5<682::AID-MRM10>3.0.CO;2-G.
    """
    n_coils = images.shape[1]
    covariance = np.empty((*images.shape[2:], n_coils, n_coils), dtype=np.complex128)
    for row in range(n_coils):
        for column in range(row + 1):
            product = (images[:, row] * images[:, column].conj()).sum(axis=0)
            smooth = gaussian_filter(product.astype(np.complex128), smoothing_voxels)
            covariance[..., row, column] = smooth
            covariance[..., column, row] = smooth.conj()
    mean = covariance.mean(axis=(0, 1))
    covariance += 1e-3 * mean
    weights = np.linalg.eigh(covariance)[1][..., -1]
    power = np.einsum("yxcc->yx", covariance).real
    reference = _virtual_coil(weights, power, np.linalg.eigh(mean)[1][:, -1])
    alignment = weights @ reference.conj()
    weights = weights * np.exp(-1j * np.angle(alignment))[..., None]
    return np.ascontiguousarray(np.moveaxis(weights, -1, 0), dtype=np.complex64)


def _virtual_coil(
    weights: NDArray[np.complex128], power: NDArray[np.float64], start: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Return the coil vector that agrees best with the weights of all voxels with signal."""
    reference = start
    share = np.sqrt(power / power.max()) if power.max() > 0 else power
    for _ in range(20):
        phase = np.exp(-1j * np.angle(weights @ reference.conj()))
        total = (weights * (phase * share)[..., None]).sum(axis=(0, 1))
        norm = np.linalg.norm(total)
        if norm == 0:
            return start
        reference = total / norm
    return reference


def combine(
    images: NDArray[np.complexfloating], weights: NDArray[np.complexfloating]
) -> NDArray[np.complexfloating]:
    """Return the coil combination ``sum_c conj(weight_c) image_c``.

    Parameters
    ----------
    images : ndarray
        (..., coils, Y, X).
    weights : ndarray
        (coils, Y, X), of unit norm in every voxel: white noise keeps its level.

    Returns
    -------
    ndarray
        (..., Y, X).
    """
    return np.asarray(np.einsum("...cyx,cyx->...yx", images, weights.conj()))
