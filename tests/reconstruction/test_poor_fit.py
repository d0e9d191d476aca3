"""The flag of poor fits: what noise explains is none, what it does not explain is one."""

import numpy as np
import pytest
from properties import complex_normal
from scipy import stats

import napari_mrf as mrf
from napari_mrf.data.maps import FLAGS
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.phantoms.thigh.phantom import thigh
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.frame_noise import FrameNoise
from napari_mrf.reconstruction.poor_fit import PoorFits

SEQUENCE = mrf.sequences.t1ff()
K = SEQUENCE.n_frames
SHAPE = (2, 100, 100)
N = int(np.prod(SHAPE))
# A fingerprint of which only the complex factor is unknown: two of its real numbers are fitted.
MODEL = mrf.simulate(SEQUENCE, {"FF": [0.2], "T1H2O": [1300.0], "T1fat": [330.0],
                                "Df": [0.0], "B1": [0.8]})[0]  # fmt: skip
MODEL = MODEL / np.linalg.norm(MODEL)
FREEDOM = 2 * K - 2
EVERYWHERE = tuple(part.reshape(-1) for part in np.indices(SHAPE))


def test_noise_is_the_upper_median_of_second_differences():
    """Also of equal ones: signals of few different values have many."""
    rng = np.random.default_rng(11)
    kept = np.arange(0, K, 2)
    signals = np.concatenate([
        rng.integers(0, 3, (20, len(kept))) * (1 + 2j), complex_normal(rng, 20, len(kept)),
        np.ones((1, len(kept))),
    ]).astype(np.complex64)  # fmt: skip
    norms = np.linalg.norm(signals, axis=1)
    echo_times = SEQUENCE.per_frame(SEQUENCE.echo_times_ms)[kept, 0]
    phases = np.deg2rad(SEQUENCE.per_frame(SEQUENCE.rf_phases_deg)[kept, 0])
    turned = signals * np.exp(-1j * phases) / norms[:, None]
    powers = np.concatenate([
        np.abs(np.diff(turned[:, echo_times == one], n=2)) ** 2 for one in np.unique(echo_times)
    ], axis=1)  # fmt: skip
    expected = np.sort(powers, axis=1)[:, powers.shape[1] // 2] / (12 * np.log(2))
    found = FrameNoise(SEQUENCE, kept).powers(signals, norms)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def poor(signals, conditioning=None, sequence=SEQUENCE):
    """Poor fits (N,) of the one model."""
    fits = PoorFits(sequence, conditioning or Conditioning(), SHAPE)
    fits.add(EVERYWHERE, fits.measured(signals.astype(np.complex64)))
    product = np.abs(signals @ MODEL.conj()) / np.linalg.norm(signals, axis=1)
    return fits.found(product.astype(np.float32).reshape(SHAPE)).reshape(-1)


def measured(rng, sigma=0.01, gain=1.0):
    """Fingerprints (N, K) and the chi-square (N,) of their residuals."""
    signals = gain * MODEL * np.exp(2j * np.pi * rng.random((N, 1)))
    noise = sigma * complex_normal(rng, N, K)
    return signals + noise, chi_square(noise, sigma)


def chi_square(noise, sigma):
    power = np.sum(np.abs(noise) ** 2, axis=1) - np.abs(noise @ MODEL.conj()) ** 2
    return power / sigma**2


@pytest.mark.parametrize("sigma", [0.001, 0.01, 0.1])
def test_white_noise_alone_is_flagged_as_often_as_chi_square_says(sigma):
    signals, _ = measured(np.random.default_rng(0), sigma)
    assert 0.0005 < poor(signals).mean() < 0.002


def test_louder_voxels_are_flagged_where_chi_square_says():
    rng = np.random.default_rng(10)
    louder = np.where(rng.random(N) < 0.05, rng.uniform(1, 1.4, N), 1.0)
    noise = 0.01 * louder[:, None] * complex_normal(rng, N, K)
    found, unlikely = poor(MODEL + noise), stats.chi2.sf(chi_square(noise, 0.01), FREEDOM)
    assert found[unlikely < 1e-5].all()
    assert (unlikely < 1e-5).sum() > 300
    assert found[unlikely > 5e-3].mean() < 2e-3


def test_excess_of_twice_the_noise_is_found():
    """A misfit as large as the noise: non-central chi-square, whatever is misfitted."""
    rng = np.random.default_rng(1)
    signals, _ = measured(rng)
    slow = np.cos(np.outer(rng.uniform(2, 12, N), np.linspace(0, np.pi, K)))
    slow = slow - (slow @ MODEL.conj())[:, None] * MODEL
    slow *= 0.01 * (FREEDOM**0.5) / np.linalg.norm(slow, axis=1, keepdims=True)
    hurt = rng.random(N) < 0.02
    found = poor(signals + hurt[:, None] * slow)
    assert stats.ncx2.sf(stats.chi2.isf(0.001, FREEDOM), FREEDOM, FREEDOM) > 0.999
    assert found[hurt].mean() > 0.97
    assert found[~hurt].mean() < 0.005


def test_other_signal_is_found_though_it_looks_like_noise():
    rng = np.random.default_rng(2)
    signals, _ = measured(rng)
    hurt = rng.random(N) < 0.01
    signals[hurt] = complex_normal(rng, hurt.sum(), K) / (2 * K) ** 0.5
    found = poor(signals)
    assert found[hurt].all()
    assert found[~hurt].mean() < 0.005


def test_voxels_of_noise_alone_are_no_poor_fits():
    rng = np.random.default_rng(3)
    signals, _ = measured(rng)
    dark = (rng.random(N) < 0.1)[:, None]
    assert (
        poor(np.where(dark, signals - signals @ MODEL.conj()[:, None] * MODEL, signals)).mean()
        < 0.005
    )


@pytest.mark.parametrize("noise_too", [False, True])
def test_gain_of_the_coils_flags_nothing(noise_too):
    """Shading of a factor of 30, of the signal alone or of its noise too."""
    rng = np.random.default_rng(4)
    gain = np.geomspace(1, 30, SHAPE[2]) * np.ones(SHAPE)
    gain = gain.reshape(-1, 1)
    signals, _ = measured(rng, gain=1.0 if noise_too else gain)
    assert poor(signals * gain if noise_too else signals).mean() < 0.005


def test_factor_of_the_series_changes_nothing():
    signals, _ = measured(np.random.default_rng(5))
    plain = poor(signals)
    assert plain.any()
    for power in (-70, 60):
        np.testing.assert_array_equal(poor(signals * 2.0**power), plain)


def test_averaging_in_time_and_frames_left_out_flag_no_more():
    rng = np.random.default_rng(6)
    signals, _ = measured(rng)
    window = Conditioning(window=25)
    average = window.averaging(SEQUENCE)
    # The model is not averaged: what is flagged here has to be noise.
    noise = signals - signals @ MODEL.conj()[:, None] * MODEL
    assert poor(MODEL + noise @ average.T, window).mean() < 0.01


def test_rounding_is_no_misfit():
    signals = MODEL * np.exp(1j * np.linspace(0, 6, N))[:, None]
    signals *= 1.0 + 1e-4 * np.random.default_rng(7).standard_normal((N, 1))
    assert not poor(signals).any()


def test_few_voxels_tell_of_no_usual_residual():
    fits = PoorFits(SEQUENCE, Conditioning(), (1, 1, 3))
    at = tuple(part.reshape(-1) for part in np.indices((1, 1, 3)))
    fits.add(at, fits.measured(measured(np.random.default_rng(8))[0][:3].astype(np.complex64)))
    assert not fits.found(np.array([[[0.9, 0.9, 0.1]]], np.float32)).any()


def moved(rng, signals):
    """Half of the scan sees the tissue of another voxel."""
    other = rng.permutation(signals)
    size = np.linalg.norm(signals, axis=1) / np.linalg.norm(other, axis=1)
    signals[:, K // 2 :] = (other * size[:, None] * 1j)[:, K // 2 :]
    return signals


def spiked(rng, signals):
    for one in signals:
        one[rng.choice(K, 10, replace=False)] *= 5j
    return signals


def foreign(rng, signals):
    size = np.linalg.norm(signals, axis=1, keepdims=True)
    other = complex_normal(rng, *signals.shape)
    return other * size / np.linalg.norm(other, axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("hurt", [moved, spiked, foreign, lambda rng, signals: signals[:, ::-1]])
def test_corrupted_voxels_of_a_thigh_are_found(hurt, refine):
    series = acquire(thigh((1, 40, 44), seed=5, voxel_size_mm=4.0), SEQUENCE, mode="noise-only",
                     snr_db=25, noise_reference="foreground", seed=1)  # fmt: skip
    signal = np.array(series.signal)
    rng = np.random.default_rng(9)
    size = np.linalg.norm(signal, axis=0)
    bright = np.argwhere(size > np.median(size[size > 0]))
    voxels = tuple(rng.permutation(bright)[:15].T)
    signal[:, *voxels] = hurt(rng, signal[:, *voxels].T.copy()).T
    mask = size > 3 * np.quantile(size, 0.1)
    method = mrf.methods.get("water-fat", sequence=SEQUENCE, device="cpu", refine=refine)
    flagged = (method.reconstruct(mrf.MRFSeries(signal), mask).flags & FLAGS["poor-fit"]) > 0
    assert flagged[voxels].all()
    flagged[voxels] = False
    assert flagged[mask].mean() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"window": 25}])
def test_streaks_of_the_sample_thigh_are_no_poor_fits(options):
    series = mrf.load_series(sample_directory() / SERIES_NAME)
    method = mrf.methods.get("water-fat", sequence=SEQUENCE, device="cpu", refine=False, **options)
    maps = method.reconstruct(series)
    found = np.isfinite(maps.quality)
    assert np.mean((maps.flags[found] & FLAGS["poor-fit"]) > 0) < 0.01
