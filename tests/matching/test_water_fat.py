"""Water-fat matching against brute force, exhaustive search and known truth."""

import numpy as np
import pytest
import skips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import brute_force, measured, random_tissue, small_grid
from properties import (
    check_chunks_and_threads,
    check_complex_factor_invariance,
    divided,
    in_chunks,
    named,
    random_factors,
)

import napari_mrf as mrf
from napari_mrf.data.maps import FLAGS
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid
from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.matching.water_fat.pairs import best_fat_fraction
from napari_mrf.matching.water_fat.search import CompiledSearch
from napari_mrf.matching.water_fat.search_torch import TorchSearch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def dictionary(sequence):
    return WaterFatDictionary.build(sequence, reconstruction_grid(sequence))


@pytest.fixture(scope="module")
def matcher(sequence):
    matcher = WaterFatMatcher(sequence, device="cpu", refine=False)
    matcher.prepare()
    return matcher


def equal(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("indices", "fat_fraction", "correlation", "scale")
    )


@pytest.mark.parametrize("snr_db", [10, 20, 40, np.inf])
def test_never_below_the_best_gridded_atom_and_equal_to_a_fine_scan(sequence, snr_db):
    rng = np.random.default_rng(1)
    grid = small_grid()
    signals = measured(sequence, random_tissue(40, rng, df_hz=60), snr_db, rng)
    matcher = WaterFatMatcher(sequence, device="cpu", grid=grid, refine=False)
    power = matcher.match(signals).quality.astype(np.float64) ** 2
    gridded, _ = brute_force(sequence, grid, signals, np.arange(21) / 20)
    scanned, _ = brute_force(sequence, grid, signals, np.arange(201) / 200)
    assert np.all(power >= gridded - 1e-6)
    assert np.all(power >= scanned - 1e-6)
    # A scan in steps of 0.005 misses the maximum by no more than its curvature allows.
    np.testing.assert_allclose(power, scanned, atol=1e-4)


@pytest.mark.parametrize("snr_db", [10, 20, 40, np.inf])
def test_pruning_changes_nothing(sequence, dictionary, snr_db):
    rng = np.random.default_rng(2)
    signals = measured(sequence, random_tissue(60, rng), snr_db, rng)
    pruned, visited = CompiledSearch(dictionary).search(signals)
    full, visited_full = CompiledSearch(dictionary, prune=False).search(signals)
    assert equal(pruned, full)
    assert np.all(visited_full == 25 * 15)
    assert visited.mean() < 100


def test_torch_search_finds_the_same_pairs_as_the_compiled_one(sequence, dictionary):
    rng = np.random.default_rng(3)
    signals = measured(sequence, random_tissue(24, rng), 20, rng)
    compiled = CompiledSearch(dictionary).best_pairs(signals)
    general = TorchSearch(dictionary, CPU, voxels_at_once=24).best_pairs(signals)
    np.testing.assert_array_equal(compiled.indices, general.indices)
    np.testing.assert_allclose(compiled.fat_fraction, general.fat_fraction, atol=1e-9)
    np.testing.assert_allclose(compiled.scale, general.scale, rtol=1e-9)


def test_a_gpu_that_is_there_is_not_taken_unasked(sequence, monkeypatch):
    gpu = ("cuda:0", "some GPU")
    monkeypatch.setattr(
        "napari_mrf.compute.devices.available_devices", lambda: [("cpu", "CPU"), gpu]
    )
    assert WaterFatMatcher(sequence, device="auto").device == CPU
    assert WaterFatMatcher(sequence, device="cuda").device.type == "cuda"


@pytest.mark.skipif(not torch.cuda.is_available(), reason=skips.NO_GPU)
def test_gpu_finds_the_same_pairs(sequence):
    rng = np.random.default_rng(12)
    signals = measured(sequence, random_tissue(1000, rng), 20, rng)
    on_gpu = WaterFatMatcher(sequence, device="cuda", refine=False).match(signals)
    on_cpu = WaterFatMatcher(sequence, device="cpu", refine=False).match(signals)
    for key, values in on_cpu.parameters.items():
        np.testing.assert_allclose(on_gpu.parameters[key], values, rtol=1e-6, err_msg=key)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_small_grid_gives_the_pair_of_the_exhaustive_search(data):
    sequence = mrf.sequences.t1ff()

    def axis(low, high, step, most):
        values = st.integers(low, high).map(lambda k: k * step)
        return np.array(sorted(data.draw(st.sets(values, min_size=1, max_size=most))))

    grid = ParameterGrid(
        {
            "T1H2O": axis(10, 40, 50.0, 5),
            "T1fat": axis(8, 18, 25.0, 3),
            "Df": axis(-12, 12, 10.0, 3),
            "B1": axis(6, 24, 0.05, 2),
        }
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    signals = measured(sequence, random_tissue(6, rng), data.draw(st.sampled_from([5, 20])), rng)
    dictionary = WaterFatDictionary.build(sequence, grid)
    compiled = CompiledSearch(dictionary).best_pairs(signals)
    exhaustive = TorchSearch(dictionary, CPU, voxels_at_once=8).best_pairs(signals)
    np.testing.assert_array_equal(compiled.indices, exhaustive.indices)
    np.testing.assert_allclose(compiled.correlation, exhaustive.correlation, atol=1e-10)


def test_grid_points_are_recovered_exactly_without_noise(sequence, matcher):
    rng = np.random.default_rng(4)
    grid = matcher.grid
    tissue = {key: rng.choice(axis, 200) for key, axis in grid.axes.items()}
    tissue["FF"] = rng.uniform(0.1, 0.9, 200)
    result = matcher.match(measured(sequence, tissue, np.inf, rng))
    for key in grid.axes:
        np.testing.assert_allclose(result.parameters[key], tissue[key], err_msg=key)
    np.testing.assert_allclose(result.parameters["FF"], tissue["FF"], atol=1e-4)
    np.testing.assert_allclose(result.quality, 1, atol=1e-6)


def test_values_between_grid_points_are_recovered_to_the_grid_without_noise(sequence, matcher):
    rng = np.random.default_rng(5)
    tissue = random_tissue(300, rng)
    tissue["FF"] = rng.uniform(0.15, 0.6, 300)
    result = matcher.match(measured(sequence, tissue, np.inf, rng))
    errors = {key: np.abs(values - tissue[key]).mean() for key, values in result.parameters.items()}
    # The grid steps are 0.05 (B1), 10 Hz, 10 to 50 ms and 25 ms; off the grid in one
    # parameter, the best pair trades a step or two of the others.
    assert errors["FF"] < 0.01
    assert errors["T1H2O"] < 60
    assert errors["T1fat"] < 25
    assert errors["Df"] < 3
    assert errors["B1"] < 0.02
    assert result.quality.min() > 0.998


def test_complex_factor_per_voxel_changes_only_m0(sequence, matcher):
    rng = np.random.default_rng(6)
    signals = measured(sequence, random_tissue(100, rng), 20, rng)
    # Powers of two and quarter turns are exact in floating point: equality must be exact too.
    factors = 2.0 ** rng.integers(-6, 6, 100) * 1j ** rng.integers(0, 4, 100)
    exactly = dict.fromkeys(matcher.parameters, 0.0)
    check_complex_factor_invariance(
        lambda given: named(matcher.match(given)), signals, factors, atol=exactly, rtol=1e-5
    )
    # Rounding to complex64 may decide a near tie.
    check_complex_factor_invariance(
        lambda given: named(matcher.match(given)), signals, random_factors(rng, 100, 0.3),
        atol=exactly | {"FF": 2e-5}, rtol=1e-4, undecided=1,
    )  # fmt: skip


def test_model_times_m0_is_the_measurement(sequence, matcher):
    rng = np.random.default_rng(7)
    tissue = {key: rng.choice(axis, 20) for key, axis in matcher.grid.axes.items()}
    tissue["FF"] = rng.uniform(0.1, 0.9, 20)
    signals = measured(sequence, tissue, np.inf, rng)
    result = matcher.match(signals)
    model = mrf.simulate(sequence, {k: v.astype(float) for k, v in result.parameters.items()})
    difference = np.linalg.norm(model * result.m0[:, None] - signals, axis=1)
    assert np.all(difference < 1e-3 * np.linalg.norm(signals, axis=1))


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_result_is_bit_identical_for_any_chunk_and_thread_count(sequence, engine):
    rng = np.random.default_rng(8)
    signals = measured(sequence, random_tissue(90, rng), 15, rng)
    dictionary = WaterFatDictionary.build(sequence, small_grid())
    search = (
        CompiledSearch(dictionary)
        if engine == "compiled"
        else TorchSearch(dictionary, CPU, voxels_at_once=16)
    )

    def pairs(of):
        found = search.best_pairs(of)
        names = ("indices", "fat_fraction", "correlation", "scale")
        return {name: getattr(found, name) for name in names}

    check_chunks_and_threads(
        lambda chunk, _: in_chunks(pairs, signals, chunk), [(1, 1), (7, 2), (33, 1)]
    )


def test_threads_of_the_matcher_do_not_matter(sequence):
    rng = np.random.default_rng(9)
    signals = measured(sequence, random_tissue(101, rng), 15, rng)
    matcher = WaterFatMatcher(sequence, device="cpu", threads=1, refine=False)

    def run(_, threads):
        with divided(matcher, None, threads):
            return named(matcher.match(signals))

    check_chunks_and_threads(run, [(None, 3)])


def test_pure_water_and_pure_fat_lie_at_the_ends_with_the_other_t1_in_the_middle(sequence, matcher):
    tissue = {"FF": [0.0, 1.0], "T1H2O": [1300.0] * 2, "T1fat": [300.0] * 2, "B1": [0.8] * 2}
    factor = np.array([[1 + 1j], [-2j]])
    result = matcher.match((mrf.simulate(sequence, tissue) * factor).astype(np.complex64))
    np.testing.assert_allclose(result.parameters["FF"], [0, 1], atol=1e-4)
    assert result.parameters["T1H2O"][0] == 1300
    assert result.parameters["T1fat"][1] == 300
    noiseless = best_fat_fraction(
        *(np.array([value]) for value in (1.0 + 0j, 0.1 + 0j, 0.5, 2.0, 3.0))
    )
    assert noiseless[0] == 0.0
    assert noiseless[1] == 1.0


def test_edge_of_the_grid_is_flagged(sequence, matcher):
    tissue = {
        "FF": [0.3, 0.3, 0.3, 0.0],
        "T1H2O": [1200.0, 2600.0, 1200.0, 1200.0],
        "T1fat": [300.0, 300.0, 300.0, 300.0],
        "Df": [10.0, 10.0, 120.0, 10.0],
        "B1": [0.7, 0.7, 0.7, 1.2],
    }
    flags = matcher.match(mrf.simulate(sequence, tissue)).flags
    assert flags[0] == 0
    assert flags[1] & FLAGS["T1H2O-edge"]
    assert flags[2] & FLAGS["Df-edge"]
    assert flags[3] & FLAGS["B1-edge"]


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_closed_form_fat_fraction_is_the_maximum_of_a_fine_scan(seed):
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((2, 6)) + 1j * rng.standard_normal((2, 6))
    signal = rng.standard_normal(6) + 1j * rng.standard_normal(6)
    water, fat = atoms
    norms = np.linalg.norm(atoms, axis=1)
    fraction, power, scale = (
        value[0]
        for value in best_fat_fraction(
            *(np.atleast_1d(value) for value in (
                np.vdot(water, signal) / norms[0], np.vdot(fat, signal) / norms[1],
                np.vdot(water, fat).real / norms.prod(), norms[0], norms[1],
            ))
        )
    )  # fmt: skip
    scan = np.linspace(0, 1, 4001)[:, None]
    mixtures = (1 - scan) * water + scan * fat
    correlation = np.abs(mixtures.conj() @ signal) ** 2 / np.sum(np.abs(mixtures) ** 2, axis=1)
    assert power >= correlation.max() - 1e-9
    mixture = (1 - fraction) * water + fraction * fat
    assert abs(np.vdot(mixture, signal)) ** 2 / np.vdot(mixture, mixture).real == (
        pytest.approx(power, rel=1e-6)
    )
    assert scale == pytest.approx(np.vdot(mixture, signal) / np.vdot(mixture, mixture), rel=1e-6)


def test_echo_time_varying_inside_a_frame_falls_back_to_the_general_search():
    base = mrf.sequences.t1ff()
    fields = {
        name: getattr(base, name)
        for name in ("kind", "inversion_time_ms", "water_t2_ms", "fat_t2_ms", "fat_shifts_hz",
                     "fat_amplitudes")
    }  # fmt: skip
    sequence = mrf.Sequence(
        name="wobble", flip_angles_deg=np.tile([5.0, 20.0], 24), repetition_times_ms=5.0,
        echo_times_ms=np.tile([1.5, 2.5, 3.5], 16), rf_phases_deg=90.0, pulses_per_frame=6,
        **fields,
    )  # fmt: skip
    grid = small_grid()
    rng = np.random.default_rng(10)
    tissue = {key: rng.choice(axis, 12) for key, axis in grid.axes.items()}
    tissue["FF"] = rng.uniform(0.2, 0.8, 12)
    matcher = WaterFatMatcher(sequence, device="cpu", grid=grid)
    result = matcher.match(measured(sequence, tissue, np.inf, rng))
    assert any("general search" in note for note in map(str, matcher.notes))
    assert any("stay on the grid" in note for note in map(str, matcher.notes))
    for key in grid.axes:
        np.testing.assert_allclose(result.parameters[key], tissue[key])
    np.testing.assert_allclose(result.parameters["FF"], tissue["FF"], atol=1e-4)


def test_out_of_memory_halves_the_batch_and_then_takes_the_cpu(sequence, monkeypatch):
    rng = np.random.default_rng(11)
    signals = measured(sequence, random_tissue(10, rng), 20, rng)
    dictionary = WaterFatDictionary.build(sequence, small_grid())
    search = TorchSearch(dictionary, torch.device("meta"), voxels_at_once=16)
    sizes, original = [], TorchSearch._best_pairs

    def scarce(self, signals, b1=None):
        sizes.append((self._voxels_at_once, self._device.type))
        if self._device.type != "cpu":
            raise torch.OutOfMemoryError
        return original(self, signals, b1)

    monkeypatch.setattr(TorchSearch, "_best_pairs", scarce)
    found = search.best_pairs(signals)
    assert sizes == [(16, "meta"), (8, "meta"), (8, "cpu")]
    expected = CompiledSearch(dictionary).best_pairs(signals)
    np.testing.assert_array_equal(found.indices, expected.indices)


def test_fisp_is_refused():
    with pytest.raises(mrf.MRFInputError, match="spoiled"):
        WaterFatMatcher(mrf.sequences.fisp())
