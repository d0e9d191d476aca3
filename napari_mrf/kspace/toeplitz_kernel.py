"""The products of the Toeplitz operator, compiled.

Apart from `toeplitz`, which loads numba with it only for the CPU.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS

_AT_ONCE = 256  # of all pairs of coefficients, so many numbers stay in the second cache


@njit(**OPTIONS)
def convolve(kernels, spectra):  # type: ignore[no-untyped-def]
    """Put products of Hermitian matrices (K, K) with vectors (K,) in the place of the vectors.

    Takes ``kernels`` (K (K + 1) / 2, 2 M) float32, the upper triangles row by row, and
    ``spectra`` (coils, K, 2 M) float32; both are real and imaginary parts, one after the other.
    Matrices are read once for all coils; the parts stand apart while they are worked on, as
    vector units want them.
    """
    coils, rank, count = spectra.shape[0], spectra.shape[1], spectra.shape[2] // 2
    matrix = _apart(len(kernels))
    vector, result = _apart(rank), _apart(rank)
    for start in range(0, count, _AT_ONCE):
        end = min(start + _AT_ONCE, count)
        _split(kernels, start, end, matrix)
        for coil in range(coils):
            _split(spectra[coil], start, end, vector)
            _multiply(matrix, vector, result)
            _join(result, start, end, spectra[coil])


@njit(**OPTIONS)
def _apart(rows):  # type: ignore[no-untyped-def]
    shape = (rows, _AT_ONCE)
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32)


# A slice of a row has no index that may count from the end, which keeps loops from vector units.
@njit(**OPTIONS)
def _split(values, start, end, parts):  # type: ignore[no-untyped-def]
    for row in range(len(values)):
        some, real, imaginary = values[row, 2 * start : 2 * end], parts[0][row], parts[1][row]
        for m in range(end - start):
            real[m] = some[2 * m]
            imaginary[m] = some[2 * m + 1]


@njit(**OPTIONS)
def _join(parts, start, end, values):  # type: ignore[no-untyped-def]
    for row in range(len(values)):
        some, real, imaginary = values[row, 2 * start : 2 * end], parts[0][row], parts[1][row]
        for m in range(end - start):
            some[2 * m] = real[m]
            some[2 * m + 1] = imaginary[m]


@njit(**OPTIONS)
def _multiply(matrix, vector, result):  # type: ignore[no-untyped-def]
    # All loops over m are as long as the compiler knows; what is beyond the end is not used.
    (a, b), (x, y), (real, imaginary) = matrix, vector, result
    rank = len(x)
    pair = 0
    for k in range(rank):
        for m in range(_AT_ONCE):
            real[k, m] = a[pair, m] * x[k, m] - b[pair, m] * y[k, m]
            imaginary[k, m] = a[pair, m] * y[k, m] + b[pair, m] * x[k, m]
        pair += rank - k
    pair = 0
    for k in range(rank):
        pair += 1
        for other in range(k + 1, rank):
            for m in range(_AT_ONCE):
                real[k, m] += a[pair, m] * x[other, m] - b[pair, m] * y[other, m]
                imaginary[k, m] += a[pair, m] * y[other, m] + b[pair, m] * x[other, m]
                real[other, m] += a[pair, m] * x[k, m] + b[pair, m] * y[k, m]
                imaginary[other, m] += a[pair, m] * y[k, m] - b[pair, m] * x[k, m]
            pair += 1
