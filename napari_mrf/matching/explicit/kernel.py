"""The compiled half of the search for the best atom: one pass over products still in cache.

The products of a block of fingerprints with a block of atoms come from the BLAS in float32.
They order nearly all atoms; atoms that lie closer than rounding are compared again in float64,
summed in a fixed order. So the answer is the exact maximum, the first of equal atoms wins, and
neither block sizes nor threads can change a bit, although they change the products.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS

TILE = 256
"""Atoms looked at together: their powers stay in the first level of cache."""

CANDIDATES = 64
"""Atoms remembered for each fingerprint until they are compared exactly."""

_LANES = 8


@njit(**OPTIONS)
def _count_reaching(real, imaginary, least):  # type: ignore[no-untyped-def]
    """Return how many of a tile of products have a power of so much (counting vectorises)."""
    count = np.int32(0)
    for i in range(real.size):
        power = real[i] * real[i] + imaginary[i] * imaginary[i]
        count += np.int32(power >= least)
    return count


@njit(**OPTIONS)
def _tile_powers(real, imaginary, powers):  # type: ignore[no-untyped-def]
    """Write |product|² of a tile of atoms; return the largest."""
    largest = 0.0
    for i in range(real.size):
        re, im = np.float64(real[i]), np.float64(imaginary[i])
        powers[i] = re * re + im * im
        largest = max(largest, powers[i])
    return largest


@njit(**OPTIONS)
def exact_product(atom, signal, lanes):  # type: ignore[no-untyped-def]
    """Return the inner product <atom, signal> of interleaved (2T,) parts, in float64.

    The order of the sum depends on T alone.
    """
    for lane in range(2 * _LANES):
        lanes[lane] = 0.0
    n = atom.size // 2
    n_whole = n - n % _LANES
    for start in range(0, n_whole, _LANES):
        for lane in range(_LANES):
            t = 2 * (start + lane)
            a_re, a_im = np.float64(atom[t]), np.float64(atom[t + 1])
            s_re, s_im = np.float64(signal[t]), np.float64(signal[t + 1])
            lanes[lane] += a_re * s_re + a_im * s_im
            lanes[_LANES + lane] += a_re * s_im - a_im * s_re
    re, im = 0.0, 0.0
    for lane in range(_LANES):
        re += lanes[lane]
        im += lanes[_LANES + lane]
    for t in range(n_whole, n):
        a_re, a_im = np.float64(atom[2 * t]), np.float64(atom[2 * t + 1])
        s_re, s_im = np.float64(signal[2 * t]), np.float64(signal[2 * t + 1])
        re += a_re * s_re + a_im * s_im
        im += a_re * s_im - a_im * s_re
    return re, im


@njit(**OPTIONS)
def _compare(candidates, count, atoms, weights, signal, lanes, best, best_power):  # type: ignore[no-untyped-def]
    """Return the best of some atoms and of the best so far, and its exact power."""
    for c in range(count):
        atom = candidates[c]
        re, im = exact_product(atoms[atom], signal, lanes)
        power = (re * re + im * im) * weights[atom]
        if power > best_power or (power == best_power and atom < best):
            best, best_power = atom, power
    return best, best_power


@njit(**OPTIONS)
def screen(  # type: ignore[no-untyped-def]
    products,
    rows,
    numbers,
    rounding,
    slack,
    missing,
    atoms,
    weights,
    signals,
    reached,
    counts,
    candidates,
    uppers,
    best,
    best_power,
):
    """Look for better atoms among the products of one block of atoms.

    Parameters
    ----------
    products : ndarray
        (2, n, A) float32: real parts and imaginary parts of the products of n unit-norm
        fingerprints with a block of unit-norm atoms.
    rows : ndarray
        (n,) int64, which fingerprint each row belongs to; the arrays below count in these.
    numbers : ndarray
        (A,) int64, which atoms these are.
    rounding : float
        How far a product may be from the exact one.
    slack : ndarray
        (tiles,) largest norm of what the products leave out of an atom, for every `TILE`
        atoms of the block.
    missing : ndarray
        (N,) norm of what the products leave out of each fingerprint.
    atoms, weights : ndarray
        All exact atoms, interleaved (2T,) float32, and their 1 / norm². Of equal atoms the one
        of smallest number wins.
    signals : ndarray
        (N, 2T) exact fingerprints, interleaved.
    reached, counts, candidates, uppers, best, best_power : ndarray
        State of every fingerprint, gone on with: the product that some atom reaches for sure,
        the atoms that might be better (how many, which, at most how good), and the best of
        those that have been compared exactly.
    """
    n_atoms = products.shape[2]
    powers = np.empty(TILE)
    exact_lanes = np.empty(2 * _LANES)
    for row in range(rows.size):
        v = rows[row]
        for start in range(0, n_atoms, TILE):
            stop = min(start + TILE, n_atoms)
            real, imaginary = products[0, row, start:stop], products[1, row, start:stop]
            margin = rounding + slack[start // TILE] * missing[v]
            least = max(reached[v] - margin, 0.0) ** 2
            if _count_reaching(real, imaginary, np.float32(least)) == 0:
                continue
            largest = _tile_powers(real, imaginary, powers)
            reached[v] = max(reached[v], np.sqrt(largest) - margin)
            least = max(reached[v] - margin, 0.0) ** 2
            for i in range(stop - start):
                if powers[i] < least:
                    continue
                if counts[v] == CANDIDATES:
                    _make_room(v, reached, counts, candidates, uppers)
                if counts[v] == CANDIDATES:
                    best[v], best_power[v] = _compare(
                        candidates[v], CANDIDATES, atoms, weights,
                        signals[v], exact_lanes, best[v], best_power[v],
                    )  # fmt: skip
                    counts[v] = 0
                candidates[v, counts[v]] = numbers[start + i]
                uppers[v, counts[v]] = np.sqrt(powers[i]) + margin
                counts[v] += 1


@njit(**OPTIONS)
def _make_room(v, reached, counts, candidates, uppers):  # type: ignore[no-untyped-def]
    """Forget the candidates that have been overtaken."""
    kept = 0
    for c in range(counts[v]):
        if uppers[v, c] >= reached[v]:
            candidates[v, kept] = candidates[v, c]
            uppers[v, kept] = uppers[v, c]
            kept += 1
    counts[v] = kept


@njit(**OPTIONS)
def finish(  # type: ignore[no-untyped-def]
    atoms, weights, signals, reached, counts, candidates, uppers, best, best_power
):
    """Compare the remaining candidates of every fingerprint exactly."""
    exact_lanes = np.empty(2 * _LANES)
    for v in range(counts.size):
        _make_room(v, reached, counts, candidates, uppers)
        best[v], best_power[v] = _compare(
            candidates[v], counts[v], atoms, weights,
            signals[v], exact_lanes, best[v], best_power[v],
        )  # fmt: skip


@njit(**OPTIONS)
def products_of_pairs(atoms, chosen, signals, products):  # type: ignore[no-untyped-def]
    """Write the exact inner product of every fingerprint with its own atom, (N,) complex."""
    exact_lanes = np.empty(2 * _LANES)
    for v in range(chosen.size):
        re, im = exact_product(atoms[chosen[v]], signals[v], exact_lanes)
        products[v] = complex(re, im)
