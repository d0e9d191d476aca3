"""The products of the Toeplitz operator, compiled.

Apart from `toeplitz`, which loads numba with it only for the CPU.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS

_AT_ONCE = 512  # of all coefficients, so many numbers stay in the first cache


@njit(**OPTIONS)
def convolve(kernels, spectra, result):  # type: ignore[no-untyped-def]
    """Write the products (K, M) of Hermitian matrices (K, K) with vectors (K,), M times.

    Reads ``kernels`` (K (K + 1) / 2, M), the upper triangle row by row, and ``spectra`` (K, M).
    """
    rank, count = spectra.shape
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        for k in range(rank):
            for m in range(start, stop):
                result[k, m] = np.complex64(0)
        pair = 0
        for k in range(rank):
            for m in range(start, stop):
                result[k, m] += kernels[pair, m] * spectra[k, m]
            pair += 1
            for other in range(k + 1, rank):
                for m in range(start, stop):
                    kernel = kernels[pair, m]
                    result[k, m] += kernel * spectra[other, m]
                    result[other, m] += kernel.conjugate() * spectra[k, m]
                pair += 1
