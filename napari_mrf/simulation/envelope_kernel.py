"""Envelopes of spoiled gradient echoes on the CPU, compiled: for a few tissues at a time.

The same recursion as `napari_mrf.simulation.water_fat.envelopes`, which is made for thousands of
tissues at once and takes a tenth of a second however few there are; this takes microseconds a
tissue. Float64 throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from napari_mrf.compute.compilation import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


def pulse_envelopes(
    sequence: Sequence, t1_ms: NDArray[np.float64], b1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the real envelope of every pulse of the last repetition.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    t1_ms, b1 : ndarray
        (N,) float64 longitudinal relaxation times (ms) and relative B1.

    Returns
    -------
    ndarray
        (N, n_pulses) float64.
    """
    result = np.empty((len(t1_ms), sequence.n_pulses))
    # Repetition times take few values: decays are computed once per tissue, not once per pulse.
    times, time_of_pulse = np.unique(sequence.repetition_times_ms, return_inverse=True)
    angles, angle_of_pulse = np.unique(np.deg2rad(sequence.flip_angles_deg), return_inverse=True)
    inversion = sequence.inversion_time_ms
    _fill(
        result,
        np.ascontiguousarray(t1_ms, dtype=np.float64),
        np.ascontiguousarray(b1, dtype=np.float64),
        angles,
        angle_of_pulse.astype(np.int64),
        times,
        time_of_pulse.astype(np.int64),
        -1.0 if inversion is None else inversion,
        sequence.recovery_time_ms,
        sequence.repetitions,
    )
    return result


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def _fill(
    result: NDArray[np.float64],
    t1_ms: NDArray[np.float64],
    b1: NDArray[np.float64],
    angles: NDArray[np.float64],
    angle_of_pulse: NDArray[np.int64],
    times_ms: NDArray[np.float64],
    time_of_pulse: NDArray[np.int64],
    inversion_time_ms: float,
    recovery_time_ms: float,
    repetitions: int,
) -> None:
    """Fill the rows; a negative inversion time means no inversion."""
    for row in range(len(t1_ms)):
        sines, cosines = np.sin(angles * b1[row]), np.cos(angles * b1[row])
        decays = np.exp(-times_ms / t1_ms[row])
        longitudinal = 1.0
        for _ in range(repetitions):
            if inversion_time_ms >= 0.0:
                decay = np.exp(-inversion_time_ms / t1_ms[row])
                longitudinal = 1.0 + (-longitudinal - 1.0) * decay
            for pulse in range(len(angle_of_pulse)):
                angle = angle_of_pulse[pulse]
                result[row, pulse] = sines[angle] * longitudinal
                decay = decays[time_of_pulse[pulse]]
                longitudinal = 1.0 + (longitudinal * cosines[angle] - 1.0) * decay
            decay = np.exp(-recovery_time_ms / t1_ms[row])
            longitudinal = 1.0 + (longitudinal - 1.0) * decay
