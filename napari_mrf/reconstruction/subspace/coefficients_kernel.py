"""Products of a few coefficients with long rows, compiled.

Apart from `coefficients`, which loads numba with it only once there are some.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def combine(rows, table_re, table_im, combined):  # type: ignore[no-untyped-def]
    """Write the products (N, M), complex, of ``rows`` (N, K) complex128 with a table (K, M).

    One row after the other in a fixed order: no bit depends on the others, as those of a
    matrix product do.
    """
    rank, count = table_re.shape
    real, imaginary = np.empty(count), np.empty(count)
    for n in range(len(rows)):
        real[:] = 0.0
        imaginary[:] = 0.0
        for k in range(rank):
            re, im = rows[n, k].real, rows[n, k].imag
            for m in range(count):
                real[m] += re * table_re[k, m] - im * table_im[k, m]
                imaginary[m] += re * table_im[k, m] + im * table_re[k, m]
        for m in range(count):
            combined[n, m] = complex(real[m], imaginary[m])
