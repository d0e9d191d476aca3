"""Both signal models against isochromats that follow the Bloch equations step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import expm

import napari_mrf as mrf
from napari_mrf.simulation import bloch


def bloch_generator(t1_ms, t2_ms, frequency_hz, nutation_rad_per_ms, phase_rad):
    """Return A of d(M, 1)/dt = A (M, 1), written out from the Bloch equations."""
    omega_x = nutation_rad_per_ms * np.cos(phase_rad)
    omega_y = nutation_rad_per_ms * np.sin(phase_rad)
    omega_z = -2.0 * np.pi * frequency_hz / 1000.0
    return np.array(
        [
            [-1.0 / t2_ms, -omega_z, omega_y, 0.0],
            [omega_z, -1.0 / t2_ms, -omega_x, 0.0],
            [-omega_y, omega_x, -1.0 / t1_ms, 1.0 / t1_ms],
            [0.0, 0.0, 0.0, 0.0],
        ]
    )


def test_free_evolution_of_the_oracle_solves_the_bloch_equations():
    start = np.array([0.3, -0.5, 0.2])
    exact = expm(7.0 * bloch_generator(300.0, 40.0, 55.0, 0.0, 0.0)) @ [*start, 1.0]
    evolved = bloch.freely_evolved(start[None], 7.0, 300.0, 40.0, 55.0)
    np.testing.assert_allclose(evolved[0], exact[:3], atol=1e-14)


def test_pulse_of_the_oracle_solves_the_bloch_equations_for_a_hard_pulse():
    start = np.array([0.3, -0.5, 0.2])
    exact = expm(bloch_generator(np.inf, np.inf, 0.0, 1.1, 0.7)) @ [*start, 1.0]
    rotated = bloch.rotation_about_transverse_axis(1.1, 0.7) @ start
    np.testing.assert_allclose(rotated, exact[:3], atol=1e-14)


def irregular_fisp(**changes):
    """Return 60 pulses with every field doing something."""
    random = np.random.default_rng(1)
    fields = {
        "name": "irregular",
        "kind": "fisp",
        "flip_angles_deg": random.uniform(0.0, 120.0, 60),
        "repetition_times_ms": random.uniform(8.0, 14.0, 60),
        "echo_times_ms": random.uniform(1.0, 6.0, 60),
        "rf_phases_deg": random.choice([30.0, 210.0], 60),
        "inversion_time_ms": 15.0,
        "recovery_time_ms": 90.0,
        "pulses_per_frame": 3,
    }
    return mrf.Sequence(**{**fields, **changes})


TISSUES = {
    "T1": [300.0, 1400.0, 4000.0],
    "T2": [40.0, 1400.0, 2500.0],
    "B1": [1.0, 0.6, 1.3],
    "Df": [0.0, -35.0, 80.0],
}


@pytest.mark.parametrize("repetitions", [1, 3])
@pytest.mark.parametrize("inversion_time_ms", [15.0, None])
@pytest.mark.parametrize("phases", ["one axis", "any"])
@pytest.mark.parametrize("off_resonant", [False, True])
@pytest.mark.parametrize("engine", ["array", "tensor"])
def test_fisp_follows_the_bloch_equations(
    repetitions, inversion_time_ms, phases, off_resonant, engine
):
    changes = {"repetitions": repetitions, "inversion_time_ms": inversion_time_ms}
    if phases == "any":
        changes["rf_phases_deg"] = np.random.default_rng(2).uniform(0.0, 360.0, 60)
    sequence = irregular_fisp(**changes)
    tissues = dict(TISSUES)
    if not off_resonant:
        del tissues["Df"]
    parameters = {
        key: torch.tensor(values, dtype=torch.float64) if engine == "tensor" else values
        for key, values in tissues.items()
    }
    signal = np.asarray(mrf.simulate(sequence, parameters, dtype="complex128"))
    for row in range(3):
        tissue = {key: values[row] for key, values in tissues.items()}
        truth = bloch.fisp_fingerprint(sequence, **tissue)
        np.testing.assert_allclose(signal[row], truth, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tissue", [(800.0, 60.0), (4000.0, 1200.0), (1500.0, 1500.0)])
def test_fisp_of_1000_pulses_follows_the_bloch_equations(tissue):
    T1, T2 = tissue
    sequence = mrf.sequences.fisp()
    signal = mrf.simulate(sequence, {"T1": T1, "T2": T2}, dtype="complex128")
    truth = bloch.fisp_fingerprint(sequence, T1=T1, T2=T2)
    np.testing.assert_allclose(signal[0], truth, rtol=0, atol=1e-10)


VOXELS = {
    "FF": [0.0, 1.0, 0.35],
    "T1H2O": [1300.0, 900.0, 2800.0],
    "T1fat": [300.0, 215.0, 390.0],
    "Df": [0.0, 45.0, -120.0],
    "B1": [1.0, 0.35, 0.8],
}


@pytest.mark.parametrize("row", range(3))
def test_t1ff_follows_the_bloch_equations(row):
    sequence = mrf.sequences.t1ff()
    voxel = {key: values[row] for key, values in VOXELS.items()}
    signal = mrf.simulate(sequence, VOXELS, dtype="complex128")
    truth = bloch.water_fat_fingerprint(sequence, **voxel)
    np.testing.assert_allclose(signal[row], truth, rtol=0, atol=1e-10)


@pytest.mark.parametrize("repetitions", [1, 2])
@pytest.mark.parametrize("inversion_time_ms", [9.0, None])
def test_spoiled_sequence_whose_echo_time_varies_in_a_frame_follows_the_bloch_equations(
    repetitions, inversion_time_ms
):
    random = np.random.default_rng(3)
    base = mrf.sequences.t1ff()
    sequence = mrf.Sequence(
        name="irregular",
        kind="spoiled",
        flip_angles_deg=random.uniform(2.0, 90.0, 60),
        repetition_times_ms=random.uniform(5.0, 9.0, 60),
        echo_times_ms=random.uniform(1.0, 5.0, 60),
        rf_phases_deg=random.uniform(0.0, 360.0, 60),
        inversion_time_ms=inversion_time_ms,
        recovery_time_ms=200.0,
        repetitions=repetitions,
        pulses_per_frame=5,
        water_t2_ms=base.water_t2_ms,
        fat_t2_ms=base.fat_t2_ms,
        fat_shifts_hz=base.fat_shifts_hz,
        fat_amplitudes=base.fat_amplitudes,
    )
    signal = mrf.simulate(sequence, VOXELS, dtype="complex128")
    for row in range(3):
        voxel = {key: values[row] for key, values in VOXELS.items()}
        truth = bloch.water_fat_fingerprint(sequence, **voxel)
        np.testing.assert_allclose(signal[row], truth, rtol=0, atol=1e-12)
