"""The compiled steps of matching patches: images of similarity, sums over patches, the best.

Every image is (Y, X); a displacement (dy, dx) leads from a voxel of the series to one of the
training subject. Only rows ``first`` to ``stop`` are written, so that bands of rows can be
worked on side by side; each voxel is computed in the same order whatever the bands.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def coefficient_similarity(  # type: ignore[no-untyped-def]
    real, imaginary, seen, atom_of, atoms_real, atoms_imaginary, dy, dx, first, stop, similarity
):
    """Write |<atom, fingerprint>| of coefficients (Y, X, R) and atoms (A, R) of norm 1.

    ``atom_of`` (Y, X) is the atom of each training voxel, -1 without tissue.
    """
    n_rows, n_columns, rank = real.shape
    for y in range(first, stop):
        for x in range(n_columns):
            similarity[y, x] = 0.0
            v, u = y + dy, x + dx
            if not seen[y, x] or v < 0 or v >= n_rows or u < 0 or u >= n_columns:
                continue
            atom = atom_of[v, u]
            if atom < 0:
                continue
            re, im = np.float32(0.0), np.float32(0.0)
            for r in range(rank):
                a_re, a_im = atoms_real[atom, r], atoms_imaginary[atom, r]
                s_re, s_im = real[y, x, r], imaginary[y, x, r]
                re += a_re * s_re + a_im * s_im
                im += a_re * s_im - a_im * s_re
            similarity[y, x] = np.sqrt(re * re + im * im)


@njit(**OPTIONS)
def mixture_similarity(  # type: ignore[no-untyped-def]
    water, fat, block, seen, fat_fraction, water_of, fat_of,
    water_power, fat_power, overlap, dy, dx, first, stop, similarity,
):  # fmt: skip
    """Write the correlation of fingerprints with mixtures of water and fat.

    ``water`` (Y, X, n) and ``fat`` (Y, X, m) are the complex products of each unit-norm
    fingerprint with the atoms at its own fields, ``block`` (Y, X) the row of its B1 in
    ``water_power`` (B, n), ``fat_power`` (B, m) and ``overlap`` (B, m, n), the real inner
    products of atoms. The training voxel gives ``fat_fraction`` and the numbers of its atoms
    ``water_of`` (-1 without tissue) and ``fat_of``.
    """
    n_rows, n_columns = seen.shape
    for y in range(first, stop):
        for x in range(n_columns):
            similarity[y, x] = 0.0
            v, u = y + dy, x + dx
            if not seen[y, x] or v < 0 or v >= n_rows or u < 0 or u >= n_columns:
                continue
            i = water_of[v, u]
            if i < 0:
                continue
            j, b, f = fat_of[v, u], block[y, x], fat_fraction[v, u]
            w = np.float32(1.0) - f
            inner = w * water[y, x, i] + f * fat[y, x, j]
            power = (
                w * w * water_power[b, i]
                + f * f * fat_power[b, j]
                + np.float32(2.0) * w * f * overlap[b, j, i]
            )
            squared = inner.real * inner.real + inner.imag * inner.imag
            similarity[y, x] = np.sqrt(squared / power)


@njit(**OPTIONS)
def blend_maps(alpha, maps, training, dy, dx, first, stop, similarity):  # type: ignore[no-untyped-def]
    """Give the likeness of maps the weight alpha beside that of fingerprints.

    The likeness of (M, Y, X) maps, scaled to 0-1, is 1 - root mean square difference; where
    fingerprints have none, nothing is added.
    """
    n_maps, _, n_columns = maps.shape
    for y in range(first, stop):
        for x in range(n_columns):
            if similarity[y, x] <= 0.0:
                continue
            total = np.float32(0.0)
            for m in range(n_maps):
                difference = maps[m, y, x] - training[m, y + dy, x + dx]
                total += difference * difference
            likeness = np.float32(1.0) - np.sqrt(total / np.float32(n_maps))
            similarity[y, x] = (np.float32(1.0) - alpha) * similarity[y, x] + alpha * likeness


@njit(**OPTIONS)
def add_patches(values, first, stop, total):  # type: ignore[no-untyped-def]
    """Add the sum over 3 x 3 voxels; what lies outside the image counts nothing."""
    n_rows, n_columns = values.shape
    for y in range(first, stop):
        for x in range(n_columns):
            one = np.float32(0.0)
            for v in range(max(y - 1, 0), min(y + 2, n_rows)):
                for u in range(max(x - 1, 0), min(x + 2, n_columns)):
                    one += values[v, u]
            total[y, x] += one


@njit(**OPTIONS)
def keep_best(total, wanted, tissue, dy, dx, code, first, stop, scores, codes):  # type: ignore[no-untyped-def]
    """Insert a candidate into the falling (Y, X, C) scores of wanted voxels.

    Only where the training voxel itself is ``tissue``; of equal candidates the first stays.
    """
    n_rows, n_columns, n_best = scores.shape
    for y in range(first, stop):
        for x in range(n_columns):
            v, u = y + dy, x + dx
            if not wanted[y, x] or v < 0 or v >= n_rows or u < 0 or u >= n_columns:
                continue
            score = total[y, x]
            if not tissue[v, u] or not score > scores[y, x, n_best - 1]:
                continue
            place = n_best - 1
            while place > 0 and score > scores[y, x, place - 1]:
                scores[y, x, place] = scores[y, x, place - 1]
                codes[y, x, place] = codes[y, x, place - 1]
                place -= 1
            scores[y, x, place] = score
            codes[y, x, place] = code
