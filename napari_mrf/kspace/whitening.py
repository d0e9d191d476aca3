"""Coils made alike: noise of equal, independent strength, and as few coils as hold the signal.

References
----------
Pruessmann et al., MRM 2001, doi 10.1002/mrm.1241 (noise decorrelation); Buehrer et al., MRM 2007,
doi 10.1002/mrm.21237 (virtual coils).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Share of the signal's energy that virtual coils may lose.
_LOST = 1e-4


def whitening(noise: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
    """Return the matrix after which the noise of the coils is independent and of variance 1.

    Parameters
    ----------
    noise : ndarray
        (coils, samples) complex of the noise scan.

    Returns
    -------
    ndarray
        (coils, coils): the inverse of the Cholesky factor of their covariance.

    Raises
    ------
    MRFInputError
        ``"bad-noise-scan"`` where it has fewer samples than coils, or coils that are silent or
        copies of each other.
    """
    n_coils, count = noise.shape
    covariance = noise.astype(np.complex128) @ noise.conj().T / max(count, 1)
    try:
        if count < n_coils:
            raise np.linalg.LinAlgError
        factor = np.linalg.cholesky(covariance)
        if np.linalg.cond(factor) > 1e6:
            raise np.linalg.LinAlgError
    except np.linalg.LinAlgError:
        raise MRFInputError(
            "bad-noise-scan", "the noise scan does not tell the noise of every coil",
            expected=f"{n_coils} coils with noise of their own, at least as many samples",
            found=f"{count} samples, {int((np.abs(noise).max(axis=1, initial=0) == 0).sum())} "
            "silent coils",
            hint="Leave the silent coils out, or reconstruct without the noise scan.",
        ) from None  # fmt: skip
    return np.asarray(np.linalg.inv(factor))


def compression(
    samples: NDArray[np.complexfloating], count: int | None = None
) -> NDArray[np.complex64]:
    """Return the matrix to virtual coils that hold the signal.

    Parameters
    ----------
    samples : ndarray
        (coils, readouts, samples) complex of equal, independent noise.
    count : int, optional
        Of virtual coils; by default the fewest that hold all but 1e-4 of its energy.

    Returns
    -------
    ndarray
        (virtual coils, coils), orthonormal rows: noise stays as it was.
    """
    flat = samples.reshape(len(samples), -1)
    energies, vectors = np.linalg.eigh((flat @ flat.conj().T).astype(np.complex128))
    energies, vectors = np.maximum(energies[::-1], 0.0), vectors[:, ::-1]
    if count is None:
        # The weakest direction holds noise at most: all have as much of it.
        signal = energies - energies[-1]
        kept = np.cumsum(signal) >= (1.0 - _LOST) * signal.sum()
        count = int(np.argmax(kept)) + 1
    return np.ascontiguousarray(vectors[:, :count].conj().T, np.complex64)


def mixed(
    matrix: NDArray[np.complexfloating], samples: NDArray[np.complexfloating]
) -> NDArray[np.complex64]:
    """Return samples (coils, readouts, samples) of coils mixed by a matrix (new, coils)."""
    flat = samples.astype(np.complex64, copy=False).reshape(len(samples), -1)
    return (matrix.astype(np.complex64) @ flat).reshape(len(matrix), *samples.shape[1:])


def least_power(samples: NDArray[np.complexfloating]) -> float:
    """Return the mean square of the outermost samples: their noise, and little signal.

    Stands in for the variance of the noise where there is no noise scan.

    Parameters
    ----------
    samples : ndarray
        (coils, readouts, samples) complex of equal, independent noise.
    """
    power = np.mean(np.abs(samples) ** 2, axis=(0, 1))
    edge = max(1, len(power) // 20)
    return float(np.sort(power)[:edge].mean())
