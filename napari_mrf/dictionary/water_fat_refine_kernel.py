"""Levenberg-Marquardt on (FF, T1H2O, T1fat, Df, B1, M0) of every voxel, compiled.

The cost is |s - model|² / sigma² + sum of ((theta - mean) / sd)²; sigma² is given or estimated
from the residual, together with the parameters. Every voxel is computed by itself in a fixed
order: results do not depend on chunks or threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compilation import OPTIONS

_FLOOR = 1e-14  # of the noise variance of unit-norm fingerprints
_N = 7  # FF, T1H2O, T1fat, Df, B1, Re M0, Im M0


@njit(**OPTIONS)
def _weights(u, value, slope):  # type: ignore[no-untyped-def]
    """Uniform cubic B-spline weights of the four coefficients around a point, and slopes."""
    v = 1.0 - u
    value[0] = v * v * v / 6.0
    value[1] = (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0
    value[2] = (3.0 * v * v * v - 6.0 * v * v + 4.0) / 6.0
    value[3] = u * u * u / 6.0
    slope[0] = -0.5 * v * v
    slope[1] = 0.5 * (3.0 * u * u - 4.0 * u)
    slope[2] = -0.5 * (3.0 * v * v - 4.0 * v)
    slope[3] = 0.5 * u * u


@njit(**OPTIONS)
def envelope(t1, b1, coefficients, grid, value, by_t1, by_b1, work):  # type: ignore[no-untyped-def]
    """Envelope in basis coordinates (R,) and its derivatives by T1 (1/ms) and B1."""
    n_t1, n_b1, rank = coefficients.shape
    x = (np.log(t1) - grid[0]) / grid[1]
    y = (b1 - grid[2]) / grid[3]
    i = min(max(int(np.floor(x)), 0), n_t1 - 4)
    j = min(max(int(np.floor(y)), 0), n_b1 - 4)
    _weights(x - i, work[0], work[1])
    _weights(y - j, work[2], work[3])
    for r in range(rank):
        value[r] = 0.0
        by_t1[r] = 0.0
        by_b1[r] = 0.0
    for a in range(4):
        for b in range(4):
            w = work[0, a] * work[2, b]
            w_t1 = work[1, a] * work[2, b] / (grid[1] * t1)
            w_b1 = work[0, a] * work[3, b] / grid[3]
            for r in range(rank):
                c = coefficients[i + a, j + b, r]
                value[r] += w * c
                by_t1[r] += w_t1 * c
                by_b1[r] += w_b1 * c


@njit(**OPTIONS)
def _linearise(theta, z, table, grid, segment, water, fat, echo_times_s, a, jacobian, work):  # type: ignore[no-untyped-def]
    """Fill the Jacobian (7, R) and the residual (last row); return the squared residual."""
    fraction, t1_water, t1_fat, df, b1 = theta[0], theta[1], theta[2], theta[3], theta[4]
    m0 = complex(theta[5], theta[6])
    envelope(t1_water, b1, table, grid, a[0], a[1], a[2], work)
    envelope(t1_fat, b1, table, grid, a[3], a[4], a[5], work)
    power = 0.0
    turn = complex(1.0, 0.0)
    for r in range(z.size):
        s = segment[r]
        if r == 0 or segment[r - 1] != s:
            angle = -2.0 * np.pi * df * echo_times_s[s]
            turn = complex(np.cos(angle), np.sin(angle))
        w, f = turn * water[s], turn * fat[s]
        mixture = (1.0 - fraction) * w * a[0, r] + fraction * f * a[3, r]
        jacobian[0, r] = m0 * (f * a[3, r] - w * a[0, r])
        jacobian[1, r] = m0 * (1.0 - fraction) * w * a[1, r]
        jacobian[2, r] = m0 * fraction * f * a[4, r]
        jacobian[3, r] = m0 * mixture * complex(0.0, -2.0 * np.pi * echo_times_s[s])
        jacobian[4, r] = m0 * ((1.0 - fraction) * w * a[2, r] + fraction * f * a[5, r])
        jacobian[5, r] = mixture
        jacobian[6, r] = complex(-mixture.imag, mixture.real)
        residual = z[r] - m0 * mixture
        jacobian[7, r] = residual
        power += residual.real * residual.real + residual.imag * residual.imag
    return power


@njit(**OPTIONS)
def _normal_equations(jacobian, hessian, gradient):  # type: ignore[no-untyped-def]
    for p in range(_N):
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
                jacobian[p, r].real * jacobian[7, r].real
                + jacobian[p, r].imag * jacobian[7, r].imag
            )
        gradient[p] = total


@njit(**OPTIONS)
def _cholesky(matrix, factor):  # type: ignore[no-untyped-def]
    """Lower factor of a symmetric matrix; False where it is not positive."""
    for p in range(_N):
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
    for p in range(_N):
        total = right[p]
        for k in range(p):
            total -= factor[p, k] * out[k]
        out[p] = total / factor[p, p]
    for p in range(_N - 1, -1, -1):
        total = out[p]
        for k in range(p + 1, _N):
            total -= factor[k, p] * out[k]
        out[p] = total / factor[p, p]


@njit(**OPTIONS)
def refine_voxels(  # type: ignore[no-untyped-def]
    projected, n_samples, noise_colour, start, sigma, table, grid, segment, water, fat,
    echo_times_s, prior_mean, prior_precision, lower, upper, scales, max_steps, theta, deviation,
    misfit, steps,
):  # fmt: skip
    """Refine N voxels.

    Reads ``projected`` (N, R) complex128 of unit-norm fingerprints, ``n_samples`` real numbers
    in one, ``noise_colour`` the noise power where signals live over that of the residual,
    ``start`` (N, 7), ``sigma`` (N,) or negative to estimate. Writes ``theta`` (N, 7),
    ``deviation`` (N, 5) posterior standard deviations, ``misfit`` (N,) squared residual and
    ``steps`` (N,) linearisations.
    """
    n_vectors = projected.shape[1]
    a = np.empty((6, n_vectors))
    jacobian = np.empty((8, n_vectors), np.complex128)
    trial_jacobian = np.empty_like(jacobian)
    hessian = np.empty((_N, _N))
    damped = np.empty((_N, _N))
    factor = np.zeros((_N, _N))
    gradient, right, step, trial = np.empty(_N), np.empty(_N), np.empty(_N), np.empty(_N)
    held = np.empty(_N, np.bool_)
    work = np.empty((4, 4))
    for v in range(projected.shape[0]):
        z = projected[v]
        outside = 1.0
        for r in range(n_vectors):
            outside -= z[r].real * z[r].real + z[r].imag * z[r].imag
        outside = max(outside, 0.0)
        current = theta[v]
        for p in range(_N):
            current[p] = min(max(start[v, p], lower[p]), upper[p])
        residual = _linearise(
            current, z, table, grid, segment, water, fat, echo_times_s, a, jacobian, work
        )
        # Without noise the residual vanishes; complex64 data carries errors of 1e-7.
        variance = max(sigma[v] * sigma[v], _FLOOR)
        if sigma[v] < 0.0:
            variance = max(noise_colour * (outside + residual) / (n_samples - _N), _FLOOR)
        damping = 1e-3
        count = 1
        for _ in range(max_steps):
            _normal_equations(jacobian, hessian, gradient)
            cost = residual / variance
            for p in range(_N):
                difference = current[p] - prior_mean[p]
                cost += prior_precision[p] * difference * difference
                gradient[p] = gradient[p] / variance - prior_precision[p] * difference
                for q in range(_N):
                    hessian[p, q] /= variance
                hessian[p, p] += prior_precision[p]
                # A parameter on its limit that wants to go further stays there this time.
                held[p] = (current[p] <= lower[p] and gradient[p] < 0.0) or (
                    current[p] >= upper[p] and gradient[p] > 0.0
                )
            accepted = False
            moved = 0.0
            for _ in range(12):
                for p in range(_N):
                    right[p] = 0.0 if held[p] else gradient[p]
                    for q in range(_N):
                        damped[p, q] = 0.0 if held[p] or held[q] else hessian[p, q]
                    damped[p, p] = 1.0 if held[p] else hessian[p, p] * (1.0 + damping) + 1e-300
                if not _cholesky(damped, factor):
                    damping *= 10.0
                    continue
                _solve(factor, right, step)
                moved = 0.0
                for p in range(_N):
                    trial[p] = min(max(current[p] + step[p], lower[p]), upper[p])
                    if p < 5:
                        moved = max(moved, abs(trial[p] - current[p]) / scales[p])
                trial_residual = _linearise(
                    trial, z, table, grid, segment, water, fat, echo_times_s, a,
                    trial_jacobian, work,
                )  # fmt: skip
                count += 1
                trial_cost = trial_residual / variance
                for p in range(5):
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
            current[:] = trial
            jacobian, trial_jacobian = trial_jacobian, jacobian
            residual = trial_residual
            if sigma[v] < 0.0:
                variance = max(noise_colour * (outside + residual) / (n_samples - _N), _FLOOR)
            if moved < 1e-4:
                break
        # A rejected trial has overwritten only the spare Jacobian.
        _normal_equations(jacobian, hessian, gradient)
        for p in range(_N):
            for q in range(_N):
                hessian[p, q] /= variance
            hessian[p, p] += prior_precision[p]
        certain = _cholesky(hessian, factor)
        for p in range(5):
            deviation[v, p] = np.nan
            if certain:
                right[:] = 0.0
                right[p] = 1.0
                _solve(factor, right, step)
                deviation[v, p] = np.sqrt(step[p])
        misfit[v] = outside + residual
        steps[v] = count
