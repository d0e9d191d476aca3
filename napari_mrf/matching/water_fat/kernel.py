"""The compiled search for the best water-fat pair of every fingerprint.

Every voxel is computed by itself in a fixed order, in float64: the result does not depend on
chunks or threads. Real and imaginary parts are kept apart so that the loops vectorise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def _project(signal, segment_of_frame, basis, z_re, z_im):  # type: ignore[no-untyped-def]
    """Partial products of the fingerprint with every segment basis, (S, B·R)."""
    z_re[:] = 0.0
    z_im[:] = 0.0
    for t in range(signal.size):
        s = segment_of_frame[t]
        real, imaginary = signal[t].real, signal[t].imag
        for k in range(basis.shape[1]):
            z_re[s, k] += real * basis[t, k]
            z_im[s, k] += imaginary * basis[t, k]


@njit(**OPTIONS)
def _project_coefficients(signal, seen_re, seen_im, z_re, z_im):  # type: ignore[no-untyped-def]
    """Like `_project`, of a fingerprint's coordinates (K,) in a subspace.

    ``seen`` (K, S, B·R) are the products of the vectors of the subspace with the bases.
    """
    z_re[:] = 0.0
    z_im[:] = 0.0
    for j in range(signal.size):
        real, imaginary = signal[j].real, signal[j].imag
        for s in range(len(z_re)):
            for k in range(z_re.shape[1]):
                z_re[s, k] += real * seen_re[j, s, k] - imaginary * seen_im[j, s, k]
                z_im[s, k] += real * seen_im[j, s, k] + imaginary * seen_re[j, s, k]


@njit(**OPTIONS)
def _expand(b, rank, table_re, table_im, z_re, z_im, out_re, out_im):  # type: ignore[no-untyped-def]
    """Inner products (S, n) of the projected fingerprint with the vectors of one table."""
    n_segments, n = out_re.shape
    for s in range(n_segments):
        for i in range(n):
            out_re[s, i] = 0.0
            out_im[s, i] = 0.0
        for r in range(rank):
            x, y = z_re[s, b * rank + r], z_im[s, b * rank + r]
            for i in range(n):
                out_re[s, i] += table_re[b, s, r, i] * x - table_im[b, s, r, i] * y
                out_im[s, i] += table_re[b, s, r, i] * y + table_im[b, s, r, i] * x


@njit(**OPTIONS)
def _block_bounds(q_re, q_im, slack, phase_re, phase_im, bounds):  # type: ignore[no-untyped-def]
    """Upper bound of J² for every Df of one B1.

    With y = sum over segments of phase · q, the largest squared correlation with a real
    combination of unit vectors is (sum |y|² + |sum y²|) / 2.
    """
    n_segments, n = q_re.shape
    for d in range(bounds.size):
        power = 0.0
        square_re = 0.0
        square_im = 0.0
        for k in range(n):
            y_re = 0.0
            y_im = 0.0
            for s in range(n_segments):
                y_re += phase_re[d, s] * q_re[s, k] - phase_im[d, s] * q_im[s, k]
                y_im += phase_re[d, s] * q_im[s, k] + phase_im[d, s] * q_re[s, k]
            power += y_re * y_re + y_im * y_im
            square_re += y_re * y_re - y_im * y_im
            square_im += 2.0 * y_re * y_im
        largest = 0.5 * (power + np.sqrt(square_re * square_re + square_im * square_im))
        # The margin covers rounding; the slack what the basis leaves out of an atom.
        root = np.sqrt(max(largest, 0.0)) + slack
        bounds[d] = root * root + 1e-12


@njit(**OPTIONS)
def _turn(d, phase_re, phase_im, u_re, u_im, h_re, h_im):  # type: ignore[no-untyped-def]
    """Inner products (n,) at one Df from the partial ones (S, n)."""
    n_segments, n = u_re.shape
    for i in range(n):
        h_re[i] = 0.0
        h_im[i] = 0.0
    for s in range(n_segments):
        p_re, p_im = phase_re[d, s], phase_im[d, s]
        for i in range(n):
            h_re[i] += p_re * u_re[s, i] - p_im * u_im[s, i]
            h_im[i] += p_re * u_im[s, i] + p_im * u_re[s, i]


@njit(**OPTIONS)
def _pair_values(w_re, w_im, f_re, f_im, overlap, inverse_determinant, values):  # type: ignore[no-untyped-def]
    """J² of every water atom with one fat atom at its best fat fraction in [0, 1]."""
    fat_power = f_re * f_re + f_im * f_im
    for i in range(w_re.size):
        c = overlap[i]
        inverse = inverse_determinant[i]
        water_power = w_re[i] * w_re[i] + w_im[i] * w_im[i]
        cross = w_re[i] * f_re + w_im[i] * f_im
        twist = w_im[i] * f_re - w_re[i] * f_im
        half = 0.5 * (water_power + fat_power - 2.0 * c * cross) * inverse
        inside = half + np.sqrt(max(half * half - twist * twist * inverse, 0.0))
        pure = max(water_power, fat_power)
        values[i] = inside if cross - inside * c > 0.0 else pure


@njit(**OPTIONS)
def match_voxels(  # type: ignore[no-untyped-def]
    signals,
    segment_of_frame,
    basis,
    seen_re,
    seen_im,
    water_re,
    water_im,
    fat_re,
    fat_im,
    bound_re,
    bound_im,
    bound_slack,
    phase_re,
    phase_im,
    overlap,
    inverse_determinant,
    prune,
    only_b1,
    indices,
    values,
    products,
    visited,
):
    """Find the best (water, fat, Df, B1) of every fingerprint.

    Reads ``signals`` (N, T), or (N, K) where ``seen`` (K, S, B·R) is not empty: coordinates in a
    subspace. Reads ``only_b1`` (N,), the one block of B1 to search or -1 for all.

    Writes ``indices`` (N, 4) of water, fat, Df and B1 in kernel order, ``values`` (N,) J² of
    the unit-norm fingerprint, ``products`` (N, 2) complex inner products of the two unit-norm
    atoms with the fingerprint, and ``visited`` (N,) the number of blocks searched.
    """
    n_blocks, n_segments, rank, n_water = water_re.shape
    n_fat, n_bound, n_df = fat_re.shape[3], bound_re.shape[3], phase_re.shape[0]
    signal = np.empty(signals.shape[1], np.complex128)
    z_re = np.empty((n_segments, n_blocks * rank))
    z_im = np.empty_like(z_re)
    q_re = np.empty((n_segments, n_bound))
    q_im = np.empty_like(q_re)
    uw_re = np.empty((n_blocks, n_segments, n_water))
    uw_im = np.empty_like(uw_re)
    uf_re = np.empty((n_blocks, n_segments, n_fat))
    uf_im = np.empty_like(uf_re)
    hw_re = np.empty(n_water)
    hw_im = np.empty(n_water)
    hf_re = np.empty(n_fat)
    hf_im = np.empty(n_fat)
    pair = np.empty(n_water)
    bounds = np.empty((n_blocks, n_df))
    expanded = np.empty(n_blocks, np.bool_)
    for v in range(signals.shape[0]):
        power = 0.0
        for t in range(signal.size):
            value = np.complex128(signals[v, t])
            signal[t] = value
            power += value.real * value.real + value.imag * value.imag
        scale = 1.0 / np.sqrt(power)
        for t in range(signal.size):
            signal[t] *= scale
        if len(seen_re) == 0:
            _project(signal, segment_of_frame, basis, z_re, z_im)
        else:
            _project_coefficients(signal, seen_re, seen_im, z_re, z_im)
        n_open = n_blocks * n_df if only_b1[v] < 0 else n_df
        for b in range(n_blocks):
            expanded[b] = False
            if only_b1[v] >= 0 and only_b1[v] != b:
                bounds[b] = -1.0
                continue
            _expand(b, rank, bound_re, bound_im, z_re, z_im, q_re, q_im)
            _block_bounds(q_re, q_im, bound_slack[b], phase_re, phase_im, bounds[b])

        best = -1.0
        best_block = n_blocks * n_df
        flat = bounds.reshape(-1)
        count = 0
        while count < n_open:
            block = np.argmax(flat)
            if prune and flat[block] < best:
                break
            flat[block] = -1.0
            count += 1
            b, d = block // n_df, block % n_df
            if not expanded[b]:
                expanded[b] = True
                _expand(b, rank, water_re, water_im, z_re, z_im, uw_re[b], uw_im[b])
                _expand(b, rank, fat_re, fat_im, z_re, z_im, uf_re[b], uf_im[b])
            _turn(d, phase_re, phase_im, uw_re[b], uw_im[b], hw_re, hw_im)
            _turn(d, phase_re, phase_im, uf_re[b], uf_im[b], hf_re, hf_im)
            for j in range(n_fat):
                _pair_values(
                    hw_re, hw_im, hf_re[j], hf_im[j], overlap[b, j], inverse_determinant[b, j], pair
                )
                i = np.argmax(pair)
                # Of equal pairs the first in (B1, Df), fat, water order wins, whatever the
                # order in which blocks were visited.
                if pair[i] > best or (pair[i] == best and block < best_block):
                    best = pair[i]
                    best_block = block
                    indices[v, 0] = i
                    indices[v, 1] = j
                    indices[v, 2] = d
                    indices[v, 3] = b
                    products[v, 0] = complex(hw_re[i], hw_im[i])
                    products[v, 1] = complex(hf_re[j], hf_im[j])
        values[v] = best
        visited[v] = count
