"""The noise of fingerprints from differences of neighboring frames, compiled.

Apart from `frame_noise`, which loads numba with it only once there are fingerprints.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def median_powers(signals, norms, triples, weights, medians):  # type: ignore[no-untyped-def]
    """Write the median power (N,) of weighted triples of frames of fingerprints of norm 1.

    Reads ``signals`` (N, K) complex64, their ``norms`` (N,), ``triples`` (M, 3) of frames and
    ``weights`` (M, 3) complex128. Of an even number of powers the upper middle one counts.
    """
    powers = np.empty(len(triples), np.float32)
    middle = len(triples) // 2
    for v in range(len(signals)):
        scale = 1.0 / norms[v]
        for m in range(len(triples)):
            difference = complex(0.0, 0.0)
            for j in range(3):
                difference += weights[m, j] * signals[v, triples[m, j]]
            re, im = difference.real * scale, difference.imag * scale
            powers[m] = re * re + im * im
        medians[v] = np.partition(powers, middle)[middle]
