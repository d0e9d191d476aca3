"""Envelopes of spoiled gradient echoes on the CPU, compiled.

The same recursion as `napari_mrf.simulation.water_fat.envelopes`, which can be differentiated,
takes a tenth of a second however few tissues there are, and several times as long for many; this
takes microseconds a tissue. Float64 throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from napari_mrf.compute.compilation import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_LANES = 8


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
    angles, angle_of_pulse, times, time_of_pulse = _schedule(sequence)
    inversion = sequence.inversion_time_ms
    _fill(
        result,
        np.ascontiguousarray(t1_ms, dtype=np.float64),
        np.ascontiguousarray(b1, dtype=np.float64),
        angles,
        angle_of_pulse,
        times,
        time_of_pulse,
        -1.0 if inversion is None else inversion,
        sequence.recovery_time_ms,
        sequence.repetitions,
    )
    return result


def frame_envelopes(
    sequence: Sequence, t1_ms: NDArray[np.float64], b1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the real envelopes, averaged over the pulses of each frame, of many tissues.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``, whose frames follow one another.
    t1_ms, b1 : ndarray
        (N,) float64 longitudinal relaxation times (ms) and relative B1.

    Returns
    -------
    ndarray
        (N, n_frames) float64; a row does not depend on the others.
    """
    angles, angle_of_pulse, times, time_of_pulse = _schedule(sequence)
    # Rows beyond the last are computed with it and dropped: every row takes the same path.
    n = len(t1_ms)
    rows = np.minimum(np.arange(-(-n // _LANES) * _LANES), n - 1)
    t1, field = (np.asarray(one, dtype=np.float64)[rows] for one in (t1_ms, b1))
    inversion = sequence.inversion_time_ms
    result = np.empty((len(rows), sequence.n_frames))
    _fill_frames(
        result,
        np.sin(angles * field[:, None]),
        np.cos(angles * field[:, None]),
        np.exp(-times / t1[:, None]),
        np.ones_like(t1) if inversion is None else np.exp(-inversion / t1),
        inversion is not None,
        np.exp(-sequence.recovery_time_ms / t1),
        angle_of_pulse,
        time_of_pulse,
        sequence.repetitions,
        sequence.pulses_per_frame,
    )
    return result[:n]


def _schedule(
    sequence: Sequence,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return angles (rad), which of them each pulse has, and the same of repetition times (ms).

    Both take few values: sines and decays are computed once a tissue, not once a pulse.
    """
    angles, angle_of_pulse = np.unique(np.deg2rad(sequence.flip_angles_deg), return_inverse=True)
    times, time_of_pulse = np.unique(sequence.repetition_times_ms, return_inverse=True)
    return angles, angle_of_pulse.astype(np.int64), times, time_of_pulse.astype(np.int64)


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def _fill_frames(
    result: NDArray[np.float64],
    sines: NDArray[np.float64],
    cosines: NDArray[np.float64],
    decays: NDArray[np.float64],
    inversion_decay: NDArray[np.float64],
    is_inverted: bool,
    recovery_decay: NDArray[np.float64],
    angle_of_pulse: NDArray[np.int64],
    time_of_pulse: NDArray[np.int64],
    repetitions: int,
    size: int,
) -> None:
    """Fill the rows, several beside one another: a single recursion would wait for itself."""
    longitudinal, total = np.empty(_LANES), np.empty(_LANES)
    sine = np.empty((sines.shape[1], _LANES))
    cosine = np.empty((sines.shape[1], _LANES))
    decay = np.empty((decays.shape[1], _LANES))
    for first in range(0, len(result), _LANES):
        for lane in range(_LANES):
            longitudinal[lane] = 1.0
            for i in range(sines.shape[1]):
                sine[i, lane] = sines[first + lane, i]
                cosine[i, lane] = cosines[first + lane, i]
            for i in range(decays.shape[1]):
                decay[i, lane] = decays[first + lane, i]
        for repetition in range(repetitions):
            if is_inverted:
                for lane in range(_LANES):
                    by = inversion_decay[first + lane]
                    longitudinal[lane] = 1.0 + (-longitudinal[lane] - 1.0) * by
            for frame in range(result.shape[1]):
                for lane in range(_LANES):
                    total[lane] = 0.0
                for pulse in range(frame * size, (frame + 1) * size):
                    angle, time = angle_of_pulse[pulse], time_of_pulse[pulse]
                    for lane in range(_LANES):
                        total[lane] += sine[angle, lane] * longitudinal[lane]
                        longitudinal[lane] = (
                            1.0
                            + (longitudinal[lane] * cosine[angle, lane] - 1.0) * decay[time, lane]
                        )
                if repetition == repetitions - 1:
                    for lane in range(_LANES):
                        result[first + lane, frame] = total[lane] / size
            for lane in range(_LANES):
                by = recovery_decay[first + lane]
                longitudinal[lane] = 1.0 + (longitudinal[lane] - 1.0) * by


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
