"""Smooth random fields in space, the same for every grid on which they are sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RandomField:
    """A Gaussian random field of mean 0 and variance 1: a sum of random plane waves.

    Since it is a function of the position in mm and not of a grid, a phantom is the same
    anatomy at any resolution.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws wave vectors and phases.
    correlation_mm : float or (float, float, float)
        Length over which the field stays alike; one number, or along (z, y, x).
    n_waves : int
        More waves make the values more Gaussian; fine textures need about 100.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        correlation_mm: float | tuple[float, float, float],
        n_waves: int = 60,
    ) -> None:
        scale = np.broadcast_to(np.asarray(correlation_mm, dtype=np.float64), (3,))
        self._wave_vectors = rng.standard_normal((n_waves, 3)) / scale
        self._phases = rng.uniform(0.0, 2.0 * np.pi, n_waves)

    def __call__(
        self, z_mm: float, y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the field on a rectangular grid in one slice.

        Parameters
        ----------
        z_mm : float
            Position of the slice.
        y_mm, x_mm : ndarray
            (Y,) and (X,) positions of rows and columns.

        Returns
        -------
        ndarray
            (Y, X).
        """
        kz, ky, kx = self._wave_vectors.T
        # A plane wave is a product of waves along the axes: the sum is one matrix product.
        rows = np.exp(1j * (np.outer(y_mm, ky) + kz * z_mm + self._phases))
        columns = np.exp(1j * np.outer(x_mm, kx))
        total = rows.real @ columns.real.T - rows.imag @ columns.imag.T
        return np.asarray(total * np.sqrt(2.0 / len(self._phases)))

    def at_points(
        self, z_mm: NDArray[np.float64], y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the field at points anywhere, three arrays of one shape; slower than a grid."""
        total = np.zeros(np.shape(y_mm))
        for (kz, ky, kx), phase in zip(self._wave_vectors, self._phases, strict=True):
            total += np.cos(kz * z_mm + ky * y_mm + kx * x_mm + phase)
        return np.asarray(total * np.sqrt(2.0 / len(self._phases)))
