"""Fingerprints as rows of real numbers of norm 1, in one compiled pass.

Apart from `real_atoms`, which loads numba with it only when rows are first made.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS

_LANES = 8


@njit(**OPTIONS)
def norms(values, result):  # type: ignore[no-untyped-def]
    """Write the norm of every row of (N, n) float32 values, summed in float64."""
    lanes = np.empty(_LANES)
    n = values.shape[1]
    n_whole = n - n % _LANES
    for row in range(values.shape[0]):
        for lane in range(_LANES):
            lanes[lane] = 0.0
        for start in range(0, n_whole, _LANES):
            for lane in range(_LANES):
                value = np.float64(values[row, start + lane])
                lanes[lane] += value * value
        total = 0.0
        for lane in range(_LANES):
            total += lanes[lane]
        for i in range(n_whole, n):
            value = np.float64(values[row, i])
            total += value * value
        result[row] = np.sqrt(total)


@njit(**OPTIONS)
def spread(values, scales, doubled, rows):  # type: ignore[no-untyped-def]
    """Write (N, 2T) interleaved values times (N,) scales as (2N, T or 2T) rows.

    Row v holds the real parts of fingerprint v, row N + v its imaginary parts; when doubled,
    (real, imaginary) and (imaginary, -real).
    """
    n, n_frames = values.shape[0], values.shape[1] // 2
    for v in range(n):
        scale = scales[v]
        for t in range(n_frames):
            real, imaginary = values[v, 2 * t] * scale, values[v, 2 * t + 1] * scale
            rows[v, t] = real
            rows[n + v, t] = imaginary
        if doubled:
            for t in range(n_frames):
                rows[v, n_frames + t] = rows[n + v, t]
                rows[n + v, n_frames + t] = -rows[v, t]
