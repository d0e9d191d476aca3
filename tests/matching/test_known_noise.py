"""Intervals of fingerprints whose noise is known: that of images from raw data."""

from dataclasses import replace

import numpy as np
import pytest
from matching_cases import small_grid
from properties import complex_normal

import napari_mrf as mrf
from napari_mrf.data.subspace_signal import CoefficientNoise, SubspaceSignal
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.refinement.prior import no_prior, range_prior
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.reconstruction.voxel_noise import VoxelNoise

RANK, SHAPE = 8, (1, 20, 20)
N_VOXELS = 400


def water_fat(**options):
    tissue = {"FF": 0.4, "T1H2O": 1250.0, "T1fat": 320.0, "Df": 12.0, "B1": 0.8}
    sequence = mrf.sequences.t1ff()
    return WaterFatMatcher(sequence, device="cpu", grid=small_grid(), **options), tissue


def relaxation(**options):
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(200) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0, rf_phases_deg=90.0,
    )  # fmt: skip
    grid = ParameterGrid({"T1": np.arange(400.0, 2000, 60), "T2": np.arange(20.0, 200, 10)})
    dictionary = Dictionary.build(sequence, grid)
    matcher = ExhaustiveMatcher(sequence, device="cpu", dictionary=dictionary, **options)
    return matcher, {"T1": 1050.0, "T2": 85.0}


CASES = pytest.mark.parametrize("case", [water_fat, relaxation])


def subspace_series(matcher, tissue, noise, rng):
    """One tissue in every voxel, its coefficients with noise of a covariance of their own."""
    sequence = matcher.sequence
    around = {key: value * rng.uniform(0.8, 1.2, 300) for key, value in tissue.items()}
    atoms = mrf.simulate(sequence, around, dtype="complex128")
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    basis = np.linalg.svd(atoms, full_matrices=False)[2][:RANK].T
    signal = mrf.simulate(sequence, tissue, dtype="complex128")[0]
    signal /= np.linalg.norm(signal)
    clean = np.linalg.lstsq(basis, signal, rcond=None)[0]
    # As measured: the weak coefficients are quieter, and share some of their noise.
    factor = np.diag(0.5 ** np.arange(RANK)) @ (
        np.eye(RANK) + 0.3 * complex_normal(rng, RANK, RANK)
    )
    factor *= noise
    scale = np.broadcast_to(np.linspace(0.5, 2, SHAPE[2]), SHAPE)
    drawn = complex_normal(rng, RANK, *SHAPE)
    drawn /= np.sqrt(np.mean(np.abs(drawn) ** 2))
    gain = np.exp(2j * np.pi * rng.random(SHAPE)) * rng.uniform(0.5, 2, SHAPE)
    images = clean[:, None, None, None] * gain
    images = images + np.einsum("kl,lzyx->kzyx", factor, drawn) * scale * np.abs(gain)
    covariance = (factor @ factor.conj().T)[None]
    signal = SubspaceSignal(
        basis.astype(np.complex64),
        images.astype(np.complex64),
        CoefficientNoise(
            covariance.astype(np.complex64),
            (4 * covariance).astype(np.complex64),
            (scale * np.abs(gain)).astype(np.float32),
        ),
    )
    return mrf.MRFSeries(lazy_frames(signal), sequence=sequence)


@CASES
def test_white_noise_gives_the_deviations_of_a_given_noise_level(case):
    """Without a prior, both are the bound: the closed form of the sandwich for white noise."""
    matcher, tissue = case()
    matcher.prepare()
    rng = np.random.default_rng(0)
    signals = np.repeat(mrf.simulate(matcher.sequence, tissue), 30, axis=0)
    signals /= np.linalg.norm(signals[0])
    sigma = 1e-3
    noise = sigma * complex_normal(rng, *signals.shape)
    signals = (signals + noise / np.sqrt(np.mean(noise.real**2)) * sigma).astype(np.complex64)
    found, n_frames = matcher.match(signals), signals.shape[1]
    white = VoxelNoise(2**0.5 * sigma * np.eye(n_frames, dtype=complex), np.ones(len(signals)))
    refine = matcher._refinement.refine
    expected = refine(signals, found, no_prior(), sigma=sigma)
    result = refine(signals, found, no_prior(), noise=white)
    for key, values in expected.uncertainty.items():
        np.testing.assert_allclose(result.uncertainty[key], values, rtol=2e-3)
    twice = refine(signals, found, no_prior(), noise=replace(white, scale=2 * white.scale))
    for key, values in result.uncertainty.items():
        np.testing.assert_allclose(twice.uncertainty[key], 2 * values, rtol=1e-5)
        np.testing.assert_array_equal(twice.parameters[key], result.parameters[key])


@CASES
@pytest.mark.parametrize(
    "options", [{}, {"window": 5}, {"frames": "10-149"}, {"conjugate": True}], ids=str
)
def test_intervals_cover_what_the_noise_does(case, options):
    matcher, tissue = case(prior="off", **options)
    series = subspace_series(matcher, tissue, 1e-3, np.random.default_rng(1))
    if options.get("conjugate"):
        of = series.subspace
        noise = CoefficientNoise(
            of.noise.covariance.conj(), of.noise.error_covariance.conj(), of.noise.scale
        )
        turned = SubspaceSignal(of.basis.conj(), of.coefficients.conj(), noise)
        series = replace(series, signal=lazy_frames(turned))
    maps = matcher.reconstruct(series, np.ones(SHAPE, bool))
    assert maps.provenance["method"]["intervals"] == "noise"
    for key in tissue:
        apart = np.abs(maps[key] - np.mean(maps[key]))
        share = np.mean(apart < 1.96 * maps.uncertainty[key])
        assert share == pytest.approx(0.95, abs=0.035), key
        middle = maps.uncertainty[key][0, :, 9:11].mean()
        assert maps.uncertainty[key][0, :, 18:].mean() > 1.4 * middle


@CASES
def test_values_do_not_depend_on_what_is_known_of_the_noise(case):
    matcher, tissue = case()
    series = subspace_series(matcher, tissue, 1e-3, np.random.default_rng(2))
    mask = np.ones(SHAPE, bool)
    known = matcher.reconstruct(series, mask)
    of = series.subspace
    silent = SubspaceSignal(of.basis, of.coefficients)
    blind = matcher.reconstruct(replace(series, signal=lazy_frames(silent)), mask)
    assert blind.provenance["method"]["intervals"] == "residual"
    error = case(intervals="error")[0].reconstruct(series, mask)
    assert error.provenance["method"]["intervals"] == "error"
    given = case(sigma=1e-3)[0].reconstruct(series, mask)
    assert given.provenance["method"]["intervals"] == "sigma"
    for key in tissue:
        np.testing.assert_array_equal(known[key], blind[key])
        np.testing.assert_array_equal(known[key], error[key])
        assert not np.array_equal(known.uncertainty[key], blind.uncertainty[key])
        assert np.median(error.uncertainty[key]) != np.median(known.uncertainty[key])


def test_what_is_not_measured_is_as_uncertain_as_the_prior():
    matcher, tissue = water_fat(prior="range")
    series = subspace_series(matcher, tissue | {"FF": 1e-3}, 1e-4, np.random.default_rng(4))
    maps = matcher.reconstruct(series, np.ones(SHAPE, bool))
    assert np.median(maps.uncertainty["T1fat"]) > 0.5 * range_prior().deviation["T1fat"]
    assert np.median(maps.uncertainty["T1H2O"]) < 0.05 * range_prior().deviation["T1H2O"]


@CASES
def test_intervals_do_not_depend_on_chunks_and_threads(case):
    results = []
    for chunk, threads in ((1000, 1), (37, 3)):
        matcher, tissue = case(threads=threads)
        matcher.prepare()
        matcher.chunk_size = chunk
        series = subspace_series(matcher, tissue, 1e-3, np.random.default_rng(3))
        results.append(matcher.reconstruct(series, np.ones(SHAPE, bool)).uncertainty)
    for key, values in results[0].items():
        np.testing.assert_array_equal(values, results[1][key])


def test_other_intervals_are_unknown():
    with pytest.raises(mrf.MRFInputError) as error:
        water_fat(intervals="wide")
    assert error.value.code == "unknown-option"
