"""Where the compiled water-fat search spends its time.

The kernel's own pieces, called by small drivers that stop early: products of the fingerprint
with the segment bases; those and the bounds of all blocks; the whole search. The pairs are
what the whole takes beyond the bounds.
"""

import time

import numpy as np
from numba import njit

from napari_mrf.matching.water_fat.kernel import _block_bounds, _expand, _project
from napari_mrf.matching.water_fat.search import CompiledSearch

_OPTIONS = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


@njit(**_OPTIONS)
def _without_pairs(signals, segment, basis, bound_re, bound_im, slack, phase_re, phase_im, bounded):
    """Go through the fingerprints as `match_voxels` does, with or without bounds, no pairs."""
    n_blocks, n_segments, rank, n_bound = bound_re.shape
    signal = np.empty(signals.shape[1], np.complex128)
    z_re = np.empty((n_segments, n_blocks * rank))
    z_im = np.empty_like(z_re)
    q_re = np.empty((n_segments, n_bound))
    q_im = np.empty_like(q_re)
    bounds = np.zeros((n_blocks, phase_re.shape[0]))
    total = 0.0  # of what was computed, so that nothing is left out as unused
    for v in range(signals.shape[0]):
        power = 0.0
        for t in range(signal.size):
            signal[t] = np.complex128(signals[v, t])
            power += signal[t].real ** 2 + signal[t].imag ** 2
        scale = 1.0 / np.sqrt(power)
        for t in range(signal.size):
            signal[t] *= scale
        _project(signal, segment, basis, z_re, z_im)
        total += z_re[0, 0] + z_im[n_segments - 1, n_blocks * rank - 1]
        if bounded:
            for b in range(n_blocks):
                _expand(b, rank, bound_re, bound_im, z_re, z_im, q_re, q_im)
                _block_bounds(q_re, q_im, slack[b], phase_re, phase_im, bounds[b])
            total += bounds.max()
    return total


def time_split(
    search: CompiledSearch, signals: np.ndarray, repeats: int
) -> tuple[dict[str, float], float]:
    """Return seconds of each part on one core (best of `repeats`), and blocks searched."""
    f = search._factors
    bound_re, bound_im = search._tables[4:6]
    arguments = (signals, f.segment_of_frame, f.basis, bound_re, bound_im, f.bound_slack,
                 *search._phases)  # fmt: skip
    _without_pairs(*arguments, True)  # compiles
    seconds = {"products": [], "bounds": [], "whole": []}
    visited = np.zeros(0)
    for _ in range(repeats):
        marks = [time.perf_counter()]
        _without_pairs(*arguments, False)
        marks.append(time.perf_counter())
        _without_pairs(*arguments, True)
        marks.append(time.perf_counter())
        _, visited = search.search(signals)
        marks.append(time.perf_counter())
        for name, taken in zip(seconds, np.diff(marks), strict=True):
            seconds[name].append(taken)
    products, bounded, whole = (min(taken) for taken in seconds.values())
    split = {"products": products, "bounds": bounded - products, "pairs": whole - bounded}
    return split, float(visited.mean())
