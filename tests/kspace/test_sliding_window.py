"""Frames that share readouts: in k-space, in sequences, in atoms, in series and on disk."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_mrf as mrf
from napari_mrf.cli import main
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.io import save_series
from napari_mrf.kspace import coils, gridding
from napari_mrf.kspace.sliding_window import moving_means, sliding_window
from napari_mrf.kspace.trajectory import RadialTrajectory
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.phantoms import acquire
from napari_mrf.simulation.voxel_simulator import VoxelSimulator

# From before frames could overlap.
KNOWN = {"t1ff": "e6a888a8", "fisp": "be9f6e26"}
BRAIN = {"T1": np.array([700.0, 1300]), "T2": np.array([60.0, 90]), "PD": np.array([1.0, 0.8])}
MUSCLE = {"FF": np.array([0.1, 0.7]), "T1H2O": np.array([1000.0, 1300]),
          "T1fat": np.array([300.0, 350]), "Df": np.array([-40.0, 20]),
          "B1": np.array([0.8, 1.0])}  # fmt: skip


def short_fisp(n_pulses=30):
    return mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(n_pulses) / 5) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip


def short_t1ff():
    """Twelve frames of four pulses, with a second echo time from frame 6 on."""
    base = mrf.sequences.t1ff()
    second = np.arange(48) >= 24
    return replace(
        base, name="short", flip_angles_deg=np.where(second, 15.0, 5.0), pulses_per_frame=4,
        echo_times_ms=np.where(second, 3.45, 2.39), repetition_times_ms=np.full(48, 5.08),
        rf_phases_deg=np.full(48, 90.0),
    )  # fmt: skip


def means(frames, window):
    """Means over so many neighbors along the last axis, one by one."""
    n = frames.shape[-1] - window + 1
    return np.stack([frames[..., i : i + window].mean(-1) for i in range(n)], axis=-1)


def test_paper_s_window_leaves_as_many_frames_as_the_paper_says():
    sequence = short_fisp(720).sliding_window(48)
    assert sequence.n_frames == 673
    assert sequence.per_frame(np.arange(720.0))[10].tolist() == list(range(10, 58))


@settings(max_examples=40, deadline=None)
@given(n_frames=st.integers(1, 40), pulses=st.integers(1, 5), data=st.data())
def test_frames_of_a_window_are_those_of_the_sequence_averaged(n_frames, pulses, data):
    window = data.draw(st.integers(1, n_frames))
    sequence = replace(short_fisp(n_frames * pulses), pulses_per_frame=pulses)
    windowed = sequence.sliding_window(window)
    assert windowed.n_frames == n_frames - window + 1
    values = np.random.default_rng(0).random(n_frames * pulses)
    frames = values.reshape(n_frames, pulses).mean(axis=1)
    found = windowed.per_frame(values).mean(axis=1)
    np.testing.assert_allclose(found, means(frames, window), rtol=1e-12)
    assert mrf.Sequence.from_json(windowed.to_json()) == windowed
    assert (windowed == sequence) == (window == 1)


def test_window_over_a_window_is_refused():
    # The mean of such means weighs the inner pulses more, which a frame cannot say.
    with pytest.raises(mrf.MRFInputError, match="already overlap"):
        short_fisp().sliding_window(4).sliding_window(3)


@pytest.mark.parametrize("window", [0, 31, 1.5, -1])
def test_impossible_windows_are_refused(window):
    with pytest.raises(mrf.MRFInputError) as caught:
        short_fisp().sliding_window(window)
    assert caught.value.code == "bad-option"
    assert "1 to 30 frames" in str(caught.value)


@pytest.mark.parametrize(("size", "step"), [(7, 2), (4, 5), (40, 1), (3, 0)])
def test_frames_that_do_not_cover_the_pulses_are_refused(size, step):
    with pytest.raises(mrf.MRFInputError) as caught:
        replace(short_fisp(), pulses_per_frame=size, pulses_between_frames=step)
    assert caught.value.code == "bad-sequence"


def test_sequences_without_overlap_keep_their_fingerprints():
    # Weights and dictionaries on disk carry them.
    sequence = mrf.sequences.fisp()
    assert "pulses_between_frames" not in sequence.to_json()
    again = replace(sequence, pulses_between_frames=1)
    assert again.pulses_between_frames is None
    assert again.fingerprint() == sequence.fingerprint()
    assert mrf.sequences.t1ff().fingerprint()[:8] == KNOWN["t1ff"]
    assert sequence.fingerprint()[:8] == KNOWN["fisp"]


@pytest.mark.parametrize("window", [2, 5])
def test_every_simulator_averages_frames_alike(window):
    for sequence, tissue in ((short_fisp(), BRAIN), (short_t1ff(), MUSCLE)):
        expected = means(mrf.simulate(sequence, tissue, dtype="complex128"), window)
        windowed = sequence.sliding_window(window)
        found = mrf.simulate(windowed, tissue, dtype="complex128")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        one_by_one = VoxelSimulator(windowed).fingerprints(tissue)
        np.testing.assert_allclose(one_by_one, expected, rtol=0, atol=1e-9)
    off_resonance = {**BRAIN, "Df": np.array([5.0, -10.0])}  # by another engine
    expected = means(mrf.simulate(short_fisp(), off_resonance, dtype="complex128"), window)
    found = mrf.simulate(short_fisp().sliding_window(window), off_resonance, dtype="complex128")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), size=st.integers(1, 30), step=st.integers(1, 4))
def test_moving_means_are_means_of_consecutive_images(n, size, step):
    rng = np.random.default_rng(n)
    images = (rng.standard_normal((n, 2, 3)) + 1j * rng.standard_normal((n, 2, 3))).astype("c8")
    found = list(moving_means(iter(images), size, step))
    expected = [images[i : i + size].mean(axis=0) for i in range(0, n - size + 1, step)]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.complex64
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_moving_means_equal_gridding_the_combined_spokes_at_once():
    trajectory = RadialTrajectory(40, 24)
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((2, 3, 40, trajectory.n_samples))
    samples = (parts[0] + 1j * parts[1]).astype(np.complex64)
    frames = list(gridding.grid_frames(samples, trajectory, 4, (20, 24)))
    found = list(moving_means(frames, 5))
    assert len(found) == 10 - 5 + 1
    borders = range(0, 41, 4)
    stages = [gridding.coil_images(samples, trajectory, a, b, (20, 24))
              for a, b in itertools.pairwise(borders)]  # fmt: skip
    weights = coils.combination_weights(np.stack(stages))
    for index, image in enumerate(found):
        first = 4 * index
        combined = gridding.coil_images(samples, trajectory, first, first + 20, (20, 24))
        expected = coils.combine(combined, weights)
        # The NUFFT is exact to 1e-4 or better.
        assert np.linalg.norm(image - expected) < 3e-4 * np.linalg.norm(expected)


def box(tissue, n=16):
    """A square of two tissues, one beside the other."""
    x = np.broadcast_to(np.arange(n), (1, n, n))
    inside = (np.abs(x - n // 2) < 6) & (np.abs(np.swapaxes(x, 1, 2) - n // 2) < 6)
    maps = {
        key: np.where(inside, np.where(x < n // 2, *values), np.nan)
        for key, values in tissue.items()
    }
    return ParameterMaps(maps), inside


@pytest.mark.parametrize("mode", ["radial", "noise-only", "fully-sampled"])
def test_acquired_series_is_that_of_the_same_scan_averaged(mode):
    truth, _ = box(BRAIN)
    options = {"mode": mode, "snr_db": 20.0, "seed": 3, "n_coils": 2}
    plain = acquire(truth, short_fisp(), **options)
    windowed = acquire(truth, short_fisp().sliding_window(6), **options)
    assert windowed.signal.shape == (25, 1, 16, 16)
    expected = np.moveaxis(means(np.moveaxis(plain.signal, 0, -1), 6), -1, 0)
    np.testing.assert_allclose(windowed.signal, expected, atol=1e-6 * np.abs(expected).max())
    by_hand = sliding_window(plain, 6)
    assert by_hand.sequence == windowed.sequence
    np.testing.assert_array_equal(by_hand.signal, windowed.signal)
    assert windowed.metadata["sliding_window_frames"] == 6
    if mode == "radial":
        assert windowed.metadata["spokes_per_frame"] == 6
        factor = plain.metadata["undersampling_factor"] / 6
        assert windowed.metadata["undersampling_factor"] == pytest.approx(factor)


def test_window_takes_streaks_away():
    truth, inside = box(BRAIN)
    options = {"mode": "radial", "snr_db": None, "n_coils": 1, "matrix_size": 32}
    air = ~inside
    streaks = [
        np.abs(acquire(truth, short_fisp().sliding_window(n), **options).signal[:, air]).mean()
        for n in (1, 8)
    ]
    assert streaks[1] < 0.5 * streaks[0]


def test_brain_without_noise_is_matched_to_its_truth():
    truth, inside = box(BRAIN)
    sequence = short_fisp().sliding_window(8)
    series = acquire(truth, sequence, mode="noise-only", snr_db=None)
    grid = ParameterGrid({"T1": np.arange(500.0, 1501, 100), "T2": np.arange(40.0, 121, 10)})
    matcher = ExhaustiveMatcher(
        sequence, device="cpu", dictionary=Dictionary.build(sequence, grid), refine=False
    )
    maps = matcher.reconstruct(series, inside)
    for key in ("T1", "T2"):
        np.testing.assert_array_equal(maps[key][inside], truth[key][inside].astype(np.float32))
    np.testing.assert_allclose(maps["PD"][inside], truth["PD"][inside], rtol=1e-4)
    assert maps.quality[inside].min() > 0.99999


def test_thigh_without_noise_is_matched_to_its_truth_across_echo_times():
    truth, inside = box(MUSCLE)
    sequence = short_t1ff().sliding_window(3)
    grid = ParameterGrid(
        {"T1H2O": np.array([700.0, 1000, 1300]), "T1fat": np.array([250.0, 300, 350]),
         "Df": np.array([-40.0, 0, 20]), "B1": np.array([0.8, 0.9, 1.0])}
    )  # fmt: skip
    series = acquire(truth, sequence, mode="noise-only", snr_db=None)
    maps = WaterFatMatcher(sequence, device="cpu", grid=grid, refine=False).reconstruct(
        series, inside
    )
    for key, values in truth.items():
        np.testing.assert_allclose(maps[key][inside], values[inside], rtol=1e-3, err_msg=key)


def test_one_image_a_pulse_is_combined_when_it_is_loaded(tmp_path):
    sequence = short_fisp()
    rng = np.random.default_rng(1)
    parts = rng.standard_normal((2, 30, 1, 3, 4)).astype(np.float32)
    pulses = mrf.MRFSeries((parts[0] + 1j * parts[1]).astype(np.complex64), sequence=sequence)
    save_series(pulses, tmp_path / "pulses.nii")
    (tmp_path / "pulses.json").unlink()
    windowed = sequence.sliding_window(5)
    loaded = mrf.load_series(tmp_path / "pulses.nii", windowed, average_spokes=True)
    expected = np.moveaxis(means(np.moveaxis(pulses.signal, 0, -1), 5), -1, 0)
    np.testing.assert_allclose(np.asarray(loaded.signal), expected, atol=1e-6)
    with pytest.raises(mrf.MRFInputError, match="Average 5 spokes per frame"):
        mrf.load_series(tmp_path / "pulses.nii", windowed)


def test_sidecar_keeps_the_window(tmp_path):
    truth, _ = box(MUSCLE)
    series = acquire(truth, short_t1ff().sliding_window(3), mode="noise-only", snr_db=None)
    save_series(series, tmp_path / "windowed.nii")
    again = mrf.load_series(tmp_path / "windowed.nii")
    assert again.sequence == series.sequence
    assert again.sequence.name == "short, sliding window 3"


def test_window_needs_a_sequence():
    with pytest.raises(mrf.MRFInputError) as caught:
        sliding_window(mrf.MRFSeries(np.ones((9, 1, 2, 2), np.complex64)), 3)
    assert caught.value.code == "no-sequence"


def test_phantom_on_the_command_line_with_a_window(tmp_path, capsys):
    command = ["phantom", "--size", "40", "--mode", "noise-only", "--output"]
    assert main([*command, str(tmp_path / "p"), "--sliding-window", "25"]) == 0
    series = mrf.load_series(tmp_path / "p" / "series.nii")
    assert series.n_frames == 175 - 25 + 1
    assert series.sequence == mrf.sequences.t1ff().sliding_window(25)
    assert main([*command, str(tmp_path / "q"), "--sliding-window", "176"]) == 2
    assert "1 to 175 frames" in capsys.readouterr().err
