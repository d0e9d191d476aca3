"""The adjoint NUFFT of samples times a vector for each readout: all images at once.

A general NUFFT takes each image by itself and finds the same points of the grid, with the same
weights, again and again. Here a sample is spread once, with all that its readout is multiplied
with. The window is that of finufft.

References
----------
Barnett et al., SIAM Journal on Scientific Computing 2019, doi 10.1137/18M120885X.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from napari_mrf.compute.threads import indices_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Points of the grid in each direction that a sample is spread over: errors of 1e-5.
_WIDTH, _SHARPNESS = 6, 2.25
_DEGREE = 8
# Samples are taken square by square, so many points across: those stay in the first cache.
_SQUARE = 16


class Spreading:
    """Where samples lie on a grid of twice the size of images, found once for a trajectory.

    Parameters
    ----------
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel, -0.5 to 0.5.
    shape : tuple of int
        (Y, X) of the images; x = 0 at voxel (Y // 2, X // 2).
    """

    def __init__(self, coordinates: NDArray[np.floating], shape: tuple[int, int]) -> None:
        self._shape = shape
        n = np.array(shape)
        # With k = 0 in the middle, and a border on all sides.
        places = (coordinates.reshape(-1, 2) + 0.5) % 1.0 * (2 * n) + _WIDTH
        squares = (places // _SQUARE).astype(np.int64)
        self._order = np.argsort(squares[:, 0] * (squares[:, 1].max() + 1) + squares[:, 1])
        self._places = places[self._order]
        self._readouts = self._order // coordinates.shape[1]

    def adjoint(
        self, samples: NDArray[np.complexfloating], vectors: NDArray[np.complexfloating]
    ) -> NDArray[np.complex64]:
        """Return images ``sum_rn samples[r, n] vectors[r] exp(+2 pi i k_rn·x)``.

        Parameters
        ----------
        samples : ndarray
            (readouts, samples), complex or real.
        vectors : ndarray
            (readouts, V) complex.

        Returns
        -------
        ndarray
            (V, Y, X) complex64, to 1.5e-5 of their norm.
        """
        from napari_mrf.kspace.spreading_kernel import spread

        size = [2 * n + 2 * _WIDTH for n in self._shape]
        grid = np.zeros((*size, vectors.shape[1]), np.complex64)
        spread(
            samples.reshape(-1)[self._order].astype(np.complex64, copy=False),
            self._readouts,
            self._places,
            np.ascontiguousarray(vectors, np.complex64),
            _window_polynomials(),
            grid,
        )
        # Along x first: columns that are cut off need no transform along y.
        for axis in (1, 0):
            grid = np.moveaxis(grid, axis, 0)
            grid = np.moveaxis(_transformed(grid, self._shape[axis]), 0, axis)
        return np.ascontiguousarray(np.moveaxis(grid, -1, 0))


def coil_images(
    spreading: Spreading,
    samples: NDArray[np.complexfloating],
    basis: NDArray[np.complexfloating],
    *,
    workers: int | None = None,
) -> Iterator[NDArray[np.complex64]]:
    """Yield the coefficient images (K, Y, X) that the adjoint makes of each coil by itself.

    Parameters
    ----------
    spreading : Spreading
        Of the trajectory.
    samples : ndarray
        (coils, readouts, samples) complex.
    basis : ndarray
        (readouts, K) complex.
    workers : int, optional
        Threads; results do not depend on it.
    """
    vectors = basis.conj()
    return indices_in_order(
        lambda coil: spreading.adjoint(samples[coil], vectors), len(samples), workers=workers
    )


def _transformed(grid: NDArray[np.complex64], size: int) -> NDArray[np.complex64]:
    """Return the transform along the first axis, cut to a size, the window undone."""
    inside = grid[_WIDTH:-_WIDTH]  # it is periodic
    inside[:_WIDTH] += grid[-_WIDTH:]
    inside[-_WIDTH:] += grid[:_WIDTH]
    waves = scipy.fft.ifft(inside, axis=0, norm="forward", overwrite_x=True)
    places = np.arange(size) - size // 2
    signs = 1 - 2 * (places % 2)  # k = 0 is in the middle
    factors = (signs / _window_spectrum(places / len(inside))).astype(np.float32)
    return np.asarray(waves[places] * factors[:, None, None])


def _window(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the window, from z = -1 to 1."""
    return np.asarray(np.exp(_SHARPNESS * _WIDTH * (np.sqrt(1 - z**2) - 1)))


def _window_polynomials() -> NDArray[np.float32]:
    """Return the window piece by piece, (powers, pieces), the highest power first."""
    t = np.cos(np.pi * (np.arange(50) + 0.5) / 50)
    pieces = _window((np.arange(_WIDTH) + t[:, None] / 2 + 0.5) * 2 / _WIDTH - 1)
    return np.polynomial.polynomial.polyfit(t, pieces, _DEGREE)[::-1].astype(np.float32)


def _window_spectrum(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Fourier transform of the window, at cycles per point of the grid."""
    z, weights = np.polynomial.legendre.leggauss(100)
    waves = np.cos(np.pi * _WIDTH * np.outer(frequencies, z))
    return np.asarray(waves @ (_window(z) * weights)) * _WIDTH / 2
