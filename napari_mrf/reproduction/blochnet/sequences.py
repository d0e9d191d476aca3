"""The three sequences of BlochNet: one length, one TR, one TE, three courses of flip angles.

Spline5 and SplineNoisy11 are not published as numbers: these are like them, with nodes at
random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.sequence import Sequence
from napari_mrf.data.sequences import fisp

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_PULSES = 1000
_REPETITION_TIME_MS, _ECHO_TIME_MS = 12.0, 2.0
_LARGEST_DEG, _NOISE_DEG = 120.0, 5.0


def fisp_even(n_pulses: int = N_PULSES) -> Sequence:
    """Return FISP with its flip angles, and TR and TE the same for every pulse."""
    return _sequence("FISP, even TR", fisp().flip_angles_deg[:n_pulses])


def spline5_like(n_pulses: int = N_PULSES) -> Sequence:
    """Return flip angles on a cubic spline through 5 random nodes in 0-120 degrees."""
    return _sequence("Spline5-like", _spline(5, n_pulses))


def spline11_noisy_like(n_pulses: int = N_PULSES) -> Sequence:
    """Return flip angles on a cubic spline through 11 random nodes, with noise of 5 degrees."""
    noise = np.random.default_rng(110).normal(0.0, _NOISE_DEG, N_PULSES)
    angles = np.clip(_spline(11, N_PULSES) + noise, 0.0, _LARGEST_DEG)
    return _sequence("SplineNoisy11-like", angles[:n_pulses])


def _spline(n_nodes: int, n_pulses: int) -> NDArray[np.float64]:
    from scipy.interpolate import CubicSpline

    nodes = np.random.default_rng(n_nodes).uniform(0.0, _LARGEST_DEG, n_nodes)
    spline = CubicSpline(np.linspace(0, N_PULSES - 1, n_nodes), nodes)
    angles = np.clip(spline(np.arange(N_PULSES)), 0.0, _LARGEST_DEG)
    # Rounded so that the fingerprint of the sequence is the same everywhere.
    return np.asarray(np.round(angles[:n_pulses], 6))


def _sequence(name: str, flip_angles_deg: NDArray[np.float64]) -> Sequence:
    return Sequence(
        name=name,
        kind="fisp",
        flip_angles_deg=np.round(flip_angles_deg, 6),
        repetition_times_ms=np.array(_REPETITION_TIME_MS),
        echo_times_ms=np.array(_ECHO_TIME_MS),
        rf_phases_deg=np.array(0.0),
        inversion_time_ms=fisp().inversion_time_ms,
    )
