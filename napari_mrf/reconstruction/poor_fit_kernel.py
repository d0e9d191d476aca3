"""The noise of fingerprints from differences of neighboring frames, compiled.

Apart from `frame_noise`, which loads numba with it only once there are fingerprints.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def median_powers(signals, norms, triples, turns, medians):  # type: ignore[no-untyped-def]
    """Write the median power (N,) of second differences of fingerprints of norm 1.

    Reads ``signals`` (N, 2K), interleaved float32, their ``norms`` (N,), ``triples`` (M, 3) of
    frames, and ``turns`` (2, K), real and imaginary part of what frames are multiplied by. Of an
    even number of powers the upper middle one counts.
    """
    n_frames = turns.shape[1]
    real, imaginary = np.empty(n_frames), np.empty(n_frames)
    powers = np.empty((2, len(triples)), np.float32)
    for v in range(len(signals)):
        scale = 1.0 / norms[v]
        for t in range(n_frames):
            re, im = np.float64(signals[v, 2 * t]), np.float64(signals[v, 2 * t + 1])
            real[t] = (re * turns[0, t] - im * turns[1, t]) * scale
            imaginary[t] = (re * turns[1, t] + im * turns[0, t]) * scale
        for m in range(len(triples)):
            a, b, c = triples[m, 0], triples[m, 1], triples[m, 2]
            re = (real[a] + real[c]) - 2.0 * real[b]
            im = (imaginary[a] + imaginary[c]) - 2.0 * imaginary[b]
            powers[0, m] = re * re + im * im
        medians[v] = _selected(powers, len(triples) // 2)


@njit(**OPTIONS)
def _selected(values, place):  # type: ignore[no-untyped-def]
    """Return which of the values (2, n), of the first row, sorting would put at a place.

    Quickselect between the two rows, without branches that depend on the values: a processor
    cannot foresee those.
    """
    row, start, stop = 0, 0, values.shape[1]
    while stop - start > 1:
        first, last = values[row, start], values[row, stop - 1]
        middle = values[row, (start + stop) // 2]
        pivot = max(min(first, middle), min(max(first, middle), last))
        other, below, above = 1 - row, start, stop - 1
        for i in range(start, stop):
            value = values[row, i]
            values[other, below] = value
            values[other, above] = value
            is_below = value < pivot
            below += is_below
            above -= not is_below
        if place < below:
            row, stop = other, below
        elif below > start:
            row, start = other, below
        else:  # the pivot is the smallest value
            larger = start
            for i in range(start, stop):
                value = values[row, i]
                values[other, larger] = value
                larger += value > pivot
            n_smallest = stop - larger
            if place < start + n_smallest:
                return pivot
            row, stop, place = other, larger, place - n_smallest
    return values[row, start]
