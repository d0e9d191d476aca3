"""The automatic mask keeps tissue."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import check_chunks_and_threads, check_complex_factor_invariance, complex_normal

import napari_mrf as mrf
from napari_mrf.compute.steps import result_of
from napari_mrf.phantoms.files import TRUTH_NAME
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.reconstruction.foreground import (
    finding_foreground,
    finding_foreground_and_loss,
    mask_from_magnitude,
)


def foreground_mask(series):
    return result_of(finding_foreground(series))


def disc(size=64, radius=20):
    y, x = np.mgrid[:size, :size] - size / 2
    return (x**2 + y**2 < radius**2)[None]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    weak=st.floats(0.3, 1.0),
    noise=st.floats(0.005, 0.05),
    gain=st.floats(1e-6, 1e6),
)
def test_no_tissue_is_dropped_for_any_gain_shading_and_noise(seed, weak, noise, gain):
    rng = np.random.default_rng(seed)
    tissue = disc()
    shading = np.linspace(weak, 1.0, 64)[None, None, :]
    contrast = np.where(disc(radius=10), 0.6, 1.0)
    air = np.abs(rng.standard_normal((8, 1, 64, 64)) * noise).mean(axis=0)
    mean = gain * (tissue * shading * contrast + air)
    mask = mask_from_magnitude(mean.astype(np.float32))
    assert mask[tissue].mean() > 0.999
    assert mask[~tissue].mean() < 0.05


def test_holes_are_filled_and_specks_left_out():
    mean = np.full((1, 64, 64), 0.01, np.float32)
    mean[disc()] = 1
    mean[disc(radius=5)] = 0.01  # cortical bone: no signal, inside tissue
    mean[0, 2, 2] = 1
    mask = mask_from_magnitude(mean)
    assert mask[disc()].all()
    assert not mask[0, 2, 2]


def test_without_background_every_voxel_with_signal_stays():
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.6, 1.4, (1, 32, 32)).astype(np.float32)
    mean[0, 0, 0] = 0
    mean[0, 0, 1] = np.nan
    mask = mask_from_magnitude(mean)
    assert mask.sum() == 32 * 32 - 2
    assert not mask[0, 0, :2].any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_images_do_not_fail(value):
    mask = mask_from_magnitude(np.full((1, 4, 4), value, np.float32))
    assert mask.all() == bool(value)


def test_mask_reads_one_slice_at_a_time():
    class Watched:
        shape, dtype, read = (50, 3, 8, 8), np.dtype(np.complex64), ()

        def __getitem__(self, key):
            part = np.full(self.shape, 2j, np.complex64)[key]
            self.read = (*self.read, (part.shape, key[1]))
            return part

    watched = Watched()
    assert foreground_mask(mrf.MRFSeries(watched)).all()
    assert {shape for shape, _ in watched.read} == {(7, 8, 8)}
    assert [z for _, z in watched.read] == [0] * 7 + [1] * 7 + [2] * 7


def test_streaks_of_an_undersampled_series_are_told_from_tissue():
    rng = np.random.default_rng(0)
    tissue = disc()[0]
    signal = tissue * np.linspace(0.5, 1, 175)[:, None, None] * np.exp(0.7j)
    streaks = rng.standard_normal((2, 175, 64, 64)) * 0.4
    series = mrf.MRFSeries((signal + streaks[0] + 1j * streaks[1])[:, None].astype(np.complex64))
    mask = result_of(finding_foreground(series))[0]
    assert mask[tissue].all()
    assert mask[~tissue].mean() < 0.05


def test_sample_thigh_is_kept_whole_and_air_left_out():
    folder = sample_directory()
    tissue = np.isfinite(mrf.load_maps(folder / TRUTH_NAME)["FF"])
    mask = foreground_mask(mrf.load_series(folder / SERIES_NAME))
    assert mask[tissue].all()
    assert mask[~tissue].mean() < 0.1


def test_damaged_voxels_stay_in_the_mask_to_be_reported():
    signal = np.full((175, 1, 64, 64), 0.01j, np.complex64)
    signal[:, disc()] = 1 + 1j
    signal[100, 0, 32, 32] = np.nan
    signal[5, 0, 31, 32] = np.inf
    signal[9, 0, 0, 0] = np.inf
    signal[:, 0, :, 5] = np.nan
    expected = disc()
    expected[0, 0, 0] = expected[0, :, 5] = True
    np.testing.assert_array_equal(foreground_mask(mrf.MRFSeries(signal)), expected)


@pytest.fixture
def streaky():
    """(T, 2, 32, 32): tissue that a lowered threshold has to decide on, and noise."""
    rng = np.random.default_rng(1)
    shading = disc(32, 12) * np.linspace(0.05, 1, 32) * np.linspace(0.5, 1, 2)[:, None, None]
    return (shading + 0.05 * complex_normal(rng, 50, 2, 32, 32)).astype(np.complex64)


def test_mask_does_not_depend_on_phases_nor_on_the_gain_of_the_series(streaky):
    def mask(signals):
        found = foreground_mask(mrf.MRFSeries(signals.T.reshape(50, 2, 32, 32)))
        assert 0 < found.mean() < 1
        return {"mask": found.ravel().astype(int)}

    # Exact in floating point: no voxel is so near the threshold.
    factors = 2.0**9 * 1j ** np.random.default_rng(2).integers(0, 4, 2048)
    check_complex_factor_invariance(mask, streaky.reshape(50, -1).T, factors)


def test_mask_does_not_depend_on_how_the_series_is_stored(streaky):
    def run(chunk, _):
        stored = streaky if chunk is None else da.from_array(streaky, chunks=(50, 1, chunk, 32))
        return {"mask": foreground_mask(mrf.MRFSeries(stored)).ravel().astype(int)}

    check_chunks_and_threads(run, [(32, 1), (5, 3)])


DISC = disc(64, 20)[0]


def thighs(gains, noise=0.0):
    """A rim of 1 and a core of 4 in a disc, one gain a slice; zeros around it, or noise."""
    rng = np.random.default_rng(0)
    shape = (len(gains), 64, 64)
    tissue = np.where(disc(64, 8), 4.0, 1.0) * DISC * rng.uniform(0.8, 1.2, shape)
    signal = tissue * np.exp(0.7j) + noise * complex_normal(rng, 175, *shape)
    return (np.reshape(gains, (-1, 1, 1)) * signal).astype(np.complex64)


@pytest.mark.parametrize("streaks", [0.0, 0.5])
@pytest.mark.parametrize(
    "gains",
    [(1, 1, 0.05, 1), (0.05, 1), (1, 0.6, 0.3, 0.1, 0.05, 0.01), (1,), (1e-19, 1e-21), (1, 0)],
)
def test_every_voxel_with_signal_stays_where_the_background_is_zero(gains, streaks):
    signal = thighs(gains, streaks) * DISC
    expected = DISC & (np.reshape(gains, (-1, 1, 1)) > 0)
    np.testing.assert_array_equal(foreground_mask(mrf.MRFSeries(signal)), expected)


def test_zeros_around_a_round_field_of_view_are_no_zero_background():
    signal = thighs((1, 1, 0), noise=0.1)
    signal[:, 2] = 0.1 * complex_normal(np.random.default_rng(1), 175, 64, 64)  # air alone
    signal[..., ~disc(64, 30)[0]] = 0
    signal[..., 30:33, 30:33] = 0  # a hole in the tissue decides nothing
    mask = foreground_mask(mrf.MRFSeries(signal))
    assert mask[:2, DISC].mean() > 0.98
    assert mask[:2, ~DISC].mean() < 0.02
    assert not mask[2].any()


def test_slices_with_signal_that_stay_empty_are_named():
    signal = thighs((1, 0.01, 0, 0.01))
    signal += 0.1 * complex_normal(np.random.default_rng(1), *signal.shape)
    signal[:, 2] = 0
    mask, (told,) = result_of(finding_foreground_and_loss(mrf.MRFSeries(signal)))
    assert mask.any(axis=(1, 2)).tolist() == [True, False, False, False]
    assert told.code == "empty-slices"
    assert told.voxels == 2 * 64 * 64
    assert "empty in slices 1, 3 (counted from 0)" in told.message


def test_mask_that_loses_no_slice_is_silent():
    series = mrf.MRFSeries(thighs((1, 0.05)) * DISC)
    assert result_of(finding_foreground_and_loss(series))[1] == []


@pytest.mark.parametrize("power", [-70, 60])
def test_amplitude_of_the_series_changes_no_voxel(streaky, power):
    plain, scaled = (
        foreground_mask(mrf.MRFSeries(signal)) for signal in (streaky, streaky * 2.0**power)
    )
    np.testing.assert_array_equal(scaled, plain)
