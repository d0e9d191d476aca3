"""Smooth random fields in space, the same for every grid on which they are sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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

    def __call__(self, z_mm: ArrayLike, y_mm: ArrayLike, x_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the field at positions (mm) of any common shape."""
        z, y, x = np.broadcast_arrays(z_mm, y_mm, x_mm)
        total = np.zeros(z.shape)
        for (kz, ky, kx), phase in zip(self._wave_vectors, self._phases, strict=True):
            total += np.cos(kz * z + ky * y + kx * x + phase)
        return np.asarray(total * np.sqrt(2.0 / len(self._phases)))
