"""The product of fingerprints with the model of given tissues, compiled.

Apart from `model_fit`, which loads numba with it only for the kinds that it speeds up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS
from napari_mrf.matching.tables.spline_kernel import spline_values


@njit(**OPTIONS)
def fit_voxels(products, tissue, envelopes, inner, power):  # type: ignore[no-untyped-def]
    """Fill model^H signal and |model|² of every voxel.

    `products` (N, R) are those of the signals with the basis of the envelopes. `tissue` holds FF,
    T1H2O, T1fat, Df and B1, `envelopes` the table, its grid, the segment of each vector, water,
    fat and echo times (s), as refinement has them.
    """
    rank = products.shape[1]
    of_water, of_fat, work = np.empty(rank), np.empty(rank), np.empty((4, 4))
    for v in range(len(products)):
        inner[v], power[v] = _compare(products[v], tissue[v], envelopes, of_water, of_fat, work)


@njit(**OPTIONS)
def _compare(products, tissue, envelopes, of_water, of_fat, work):  # type: ignore[no-untyped-def]
    """Return model^H signal and |model|² of one voxel."""
    table, grid, segment, water, fat, echo_times_s = envelopes
    fraction, df, b1 = tissue[0], tissue[3], tissue[4]
    spline_values(np.log(tissue[1]), b1, table, grid, of_water, work)
    spline_values(np.log(tissue[2]), b1, table, grid, of_fat, work)
    product, size = complex(0.0, 0.0), 0.0
    water_turn, fat_turn = complex(0.0, 0.0), complex(0.0, 0.0)
    for r in range(products.size):
        s = segment[r]
        if r == 0 or segment[r - 1] != s:
            angle = -2.0 * np.pi * df * echo_times_s[s]
            turn = complex(np.cos(angle), np.sin(angle))
            water_turn, fat_turn = turn * (1.0 - fraction) * water[s], turn * fraction * fat[s]
        model = water_turn * of_water[r] + fat_turn * of_fat[r]
        product += complex(model.real, -model.imag) * products[r]
        size += model.real * model.real + model.imag * model.imag
    return product, size
