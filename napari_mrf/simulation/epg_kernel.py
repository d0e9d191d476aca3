"""The extended phase graph of a FISP sequence on the CPU, compiled: real-valued states.

Where all RF phases agree up to 180 deg and there is no off-resonance, the states in the frame
of the RF pulse (see `napari_mrf.simulation.epg`) stay real, which is half the memory and a
quarter of the products. One atom is simulated after another, each in a few kilobytes that stay
in the first-level cache, and the loop over the orders vectorises. Float64 throughout.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numba
import numpy as np
import torch

from napari_mrf.compute.compilation import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

# Orders are updated in blocks so that no scalar remainder loop runs; the padding holds zeros.
_BLOCK = 8

# 256 atoms x 1000 pulses x 8 bytes = 2 MB for each table of decays.
_ATOMS_PER_CHUNK = 256


def echoes(
    sequence: Sequence,
    T1: NDArray[np.float64],
    T2: NDArray[np.float64],
    B1: NDArray[np.float64],
    flip_signs: NDArray[np.float64],
    n_states: int,
) -> NDArray[np.float64]:
    """Return F0+ at every echo of the last repetition, in the frame of its RF pulse, times i.

    The result for an atom does not depend on the atoms beside it, nor on the thread count.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"fisp"``, with RF phases that agree up to 180 deg.
    T1, T2, B1 : ndarray
        (N,) relaxation times (ms) and relative B1.
    flip_signs : ndarray
        (n_pulses,) cosine of the phase step from a pulse to the next, 1 or -1.
    n_states : int
        Orders k = 0 … n_states - 1 are kept.

    Returns
    -------
    ndarray
        (N, n_pulses) real; threads as many as `torch.get_num_threads`.
    """
    signal = np.empty((len(T1), sequence.n_pulses))

    def fill(start: int) -> None:
        part = slice(start, start + _ATOMS_PER_CHUNK)
        _fill(signal[part], sequence, T1[part], T2[part], B1[part], flip_signs, n_states)

    # Threads of our own: the threads of a compiled parallel loop are not safe to enter from two
    # Python threads at once, which a viewer with a background job does.
    starts = range(0, len(T1), _ATOMS_PER_CHUNK)
    n_threads = min(torch.get_num_threads(), len(starts))
    if n_threads > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(fill, starts))
    else:
        for start in starts:
            fill(start)
    return signal


def _fill(
    signal: NDArray[np.float64],
    sequence: Sequence,
    T1: NDArray[np.float64],
    T2: NDArray[np.float64],
    B1: NDArray[np.float64],
    flip_signs: NDArray[np.float64],
    n_states: int,
) -> None:
    # Each distinct exponential and angle is computed once, by numpy's vectorised functions.
    times, time_of_pulse = np.unique(sequence.repetition_times_ms, return_inverse=True)
    echo_times, echo_of_pulse = np.unique(sequence.echo_times_ms, return_inverse=True)
    angles, angle_of_pulse = np.unique(np.deg2rad(sequence.flip_angles_deg), return_inverse=True)
    factors, factor_of_atom = np.unique(B1, return_inverse=True)
    inversion = sequence.inversion_time_ms
    _play_atoms(
        signal,
        np.cos(factors[:, None] * angles),
        np.sin(factors[:, None] * angles),
        np.exp(-times / T1[:, None]),
        np.exp(-times / T2[:, None]),
        np.exp(-echo_times / T2[:, None]),
        np.exp(-(0.0 if inversion is None else inversion) / T1),
        np.exp(-sequence.recovery_time_ms / T1),
        np.exp(-sequence.recovery_time_ms / T2),
        factor_of_atom,
        angle_of_pulse,
        time_of_pulse,
        echo_of_pulse,
        np.asarray(flip_signs, dtype=np.float64),
        inversion is not None,
        sequence.repetitions,
        n_states,
    )


@numba.njit(**OPTIONS)
def _play_atoms(  # type: ignore[no-untyped-def]
    signal, cosines, sines, decays1, decays2, echo_decays2, inversion_decays1,
    recovery_decays1, recovery_decays2, factor_of_atom, angle_of_pulse, time_of_pulse,
    echo_of_pulse, flip_signs, inverts, repetitions, n_states,
):  # fmt: skip
    """Play the sequence on every atom in turn; see `echoes`."""
    n_pulses = signal.shape[1]
    n_total = n_pulses * repetitions
    # Arrays are never shifted: the gradient moves where order 0 of each of them lies.
    up_states = np.empty(n_total + n_states + _BLOCK)
    down_states = np.empty(n_total + n_states + _BLOCK)
    longitudinal_states = np.empty(n_states + _BLOCK)
    for atom in range(signal.shape[0]):
        up_states[:] = 0.0
        down_states[:] = 0.0
        longitudinal_states[:] = 0.0
        longitudinal_states[0] = 1.0
        up_origin = n_total
        down_origin = 0
        played = 0
        for repetition in range(repetitions):
            if repetition > 0:
                decay1 = recovery_decays1[atom]
                up_states *= recovery_decays2[atom]
                down_states *= recovery_decays2[atom]
                longitudinal_states *= decay1
                longitudinal_states[0] += 1.0 - decay1
            if inverts:
                up_states[:] = 0.0
                down_states[:] = 0.0
                decay1 = inversion_decays1[atom]
                longitudinal_states *= -decay1
                longitudinal_states[0] += 1.0 - decay1
            for pulse in range(n_pulses):
                angle = angle_of_pulse[pulse]
                cosine = cosines[factor_of_atom[atom], angle]
                sine = sines[factor_of_atom[atom], angle]
                decay1 = decays1[atom, time_of_pulse[pulse]]
                decay2 = decays2[atom, time_of_pulse[pulse]] * flip_signs[pulse]
                echo = cosine * up_states[up_origin] + sine * longitudinal_states[0]
                signal[atom, pulse] = echo * echo_decays2[atom, echo_of_pulse[pulse]]

                # Only orders that are populated and can still come back to an echo.
                n_active = min(played + 1, n_total - played, n_states)
                n_active = (n_active + _BLOCK - 1) // _BLOCK * _BLOCK
                up = up_states[up_origin : up_origin + n_active]
                down = down_states[down_origin : down_origin + n_active]
                longitudinal = longitudinal_states[:n_active]
                half_decay2 = 0.5 * decay2
                sum_to_transverse = half_decay2 * cosine
                longitudinal_to_transverse = decay2 * sine
                sum_to_longitudinal = 0.5 * decay1 * sine
                longitudinal_kept = decay1 * cosine
                for k in range(n_active):
                    sum_ = up[k] + down[k]
                    difference = half_decay2 * (up[k] - down[k])
                    rotated = sum_to_transverse * sum_ + (
                        longitudinal_to_transverse * longitudinal[k]
                    )
                    up[k] = rotated + difference
                    down[k] = rotated - difference
                    longitudinal[k] = (
                        longitudinal_kept * longitudinal[k] - sum_to_longitudinal * sum_
                    )
                longitudinal_states[0] += 1.0 - decay1

                up_origin -= 1
                down_origin += 1
                up_states[up_origin] = down_states[down_origin]
                up_states[up_origin + n_states] = 0.0
                played += 1
