"""The signal of water and fat and its derivatives, for Levenberg-Marquardt, compiled.

The parameters are FF, T1H2O, T1fat, Df, B1, Re M0 and Im M0. Apart from `water_fat`,
which loads numba with it, and adds the model to the kernel, only to refine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS
from napari_mrf.matching.refinement.levenberg_marquardt_kernel import linearizes
from napari_mrf.matching.tables.spline_kernel import spline_vector


@njit(**OPTIONS)
def envelope(t1, b1, coefficients, grid, value, by_t1, by_b1, work):  # type: ignore[no-untyped-def]
    """Envelope in basis coordinates (R,) and its derivatives by T1 (1/ms) and B1."""
    spline_vector(np.log(t1), b1, coefficients, grid, value, by_t1, by_b1, work)
    for r in range(by_t1.size):
        by_t1[r] /= t1


@linearizes(6)
def linearize_water_fat(theta, z, model, jacobian, work, corners):  # type: ignore[no-untyped-def]
    """Of tables: coefficients, their grid, segment of each vector, water, fat, echo times (s)."""
    table, grid, segment, water, fat, echo_times_s = model
    fraction, t1_water, t1_fat, df, b1 = theta[0], theta[1], theta[2], theta[3], theta[4]
    m0 = complex(theta[5], theta[6])
    envelope(t1_water, b1, table, grid, work[0], work[1], work[2], corners)
    envelope(t1_fat, b1, table, grid, work[3], work[4], work[5], corners)
    power = 0.0
    turn = complex(1.0, 0.0)
    for r in range(z.size):
        s = segment[r]
        if r == 0 or segment[r - 1] != s:
            angle = -2.0 * np.pi * df * echo_times_s[s]
            turn = complex(np.cos(angle), np.sin(angle))
        w, f = turn * water[s], turn * fat[s]
        mixture = (1.0 - fraction) * w * work[0, r] + fraction * f * work[3, r]
        jacobian[0, r] = m0 * (f * work[3, r] - w * work[0, r])
        jacobian[1, r] = m0 * (1.0 - fraction) * w * work[1, r]
        jacobian[2, r] = m0 * fraction * f * work[4, r]
        jacobian[3, r] = m0 * mixture * complex(0.0, -2.0 * np.pi * echo_times_s[s])
        jacobian[4, r] = m0 * ((1.0 - fraction) * w * work[2, r] + fraction * f * work[5, r])
        jacobian[5, r] = mixture
        jacobian[6, r] = complex(-mixture.imag, mixture.real)
        residual = z[r] - m0 * mixture
        jacobian[7, r] = residual
        power += residual.real * residual.real + residual.imag * residual.imag
    return power
