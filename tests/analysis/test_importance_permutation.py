"""Permutation importance where the answer is known: methods that look at chosen frames only."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importance_cases import NeighborMean, OneFrame, series_of, small_sequence
from properties import (
    check_chunks_and_threads,
    check_complex_factor_invariance,
    divided,
    random_factors,
)

from napari_mrf import MRFInputError, ParameterMaps, methods
from napari_mrf.analysis.importance.measure import importance, iter_importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.permutation import common_factors, permuted_frames
from napari_mrf.analysis.importance.result import COLUMNS, importance_table
from napari_mrf.data import sequences
from napari_mrf.reconstruction.conditioning import Conditioning

RAW = {"intensities": "raw"}


def test_only_the_frame_a_method_looks_at_is_important():
    series = series_of(small_sequence())
    found = importance(OneFrame(series.sequence, frame=5), series, fisher=False,
                       options=ImportanceOptions(repeats=3))  # fmt: skip
    others = np.arange(series.n_frames) != 5
    assert np.all(found.mean("FF")[others] == 0.0)
    assert found.mean("FF")[5] > 0.01
    assert np.all(found.deviation("FF")[others] == 0.0)
    assert np.all(found.voxel_change["FF"][others] == 0.0)


def test_change_is_the_nrmse_of_the_permuted_values():
    """With values taken from one frame, the change follows from the permutation alone."""
    series = series_of(small_sequence())
    found = importance(OneFrame(series.sequence, frame=5), series, fisher=False,
                       options=ImportanceOptions(seed=4, **RAW))  # fmt: skip
    z, y, x = found.places
    before = series.signal[5, z, y, x].real
    order = np.random.default_rng([4, 0, 5]).permutation(len(before))
    error = np.sqrt(np.mean((before[order].astype(float) - before) ** 2))
    assert found.mean("FF")[5] == pytest.approx(error / np.ptp(before), rel=1e-6)
    assert found.baseline["FF"].nrmse == 0.0
    np.testing.assert_allclose(found.voxel_change["FF"][5], np.abs(before[order] - before))


def test_change_against_the_truth_is_the_change_of_its_nrmse():
    series = series_of(small_sequence())
    truth = ParameterMaps({"FF": series.signal[5].real + 0.1})
    found = importance(OneFrame(series.sequence, frame=5), series, reference=truth, fisher=False,
                       options=ImportanceOptions(seed=4, **RAW))  # fmt: skip
    z, y, x = found.places
    values = series.signal[5, z, y, x].real.astype(float)
    reference = truth["FF"][z, y, x].astype(float)
    order = np.random.default_rng([4, 0, 5]).permutation(len(values))
    errors = [np.sqrt(np.mean((v - reference) ** 2)) for v in (values, values[order])]
    assert found.baseline["FF"].nrmse == pytest.approx(errors[0] / np.ptp(reference), rel=1e-6)
    expected = abs(errors[1] - errors[0]) / np.ptp(reference)
    assert found.mean("FF")[5] == pytest.approx(expected, rel=1e-6)
    assert found.reference == "given"


def test_seed_alone_decides():
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=5)
    options = ImportanceOptions(repeats=2, voxels=20, seed=1)
    first, second = (importance(method, series, options=options, fisher=False) for _ in range(2))
    assert np.array_equal(first.places, second.places)
    assert np.array_equal(first.change["FF"], second.change["FF"])
    other = importance(method, series, fisher=False,
                       options=ImportanceOptions(repeats=2, voxels=20, seed=2))  # fmt: skip
    assert not np.array_equal(first.places, other.places)


def by_name(method, series, **options):
    """Changes of every map, a row for each group of frames, and where voxels change."""
    found = importance(method, series, fisher=False, options=ImportanceOptions(**options))
    return {key: found.change[key] for key in found.keys} | {
        f"{key} of voxels": found.voxel_change[key] for key in found.keys
    }


@given(chunk_size=st.integers(1, 100))
@settings(max_examples=10, deadline=None)
def test_chunks_change_nothing(chunk_size):
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=5)

    def run(chunk, threads):
        with divided(method, chunk, threads):
            return by_name(method, series)

    check_chunks_and_threads(run, [(chunk_size, 1)])


def test_strided_frames_have_the_numbers_they_have_alone():
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=6)
    every = importance(method, series, fisher=False)
    third = importance(method, series, fisher=False, options=ImportanceOptions(stride=3))
    assert third.groups.tolist() == [[t, t] for t in range(0, series.n_frames, 3)]
    assert np.array_equal(third.mean("FF"), every.mean("FF")[::3])
    assert third.group_of(6) == 2
    assert third.group_of(7) is None
    assert np.isnan(third.change_map("FF", 7)).all()


def test_frames_of_a_group_change_places_together():
    frames = (np.arange(12).reshape(6, 2) * (1 + 1j)).astype(np.complex64)
    moved = permuted_frames(frames, None, np.random.default_rng(0))
    assert np.array_equal(moved[:, 1].real - moved[:, 0].real, np.ones(6))
    assert sorted(moved[:, 0].real) == sorted(frames[:, 0].real)
    assert sorted(moved[:, 0].imag) == sorted(frames[:, 0].imag)
    assert not np.array_equal(moved[:, 0].real, moved[:, 0].imag)
    series = series_of(small_sequence())
    found = importance(OneFrame(series.sequence, frame=5), series, fisher=False,
                       options=ImportanceOptions(group=4))  # fmt: skip
    assert found.groups.tolist() == [[0, 3], [4, 7], [8, 11]]
    assert (found.mean("FF") > 0).tolist() == [False, True, False]


def test_gain_and_receive_phase_do_not_matter_once_aligned():
    """Every method is invariant to a factor per voxel; so must its importance be."""
    sequence = sequences.t1ff()
    series = series_of(sequence, n=12)
    generator = np.random.default_rng(3)
    shape = series.spatial_shape
    factors = random_factors(generator, int(np.prod(shape)), 0.7)
    method = methods.get("water-fat", sequence=sequence, device="cpu", refine=False)

    def mean_changes(signals, **how):
        turned = replace(series, signal=signals.T.reshape(-1, *shape))
        found = importance(method, turned, fisher=False,
                           options=ImportanceOptions(stride=60, **how))  # fmt: skip
        return {key: found.mean(key) for key in found.keys}

    signals = series.signal.reshape(sequence.n_frames, -1).T
    check_complex_factor_invariance(
        mean_changes, signals, factors, atol=dict.fromkeys(method.parameters, 5e-3)
    )
    coil = (signals * factors[:, None]).astype(np.complex64)
    # Measured values of another phase and gain are gross damage, not a loss of information.
    assert np.all(mean_changes(coil, **RAW)["Df"] > 2 * mean_changes(coil)["Df"])


def test_common_factor_follows_the_voxels_own():
    generator = np.random.default_rng(0)
    signals = generator.standard_normal((20, 9)) + 1j * generator.standard_normal((20, 9))
    factors = generator.uniform(0.1, 9, 20) * np.exp(2j * np.pi * generator.random(20))
    before, after = common_factors(signals), common_factors(signals * factors[:, None])
    relative = after / (before * factors)
    np.testing.assert_allclose(relative, relative[0], rtol=1e-9)  # one phase common to all
    np.testing.assert_allclose(np.abs(before), np.linalg.norm(signals, axis=1))


def test_frames_that_the_method_leaves_out_have_no_importance():
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=0, conditioning=Conditioning(frames="3-9"))
    found = importance(method, series, fisher=False)
    assert np.flatnonzero(found.mean("FF")).tolist() == [3]  # the first that is kept


def test_averaging_in_time_comes_after_the_permutation():
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=5, conditioning=Conditioning(window=3))
    found = importance(method, series, fisher=False)
    # Frame 6 has another echo time, over which nothing is averaged.
    assert np.flatnonzero(found.mean("FF")).tolist() == [4, 5]


def test_unchanged_maps_are_those_of_a_reconstruction():
    series = series_of(sequences.t1ff(), n=10, snr=30)
    for refine in (False, True):
        method = methods.get("water-fat", sequence=series.sequence, device="cpu", refine=refine)
        maps = method.reconstruct(series)
        method = methods.get("water-fat", sequence=series.sequence, device="cpu", refine=refine)
        found = importance(method, series, fisher=False, options=ImportanceOptions(stride=175))
        for key in method.parameters:
            assert np.array_equal(found.values[key], maps[key][tuple(found.places)]), key


def test_fast_way_is_a_reconstruction_of_the_permuted_series():
    """The oracle permutes the series itself and hands it to the public method."""
    series = series_of(sequences.t1ff(), n=10, snr=30)
    method = methods.get("water-fat", sequence=series.sequence, device="cpu", refine=False)
    options = ImportanceOptions(stride=100, seed=7, **RAW)
    found = importance(method, series, options=options, fisher=False)
    z, y, x = found.places
    maps = method.reconstruct(series)
    for group, frame in enumerate((0, 100)):
        generator = np.random.default_rng([7, 0, frame])
        n = len(z)
        real, imaginary = generator.permutation(n), generator.permutation(n)
        values = series.signal[frame, z, y, x]
        damaged = series.signal.copy()
        damaged[frame, z, y, x] = values.real[real] + 1j * values.imag[imaginary]
        again = method.reconstruct(type(series)(damaged, series.affine, series.sequence),
                                   np.ones(series.spatial_shape, bool))  # fmt: skip
        for key in method.parameters:
            expected = np.abs(again[key] - maps[key])[z, y, x]
            assert np.array_equal(found.voxel_change[key][group], expected), key


def test_method_of_neighbors_is_given_the_whole_series():
    series = series_of(small_sequence())
    found = importance(NeighborMean(series.sequence, frame=5), series, fisher=False,
                       options=ImportanceOptions(voxels=20))  # fmt: skip
    assert np.flatnonzero(found.mean("FF")).tolist() == [5]
    assert found.places.shape == (3, 24), "voxels of a slice that kept their values"
    untouched = NeighborMean(series.sequence, frame=5).reconstruct(series)["FF"]
    assert np.array_equal(found.values["FF"], untouched[tuple(found.places)])


def test_partial_results_come_early_and_closing_stops():
    series = series_of(small_sequence())
    updates = iter_importance(OneFrame(series.sequence, frame=5), series,
                              options=ImportanceOptions(repeats=2))  # fmt: skip
    update = next(one for one in updates if one.group == 3)
    done = np.isfinite(update.importance.change["FF"])
    assert done[0].tolist() == [True] * 4 + [False] * (series.n_frames - 4)
    assert not done[1].any()
    assert (update.done, update.total) == (4, 2 * series.n_frames)
    assert np.isnan(update.importance.mean("FF")[4:]).all()
    updates.close()


def test_change_maps_lie_in_place_with_nan_outside():
    series = series_of(small_sequence())
    mask = np.zeros(series.spatial_shape, bool)
    mask[1, 2:, 3] = True
    found = importance(OneFrame(series.sequence, frame=5), series, mask=mask, fisher=False)
    maps = found.change_maps("FF")
    assert maps.shape == series.signal.shape
    assert maps.dtype == np.float32
    fifth = np.asarray(maps[5])
    assert np.array_equal(np.isfinite(fifth), mask)
    assert np.array_equal(fifth[mask], found.voxel_change["FF"][5])


def test_voxels_without_a_usable_signal_take_no_part():
    series = series_of(small_sequence())
    series.signal[3, 0, 0, 0] = np.nan
    series.signal[:, 0, 0, 1] = 0
    mask = np.ones(series.spatial_shape, bool)
    found = importance(OneFrame(series.sequence, frame=5), series, mask=mask, fisher=False)
    assert found.places.shape[1] == mask.sum() - 2
    assert np.isnan(found.change_map("FF", 5)[0, 0, :2]).all()


def test_validity_rule_of_the_reference_holds():
    series = series_of(small_sequence())
    truth = ParameterMaps({"FF": np.linspace(0, 1, 48).reshape(series.spatial_shape),
                           "T1H2O": 1000 * series.signal[5].real})  # fmt: skip
    method = OneFrame(series.sequence, frame=5, key="T1H2O", scale=1000.0)
    found = importance(method, series, reference=truth, fisher=False)
    inside = tuple(found.places)
    assert found.baseline["T1H2O"].n_voxels == int(np.sum(truth["FF"][inside] < 0.7))
    assert found.baseline["T1H2O"].region == "FF < 0.7"
    off = importance(method, series, reference=truth, fisher=False,
                     options=ImportanceOptions(apply_validity=False))  # fmt: skip
    assert off.baseline["T1H2O"].n_voxels == found.places.shape[1]


def test_table_has_a_row_a_frame_and_map_with_units():
    series = series_of(small_sequence())
    method = OneFrame(series.sequence, frame=5, key="T1H2O", scale=1000.0)
    table = importance_table(importance(method, series, options=ImportanceOptions(repeats=2)))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == series.n_frames
    assert set(table["unit"]) == {"ms"}
    assert table["repeats"].eq(2).all()
    row = table.loc[5]
    assert row["nrmse_change_mean"] > 0
    assert row["voxel_change_mean"] <= row["nrmse_change_mean"] * row["reference_range"] * 1.001
    assert table["fisher_share"].isna().all()  # one map does not say what the tissue is


def test_map_that_the_reference_lacks_says_so():
    series = series_of(small_sequence())
    truth = ParameterMaps({"T1H2O": np.full(series.spatial_shape, 1200.0)})
    found = importance(OneFrame(series.sequence, frame=5), series, reference=truth, fisher=False)
    assert np.isnan(found.mean("FF")).all()
    assert set(importance_table(found)["reason"]) == {"the reference has no such map"}


@pytest.mark.parametrize(
    ("options", "code"),
    [({"repeats": 0}, "bad-option"), ({"group": 4, "stride": 2}, "bad-option"),
     ({"seed": -1}, "bad-option"), ({"intensities": "mixed"}, "bad-option"),
     ({"voxels": 0}, "bad-option"), ({"voxels": 1}, "nothing-to-permute")],
)  # fmt: skip
def test_useless_options_are_refused(options, code):
    series = series_of(small_sequence())
    with pytest.raises(MRFInputError) as caught:
        importance(OneFrame(series.sequence, frame=5), series, options=ImportanceOptions(**options))
    assert caught.value.code == code


def test_reference_on_another_grid_is_refused():
    series = series_of(small_sequence())
    with pytest.raises(MRFInputError) as caught:
        importance(
            OneFrame(series.sequence), series, reference=ParameterMaps({"FF": np.ones((1, 2, 2))})
        )
    assert caught.value.code == "other-grid"


def test_reference_in_another_unit_is_refused():
    series = series_of(small_sequence())
    fraction = series.signal[5].real
    method = OneFrame(series.sequence, frame=5)
    for truth in ({"FF": 100 * fraction}, {"T1H2O": np.full(series.spatial_shape, 1.2)}):
        with pytest.raises(MRFInputError) as caught:
            importance(method, series, reference=ParameterMaps(truth))
        assert caught.value.code == "unit-conflict"
    # Percent of lean muscle pass by themselves, but not beside the maps of the method.
    method = OneFrame(series.sequence, frame=5, scale=0.01)
    with pytest.raises(MRFInputError, match="percent and fraction") as caught:
        importance(method, series, reference=ParameterMaps({"FF": fraction}))
    assert caught.value.code == "unit-conflict"


def test_voxels_that_the_reference_does_not_cover_do_not_count():
    series = series_of(small_sequence())
    water = 1000 * series.signal[5].real + 100
    truth = ParameterMaps({"T1H2O": water.copy(), "FF": np.full_like(water, 0.1)})
    truth["T1H2O"][0] = 0
    method = OneFrame(series.sequence, frame=5, key="T1H2O", scale=1000.0)
    mask = np.ones(series.spatial_shape, bool)
    found = importance(method, series, mask=mask, reference=truth, fisher=False)
    baseline = found.baseline["T1H2O"]
    assert baseline.n_voxels == 24
    assert baseline.nrmse == pytest.approx(100 / np.ptp(water[1]), rel=1e-5)
    told = found.provenance["warnings"]
    assert any("24 voxels of the reference left out: T1H2O is exactly 0" in one for one in told)
    assert any("The reference has no geometry" in one for one in told)


def test_large_runs_keep_the_changes_of_the_chosen_map_only(monkeypatch):
    monkeypatch.setattr("napari_mrf.analysis.importance.measure._KEPT_BYTES", 10)
    series = series_of(sequences.t1ff(), n=4)
    method = methods.get("water-fat", sequence=series.sequence, device="cpu", refine=False)
    found = importance(method, series, keep="B1", fisher=False,
                       options=ImportanceOptions(stride=100))  # fmt: skip
    assert list(found.voxel_change) == ["B1"]
    with pytest.raises(MRFInputError) as caught:
        found.change_maps("FF")
    assert caught.value.code == "not-kept"
