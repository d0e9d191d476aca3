"""Refinement lies on the Cramér-Rao bound, and says how sure it is."""

import numpy as np
import pytest
from matching_cases import SIGNAL, check_refined, measured
from properties import named

import napari_mrf as mrf
from napari_mrf.matching.refinement.prior import KEYS, no_prior, range_prior, series_prior
from napari_mrf.matching.refinement.water_fat import WaterFatRefinement
from napari_mrf.matching.tables.envelope import EnvelopeTable
from napari_mrf.matching.water_fat.factors import segment_weights
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.simulation.cramer_rao import crlb

# Test grid of the INN paper, section 2.2.
INN_TEST_GRID = {
    "FF": np.arange(0.05, 0.96, 0.1),
    "T1H2O": np.r_[np.arange(550.0, 1751, 200), np.arange(2150.0, 2951, 400)],
    "T1fat": np.arange(215.0, 366, 50),
    "Df": np.arange(-115.0, 106, 20),
    "B1": np.arange(0.35, 0.96, 0.1),
}


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def matcher(sequence):
    matcher = WaterFatMatcher(sequence, device="cpu", refine=True, prior="range")
    matcher.prepare()
    return matcher


def refined(matcher, signals):
    return matcher.improve(signals, matcher.match(signals))


@pytest.mark.parametrize("snr_db", [20, 30])
def test_errors_lie_on_the_bound_and_intervals_cover_what_they_say(sequence, matcher, snr_db):
    rng = np.random.default_rng(0)
    tissue = {key: rng.choice(values, 2000) for key, values in INN_TEST_GRID.items()}
    clean = mrf.simulate(sequence, tissue, dtype="complex128")
    norms = np.linalg.norm(clean, axis=1)
    sigma = SIGNAL * 10 ** (-snr_db / 20)
    bound = crlb(
        sequence, tissue | {"PD": 1 / norms}, sigma, prior_deviation=range_prior().deviation
    )
    result = refined(matcher, measured(sequence, tissue, snr_db, rng))
    for key in KEYS:
        error = np.abs(result.parameters[key] - tissue[key])
        expected = np.sqrt(2 / np.pi) * bound[key]
        assert error.mean() <= 1.05 * expected.mean(), key
        deviation = result.uncertainty[key]
        assert np.mean(error < deviation) == pytest.approx(0.68, abs=0.04), key
        assert np.mean(error < 1.96 * deviation) == pytest.approx(0.95, abs=0.03), key


def test_continuous_values_are_found_exactly_without_noise(sequence):
    matcher = WaterFatMatcher(sequence, device="cpu", refine=True, prior="off")
    matcher.prepare()
    rng = np.random.default_rng(1)
    tissue = {
        "FF": rng.uniform(0.1, 0.9, 100),
        "T1H2O": rng.uniform(600, 2500, 100),
        "T1fat": rng.uniform(220, 480, 100),
        "Df": rng.uniform(-110, 110, 100),
        "B1": rng.uniform(0.4, 1.1, 100),
    }
    result = refined(matcher, measured(sequence, tissue, np.inf, rng))
    np.testing.assert_allclose(result.quality, 1, atol=1e-6)
    for key, tolerance in {"FF": 5e-4, "T1H2O": 4, "T1fat": 2, "Df": 0.05, "B1": 5e-4}.items():
        np.testing.assert_allclose(result.parameters[key], tissue[key], atol=tolerance)


def test_given_noise_level_gives_the_posterior_of_that_level(sequence, matcher):
    rng = np.random.default_rng(2)
    tissue = {"FF": np.full(50, 0.4), "T1H2O": 1300.0, "T1fat": 300.0, "Df": 20.0, "B1": 0.8}
    signals = measured(sequence, tissue, 25, rng)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    found = matcher.match(signals)
    refinement = WaterFatRefinement(sequence, matcher.conditioning)
    quiet, loud = (
        refinement.refine(signals, found, no_prior(), sigma=sigma) for sigma in (1e-3, 1e-2)
    )
    ratio = loud.uncertainty["T1H2O"] / quiet.uncertainty["T1H2O"]
    np.testing.assert_allclose(ratio, 10, rtol=1e-3)
    norms = np.linalg.norm(mrf.simulate(sequence, tissue), axis=1)
    bound = crlb(sequence, tissue | {"PD": 1 / norms}, 1e-3)["T1H2O"]
    np.testing.assert_allclose(quiet.uncertainty["T1H2O"], bound, rtol=0.2)


def test_envelope_table_is_accurate_to_three_millionths(sequence, matcher):
    import torch

    from napari_mrf.simulation.water_fat import envelopes

    segment = segment_weights(matcher.sequence, matcher.conditioning)[1]
    table = EnvelopeTable.build(sequence, segment)
    rng = np.random.default_rng(3)
    t1_ms, b1 = np.exp(rng.uniform(np.log(150), np.log(4500), 500)), rng.uniform(0.15, 1.5, 500)
    exact = envelopes(sequence, torch.from_numpy(t1_ms), torch.from_numpy(b1)).numpy()
    error = np.linalg.norm(table.envelopes(t1_ms, b1) - exact, axis=1)
    assert np.max(error / np.linalg.norm(exact, axis=1)) < 3e-6


def test_complex_factor_chunks_and_order_of_voxels_do_not_matter(sequence, matcher):
    rng = np.random.default_rng(4)
    tissue = {key: rng.choice(values, 60) for key, values in INN_TEST_GRID.items()}
    signals = measured(sequence, tissue, 20, rng)
    check_refined(lambda given: named(refined(matcher, given)), signals, rng)


def test_limits_are_kept(sequence, matcher):
    rng = np.random.default_rng(5)
    tissue = {"FF": np.r_[np.zeros(100), np.ones(100)], "T1H2O": 1300.0, "T1fat": 300.0,
              "Df": 0.0, "B1": 0.9}  # fmt: skip
    result = refined(matcher, measured(sequence, tissue, 10, rng))
    fraction = result.parameters["FF"]
    assert fraction.min() >= 0
    assert fraction.max() <= 1
    assert np.all(np.isfinite(result.uncertainty["T1fat"]))
    # Without fat nothing is learned of it: the prior stays.
    pure = fraction == 0
    assert pure.any()
    prior = range_prior()
    np.testing.assert_allclose(result.parameters["T1fat"][pure], prior.mean["T1fat"], atol=1)
    np.testing.assert_allclose(
        result.uncertainty["T1fat"][pure], prior.deviation["T1fat"], rtol=1e-3
    )


def test_series_prior_is_the_spread_where_each_map_means_something():
    rng = np.random.default_rng(6)
    fraction = rng.choice([0.1, 0.9], 1000)
    values = {
        "FF": fraction,
        "T1H2O": np.where(fraction < 0.7, rng.normal(1300, 80, 1000), 5000),
        "T1fat": np.where(fraction > 0.3, rng.normal(330, 20, 1000), 100),
        "Df": rng.normal(5, 30, 1000),
        "B1": np.full(1000, 0.9),
    }
    prior = series_prior(values, np.ones(1000))
    assert prior.mean["T1H2O"] == pytest.approx(1300, abs=15)
    assert prior.deviation["T1H2O"] == pytest.approx(80, rel=0.1)
    assert prior.mean["T1fat"] == pytest.approx(330, abs=4)
    # A constant map has no spread to learn from: the range stands in.
    assert prior.deviation["B1"] == range_prior().deviation["B1"]
    few = series_prior({key: v[:10] for key, v in values.items()}, np.ones(10))
    assert few.mean == range_prior().mean


@pytest.mark.parametrize("window", [1, 25])
@pytest.mark.parametrize("kind", ["white", "fast"])
def test_noise_that_signals_do_not_meet_is_told_from_white_noise(sequence, window, kind):
    rng = np.random.default_rng(8)
    tissue = {"FF": np.full(900, 0.3), "T1H2O": 1300.0, "T1fat": 320.0, "Df": 10.0, "B1": 0.8}
    clean = mrf.simulate(sequence, tissue, dtype="complex128")
    noise = rng.standard_normal((2, 900, 175))
    noise = 0.005 * np.linalg.norm(clean[0]) * (noise[0] + 1j * noise[1])
    if kind == "fast":  # differences of neighbors, as streaks that turn from frame to frame
        noise = (noise - np.roll(noise, 1, axis=1)) / np.sqrt(2)
    signal = (clean + noise).astype(np.complex64).T.reshape(175, 1, 30, 30)
    method = mrf.methods.get("water-fat", sequence=sequence, refine=True, prior="off",
                             window=window)  # fmt: skip
    maps = method.reconstruct(mrf.MRFSeries(signal), np.ones((1, 30, 30), bool))
    color = maps.provenance["method"]["noise_colour"]
    if kind == "fast":
        assert color < 0.5
    else:
        assert color == pytest.approx(1, abs=0.2)
        for key in KEYS:
            claimed = np.median(maps.uncertainty[key])
            assert claimed == pytest.approx(maps[key].std(), rel=0.2), key


def test_whole_series_is_refined_in_a_second_pass_with_its_record(sequence, tmp_path):
    rng = np.random.default_rng(7)
    tissue = {key: rng.choice(values, 144) for key, values in INN_TEST_GRID.items()}
    signals = measured(sequence, tissue, 25, rng)
    signals[5] = 0
    series = mrf.MRFSeries(signals.T.reshape(175, 1, 12, 12), sequence=sequence)
    method = mrf.methods.get("water-fat", sequence=sequence, refine=True)
    updates = list(method.iter_reconstruct(series, np.ones((1, 12, 12), bool)))
    assert {update.stage for update in updates} == {"preparing", "matching", "refining", "done"}
    maps = updates[-1].maps
    assert set(maps.uncertainty) == set(maps)
    assert np.isnan(maps.uncertainty["FF"][0, 0, 5])
    assert np.isfinite(maps.uncertainty["FF"]).sum() == 143
    record = maps.provenance["method"]
    assert record["refined"]
    assert record["prior"]["source"] == "series"
    mrf.save_maps(maps, tmp_path)
    assert (tmp_path / "T1H2O_std.nii.gz").exists()
    copy = mrf.load_maps(tmp_path)
    for key, values in maps.uncertainty.items():
        np.testing.assert_array_equal(copy.uncertainty[key], values)


def test_unknown_prior_is_refused(sequence):
    with pytest.raises(mrf.MRFInputError) as caught:
        WaterFatMatcher(sequence, prior="hope")
    assert caught.value.code == "unknown-option"
