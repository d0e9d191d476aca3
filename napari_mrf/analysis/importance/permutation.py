"""Permutation of the values of a frame over voxels, real and imaginary parts independently.

A scanner multiplies every voxel by an unknown complex factor (coil phase, gain, proton
density). Every method is invariant to that factor, so a permutation of measured values would
mostly test how a method stands a frame of wrong phase, and the answer would depend on the coil.
With intensities ``"aligned"`` the factor is taken out of each fingerprint first and put back
afterwards: what changes places is what the frame says of the tissue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VOXELS_IN_COMMON = 4000


def common_factors(signals: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
    """Return the complex factor of every fingerprint: its norm and its phase.

    The phase is that of the product with the fingerprint that all voxels have most in common
    (the first singular vector of some thousand unit-norm fingerprints), a sum over all frames:
    the phase of a single frame would be as noisy as it is. A fingerprint times a complex number has
    its factor times that number, and the vector does not change; results with aligned
    intensities therefore do not depend on gain and receive phase.

    Parameters
    ----------
    signals : ndarray
        (N, T) complex, finite, none of them all zero.

    Returns
    -------
    ndarray
        (N,) complex128, none zero.
    """
    norms = np.sqrt(np.sum(signals.real**2 + signals.imag**2, axis=1, dtype=np.float64))
    every = slice(None, None, max(1, len(signals) // _VOXELS_IN_COMMON))
    unit = signals[every] / norms[every, None]
    _, vectors = np.linalg.eigh(unit.T @ unit.conj())
    products = (signals @ vectors[:, -1].conj()) / norms
    sizes = np.abs(products)
    # A fingerprint at right angles to the common one has no phase to it: it stays as it is.
    with np.errstate(divide="ignore", invalid="ignore"):
        phases = np.where(sizes > 1e-9, products / sizes, 1.0)
    return np.asarray(norms * phases)


def permuted_frames(
    frames: NDArray[np.complex64],
    factors: NDArray[np.complex128] | None,
    generator: np.random.Generator,
) -> NDArray[np.complex64]:
    """Return some frames with their values permuted over the voxels.

    Parameters
    ----------
    frames : ndarray
        (N, F) values of N voxels in F frames; all F are permuted alike, so that neighbors in
        time stay neighbors.
    factors : ndarray or None
        (N,) from `common_factors`; None permutes the values as they are.
    generator : numpy.random.Generator
        One permutation is drawn for the real parts, then one for the imaginary parts.

    Returns
    -------
    ndarray
        (N, F) complex64.
    """
    n_voxels = len(frames)
    real, imaginary = generator.permutation(n_voxels), generator.permutation(n_voxels)
    values = frames.astype(np.complex128)
    if factors is not None:
        values /= factors[:, None]
    values = values.real[real] + 1j * values.imag[imaginary]
    if factors is not None:
        values *= factors[:, None]
    return values.astype(np.complex64)
