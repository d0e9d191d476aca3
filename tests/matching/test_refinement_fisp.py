"""Refinement of FISP lies on the Cramér-Rao bound, and its signal model on that of Bloch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import SIGNAL, check_refined, measured
from numba import njit
from properties import check_chunks_and_threads, divided, named, reconstructed

import napari_mrf as mrf
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.refinement.levenberg_marquardt_kernel import linearize
from napari_mrf.matching.refinement.prior import no_prior, range_prior, series_prior
from napari_mrf.matching.refinement.relaxation import RelaxationRefinement
from napari_mrf.matching.tables.relaxation import RelaxationTable
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.simulation import bloch

KEYS = ("PD", "T1", "T2")
SHAPE = (1, 20, 50)


def short_fisp(n_pulses=60, **changed):
    pulses = {
        "flip_angles_deg": 5 + 50 * np.sin(np.arange(n_pulses) / 9) ** 2,
        "repetition_times_ms": 12.0, "echo_times_ms": 2.0, "inversion_time_ms": 20.0,
    }  # fmt: skip
    return mrf.Sequence(name="short", kind="fisp", **(pulses | changed))


@pytest.fixture(scope="module")
def sequence():
    """The first two lobes of the published one."""
    whole = mrf.sequences.fisp()
    return mrf.Sequence(
        name="two lobes", kind="fisp", flip_angles_deg=whole.flip_angles_deg[:400],
        repetition_times_ms=whole.repetition_times_ms[:400], echo_times_ms=1.908,
        inversion_time_ms=20.64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dictionary(sequence):
    grid = ParameterGrid(
        {"T1": np.geomspace(200, 4500, 50).round(), "T2": np.geomspace(10, 900, 50).round(1)}
    )
    return Dictionary.build(sequence, grid)


def matcher_of(dictionary, cls=ExhaustiveMatcher, **options):
    made = cls(dictionary.sequence, device="cpu", dictionary=dictionary, **options)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def matcher(dictionary):
    return matcher_of(dictionary, prior="range")


@pytest.fixture(scope="module")
def brain():
    """1,000 pairs off the grid, the range of white matter to fluid."""
    rng = np.random.default_rng(0)
    return {"T1": rng.uniform(400, 2500, 1000), "T2": rng.uniform(25, 250, 1000)}


def refined(matcher, signals):
    return matcher.improve(signals, matcher.match(signals))


@pytest.mark.parametrize("snr_db", [20, 30])
def test_errors_lie_on_the_bound_and_intervals_cover_what_they_say(
    sequence, matcher, brain, snr_db
):
    rng = np.random.default_rng(snr_db)
    norms = np.linalg.norm(mrf.simulate(sequence, brain, dtype="complex128"), axis=1)
    tissue = brain | {"PD": 1 / norms}
    signals = mrf.simulate(sequence, tissue, dtype="complex128")
    sigma = SIGNAL * 10 ** (-snr_db / 20)
    noise = sigma * rng.standard_normal((2, *signals.shape))
    phases = np.exp(2j * np.pi * rng.random((len(signals), 1)))
    signals = ((signals + noise[0] + 1j * noise[1]) * phases).astype(np.complex64)
    bound = mrf.crlb(sequence, tissue, sigma, prior_deviation=range_prior("fisp").deviation)
    result = refined(matcher, signals)
    for key in KEYS:
        error = np.abs(result.parameters[key] - tissue[key])
        expected = np.sqrt(2 / np.pi) * bound[key]
        assert error.mean() <= 1.05 * expected.mean(), key
        deviation = result.uncertainty[key]
        assert np.mean(error < 0.9945 * deviation) == pytest.approx(0.68, abs=0.04), key
        assert np.mean(error < 1.96 * deviation) == pytest.approx(0.95, abs=0.03), key


def test_continuous_values_are_found_exactly_without_noise(sequence, dictionary, brain):
    matcher = matcher_of(dictionary, prior="off")
    signals = measured(sequence, brain, np.inf, np.random.default_rng(1))
    result = refined(matcher, signals)
    np.testing.assert_allclose(result.quality, 1, atol=1e-6)
    clean = mrf.simulate(sequence, brain, dtype="complex128")
    np.testing.assert_allclose(result.m0, (signals / clean)[:, 0], rtol=1e-3)
    np.testing.assert_allclose(result.parameters["PD"], np.abs(result.m0), rtol=1e-6)
    np.testing.assert_allclose(result.parameters["T1"], brain["T1"], rtol=5e-4)
    np.testing.assert_allclose(result.parameters["T2"], brain["T2"], rtol=5e-4)


@njit
def derivatives(theta, z, model, jacobian):
    return linearize(theta, z, model, jacobian, np.empty((6, z.size)), np.empty((4, 4)))


SEQUENCES = {
    "of one RF phase": short_fisp(),
    "of RF phases in turn": short_fisp(rf_phases_deg=180.0 * (np.arange(60) % 2)),
    "of another RF phase": short_fisp(rf_phases_deg=30.0),
    "of frames that overlap": short_fisp().sliding_window(3),
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("tissue", [(800.0, 70.0), (1500.0, 110.0), (4000.0, 1500.0), (60.0, 3.0)])
def test_signal_and_derivatives_are_those_of_the_bloch_equations(sequence, tissue):
    tables = RelaxationRefinement(sequence, Conditioning())._tables
    jacobian, m0 = np.zeros((5, tables.basis.shape[1]), np.complex128), 0.6 - 0.8j
    nothing = np.zeros(tables.basis.shape[1], np.complex128)
    derivatives(np.array([*tissue, m0.real, m0.imag]), nothing, tables.model, jacobian)
    rows = tables.phase * jacobian @ tables.basis.T

    def signal(t1_ms, t2_ms):
        return bloch.fisp_fingerprint(sequence, T1=t1_ms, T2=t2_ms)

    t1_ms, t2_ms = tissue
    by_t1 = (signal(t1_ms * 1.001, t2_ms) - signal(t1_ms * 0.999, t2_ms)) / (0.002 * t1_ms)
    by_t2 = (signal(t1_ms, t2_ms * 1.001) - signal(t1_ms, t2_ms * 0.999)) / (0.002 * t2_ms)
    here = signal(*tissue)
    expected = [m0 * by_t1, m0 * by_t2, here, 1j * here, -m0 * here]
    for row, truth, tolerance in zip(rows, expected, [1e-3, 1e-3, 5e-5, 5e-5, 5e-5], strict=True):
        assert np.linalg.norm(row - truth) < tolerance * np.linalg.norm(truth)


def test_table_of_1000_pulses_is_accurate_to_five_hundred_thousandths():
    sequence = mrf.sequences.fisp()
    table = RelaxationTable.build(sequence)
    rng = np.random.default_rng(2)
    t1_ms = np.exp(rng.uniform(np.log(10), np.log(5000), 300))
    t2_ms = np.exp(rng.uniform(np.log(2), np.log(3000), 300))
    t1_ms = np.maximum(t1_ms, t2_ms)
    exact = mrf.simulate(sequence, {"T1": t1_ms, "T2": t2_ms}, dtype="complex128")
    error = np.linalg.norm(table.signals(t1_ms, t2_ms) - exact, axis=1)
    assert np.max(error / np.linalg.norm(exact, axis=1)) < 5e-5
    for key, moved in {"T1": (1.001, 1.0), "T2": (1.0, 1.001)}.items():
        up, down = (t1_ms * moved[0], t2_ms * moved[1]), (t1_ms / moved[0], t2_ms / moved[1])
        exact, found = (
            of(*up) - of(*down)
            for of in (
                lambda t1, t2: mrf.simulate(sequence, {"T1": t1, "T2": t2}, dtype="complex128"),
                table.signals,
            )
        )
        error = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
        assert error.max() < 1e-3, key


def test_given_noise_level_gives_the_posterior_of_that_level(sequence, matcher):
    tissue = {"T1": np.full(40, 900.0), "T2": 80.0}
    signals = measured(sequence, tissue, 30, np.random.default_rng(3))
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    found, refinement = matcher.match(signals), matcher._refinement
    quiet, loud = (refinement.refine(signals, found, no_prior(), sigma=s) for s in (1e-3, 1e-2))
    norms = np.linalg.norm(mrf.simulate(sequence, tissue), axis=1)
    bound = mrf.crlb(sequence, tissue | {"PD": 1 / norms}, 1e-3)
    for key in KEYS:
        np.testing.assert_allclose(loud.uncertainty[key] / quiet.uncertainty[key], 10, rtol=1e-3)
        np.testing.assert_allclose(quiet.uncertainty[key], bound[key], rtol=0.2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), snr_db=st.sampled_from([5.0, 20.0, 40.0]))
def test_complex_factor_chunks_and_order_of_voxels_do_not_matter(sequence, matcher, seed, snr_db):
    rng = np.random.default_rng(seed)
    tissue = {"T1": rng.uniform(400, 2500, 60), "T2": rng.uniform(25, 250, 60)}
    signals = measured(sequence, tissue, snr_db, rng)
    check_refined(lambda given: named(refined(matcher, given)), signals, rng)


def test_threads_do_not_matter(dictionary, matcher, brain):
    signals = measured(dictionary.sequence, brain, 15, np.random.default_rng(4))
    found = matcher.match(signals)

    def run(_, threads):
        with divided(matcher, None, threads):
            return named(matcher.improve(signals, found))

    check_chunks_and_threads(run, [(None, threads) for threads in (1, 2, 5)])


@pytest.mark.parametrize("shape", [SHAPE, (1, 4, 5)], ids=["many voxels", "too few to learn"])
def test_earlier_series_leaves_nothing_behind(dictionary, brain, shape):
    earlier, later = (
        measured(dictionary.sequence, brain, snr_db, np.random.default_rng(9)) for snr_db in (5, 20)
    )
    later = later[: np.prod(shape)]
    fresh, used = matcher_of(dictionary), matcher_of(dictionary)
    for signals in (earlier, earlier[::-1]):
        reconstructed(used, signals, SHAPE)
    expected = reconstructed(fresh, later, shape)
    for key, values in reconstructed(used, later, shape).items():
        np.testing.assert_array_equal(values, expected[key], err_msg=key)


@pytest.mark.parametrize("options", [{"frames": "0-299"}, {"window": 9}])
def test_frames_and_window_also_hold_for_refined_values(sequence, dictionary, brain, options):
    tissue = {key: values[:200] for key, values in brain.items()}
    clean = measured(sequence, tissue, np.inf, np.random.default_rng(5))
    matcher = matcher_of(dictionary, prior="off", **options)
    result = refined(matcher, matcher.condition(clean))
    for key in ("T1", "T2"):
        np.testing.assert_allclose(result.parameters[key], tissue[key], rtol=2e-3)


def as_series(signals, sequence, shape=SHAPE):
    return mrf.MRFSeries(signals.T.reshape(-1, *shape), sequence=sequence)


@pytest.mark.parametrize("name", ["exhaustive", "compressed", "group"])
def test_every_matcher_refines_a_series_with_its_record(
    sequence, dictionary, matcher, brain, name, tmp_path, monkeypatch
):
    monkeypatch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: tmp_path)
    signals = measured(sequence, brain, 25, np.random.default_rng(6))
    signals[5] = 0
    method = mrf.methods.get(name, sequence=sequence, device="cpu", dictionary=dictionary)
    updates = list(method.iter_reconstruct(as_series(signals, sequence), np.ones(SHAPE, bool)))
    assert {update.stage for update in updates} == {"preparing", "matching", "refining", "done"}
    maps = updates[-1].maps
    assert set(maps.uncertainty) == set(maps) == set(KEYS)
    assert np.isfinite(maps.uncertainty["T1"]).sum() == len(signals) - 1
    record = maps.provenance["method"]
    assert record["refined"]
    assert record["prior"]["source"] == "series"
    assert record["prior"]["T1"]["mean"] == pytest.approx(brain["T1"].mean(), rel=0.05)
    assert record["noise_colour"] == pytest.approx(1, abs=0.1)
    # The same refinement whichever matcher found the start.
    found = matcher.match(signals[6:])
    prior = series_prior(found.parameters, found.quality, "fisp")
    expected = matcher._refinement.refine(signals[6:], found, prior).parameters
    for key in ("T1", "T2"):
        np.testing.assert_allclose(maps[key].reshape(-1)[6:], expected[key], rtol=0.01)
    mrf.save_maps(maps, tmp_path / "out")
    copy = mrf.load_maps(tmp_path / "out")
    for key in KEYS:
        assert (tmp_path / "out" / f"{key}_std.nii.gz").exists()
        np.testing.assert_array_equal(copy.uncertainty[key], maps.uncertainty[key])


def test_noise_that_signals_do_not_meet_is_told_from_white_noise(sequence, dictionary):
    rng = np.random.default_rng(8)
    tissue = {"T1": np.full(600, 1200.0), "T2": 90.0}
    clean = mrf.simulate(sequence, tissue, dtype="complex128")
    noise = rng.standard_normal((2, *clean.shape))
    noise = 0.003 * np.linalg.norm(clean[0]) * (noise[0] + 1j * noise[1])
    noise = (noise - np.roll(noise, 1, axis=1)) / np.sqrt(2)  # as streaks that turn
    signals = (clean + noise).astype(np.complex64)
    matcher = matcher_of(dictionary, prior="off")
    maps = matcher.reconstruct(
        as_series(signals, sequence, (1, 20, 30)), np.ones((1, 20, 30), bool)
    )
    assert maps.provenance["method"]["noise_colour"] < 0.5
    for key in KEYS:
        assert maps[key].std() < 1.5 * np.median(maps.uncertainty[key]), key


def test_series_prior_is_the_spread_of_its_own_values():
    rng = np.random.default_rng(9)
    values = {"T1": rng.normal(1200, 150, 2000), "T2": rng.normal(80, 9, 2000)}
    prior = series_prior(values, np.ones(2000), "fisp")
    assert prior.source == "series"
    for key, (mean, spread) in {"T1": (1200, 150), "T2": (80, 9)}.items():
        assert prior.mean[key] == pytest.approx(mean, rel=0.01)
        assert prior.deviation[key] == pytest.approx(spread, rel=0.1)


def test_what_cannot_be_refined_stays_on_its_grid_and_says_so_or_is_refused_where_it_was_asked():
    quadratic = short_fisp(20, rf_phases_deg=np.arange(20.0) ** 2)
    axes = {"T1": np.array([500.0, 900]), "T2": np.array([40.0, 80])}
    with_b1 = ParameterGrid(axes | {"B1": np.array([0.9, 1.1])})
    for sequence, grid, reason in (
        (quadratic, ParameterGrid(axes), "RF phases"), (short_fisp(20), with_b1, "T1, T2, B1"),
    ):  # fmt: skip
        dictionary = Dictionary.build(sequence, grid)
        matcher = matcher_of(dictionary)
        (note,) = matcher.notes
        assert note.code == "not-refined"
        assert "without refinement" in note.message
        assert reason in note.message
        assert not matcher.needs_second_pass
        assert matcher.describe()["refined"] is False
        matcher.prepare()
        assert matcher.notes == [note]
        with pytest.raises(mrf.MRFInputError, match=f"cannot be refined.*{reason}") as caught:
            matcher_of(dictionary, refine=True)
        assert caught.value.code == "cannot-refine"
        assert not matcher_of(dictionary, refine=False).notes


def test_without_numba_values_stay_on_the_grid_with_a_word(dictionary, monkeypatch):
    import sys

    monkeypatch.setitem(
        sys.modules, "napari_mrf.matching.refinement.levenberg_marquardt_kernel", None
    )
    matcher = matcher_of(dictionary)
    assert not matcher.needs_second_pass
    (note,) = matcher.notes
    assert note.message.startswith("The values stay on the grid, without refinement")


@pytest.mark.parametrize("options", [{"prior": "hope"}, {"sigma": -1.0}])
def test_impossible_options_are_refused(sequence, options):
    with pytest.raises(mrf.MRFInputError) as caught:
        ExhaustiveMatcher(sequence, **options)
    assert caught.value.code in ("unknown-option", "bad-option")
