"""The product of fingerprints with the model of given tissues, compiled.

Apart from `model_fit`, which loads numba with it only for the kinds that it speeds up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS
from napari_mrf.matching.refinement.water_fat_refine_kernel import envelope


# fmt: off
@njit(**OPTIONS)
def fit_voxels(  # type: ignore[no-untyped-def]
    signals, basis, tissue, table, grid, segment, water, fat, echo_times_s, inner, power, energy
):
# fmt: on
    """Fill model^H signal, |model|² and |signal|² of every voxel.

    `tissue` holds FF, T1H2O, T1fat, Df and B1; the other tables are those of refinement. Each
    basis vector lives in the frames of one segment, and the rest of it is skipped.
    """
    n_frames, rank = basis.shape
    first, last = np.zeros(rank, np.int64), np.zeros(rank, np.int64)
    for r in range(rank):
        first[r] = n_frames
        for t in range(n_frames):
            if basis[t, r] != 0.0:
                first[r] = min(first[r], t)
                last[r] = t + 1
    a = np.empty((6, rank))
    work = np.empty((4, 4))
    for v in range(len(signals)):
        fraction, df, b1 = tissue[v, 0], tissue[v, 3], tissue[v, 4]
        envelope(tissue[v, 1], b1, table, grid, a[0], a[1], a[2], work)
        envelope(tissue[v, 2], b1, table, grid, a[3], a[4], a[5], work)
        product, size = complex(0.0, 0.0), 0.0
        turn = complex(1.0, 0.0)
        for r in range(rank):
            s = segment[r]
            if r == 0 or segment[r - 1] != s:
                angle = -2.0 * np.pi * df * echo_times_s[s]
                turn = complex(np.cos(angle), np.sin(angle))
            model = turn * ((1.0 - fraction) * water[s] * a[0, r] + fraction * fat[s] * a[3, r])
            re, im = 0.0, 0.0
            for t in range(first[r], last[r]):
                re += signals[v, t].real * basis[t, r]
                im += signals[v, t].imag * basis[t, r]
            product += complex(model.real, -model.imag) * complex(re, im)
            size += model.real * model.real + model.imag * model.imag
        total = 0.0
        for t in range(n_frames):
            re, im = np.float64(signals[v, t].real), np.float64(signals[v, t].imag)
            total += re * re + im * im
        inner[v] = product
        power[v] = size
        energy[v] = total
