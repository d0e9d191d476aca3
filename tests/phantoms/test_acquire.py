"""The simulated acquisition: noise, phase, sampling, and what stays true in every mode."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from properties import check_chunks_and_threads

import napari_mrf as mrf
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.phantoms import acquire, thigh

SIGNAL = 0.0876762  # physics: SNR = 20 log10(S / sigma) on unit-norm fingerprints


def short_sequence(n_frames=12, pulses_per_frame=8):
    base = mrf.sequences.t1ff()
    n_pulses = n_frames * pulses_per_frame
    angles = np.where(np.arange(n_pulses) < n_pulses // 2, 5.0, 15.0)
    return mrf.Sequence(
        name="short", kind="spoiled", flip_angles_deg=angles, echo_times_ms=2.39,
        repetition_times_ms=4.02, rf_phases_deg=90.0, inversion_time_ms=8.32,
        recovery_time_ms=3000.0, repetitions=2, pulses_per_frame=pulses_per_frame,
        water_t2_ms=40.0, fat_t2_ms=80.0, fat_shifts_hz=base.fat_shifts_hz,
        fat_amplitudes=base.fat_amplitudes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def phantom():
    return thigh((1, 56, 64), seed=1, voxel_size_mm=3.0)


@pytest.fixture(scope="module")
def sequence():
    return short_sequence()


@pytest.fixture(scope="module")
def exact(phantom, sequence):
    """Noise-free signals (T, Y, X) without a receive phase, by the public simulator."""
    inside = phantom.foreground[0]
    parameters = {key: phantom.maps[key][0][inside] for key in sequence.parameters}
    images = np.zeros((sequence.n_frames, *inside.shape), dtype=np.complex128)
    images[:, inside] = mrf.simulate(sequence, parameters).T * phantom.m0[0][inside]
    return images


def receive_phase(measured, exact):
    """Per-voxel factor that turns the exact fingerprints into the measured ones."""
    return (exact.conj() * measured).sum(axis=0) / (np.abs(exact) ** 2).sum(axis=0)


def test_noise_free_series_is_the_simulation_times_a_smooth_phase(phantom, sequence, exact):
    series = acquire(phantom, sequence, mode="noise-only", snr_db=None)
    inside = phantom.foreground[0]
    measured, exact = series.signal[:, 0], exact
    factor = receive_phase(measured[:, inside], exact[:, inside])
    assert np.abs(factor) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(measured[:, inside] - factor * exact[:, inside]).max() < 1e-6
    assert np.all(measured[:, ~inside] == 0)

    phase = np.zeros(inside.shape, dtype=complex)
    phase[inside] = factor
    beside = inside[:, 1:] & inside[:, :-1]
    steps = np.angle(phase[:, 1:] * phase[:, :-1].conj())[beside]
    assert np.abs(steps).max() < 0.3
    assert np.ptp(np.angle(factor)) > 0.5


def test_receive_phase_depends_on_the_seed(phantom, sequence):
    one, two = (
        acquire(phantom, sequence, mode="noise-only", snr_db=None, seed=seed).signal
        for seed in (0, 1)
    )
    inside = phantom.foreground
    turned = (one[:, inside] * two[:, inside].conj()).sum(axis=0)
    assert np.abs(np.angle(turned)).max() > 0.5
    assert np.abs(one) == pytest.approx(np.abs(two), abs=1e-6)


@pytest.mark.parametrize("snr_db", [10.0, 20.0, 40.0])
def test_noise_of_each_voxel_is_as_asked_for(phantom, sequence, snr_db):
    clean = acquire(phantom, sequence, mode="noise-only", snr_db=None)
    noisy = acquire(phantom, sequence, mode="noise-only", snr_db=snr_db)
    inside = phantom.foreground
    noise = (noisy.signal - clean.signal)[:, inside]
    relative = noise / np.linalg.norm(clean.signal[:, inside], axis=0)
    expected = SIGNAL * 10 ** (-snr_db / 20)
    assert relative.real.std() == pytest.approx(expected, rel=0.02)
    assert relative.imag.std() == pytest.approx(expected, rel=0.02)
    assert np.all(noisy.signal[:, ~inside] == 0)


def test_noise_relative_to_the_foreground_is_the_same_everywhere(phantom, sequence):
    options = {"mode": "noise-only", "noise_reference": "foreground"}
    clean = acquire(phantom, sequence, snr_db=None, **options)
    noise = acquire(phantom, sequence, snr_db=20.0, **options).signal - clean.signal
    inside = phantom.foreground
    expected = 0.1 * SIGNAL * np.linalg.norm(clean.signal[:, inside], axis=0).mean()
    for region in (inside, ~inside):
        assert noise.real[:, region].std() == pytest.approx(expected, rel=0.02)
        assert noise.imag[:, region].std() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("mode", ["radial", "fully-sampled"])
def test_noise_of_sampled_images_is_as_asked_for(phantom, sequence, exact, mode):
    clean = acquire(phantom, sequence, mode=mode, snr_db=None).signal
    # At 40 dB the coil weights hardly change, so the difference is the noise.
    noise = acquire(phantom, sequence, mode=mode, snr_db=40.0).signal - clean
    norms = np.linalg.norm(exact[:, phantom.foreground[0]], axis=0)
    expected = 0.01 * SIGNAL * norms.mean()
    inside = phantom.foreground
    assert noise.real[:, inside].std() == pytest.approx(expected, rel=0.1)
    assert noise.imag[:, inside].std() == pytest.approx(expected, rel=0.1)


def test_fully_sampled_scan_gives_the_object_times_a_smooth_phase(phantom, sequence, exact):
    series = acquire(phantom, sequence, mode="fully-sampled", snr_db=None, matrix_size=64)
    inside = phantom.foreground[0]
    measured = series.signal[:, 0]
    error = np.abs(measured) - np.abs(exact)
    assert np.linalg.norm(error) < 0.12 * np.linalg.norm(exact)  # the corners of k-space lack
    deep = inside.copy()
    for axis in (0, 1):
        for shift in (-2, -1, 1, 2):
            deep &= np.roll(inside, shift, axis)
    factor = receive_phase(measured[:, deep], exact[:, deep])
    assert np.abs(factor).mean() == pytest.approx(1.0, abs=0.02)
    assert series.metadata["undersampling_factor"] == pytest.approx(1.0, abs=0.02)


def test_every_spoke_sees_the_signal_of_its_own_pulse():
    # The scan written out: every pulse's image, its Fourier sum along the pulse's own spoke,
    # and back with the ramp. Averaging the frame first gives another image.
    y, x = np.indices((20, 20)) - 10
    inside = np.hypot(y, x) < 7
    values = {"FF": 0.2, "T1H2O": 1300.0, "T1fat": 330.0, "Df": 20.0, "B1": 0.8}
    maps = ParameterMaps({k: np.where(inside, v, np.nan)[None] for k, v in values.items()})
    sequence = short_sequence(n_frames=4)
    options = {"snr_db": None, "n_coils": 1, "seed": 5}
    measured = acquire(maps, sequence, mode="radial", **options).signal[:, 0]
    clean = acquire(maps, sequence, mode="noise-only", **options).signal[:, 0]

    tissue = {key: np.array([value]) for key, value in values.items()}
    frames = mrf.simulate(sequence, tissue)[0]
    pulses = mrf.simulate(replace(sequence, pulses_per_frame=1), tissue)[0]
    received = clean[0] / frames[0] * simulated_sensitivities((20, 20), 1, seed=5)[0]
    k = np.arange(-20, 20) / 40
    ramp = np.where(k == 0, 1 / 40**2 / 6, np.abs(k) / 40) * np.pi / 8

    def scan(signals):
        images = np.zeros((4, 20, 20), dtype=complex)
        for pulse, signal in enumerate(signals):
            angle = np.deg2rad(111.24611797498108 * pulse)
            waves = np.exp(2j * np.pi * k[:, None, None] * (np.cos(angle) * x + np.sin(angle) * y))
            samples = (waves.conj() * signal * received).sum(axis=(1, 2))
            images[pulse // 8] += np.tensordot(ramp * samples, waves, 1)
        return np.abs(images)

    largest = np.abs(measured).max()
    assert np.abs(np.abs(measured) - scan(pulses)).max() < 1e-3 * largest
    assert np.abs(np.abs(measured) - scan(np.repeat(frames, 8))).max() > 5e-3 * largest


def test_mean_of_undersampled_frames_approaches_the_object(phantom, sequence, exact):
    series = acquire(phantom, sequence, mode="radial", snr_db=None)
    half = sequence.n_frames // 2
    measured, true = (np.abs(s[half:].mean(axis=0)) for s in (series.signal[:, 0], exact))
    inside = phantom.foreground[0]
    assert np.corrcoef(measured[inside], true[inside])[0, 1] > 0.8
    assert measured[inside].mean() == pytest.approx(true[inside].mean(), rel=0.1)


def test_longer_readouts_lower_the_undersampling_and_its_artifacts(phantom, sequence):
    single, fourfold = (
        acquire(phantom, sequence, snr_db=None, spokes_per_pulse=spokes) for spokes in (1, 4)
    )
    assert fourfold.metadata["spokes_per_frame"] == 4 * single.metadata["spokes_per_frame"] == 32
    assert single.metadata["undersampling_factor"] == pytest.approx(
        4 * fourfold.metadata["undersampling_factor"]
    )
    full = acquire(phantom, sequence, mode="fully-sampled", snr_db=None).signal
    inside = phantom.foreground

    def artifacts(series):
        # Up to one factor a voxel: the receive phases of two scans are their own.
        measured, true = series.signal[:, inside], full[:, inside]
        factor = (true.conj() * measured).sum(axis=0) / (np.abs(true) ** 2).sum(axis=0)
        return np.linalg.norm(measured - factor * true)

    assert artifacts(fourfold) < 0.5 * artifacts(single)


def test_series_knows_how_it_was_made(phantom, sequence):
    series = acquire(phantom, sequence, snr_db=25.0, matrix_size=350, seed=9, n_coils=3)
    made = series.metadata
    assert series.mask is None
    assert series.signal.dtype == np.complex64
    assert np.array_equal(series.affine, phantom.affine)
    assert series.sequence == sequence
    assert made["undersampling_factor"] == pytest.approx(np.pi / 2 * 350 / 8)
    assert (made["simulated"], made["snr_db"], made["seed"]) == ("radial", 25.0, 9)
    assert (made["n_coils"], made["spokes_per_frame"], made["n_spokes"]) == (3, 8, 96)
    assert made["object"]["phantom"] == "thigh"


@pytest.mark.parametrize("mode", ["radial", "fully-sampled", "noise-only"])
def test_result_is_the_same_for_any_number_of_threads(phantom, sequence, mode):
    def run(_, workers):
        series = acquire(phantom, sequence, mode=mode, workers=workers or 1, seed=2)
        return {"signal": series.signal}

    check_chunks_and_threads(run, [(None, 3)])
    other = acquire(phantom, sequence, mode=mode, seed=3).signal
    assert not np.array_equal(run(None, 1)["signal"], other)


def test_brain_sequence_is_acquired_too():
    sequence = mrf.Sequence(
        name="short fisp", kind="fisp", flip_angles_deg=np.linspace(5, 40, 16),
        echo_times_ms=2.0, repetition_times_ms=12.0, inversion_time_ms=20.0,
    )  # fmt: skip
    inside = np.zeros((1, 16, 16), dtype=bool)
    inside[0, 4:12, 4:12] = True
    values = {"PD": 0.7, "T1": 900.0, "T2": 70.0}
    maps = ParameterMaps({k: np.where(inside, v, np.nan) for k, v in values.items()})
    series = acquire(maps, sequence, mode="noise-only", snr_db=None)
    expected = mrf.simulate(sequence, {k: np.array([v]) for k, v in values.items()})[0]
    assert np.abs(series.signal[:, 0, 8, 8]) == pytest.approx(np.abs(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("mode", "steps"),
    [("radial", 2 * (1 + 96 + 12)), ("fully-sampled", 2 * (1 + 12)), ("noise-only", 2 * (1 + 12))],
)
def test_progress_counts_simulations_readouts_and_frames_of_all_slices(sequence, mode, steps):
    phantom = thigh((2, 56, 64), seed=1, voxel_size_mm=3.0)
    calls = []
    acquire(phantom, sequence, mode=mode, progress=lambda *counts: calls.append(counts))
    assert calls == [(n + 1, steps) for n in range(steps)]


def test_impossible_acquisition_is_refused(phantom, sequence):
    wrong = (
        {"mode": "spiral"}, {"noise_reference": "air"}, {"snr_db": np.nan}, {"n_coils": 0},
        {"matrix_size": 40}, {"spokes_per_pulse": 0},
    )  # fmt: skip
    for options in wrong:
        with pytest.raises(MRFInputError) as error:
            acquire(phantom, sequence, **options)
        assert error.value.code == "bad-acquisition"
    with pytest.raises(MRFInputError) as error:
        acquire(phantom, mrf.sequences.fisp())
    assert error.value.code == "missing-map"


def flat_frames(spokes):
    """A sequence of one pulse a frame, and the same scan told in two ways."""
    one_pulse = short_sequence(n_frames=12, pulses_per_frame=1)
    return one_pulse, {"spokes_per_pulse": spokes}, {"spokes_per_frame": spokes}


def test_spokes_of_frame_means_are_those_of_pulses_where_a_frame_is_one_signal(phantom):
    sequence, by_pulse, by_frame = flat_frames(5)
    options = {"n_coils": 3, "snr_db": None, "seed": 4}
    exact = acquire(phantom, sequence, **by_pulse, **options).signal
    means = acquire(phantom, sequence, **by_frame, **options)
    assert np.linalg.norm(means.signal - exact) < 0.01 * np.linalg.norm(exact)
    assert means.metadata["spokes_per_frame"] == 5


def test_frame_means_change_little_where_the_signal_changes_slowly(phantom):
    sequence = mrf.sequences.t1ff()
    options = {"n_coils": 3, "snr_db": None, "seed": 4}
    exact = acquire(phantom, sequence, **options).signal
    means = acquire(phantom, sequence, spokes_per_frame=8, **options).signal
    assert np.linalg.norm(means - exact) < 0.01 * np.linalg.norm(exact)
    # Not in the first frames, after the inversion.
    assert np.linalg.norm((means - exact)[:20]) < 0.04 * np.linalg.norm(exact[:20])


def test_image_of_a_frame_is_the_object_convolved_as_toeplitz_says(phantom):
    """An independent way: two FFTs with the spectrum of the point spread function."""
    from napari_mrf.compute.steps import result_of
    from napari_mrf.kspace import toeplitz
    from napari_mrf.kspace.density import radial_ramp
    from napari_mrf.kspace.trajectory import RadialTrajectory

    sequence, spokes = short_sequence(n_frames=12), 7
    options = {"snr_db": None, "seed": 2}
    exact = acquire(phantom, sequence, mode="noise-only", **options).signal[:, 0]
    frames = acquire(
        phantom, sequence, spokes_per_frame=spokes, first_angle_deg=40.0, n_coils=1, **options
    ).signal[:, 0]
    shape = exact.shape[1:]
    trajectory = RadialTrajectory(12 * spokes, max(shape), first_angle_deg=40.0)
    weights = np.tile(radial_ramp(trajectory, spokes), (spokes, 1))
    coil = torch.from_numpy(simulated_sensitivities(shape, 1, seed=2))
    for frame in (0, 5, 11):
        kernels = result_of(
            toeplitz.making_kernels(
                np.ones((spokes, 1), np.complex64),
                trajectory.coordinates(frame * spokes, (frame + 1) * spokes), shape,
                weights=weights,
            )
        )  # fmt: skip
        image = coil * torch.from_numpy(exact[frame])
        expected = toeplitz.convolved(kernels, image[None])[0, 0].numpy()
        found = frames[frame]
        # One coil is known up to its phase, the same everywhere.
        turn = np.vdot(expected, found) / abs(np.vdot(expected, found))
        assert np.linalg.norm(found - turn * expected) < 0.01 * np.linalg.norm(expected)


def test_noise_of_frame_means_has_the_level_asked_for(phantom, sequence, exact):
    options = {"spokes_per_frame": 6, "n_coils": 4, "seed": 3}
    silent = acquire(phantom, sequence, snr_db=None, **options).signal
    noise = acquire(phantom, sequence, snr_db=15.0, **options).signal - silent
    norm = np.linalg.norm(exact[:, phantom.foreground[0]], axis=0).mean()
    # Of the two parts together: sqrt 2; weights of coils change a little with the noise.
    assert noise.std() == pytest.approx(np.sqrt(2) * SIGNAL * 10**-0.75 * norm, rel=0.1)


def test_first_angle_turns_the_streaks(phantom, sequence):
    options = {"snr_db": None, "n_coils": 2, "spokes_per_frame": 5}
    first = acquire(phantom, sequence, **options).signal
    np.testing.assert_array_equal(
        acquire(phantom, sequence, first_angle_deg=0.0, **options).signal, first
    )
    other = acquire(phantom, sequence, first_angle_deg=90.0, **options)
    assert np.linalg.norm(other.signal - first) > 0.1 * np.linalg.norm(first)
    assert other.metadata["first_angle_deg"] == 90.0


@pytest.mark.parametrize(
    "options",
    [
        {"spokes_per_frame": 0},
        {"spokes_per_frame": 5, "mode": "fully-sampled"},
        {"spokes_per_frame": 5, "mode": "noise-only"},
        {"spokes_per_frame": 5, "spokes_per_pulse": 2},
        {"spokes_per_frame": 5, "kspace": []},
        {"first_angle_deg": np.inf},
    ],
)
def test_impossible_spokes_of_frames_are_refused(phantom, sequence, options):
    with pytest.raises(MRFInputError) as caught:
        acquire(phantom, sequence, **options)
    assert caught.value.code == "bad-acquisition"
