"""A signal of up to three tissue parameters and its derivatives, for Levenberg-Marquardt, compiled.

The parameters are those of the tissue, then Re M0 and Im M0. Apart from
`relaxation`, which loads numba with it, and adds the model to the kernel, only to refine.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import overload

from napari_mrf.matching.refinement.levenberg_marquardt_kernel import MODEL_OPTIONS, linearize
from napari_mrf.matching.tables.spline_kernel import spline_vectors

_TABLES = 4
"""Spline coefficients, splines along each axis, their grid, which axes are logarithmic."""


@overload(linearize, jit_options=MODEL_OPTIONS)
def _linearize_table(theta, z, model, jacobian, work, corners):  # type: ignore[no-untyped-def]
    if not isinstance(model, types.BaseTuple) or len(model) != _TABLES:
        return None

    def table(theta, z, model, jacobian, work, corners) -> Any:  # type: ignore[no-untyped-def]
        coefficients, shape, grid, is_logarithmic = model
        n = shape.size
        m0 = complex(theta[n], theta[n + 1])
        spline_vectors(theta, coefficients, shape, grid, is_logarithmic, work, corners)
        power = 0.0
        for p in range(n):
            by_coordinate = 1.0 / theta[p] if is_logarithmic[p] else 1.0
            for r in range(z.size):
                jacobian[p, r] = m0 * (work[1 + p, r] * by_coordinate)
        for r in range(z.size):
            signal = work[0, r]
            jacobian[n, r] = complex(signal, 0.0)
            jacobian[n + 1, r] = complex(0.0, signal)
            residual = z[r] - m0 * signal
            jacobian[n + 2, r] = residual
            power += residual.real * residual.real + residual.imag * residual.imag
        return power

    return table
