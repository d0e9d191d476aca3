"""A signal of up to three tissue parameters and its derivatives, for Levenberg-Marquardt, compiled.

The parameters are those of the tissue, then Re M0 and Im M0. Apart from
`relaxation`, which loads numba with it, and adds the model to the kernel, only to refine.
"""

from __future__ import annotations

from napari_mrf.matching.refinement.levenberg_marquardt_kernel import linearizes
from napari_mrf.matching.tables.spline_kernel import spline_vectors


@linearizes(4)
def linearize_table(theta, z, model, jacobian, work, corners):  # type: ignore[no-untyped-def]
    """Of tables: coefficients, splines along each axis, their grid, which are logarithmic."""
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
