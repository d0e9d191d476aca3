"""Samples spread over a grid around them, compiled.

Apart from `spreading`, so that numba is loaded only where samples are spread.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def spread(samples, readouts, places, vectors, polynomials, grid):  # type: ignore[no-untyped-def]
    """Add samples times the vector of their readout to the W x W points around them.

    Takes ``samples`` (N,) complex64, the ``readouts`` (N,) and ``places`` (N, 2) on the grid they
    belong to, ``vectors`` (readouts, V) complex64, the window as ``polynomials`` (powers, W)
    float32, from the highest power of t, which goes from -1 to 1 between two points of the grid,
    and ``grid`` (Y, X, V) complex64.
    """
    n_vectors, width = vectors.shape[1], polynomials.shape[1]
    flat = grid.reshape(-1).view(np.float32)
    of_sample = np.empty(2 * n_vectors, np.float32)
    values = np.empty((width, 2 * n_vectors), np.float32)
    row = values.reshape(-1)
    along_y, along_x = np.empty(width, np.float32), np.empty(width, np.float32)
    for n in range(len(samples)):
        y = _window(places[n, 0], polynomials, along_y)
        x = _window(places[n, 1], polynomials, along_x)
        for v in range(n_vectors):
            value = samples[n] * vectors[readouts[n], v]
            of_sample[2 * v], of_sample[2 * v + 1] = value.real, value.imag
        for i in range(width):
            for v in range(len(of_sample)):
                values[i, v] = along_x[i] * of_sample[v]
        for j in range(width):
            # Unsigned, as an index that may count from the end keeps loops from vector units.
            first = np.uint64(2 * n_vectors * ((y + j) * grid.shape[1] + x))
            weight = along_y[j]
            for i in range(len(row)):
                flat[first + np.uint64(i)] += weight * row[i]


@njit(**OPTIONS)
def _window(place, polynomials, weights):  # type: ignore[no-untyped-def]
    """Write the window around a place; return the first point of the grid in it."""
    width = len(weights)
    first = int(np.ceil(place - width / 2))
    t = np.float32(2 * (first - place + width / 2) - 1)
    for i in range(width):
        weights[i] = polynomials[0, i]
    for power in range(1, len(polynomials)):
        for i in range(width):
            weights[i] = weights[i] * t + polynomials[power, i]
    return first
