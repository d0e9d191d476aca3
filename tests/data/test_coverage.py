"""Zeros outside coverage are no values, zeros inside are; everywhere by one rule."""

import numpy as np
import pytest
from places import SHARED, needs

from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.subjects import SubjectMaps
from napari_mrf.analysis.images.error_maps import error_map
from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.analysis.images.metrics import image_metrics
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.coverage import coverage_notes, covered, outside_coverage
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS

THIGH = SHARED / "data" / "thigh"
SHAPE = (1, 6, 8)
NOT_FITTED = np.zeros(SHAPE, bool)
NOT_FITTED[:, :, :2] = True
VALUES = {"FF": 0.2, "T1H2O": 1200.0, "T1fat": 330.0, "Df": 5.0, "B1": 0.9, "T1": 900.0, "T2": 60.0,
          "PD": 0.8}  # fmt: skip


def maps(keys, zero=()):
    return ParameterMaps(
        {key: np.where(NOT_FITTED & (key in zero), 0, VALUES[key])
         for key in keys}
    )  # fmt: skip


@pytest.mark.parametrize("key", ["T1", "T2", "T1H2O", "B1"])
def test_a_voxel_counts_in_no_map_where_one_that_cannot_be_zero_is_zero(key):
    found = outside_coverage(maps(["FF", "Df", key], zero=[key]))
    for where in found.values():
        np.testing.assert_array_equal(where, NOT_FITTED)


@pytest.mark.parametrize("keys", [["FF", "Df"], ["FF", "PD"], ["FF", "T1fat"], ["T1H2O"]])
def test_a_voxel_counts_in_no_map_where_all_are_zero(keys):
    for where in outside_coverage(maps(keys, zero=keys)).values():
        np.testing.assert_array_equal(where, NOT_FITTED)


def test_zeros_of_fat_fraction_and_field_are_values_where_a_time_is_not_zero():
    data = maps(["FF", "T1H2O", "Df", "B1"], zero=["FF", "Df"])
    assert not any(where.any() for where in outside_coverage(data).values())
    assert coverage_notes(data, "the maps") == []


def test_a_time_left_out_where_it_tells_nothing_leaves_the_other_maps_in():
    # Some software writes water T1 in water only; a fat fraction over water alone would be too low.
    data = maps(["FF", "T1H2O", "T1fat"], zero=["T1H2O"])
    data["FF"] = np.where(NOT_FITTED, 0.9, 0.2)
    found = outside_coverage(data)
    assert not found["FF"].any()
    assert not found["T1fat"].any()
    np.testing.assert_array_equal(found["T1H2O"], NOT_FITTED)
    (told,) = coverage_notes(data, "the maps")
    assert told == "12 voxels of the maps left out of T1H2O, which is exactly 0 there."


@pytest.mark.parametrize("key", ["FF", "Df"])
def test_a_lone_map_that_may_be_zero_keeps_its_zeros_and_is_told(key):
    data = maps([key], zero=[key])
    assert not outside_coverage(data)[key].any()
    (told,) = coverage_notes(data, "the maps")
    assert told.startswith(f"12 voxels of the maps have a {key} of exactly 0 and are counted")
    assert coverage_notes(data, "the maps", ~NOT_FITTED) == []
    assert coverage_notes(data, "the maps", is_masked=True) == []


def test_every_parameter_says_whether_it_can_be_zero():
    assert {key for key, one in PARAMETERS.items() if one.never_zero} == {
        "T1H2O", "T1fat", "T1", "T2", "B1",
    }  # fmt: skip


def test_every_number_leaves_the_same_voxels_out():
    keys = ["FF", "T1H2O"]
    random = np.random.default_rng(0)
    whole = ParameterMaps({"FF": random.uniform(0.1, 0.5, SHAPE),
                           "T1H2O": random.normal(1200, 30, SHAPE)})  # fmt: skip
    cut = ParameterMaps({key: np.where(NOT_FITTED, 0, whole[key]) for key in keys})
    known = ParameterMaps({key: np.where(NOT_FITTED, np.nan, whole[key]) for key in keys})
    labels = np.ones(SHAPE, np.uint8)
    inside = ~NOT_FITTED
    for key in keys:
        np.testing.assert_array_equal(np.isnan(error_map(whole, cut, key)), NOT_FITTED)
        np.testing.assert_array_equal(covered(cut)[key], known[key])
    table = roi_statistics(cut, labels)
    pooled = table[table["scope"] == "pooled"].set_index("map")
    for key in keys:
        assert pooled.loc[key, ["n", "n_invalid", "n_outside", "n_by_rule"]].tolist() == [
            36,
            12,
            12,
            0,
        ]
        assert pooled.loc[key, "mean"] == pytest.approx(whole[key][inside].astype(float).mean())
        assert pooled.loc[key, "sd"] == pytest.approx(whole[key][inside].astype(float).std(ddof=1))
    for first, second in ((cut, whole), (whole, cut)):
        assert {one.n for one in map_errors(first, second, labels)} == {36}
        found = image_metrics(first, second, labels > 0)
        assert {one.n for one in found if one.metric != "R2"} == {36}  # that one counts regions
    found = compare([SubjectMaps(whole, cut, labels=labels)])
    same = compare([SubjectMaps(whole, known, labels=labels)])
    assert found.metrics.equals(same.metrics)
    assert found.blurriness.equals(same.blurriness)
    assert set(found.pairs["n_outside"]) == {12}
    assert found.pairs.drop(columns="n_outside").equals(same.pairs.drop(columns="n_outside"))
    assert any(
        "12 voxels of the test left out: T1H2O is exactly 0" in one for one in found.warnings
    )


def test_a_region_outside_the_coverage_says_so():
    data = maps(["FF", "T1H2O"], zero=["FF", "T1H2O"])
    table = roi_statistics(data, NOT_FITTED.astype(np.uint8))
    assert set(table["reason"]) == {"the region lies outside the coverage of the map"}
    assert set(table["n"]) == {0}


@needs(THIGH)
def test_in_vivo_zeros_of_fat_fraction_and_field_inside_the_tissue_are_values():
    with np.load(THIGH / "thigh_maps.npz") as file:
        data = ParameterMaps({key: file[key][None] for key in ("FF", "T1H2O", "T1fat", "Df", "B1")})
        foreground = file["foreground"][None] > 0
    inside = {key: foreground & ~where for key, where in outside_coverage(data).items()}
    assert int((data["FF"][inside["FF"]] == 0).sum()) == 73
    assert int((data["Df"][inside["Df"]] == 0).sum()) == 3609
    np.testing.assert_array_equal(inside["FF"], foreground)
    np.testing.assert_array_equal(outside_coverage(data)["FF"], data["T1H2O"] == 0)
    pooled = roi_statistics(data, foreground.astype(np.uint8)).set_index(["scope", "map"])
    for key in ("FF", "Df"):
        expected = data[key][foreground].astype(float)
        assert pooled.loc[("pooled", key), "mean"] == pytest.approx(expected.mean())
        assert pooled.loc[("pooled", key), "n"] == foreground.sum()
