"""The exhaustive matcher against numpy, and the driver that all voxel-wise methods share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import brute_force, measured, small_grid
from properties import check_chunks_and_threads, complex_normal, in_chunks, named

import napari_mrf as mrf
from napari_mrf.data.maps import FLAGS
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher, default_grid
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher


@pytest.fixture(scope="module")
def fisp():
    return mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def matcher(fisp):
    grid = ParameterGrid({"T1": np.arange(200.0, 2000, 60), "T2": np.arange(20.0, 200, 12)})
    return ExhaustiveMatcher(
        fisp, device="cpu", dictionary=Dictionary.build(fisp, grid), refine=False
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 300))
def test_finds_the_atom_of_largest_correlation(matcher, seed, n):
    rng = np.random.default_rng(seed)
    atoms = matcher.prepare().atoms.dictionary.atoms.astype(np.complex128)
    unit = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    chosen = rng.integers(0, len(atoms), n)
    noise = rng.standard_normal((2, n, 60))
    signals = (unit[chosen] + 0.02 * (noise[0] + 1j * noise[1])).astype(np.complex64)
    result = matcher.match(signals)
    power = np.abs(signals.astype(np.complex128) @ unit.conj().T)
    best = power.argmax(axis=1)
    found = power[np.arange(n), _index(matcher, result)]
    # The oracle rounds in the last bits of float64.
    np.testing.assert_allclose(found, power[np.arange(n), best], rtol=1e-13)
    quality = power.max(axis=1) / np.linalg.norm(signals, axis=1)
    np.testing.assert_allclose(result.quality, quality, rtol=1e-5)


def _index(matcher, result):
    table = matcher.prepare().atoms.dictionary.parameters
    t1, t2 = (result.parameters[key][:, None] for key in ("T1", "T2"))
    return np.argmax((table["T1"] == t1) & (table["T2"] == t2), axis=1)


def test_pd_is_the_scale(matcher, fisp):
    tissue = {"T1": [800.0, 1400.0], "T2": [56.0, 104.0], "PD": [3.0, 0.5]}
    signals = mrf.simulate(fisp, tissue) * np.array([[1j], [-1.0]])
    result = matcher.match(signals.astype(np.complex64))
    np.testing.assert_allclose(result.parameters["PD"], tissue["PD"], rtol=1e-5)
    np.testing.assert_allclose(result.m0, [3j, -0.5], rtol=1e-4, atol=1e-6)
    assert set(result.parameters) == {"PD", "T1", "T2"}


def test_result_is_bit_identical_for_any_chunk_and_thread_count(matcher, fisp):
    rng = np.random.default_rng(0)
    signals = complex_normal(rng, 300, 60).astype(np.complex64)
    check_chunks_and_threads(
        lambda chunk, _: in_chunks(lambda part: named(matcher.match(part)), signals, chunk),
        [(1, 1), (37, 2), (299, 1)],
    )


def test_water_fat_is_never_below_exhaustive_with_gridded_fat_fraction():
    sequence = mrf.sequences.t1ff()
    grid = small_grid()
    explicit = ParameterGrid({"FF": np.round(np.arange(21) / 20, 2), **grid.axes})
    exhaustive = ExhaustiveMatcher(
        sequence, device="cpu", dictionary=Dictionary.build(sequence, explicit), refine=False
    )
    water_fat = WaterFatMatcher(sequence, device="cpu", grid=grid, refine=False)
    rng = np.random.default_rng(1)
    tissue = {key: rng.uniform(axis[0], axis[-1], 200) for key, axis in explicit.axes.items()}
    signals = measured(sequence, tissue, 20, rng)
    gridded, free = exhaustive.match(signals), water_fat.match(signals)
    assert np.all(free.quality.astype(float) ** 2 >= gridded.quality.astype(float) ** 2 - 1e-6)
    power, best = brute_force(sequence, grid, signals, explicit["FF"])
    np.testing.assert_allclose(gridded.quality**2, power, atol=1e-5)
    np.testing.assert_array_equal(gridded.parameters["B1"], best["B1"].astype(np.float32))


def test_default_grid_of_water_fat_is_small_enough_to_make():
    assert default_grid(mrf.sequences.t1ff()).size == 14_014


def test_dictionary_of_another_sequence_is_refused(matcher):
    with pytest.raises(mrf.MRFInputError) as caught:
        ExhaustiveMatcher(mrf.sequences.fisp(), dictionary=matcher.prepare().atoms.dictionary)
    assert caught.value.code == "wrong-sequence"


def test_edges_are_flagged(matcher, fisp):
    signals = mrf.simulate(fisp, {"T1": [200.0, 800.0, 800.0], "T2": [56.0, 20.0, 56.0]})
    flags = matcher.match(signals).flags
    assert flags.tolist() == [FLAGS["T1-edge"], FLAGS["T2-edge"], 0]
