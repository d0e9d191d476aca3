"""The signal of one T1 and one T2 and its derivatives, for Levenberg-Marquardt, compiled.

The parameters are T1, T2, Re M0 and Im M0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from napari_mrf.dictionary.levenberg_marquardt_kernel import MODEL_OPTIONS, linearize
from napari_mrf.dictionary.spline_kernel import spline_vector

_TABLES = 2
"""Spline coefficients and their grid."""


@overload(linearize, jit_options=MODEL_OPTIONS)
def _linearize_relaxation(theta, z, model, jacobian, work, corners):  # type: ignore[no-untyped-def]
    if not isinstance(model, types.BaseTuple) or len(model) != _TABLES:
        return None

    def relaxation(theta, z, model, jacobian, work, corners) -> Any:  # type: ignore[no-untyped-def]
        table, grid = model
        t1, t2, m0 = theta[0], theta[1], complex(theta[2], theta[3])
        spline_vector(np.log(t1), np.log(t2), table, grid, work[0], work[1], work[2], corners)
        power = 0.0
        for r in range(z.size):
            signal = work[0, r]
            jacobian[0, r] = m0 * (work[1, r] / t1)
            jacobian[1, r] = m0 * (work[2, r] / t2)
            jacobian[2, r] = complex(signal, 0.0)
            jacobian[3, r] = complex(0.0, signal)
            residual = z[r] - m0 * signal
            jacobian[4, r] = residual
            power += residual.real * residual.real + residual.imag * residual.imag
        return power

    return relaxation
