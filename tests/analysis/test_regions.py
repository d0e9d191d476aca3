"""Statistics per region of interest, against numpy on plainly selected voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHARED, needs

from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.statistics import COLUMNS, roi_statistics
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError

THIGH = SHARED / "data" / "thigh"
AFFINE = np.diag([2.0, 3.0, 5.0, 1.0])
SHAPE = (3, 12, 14)


def maps(seed=0, **more):
    random = np.random.default_rng(seed)
    fraction = random.random(SHAPE, np.float32)
    water = random.normal(1300, 100, SHAPE)
    water[random.random(SHAPE) < 0.05] = np.nan
    return ParameterMaps({"FF": fraction, "T1H2O": water}, affine=AFFINE, **more)


def labels():
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[0, 1:8, 2:9] = 7
    drawn[1, 2:6, 2:6] = 7
    drawn[1:, 7:12, 8:14] = 7300
    return drawn


def row(table, label, key, z=None):
    where = (table.label == label) & (table["map"] == key)
    where &= table.slice.isna() if z is None else table.slice == z
    (found,) = table[where].to_dict("records")
    return found


@pytest.mark.parametrize("z", [None, 0, 1])
def test_statistics_are_those_of_the_valid_voxels(z):
    data, drawn = maps(), labels()
    found = row(roi_statistics(data, drawn, {7: "VL_R"}), 7, "T1H2O", z)
    where = drawn == 7
    if z is not None:
        where &= (np.arange(3) == z)[:, None, None]
    values = data["T1H2O"][where & (data["FF"] < 0.7)].astype(np.float64)
    by_rule = int(np.sum(where & ~(data["FF"] < 0.7)))
    values = np.sort(values[np.isfinite(values)])
    assert found["name"] == "VL_R"
    assert found["scope"] == ("pooled" if z is None else "slice")
    assert (found["n"], found["n_by_rule"], found["n_drawn"]) == (len(values), by_rule, where.sum())
    assert found["n"] + found["n_invalid"] == where.sum()
    assert found["mean"] == pytest.approx(values.sum() / len(values), rel=1e-12)
    spread = np.sqrt(np.sum((values - values.mean()) ** 2) / (len(values) - 1))
    assert found["sd"] == pytest.approx(spread, rel=1e-12)
    ranks = np.linspace(0, 100, len(values))
    for column, percent in (("p05", 5), ("p25", 25), ("median", 50), ("p75", 75), ("p95", 95)):
        assert found[column] == pytest.approx(np.interp(percent, ranks, values), rel=1e-12)
    assert found["volume_ml"] == pytest.approx(where.sum() * 30 / 1000)
    assert (found["unit"], found["validity"], found["reason"]) == ("ms", "FF < 0.7", "")


def test_table_has_the_documented_columns_and_a_row_for_every_drawn_slice():
    table = roi_statistics(maps(), labels())
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 2 * 2 * 3  # two regions, two maps, two slices and pooled
    assert set(table.name) == {"Label 7", "Label 7300"}
    assert not roi_statistics(maps(), np.zeros(SHAPE, int)).size


def test_options_are_recorded_and_change_what_enters():
    data, drawn = maps(), labels()
    plain = row(roi_statistics(data, drawn, options=RoiOptions(apply_validity=False)), 7, "T1H2O")
    assert plain["validity"] == "not applied"
    assert plain["n_by_rule"] == 0
    options = RoiOptions(thresholds={"T1H2O": 0.4}, erosion_voxels=1)
    table = roi_statistics(data, drawn, options=options)
    found = row(table, 7, "T1H2O")
    assert found["validity"] == "FF < 0.4"
    assert row(table, 7, "FF")["validity"] == "everywhere"
    assert set(table.erosion_voxels) == {1}
    inner = np.zeros(SHAPE, bool)
    inner[0, 2:7, 3:8] = inner[1, 3:5, 3:5] = True
    values = data["T1H2O"][inner & (data["FF"] < 0.4)]
    assert found["n"] == np.isfinite(values).sum()
    assert found["mean"] == pytest.approx(np.nanmean(values.astype(float)))
    assert found["volume_ml"] == pytest.approx((49 + 16) * 0.03)


def test_rim_at_the_border_of_the_image_and_beside_another_region_is_taken_off():
    drawn = np.zeros((1, 5, 6), int)
    drawn[0, :, :3], drawn[0, :, 3:] = 1, 2
    flat = ParameterMaps({"FF": np.zeros((1, 5, 6))})
    table = roi_statistics(flat, drawn, options=RoiOptions(erosion_voxels=1))
    assert row(table, 1, "FF")["n"] == row(table, 2, "FF")["n"] == 3
    assert np.isnan(row(table, 1, "FF")["volume_ml"])


@pytest.mark.parametrize(
    ("size", "options", "values", "reason"),
    [
        (0, {}, 0.1, "the region is empty"),
        (1, {}, 0.1, "the region has one voxel, statistics need two"),
        (2, {"erosion_voxels": 1}, 0.1, "erosion leaves no voxel"),
        (3, {"erosion_voxels": 1}, 0.1, "erosion leaves one voxel"),
        (3, {}, 0.9, "the validity rule leaves no voxel"),
        (3, {}, np.nan, "no voxel has a value"),
    ],
)
def test_region_without_numbers_keeps_its_row_with_a_reason(size, options, values, reason):
    drawn = np.zeros(SHAPE, int)
    drawn[1, 2 : 2 + size, 4 : 4 + size] = 5
    fraction = np.full(SHAPE, 0.1 if np.isnan(values) else values)
    data = ParameterMaps({"FF": fraction, "T1H2O": np.full(SHAPE, values)})
    found = row(roi_statistics(data, drawn, {5: "RF_R"}, options=RoiOptions(**options)), 5, "T1H2O")
    assert (found["n"], found["name"], found["reason"]) == (0, "RF_R", reason)
    assert np.isnan([found[c] for c in ("mean", "sd", "median", "p05", "p95")]).all()


def test_single_valid_voxel_is_no_region():
    water = np.full(SHAPE, np.nan)
    water[0, 3, 3] = 1200
    options = RoiOptions(min_valid_share=0)
    table = roi_statistics(ParameterMaps({"T1H2O": water}), labels(), options=options)
    found = row(table, 7, "T1H2O")
    assert found["n"] == 1
    assert np.isnan(found["mean"])
    assert np.isnan(found["sd"])
    assert found["validity"] == "not applied: no fat fraction"
    assert found["reason"] == "1 voxel has a valid value, less than the minimum of 2"


def test_mean_uncertainty_is_that_of_the_voxels_that_entered():
    deviation = np.random.default_rng(4).random(SHAPE)
    data, drawn = maps(uncertainty={"T1H2O": deviation}), labels()
    table = roi_statistics(data, drawn)
    entered = (drawn == 7300) & (data["FF"] < 0.7) & np.isfinite(data["T1H2O"])
    expected = deviation[entered].mean()
    assert row(table, 7300, "T1H2O")["mean_uncertainty"] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(row(table, 7300, "FF")["mean_uncertainty"])


def test_fat_fraction_of_the_reference_decides_when_given():
    data, drawn = maps(), labels()
    table = roi_statistics(data, drawn, fat_fraction=np.zeros(SHAPE))
    assert row(table, 7, "T1H2O")["n_by_rule"] == 0


def test_wrong_grid_labels_and_options_are_refused():
    with pytest.raises(MRFInputError, match="another grid"):
        roi_statistics(maps(), np.zeros((3, 12, 13), int))
    with pytest.raises(MRFInputError, match="whole numbers"):
        roi_statistics(maps(), np.zeros(SHAPE))
    with pytest.raises(MRFInputError, match="0 or more"):
        RoiOptions(erosion_voxels=-1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-100, 100), factor=st.floats(0.1, 10))
def test_shifted_and_scaled_maps_shift_and_scale_the_statistics(seed, shift, factor):
    data, drawn = maps(seed), labels()
    moved = ParameterMaps({"FF": data["FF"], "T1H2O": data["T1H2O"] * factor + shift})
    before, after = (row(roi_statistics(m, drawn), 7, "T1H2O") for m in (data, moved))
    assert before["n"] == after["n"]
    for column in ("mean", "median", "p05", "p95"):
        assert after[column] == pytest.approx(before[column] * factor + shift, rel=1e-5)
    assert after["sd"] == pytest.approx(before["sd"] * factor, rel=1e-3)


@needs(THIGH)
def test_regions_of_a_real_thigh_have_the_means_that_numpy_gives():
    thigh = np.load(THIGH / "thigh_maps.npz")
    drawn = np.atleast_3d(thigh["rois"]).reshape(1, *thigh["rois"].shape[-2:])
    data = ParameterMaps({k: thigh[k].reshape(drawn.shape) for k in ("FF", "T1H2O")})
    table = roi_statistics(data, drawn)
    for label in np.unique(drawn[drawn > 0]):
        valid = (drawn == label) & thigh["t1h2o_valid"].reshape(drawn.shape).astype(bool)
        if valid.sum() > 1:
            expected = data["T1H2O"][valid].astype(float).mean()
            assert row(table, label, "T1H2O")["mean"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("power", [-70, 60])
def test_statistics_scale_with_the_amplitude_of_the_series(power):
    rng = np.random.default_rng(0)
    labels = np.ones((1, 8, 8), np.uint16)
    density = rng.uniform(1, 30, labels.shape).astype(np.float32)
    numbers = ["mean", "sd", "median", "p05", "p95", "mean_uncertainty"]

    def row(scale):
        maps = ParameterMaps({"PD": density * scale}, uncertainty={"PD": 0.1 * density * scale})
        return roi_statistics(maps, labels)[numbers].to_numpy(float)

    np.testing.assert_array_equal(row(2.0**power), row(1.0) * 2.0**power)
