"""Values and slopes of a table of cubic splines, and the table's coordinates, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def _weights(u, value, slope):  # type: ignore[no-untyped-def]
    """Uniform cubic B-spline weights of the four coefficients around a point, and slopes."""
    v = 1.0 - u
    value[0] = v * v * v / 6.0
    value[1] = (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0
    value[2] = (3.0 * v * v * v - 6.0 * v * v + 4.0) / 6.0
    value[3] = u * u * u / 6.0
    slope[0] = -0.5 * v * v
    slope[1] = 0.5 * (3.0 * u * u - 4.0 * u)
    slope[2] = -0.5 * (3.0 * v * v - 4.0 * v)
    slope[3] = 0.5 * u * u


@njit(**OPTIONS)
def spline_vector(x, y, coefficients, grid, value, by_x, by_y, work):  # type: ignore[no-untyped-def]
    """Fill a vector (R,) of basis coordinates at (x, y), and its derivatives.

    ``coefficients`` is (n_x + 3, n_y + 3, R), ``grid`` holds origin and step of x, then of y;
    ``work`` (4, 4) is scratch.
    """
    n_x, n_y, rank = coefficients.shape
    x = (x - grid[0]) / grid[1]
    y = (y - grid[2]) / grid[3]
    i = min(max(int(np.floor(x)), 0), n_x - 4)
    j = min(max(int(np.floor(y)), 0), n_y - 4)
    _weights(x - i, work[0], work[1])
    _weights(y - j, work[2], work[3])
    for r in range(rank):
        value[r] = 0.0
        by_x[r] = 0.0
        by_y[r] = 0.0
    for a in range(4):
        for b in range(4):
            w = work[0, a] * work[2, b]
            w_x = work[1, a] * work[2, b] / grid[1]
            w_y = work[0, a] * work[3, b] / grid[3]
            for r in range(rank):
                c = coefficients[i + a, j + b, r]
                value[r] += w * c
                by_x[r] += w_x * c
                by_y[r] += w_y * c


@njit(**OPTIONS)
def spline_values(x, y, coefficients, grid, value, work):  # type: ignore[no-untyped-def]
    """Fill a vector (R,) of basis coordinates at (x, y); see `spline_vector`."""
    n_x, n_y, rank = coefficients.shape
    x = (x - grid[0]) / grid[1]
    y = (y - grid[2]) / grid[3]
    i = min(max(int(np.floor(x)), 0), n_x - 4)
    j = min(max(int(np.floor(y)), 0), n_y - 4)
    _weights(x - i, work[0], work[1])
    _weights(y - j, work[2], work[3])
    for r in range(rank):
        value[r] = 0.0
    for a in range(4):
        w_0, w_1 = work[0, a] * work[2, 0], work[0, a] * work[2, 1]
        w_2, w_3 = work[0, a] * work[2, 2], work[0, a] * work[2, 3]
        corners = coefficients[i + a]
        for r in range(rank):
            value[r] = (
                ((value[r] + w_0 * corners[j, r]) + w_1 * corners[j + 1, r])
                + w_2 * corners[j + 2, r]
            ) + w_3 * corners[j + 3, r]


@njit(**OPTIONS)
def spline_vectors(  # type: ignore[no-untyped-def]
    values, coefficients, shape, grid, is_logarithmic, vectors, work
):
    """Fill vectors (1 + n, R) of basis coordinates at n values, and their derivatives.

    The derivatives are by the coordinates of the table, the logarithms of some of the values.
    ``coefficients`` is (M, R), the last of n axes of ``shape`` running fastest; ``grid`` (2n,)
    holds origin and step of each; ``work`` (2n, 4) is scratch.
    """
    n, rank = shape.size, coefficients.shape[1]
    base = 0
    for p in range(n):
        x = np.log(values[p]) if is_logarithmic[p] else values[p]
        x = (x - grid[2 * p]) / grid[2 * p + 1]
        i = min(max(int(np.floor(x)), 0), shape[p] - 4)
        _weights(x - i, work[2 * p], work[2 * p + 1])
        base = base * shape[p] + i
    for d in range(n + 1):
        for r in range(rank):
            vectors[d, r] = 0.0
    for corner in range(4**n):
        offset = 0
        for p in range(n):
            offset = offset * shape[p] + ((corner >> (2 * (n - 1 - p))) & 3)
        for d in range(n + 1):
            w = 1.0
            for p in range(n):
                c = (corner >> (2 * (n - 1 - p))) & 3
                w *= work[2 * p + 1, c] / grid[2 * p + 1] if d == p + 1 else work[2 * p, c]
            for r in range(rank):
                vectors[d, r] += w * coefficients[base + offset, r]


@njit(**OPTIONS)
def project(signals, norms, basis, projected):  # type: ignore[no-untyped-def]
    """Fill the basis coordinates (N, R) complex of fingerprints divided by their norms (N,).

    ``signals`` (N, 2T) are interleaved; ``basis`` is (T, R) and real. One fingerprint after
    the other in a fixed order: no bit depends on the others, as those of a matrix product do.
    """
    n_frames, rank = basis.shape
    real, imaginary = np.empty(rank), np.empty(rank)
    for v in range(len(signals)):
        real[:] = 0.0
        imaginary[:] = 0.0
        for t in range(n_frames):
            re, im = np.float64(signals[v, 2 * t]), np.float64(signals[v, 2 * t + 1])
            for r in range(rank):
                real[r] += re * basis[t, r]
                imaginary[r] += im * basis[t, r]
        for r in range(rank):
            projected[v, r] = complex(real[r] / norms[v], imaginary[r] / norms[v])
