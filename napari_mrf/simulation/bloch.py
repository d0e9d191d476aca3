"""The oracle: fingerprints step by step from the Bloch equations, for one tissue.

Nothing here is fast or shared with the simulators it judges. Magnetization vectors (x, y, z)
of many isochromats are rotated by 3 x 3 matrices, relax and precess in time order, in float64.
The equation of motion is

    dM/dt = gamma M x B - (Mx, My, 0)/T2 - (0, 0, Mz - 1)/T1,    Mxy(t) ~ exp(-2 pi i f t),

and an RF pulse of flip angle alpha and phase phi is a right-handed rotation by alpha about the
axis (cos phi, sin phi, 0), which turns Mz into Mxy = -i exp(i phi) sin(alpha) Mz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

    Vectors = NDArray[np.float64]


def rotation_about_transverse_axis(angle_rad: float, phase_rad: float) -> Vectors:
    """Return the (3, 3) right-handed rotation about (cos phase, sin phase, 0)."""
    cross = np.array(
        [
            [0.0, 0.0, np.sin(phase_rad)],
            [0.0, 0.0, -np.cos(phase_rad)],
            [-np.sin(phase_rad), np.cos(phase_rad), 0.0],
        ]
    )
    rotation: Vectors = (
        np.eye(3) + np.sin(angle_rad) * cross + (1.0 - np.cos(angle_rad)) * cross @ cross
    )
    return rotation


def turned_about_z(magnetization: Vectors, angles_rad: Vectors | float) -> Vectors:
    """Return (P, 3) vectors turned right-handedly about z, each by its angle."""
    x, y, z = magnetization.T
    cosine, sine = np.cos(angles_rad), np.sin(angles_rad)
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=1)


def freely_evolved(
    magnetization: Vectors, time_ms: float, t1_ms: float, t2_ms: float, frequency_hz: float
) -> Vectors:
    """Return (P, 3) vectors after free precession and relaxation to Mz = 1."""
    angle_rad = -2.0 * np.pi * frequency_hz * time_ms / 1000.0
    turned = turned_about_z(magnetization, angle_rad)
    decay1, decay2 = np.exp(-time_ms / t1_ms), np.exp(-time_ms / t2_ms)
    evolved: Vectors = turned * np.array([decay2, decay2, decay1])
    evolved[:, 2] += 1.0 - decay1
    return evolved


def played(
    sequence: Sequence,
    t1_ms: float,
    t2_ms: float,
    frequency_hz: float,
    b1: float,
    n_isochromats: int,
    dephase: Callable[[Vectors], Vectors],
) -> NDArray[np.complex128]:
    """Return the mean Mxy of the isochromats at every echo of the last repetition.

    Parameters
    ----------
    sequence : Sequence
        Pulses, delays, repetitions.
    t1_ms, t2_ms, frequency_hz, b1 : float
        The tissue.
    n_isochromats : int
        P isochromats start in equilibrium.
    dephase : callable
        What the gradient does to the (P, 3) vectors once per repetition time.

    Returns
    -------
    ndarray
        (n_pulses,) complex.
    """
    magnetization = np.tile([0.0, 0.0, 1.0], (n_isochromats, 1))
    tissue = (t1_ms, t2_ms, frequency_hz)
    echoes = np.zeros(sequence.n_pulses, dtype=np.complex128)
    for _ in range(sequence.repetitions):
        if sequence.inversion_time_ms is not None:
            # Ideal: the same for every B1, and spoiled afterwards.
            magnetization = magnetization * np.array([0.0, 0.0, -1.0])
            magnetization = freely_evolved(magnetization, sequence.inversion_time_ms, *tissue)
        for pulse in range(sequence.n_pulses):
            echo_time_ms = float(sequence.echo_times_ms[pulse])
            repetition_time_ms = float(sequence.repetition_times_ms[pulse])
            rotation = rotation_about_transverse_axis(
                b1 * np.deg2rad(sequence.flip_angles_deg[pulse]),
                np.deg2rad(sequence.rf_phases_deg[pulse]),
            )
            magnetization = magnetization @ rotation.T
            magnetization = freely_evolved(magnetization, echo_time_ms, *tissue)
            x, y, _z = magnetization.mean(axis=0)
            echoes[pulse] = x + 1j * y
            magnetization = dephase(magnetization)
            rest_ms = repetition_time_ms - echo_time_ms
            magnetization = freely_evolved(magnetization, rest_ms, *tissue)
        magnetization = freely_evolved(magnetization, sequence.recovery_time_ms, *tissue)
    return echoes


def fisp_fingerprint(
    sequence: Sequence, *, T1: float, T2: float, Df: float = 0.0, B1: float = 1.0
) -> NDArray[np.complex128]:
    """Return the (n_frames,) fingerprint of one tissue under an unbalanced sequence.

    The isochromats lie evenly over one period of the gradient. With as many of them as there
    are pulses, no dephased order aliases onto the echo: the mean is exact, not an estimate.
    """
    n_isochromats = sequence.n_pulses * sequence.repetitions
    positions_rad = 2.0 * np.pi * np.arange(n_isochromats) / n_isochromats

    def dephase(magnetization: Vectors) -> Vectors:
        return turned_about_z(magnetization, positions_rad)

    echoes = played(sequence, T1, T2, Df, B1, n_isochromats, dephase)
    return _frame_means(sequence, echoes)


def water_fat_fingerprint(
    sequence: Sequence, *, FF: float, T1H2O: float, T1fat: float, Df: float = 0.0, B1: float = 1.0
) -> NDArray[np.complex128]:
    """Return the (n_frames,) fingerprint of one voxel under an ideally spoiled sequence.

    Water and each fat peak are spins of their own with their own frequency; the spoiler
    destroys their transverse magnetization once per repetition time.
    """
    if (
        sequence.fat_shifts_hz is None
        or sequence.fat_amplitudes is None
        or sequence.water_t2_ms is None
        or sequence.fat_t2_ms is None
    ):
        raise ValueError(f"{sequence.name} has no water-fat model")

    def spoil(magnetization: Vectors) -> Vectors:
        longitudinal: Vectors = magnetization * np.array([0.0, 0.0, 1.0])
        return longitudinal

    water = played(sequence, T1H2O, sequence.water_t2_ms, Df, B1, 1, spoil)
    echoes = (1.0 - FF) * water
    for shift_hz, amplitude in zip(sequence.fat_shifts_hz, sequence.fat_amplitudes, strict=True):
        peak = played(sequence, T1fat, sequence.fat_t2_ms, Df + float(shift_hz), B1, 1, spoil)
        echoes = echoes + FF * float(amplitude) * peak
    return _frame_means(sequence, echoes)


def _frame_means(sequence: Sequence, echoes: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return np.asarray(sequence.per_frame(echoes).mean(axis=1))
