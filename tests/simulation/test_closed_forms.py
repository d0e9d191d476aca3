"""Both signal models where the answer is a formula in a textbook."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_mrf as mrf


def fisp_train(flip_angles_deg, **fields):
    defaults = {"repetition_times_ms": 10.0, "echo_times_ms": 3.0}
    return mrf.Sequence(
        name="train", kind="fisp", flip_angles_deg=flip_angles_deg, **{**defaults, **fields}
    )


def spoiled_train(flip_angles_deg, **fields):
    defaults = {
        "repetition_times_ms": 10.0,
        "echo_times_ms": 3.0,
        "rf_phases_deg": 90.0,
        "water_t2_ms": 40.0,
        "fat_t2_ms": 80.0,
        "fat_shifts_hz": [0.0],
        "fat_amplitudes": [1.0],
    }
    return mrf.Sequence(
        name="train", kind="spoiled", flip_angles_deg=flip_angles_deg, **{**defaults, **fields}
    )


def signal_of(sequence, **parameters):
    return mrf.simulate(sequence, parameters, dtype="complex128")[0]


def water_of(sequence, T1, **parameters):
    return signal_of(sequence, FF=0.0, T1H2O=T1, T1fat=300.0, **parameters)


angles_deg = st.floats(0.0, 360.0)


@given(angle=angles_deg, phase=angles_deg, df=st.floats(-200.0, 200.0), b1=st.floats(0.2, 1.5))
@settings(max_examples=40, deadline=None)
def test_first_echo_is_minus_i_sine_of_the_flip_angle(angle, phase, df, b1):
    sequence = fisp_train([angle, 0.0], rf_phases_deg=phase)
    first = signal_of(sequence, T1=900.0, T2=50.0, Df=df, B1=b1)[0]
    expected = (
        -1j
        * np.exp(1j * np.deg2rad(phase))
        * np.sin(b1 * np.deg2rad(angle))
        * np.exp(-3.0 / 50.0)
        * np.exp(-2j * np.pi * df * 0.003)
    )
    assert first == pytest.approx(expected, abs=1e-13)


@given(first=angles_deg, second=angles_deg)
@settings(max_examples=40, deadline=None)
def test_two_pulses_refocus_into_hahns_echo(first, second):
    signal = signal_of(fisp_train([first, second, 0.0]), T1=900.0, T2=50.0)
    amplitude = np.sin(np.deg2rad(first)) * np.sin(np.deg2rad(second) / 2) ** 2
    assert signal[2] == pytest.approx(1j * amplitude * np.exp(-23.0 / 50.0), abs=1e-13)


@given(first=angles_deg, second=angles_deg, third=angles_deg)
@settings(max_examples=40, deadline=None)
def test_three_pulses_make_the_stimulated_and_the_secondary_echo(first, second, third):
    sequence = fisp_train([first, second, 0.0, third, 0.0])
    signal = signal_of(sequence, T1=200.0, T2=50.0)
    sines = np.sin(np.deg2rad([first, second, third]))
    half_sines = np.sin(np.deg2rad([first, second, third]) / 2)
    # One repetition time transverse, two stored along z, one transverse.
    stimulated = 0.5 * sines.prod() * np.exp(-23.0 / 50.0) * np.exp(-20.0 / 200.0)
    # The echo of the first two pulses, refocused once more by the third.
    secondary = sines[0] * half_sines[1] ** 2 * half_sines[2] ** 2 * np.exp(-43.0 / 50.0)
    assert signal[4] == pytest.approx(1j * (stimulated - secondary), abs=1e-13)


@pytest.mark.parametrize("T1", [200.0, 1000.0, 3000.0])
def test_inversion_recovery_is_null_after_t1_times_the_logarithm_of_two(T1):
    null_ms = T1 * np.log(2.0)
    fisp = fisp_train([90.0, 0.0], inversion_time_ms=null_ms)
    spoiled = spoiled_train([90.0, 0.0], inversion_time_ms=null_ms)
    assert abs(signal_of(fisp, T1=T1, T2=50.0)[0]) < 1e-14
    assert abs(water_of(spoiled, T1)[0]) < 1e-14


@given(angle=st.floats(1.0, 90.0), T1=st.floats(50.0, 300.0))
@settings(max_examples=20, deadline=None)
def test_spoiled_train_reaches_the_steady_state_of_ernst(angle, T1):
    sequence = spoiled_train(np.full(1000, angle), inversion_time_ms=5.0)
    alpha, decay1 = np.deg2rad(angle), np.exp(-10.0 / T1)
    ernst = np.sin(alpha) * (1.0 - decay1) / (1.0 - np.cos(alpha) * decay1)
    assert water_of(sequence, T1)[-1] == pytest.approx(ernst * np.exp(-3.0 / 40.0), abs=1e-12)


def test_fisp_without_transverse_memory_reaches_the_steady_state_of_ernst():
    sequence = fisp_train(np.full(600, 25.0), echo_times_ms=0.0)
    alpha, decay1 = np.deg2rad(25.0), np.exp(-10.0 / 250.0)
    ernst = np.sin(alpha) * (1.0 - decay1) / (1.0 - np.cos(alpha) * decay1)
    assert signal_of(sequence, T1=250.0, T2=0.25)[-1] == pytest.approx(-1j * ernst, abs=1e-12)


def test_first_frame_of_t1ff_is_negative_right_after_the_inversion():
    signal = water_of(mrf.sequences.t1ff(), 1300.0)
    assert signal[0].real == pytest.approx(-0.0774, abs=5e-5)
    assert abs(signal[0].imag) < 1e-12


@pytest.mark.parametrize("T1", [550.0, 1300.0, 3100.0])
@pytest.mark.parametrize("b1", [0.3, 1.0])
def test_second_repetition_of_t1ff_is_within_5e_4_of_the_steady_state(T1, b1):
    steady = water_of(_t1ff_with(repetitions=6), T1, B1=b1)
    second = water_of(_t1ff_with(repetitions=2), T1, B1=b1)
    assert np.linalg.norm(second - steady) < 5.1e-4 * np.linalg.norm(steady)


def test_first_repetition_of_t1ff_is_far_from_the_steady_state():
    first, steady = (water_of(_t1ff_with(repetitions=n), 3100.0) for n in (1, 6))
    assert np.linalg.norm(first - steady) > 0.1 * np.linalg.norm(steady)


def _t1ff_with(**changes):
    base = mrf.sequences.t1ff()
    fields = {name: getattr(base, name) for name in base.__dataclass_fields__}
    return mrf.Sequence(**{**fields, **changes})


@given(df=st.floats(-150.0, 150.0))
@settings(max_examples=15, deadline=None)
def test_off_resonance_is_only_a_phase_where_the_repetition_time_is_constant(df):
    # The precession in every repetition time shifts all isochromats along the gradient alike.
    sequence = fisp_train(np.linspace(10.0, 70.0, 40), inversion_time_ms=20.0)
    on, off = (signal_of(sequence, T1=900.0, T2=90.0, Df=value) for value in (0.0, df))
    np.testing.assert_allclose(off, on * np.exp(-2j * np.pi * df * 0.003), atol=1e-13)


@given(df=st.floats(-150.0, 150.0))
@settings(max_examples=15, deadline=None)
def test_off_resonance_turns_water_clockwise_during_the_echo_time(df):
    sequence = spoiled_train(np.linspace(10.0, 70.0, 40), inversion_time_ms=20.0)
    on, off = (water_of(sequence, 900.0, Df=value) for value in (0.0, df))
    np.testing.assert_allclose(off, on * np.exp(-2j * np.pi * df * 0.003), atol=1e-13)


@given(turn=angles_deg)
@settings(max_examples=15, deadline=None)
def test_turning_all_rf_phases_turns_the_signal(turn):
    phases = np.random.default_rng(4).uniform(0.0, 360.0, 30)
    flips = np.linspace(10.0, 70.0, 30)
    still, turned = (
        signal_of(fisp_train(flips, rf_phases_deg=phases + extra), T1=900.0, T2=90.0)
        for extra in (0.0, turn)
    )
    np.testing.assert_allclose(turned, still * np.exp(1j * np.deg2rad(turn)), atol=1e-13)


@pytest.mark.parametrize("T1", [500.0, 1500.0])
def test_signal_of_frames_is_the_mean_of_their_pulses(T1):
    flips = np.linspace(5.0, 60.0, 24)
    for train, simulated in ((fisp_train, signal_of), (spoiled_train, water_of)):
        values = {"T1": T1, "T2": 60.0} if train is fisp_train else {"T1": T1}
        pulses = simulated(train(flips), **values)
        frames = simulated(train(flips, pulses_per_frame=4), **values)
        np.testing.assert_allclose(frames, pulses.reshape(6, 4).mean(axis=1), atol=1e-15)
