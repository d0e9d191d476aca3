"""Levenberg-Marquardt with a Gaussian prior on the tissue and M0 of every voxel, compiled.

The parameters theta are those of the tissue, then Re M0 and Im M0. The cost is
|s - model|² / sigma² + sum of ((theta - mean) / sd)²; sigma² is given or estimated from the
residual, together with the parameters. A parameter that is known is held: it takes no step, and
the covariance of the others is that given its value. Every voxel is computed by itself in a
fixed order: results do not depend on chunks or threads.

What is fitted is decided by the number of tables handed over: a signal model adds its own
`linearize` by `linearizes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from napari_mrf.compute.compilation import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    Linearize = Callable[..., float]

_FLOOR = 1e-14  # of the noise variance of unit-norm fingerprints

_MODEL_OPTIONS: dict[str, Any] = {key: OPTIONS[key] for key in ("nogil", "fastmath", "error_model")}
_MODELS: dict[int, Linearize] = {}


def linearize(theta: Any, z: Any, model: Any, jacobian: Any, work: Any, corners: Any) -> float:
    """Fill the Jacobian (P, R) and the residual (its last row); return the squared residual.

    Parameters
    ----------
    theta : ndarray
        (P,) parameters.
    z : ndarray
        (R,) complex basis coordinates of the fingerprint.
    model : tuple of ndarray
        Tables of the signal model.
    jacobian : ndarray
        (P + 1, R) complex, written.
    work : ndarray
        (6, R), scratch.
    corners : ndarray
        (6, 4), scratch.
    """
    # Only where numba is told not to compile (NUMBA_DISABLE_JIT); else the overload is taken.
    return _MODELS[len(model)](theta, z, model, jacobian, work, corners)


def linearizes(n_tables: int) -> Callable[[Linearize], Linearize]:
    """Decorate the `linearize` of a signal model of so many tables."""

    def register(function: Linearize) -> Linearize:
        _MODELS[n_tables] = function

        @overload(linearize, jit_options=_MODEL_OPTIONS)
        def _choose(theta, z, model, jacobian, work, corners):  # type: ignore[no-untyped-def]
            is_it = isinstance(model, types.BaseTuple) and len(model) == n_tables
            return function if is_it else None

        return function

    return register


@njit(**OPTIONS)
def _normal_equations(jacobian, hessian, gradient):  # type: ignore[no-untyped-def]
    n = gradient.size
    for p in range(n):
        for q in range(p + 1):
            total = 0.0
            for r in range(jacobian.shape[1]):
                total += (
                    jacobian[p, r].real * jacobian[q, r].real
                    + jacobian[p, r].imag * jacobian[q, r].imag
                )
            hessian[p, q] = total
            hessian[q, p] = total
        total = 0.0
        for r in range(jacobian.shape[1]):
            total += (
                jacobian[p, r].real * jacobian[n, r].real
                + jacobian[p, r].imag * jacobian[n, r].imag
            )
        gradient[p] = total


@njit(**OPTIONS)
def _cholesky(matrix, factor):  # type: ignore[no-untyped-def]
    """Lower factor of a symmetric matrix; False where it is not positive."""
    for p in range(len(matrix)):
        for q in range(p + 1):
            total = matrix[p, q]
            for k in range(q):
                total -= factor[p, k] * factor[q, k]
            if p == q:
                if not total > 0.0:
                    return False
                factor[p, p] = np.sqrt(total)
            else:
                factor[p, q] = total / factor[q, q]
    return True


@njit(**OPTIONS)
def _solve(factor, right, out):  # type: ignore[no-untyped-def]
    n = right.size
    for p in range(n):
        total = right[p]
        for k in range(p):
            total -= factor[p, k] * out[k]
        out[p] = total / factor[p, p]
    for p in range(n - 1, -1, -1):
        total = out[p]
        for k in range(p + 1, n):
            total -= factor[k, p] * out[k]
        out[p] = total / factor[p, p]


@njit(**OPTIONS)
def _noise_in_gradient(jacobian, factors, level, middle):  # type: ignore[no-untyped-def]
    """Write the covariance (P, P) of the gradient: that of noise F = level · `factors` (R, K).

    It is Re(J^H F F^H J) / 2, F times circular white noise of variance 1.
    """
    n, (n_vectors, count) = len(middle), factors.shape
    seen = np.empty(n, np.complex128)
    for p in range(n):
        for q in range(n):
            middle[p, q] = 0.0
    for k in range(count):
        for p in range(n):
            total = complex(0.0, 0.0)
            for r in range(n_vectors):
                total += jacobian[p, r].conjugate() * factors[r, k]
            seen[p] = total
        for p in range(n):
            for q in range(n):
                product = seen[p].real * seen[q].real + seen[p].imag * seen[q].imag
                middle[p, q] += 0.5 * level * level * product


@njit(**OPTIONS)
def _add_variances(theta, factor, middle, right, out, variances):  # type: ignore[no-untyped-def]
    """Add the variances of the tissue and, last, of |M0| to ``variances`` (P - 1,).

    Those of the inverse of the factored matrix H, where ``middle`` is empty; else those of
    H^-1 middle H^-1, where ``middle`` (P, P) is a covariance of gradients.
    """
    n = theta.size
    size = np.sqrt(theta[n - 2] * theta[n - 2] + theta[n - 1] * theta[n - 1])
    for p in range(n - 1):
        right[:] = 0.0
        if p < n - 2:
            right[p] = 1.0
        else:
            right[n - 2], right[n - 1] = theta[n - 2] / size, theta[n - 1] / size
        _solve(factor, right, out)
        for q in range(n):
            if len(middle) == 0:
                variances[p] += right[q] * out[q]
            for r in range(len(middle)):
                variances[p] += out[q] * middle[q, r] * out[r]


@njit(**OPTIONS)
def refine_voxels(  # type: ignore[no-untyped-def]
    projected, n_samples, noise_colour, start, known, sigma, model, prior_mean, prior_precision,
    lower, upper, scales, max_steps, noise, level, theta, deviation, misfit, steps,
):  # fmt: skip
    """Refine N voxels of P parameters.

    Reads ``projected`` (N, R) complex128 of unit-norm fingerprints, ``n_samples`` real numbers
    in one, ``noise_colour`` the noise power where signals live over that of the residual,
    ``start`` (N, P), ``known`` (N, P) values to hold, NaN where they are fitted, ``sigma`` (N,)
    or negative to estimate, ``scales`` (P - 2,) steps that matter. Where ``noise`` (R, K) is not
    empty, the noise of a fingerprint in these coordinates is ``level`` (N,) times it times white
    noise: standard deviations are those of it, and of the prior where nothing else is known.
    Writes ``theta`` (N, P), ``deviation`` (N, P - 1) standard deviations of the tissue and of
    |M0|, NaN where known, ``misfit`` (N,) squared residual and ``steps`` (N,) linearisations.
    """
    n_vectors, n = projected.shape[1], start.shape[1]
    work = np.empty((6, n_vectors))
    jacobian = np.empty((n + 1, n_vectors), np.complex128)
    trial_jacobian = np.empty_like(jacobian)
    hessian = np.empty((n, n))
    damped = np.empty((n, n))
    factor = np.zeros((n, n))
    middle = np.empty((n, n) if noise.shape[1] > 0 else (0, 0))
    power = 0.0  # of the noise, in each of the real numbers that have some
    for r in range(noise.shape[0]):
        for k in range(noise.shape[1]):
            value = noise[r, k]
            squared = value.real * value.real + value.imag * value.imag
            power += 0.5 * squared / noise.shape[1]
    gradient, right, step, trial = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    held, is_known = np.empty(n, np.bool_), np.empty(n, np.bool_)
    corners = np.empty((6, 4))
    for v in range(projected.shape[0]):
        z = projected[v]
        outside = 1.0
        for r in range(n_vectors):
            outside -= z[r].real * z[r].real + z[r].imag * z[r].imag
        outside = max(outside, 0.0)
        current = theta[v]
        n_free = n
        for p in range(n):
            is_known[p] = not np.isnan(known[v, p])
            n_free -= is_known[p]
            first = known[v, p] if is_known[p] else start[v, p]
            current[p] = min(max(first, lower[p]), upper[p])
        residual = linearize(current, z, model, jacobian, work, corners)
        # Without noise the residual vanishes; complex64 data carries errors of 1e-7.
        variance = max(sigma[v] * sigma[v], _FLOOR)
        if sigma[v] < 0.0:
            variance = max(noise_colour * (outside + residual) / (n_samples - n_free), _FLOOR)
        damping = 1e-3
        count = 1
        for _ in range(max_steps):
            _normal_equations(jacobian, hessian, gradient)
            cost = residual / variance
            for p in range(n):
                difference = current[p] - prior_mean[p]
                cost += prior_precision[p] * difference * difference
                gradient[p] = gradient[p] / variance - prior_precision[p] * difference
                for q in range(n):
                    hessian[p, q] /= variance
                hessian[p, p] += prior_precision[p]
                # A parameter on its limit that wants to go further stays there this time.
                held[p] = (
                    is_known[p]
                    or (current[p] <= lower[p] and gradient[p] < 0.0)
                    or (current[p] >= upper[p] and gradient[p] > 0.0)
                )
            accepted = False
            moved = 0.0
            for _ in range(12):
                for p in range(n):
                    right[p] = 0.0 if held[p] else gradient[p]
                    for q in range(n):
                        damped[p, q] = 0.0 if held[p] or held[q] else hessian[p, q]
                    damped[p, p] = 1.0 if held[p] else hessian[p, p] * (1.0 + damping) + 1e-300
                if not _cholesky(damped, factor):
                    damping *= 10.0
                    continue
                _solve(factor, right, step)
                moved = 0.0
                for p in range(n):
                    trial[p] = min(max(current[p] + step[p], lower[p]), upper[p])
                    if p < n - 2:
                        moved = max(moved, abs(trial[p] - current[p]) / scales[p])
                trial_residual = linearize(trial, z, model, trial_jacobian, work, corners)
                count += 1
                trial_cost = trial_residual / variance
                for p in range(n - 2):
                    difference = trial[p] - prior_mean[p]
                    trial_cost += prior_precision[p] * difference * difference
                if trial_cost <= cost:
                    accepted = True
                    damping = max(damping * 0.1, 1e-9)
                    break
                if moved < 1e-6:
                    break
                damping *= 10.0
            if not accepted:
                break
            # Assigned as a whole, numba compiles its message about unequal lengths: two seconds.
            for p in range(n):
                current[p] = trial[p]
            jacobian, trial_jacobian = trial_jacobian, jacobian
            residual = trial_residual
            if sigma[v] < 0.0:
                variance = max(noise_colour * (outside + residual) / (n_samples - n_free), _FLOOR)
            if moved < 1e-4:
                break
        # A rejected trial has overwritten only the spare Jacobian.
        _normal_equations(jacobian, hessian, gradient)
        for p in range(n):
            for q in range(n):
                hessian[p, q] /= variance
            hessian[p, p] += prior_precision[p]
        for p in range(n):
            if is_known[p]:
                hessian[p, :] = 0.0
                hessian[:, p] = 0.0
                hessian[p, p] = 1.0
        for p in range(n - 1):
            deviation[v, p] = 0.0
        is_sure = _cholesky(hessian, factor)
        if is_sure and noise.shape[1] == 0:
            _add_variances(current, factor, middle, right, step, deviation[v])
        elif is_sure:
            _noise_in_gradient(jacobian, noise, level[v] / variance, middle)
            _add_variances(current, factor, middle, right, step, deviation[v])
            # What the noise leaves to the prior. The residual, which may hold more than the
            # noise, decides what is believed, but is none of the noise.
            ratio = variance / max(level[v] * level[v] * power, _FLOOR)
            for p in range(n):
                for q in range(n):
                    middle[p, q] = 0.0
                    if not (is_known[p] or is_known[q]):
                        hessian[p, q] *= ratio
                if not is_known[p]:
                    hessian[p, p] += prior_precision[p] * (1.0 - ratio)
                    middle[p, p] = prior_precision[p]
            is_sure = _cholesky(hessian, factor)
            if is_sure:
                _add_variances(current, factor, middle, right, step, deviation[v])
        for p in range(n - 1):
            unknown = is_sure and not (p < n - 2 and is_known[p])
            deviation[v, p] = np.sqrt(deviation[v, p]) if unknown else np.nan
        misfit[v] = outside + residual
        steps[v] = count
