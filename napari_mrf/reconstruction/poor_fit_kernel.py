"""Differences of neighboring frames, compiled.

Apart from `frame_noise`, which loads numba with it only once there are fingerprints.
"""

from __future__ import annotations

from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def difference_powers(signals, norms, triples, weights, powers):  # type: ignore[no-untyped-def]
    """Write the powers (N, M) of weighted triples of frames of fingerprints of norm 1.

    Reads ``signals`` (N, K) complex64, their ``norms`` (N,), ``triples`` (M, 3) of frames and
    ``weights`` (M, 3) complex128.
    """
    for v in range(len(signals)):
        scale = 1.0 / norms[v]
        for m in range(len(triples)):
            difference = complex(0.0, 0.0)
            for j in range(3):
                difference += weights[m, j] * signals[v, triples[m, j]]
            re, im = difference.real * scale, difference.imag * scale
            powers[v, m] = re * re + im * im
