"""Image metrics and blurriness against closed forms and independent implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import metrics as skimage_metrics

from napari_mrf.analysis.images.blurriness import blurriness_table, high_frequency_energy
from napari_mrf.analysis.images.error_maps import error_map
from napari_mrf.analysis.images.metrics import image_metrics, metrics_table
from napari_mrf.analysis.regions.pairs import roi_pairs
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError

SHAPE = (2, 24, 20)
NAMES = {"NRMSE", "PSNR", "MAE", "MRE", "SSIM", "R2", "R2 voxels"}


def pair(seed=0):
    random = np.random.default_rng(seed)
    water = ndimage.gaussian_filter(random.normal(0, 1, SHAPE), 2) * 800 + 1300
    fraction = random.random(SHAPE)
    reference = ParameterMaps({"FF": fraction, "T1H2O": water})
    test = ParameterMaps({"FF": fraction * 0.9, "T1H2O": water + random.normal(0, 30, SHAPE)})
    mask = np.zeros(SHAPE, bool)
    mask[:, 3:21, 2:17] = True
    return reference, test, mask


def by_name(rows, key):
    return {row.metric: row for row in rows if row.map == key}


def ssim_by_loops(x, y, peak):
    """Wang et al. 2004, equation 13, window by window."""
    c1, c2, values = (0.01 * peak) ** 2, (0.03 * peak) ** 2, []
    for i in range(x.shape[0] - 6):
        for j in range(x.shape[1] - 6):
            a, b = x[i : i + 7, j : j + 7].ravel(), y[i : i + 7, j : j + 7].ravel()
            covariance = np.cov(a, b)
            values.append(
                (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
                / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance.trace() + c2))
            )  # fmt: skip
    return np.mean(values)


def test_metrics_are_their_definitions_over_the_valid_voxels():
    reference, test, mask = pair()
    found = by_name(image_metrics(reference, test, mask), "T1H2O")
    region = mask & (reference["FF"] < 0.7)
    x, y = (m["T1H2O"].astype(float) for m in (reference, test))
    truth, value = x[region], y[region]
    rmse = np.sqrt(np.mean((truth - value) ** 2))
    assert set(found) == NAMES
    assert {row.region for row in found.values()} == {"FF < 0.7"}
    assert {row.n for row in found.values() if row.metric != "R2"} == {region.sum()}
    assert found["NRMSE"].value == pytest.approx(rmse / (truth.max() - truth.min()))
    psnr = skimage_metrics.peak_signal_noise_ratio(truth, value, data_range=truth.max())
    assert found["PSNR"].value == pytest.approx(psnr)
    assert found["MAE"].value == pytest.approx(np.mean(np.abs(truth - value)))
    assert found["MRE"].value == pytest.approx(np.mean(np.abs(truth - value) / truth))
    nrmse = skimage_metrics.normalized_root_mse(truth, value, normalization="min-max")
    assert found["NRMSE"].value == pytest.approx(nrmse)
    x, y = np.where(region, x, 0), np.where(region, y, 0)
    similar = np.mean([ssim_by_loops(x[z], y[z], truth.max()) for z in range(2)])
    assert found["SSIM"].value == pytest.approx(similar, rel=1e-9)
    spread = np.sum((truth - truth.mean()) ** 2)
    assert found["R2 voxels"].value == pytest.approx(1 - np.sum((truth - value) ** 2) / spread)
    assert np.isnan(found["R2"].value)
    assert "no regions" in found["R2"].reason
    assert (found["MAE"].unit, found["PSNR"].unit) == ("ms", "dB")


def test_r2_is_that_of_the_means_of_the_regions():
    reference, test, mask = pair()
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 3:10], labels[:, 10:15], labels[:, 15:21], labels[0, 22] = 4, 9, 7000, 30
    regions = roi_pairs(reference, test, labels, mask=mask)
    found = by_name(image_metrics(reference, test, mask, regions=regions), "FF")["R2"]
    means = []
    for label in (4, 9, 7000):
        where = mask & (labels == label)
        means.append([m["FF"][where].astype(float).mean() for m in (reference, test)])
    x, y = np.transpose(means)
    assert found.value == pytest.approx(1 - np.sum((x - y) ** 2) / np.sum((x - x.mean()) ** 2))
    assert "ROIs" in found.definition


def test_options_and_missing_values_are_counted_and_told():
    reference, test, mask = pair()
    test["T1H2O"][0, 5, 4:6] = np.nan
    plain = by_name(image_metrics(reference, test, mask, apply_validity=False), "T1H2O")["MAE"]
    assert (plain.region, plain.n, plain.n_missing) == ("everywhere", mask.sum() - 2, 2)
    rows = image_metrics(reference, test, mask, thresholds={"T1H2O": 0.5})
    row = by_name(rows, "T1H2O")["SSIM"]
    assert row.region == "FF < 0.5"
    assert np.isfinite(row.value)
    table = metrics_table(rows)
    assert len(table) == 14
    assert table.definition.str.len().min() > 20


def test_identical_maps_are_perfect():
    reference, _, mask = pair()
    found = by_name(image_metrics(reference, reference, mask), "T1H2O")
    assert (found["NRMSE"].value, found["MAE"].value, found["MRE"].value) == (0, 0, 0)
    assert found["SSIM"].value == pytest.approx(1)
    assert found["R2 voxels"].value == 1
    assert found["PSNR"].value == np.inf
    assert "identical" in found["PSNR"].reason


@pytest.mark.parametrize("case", ["small", "empty", "constant", "negative", "zero"])
def test_metric_without_a_value_is_nan_with_a_reason(case):
    reference, test, mask = pair()
    if case == "small":
        reference, test = (
            ParameterMaps({"FF": m["FF"][:, :6], "T1H2O": m["T1H2O"][:, :6]})
            for m in (reference, test)
        )
        mask = mask[:, :6]
    if case == "empty":
        mask = np.zeros(SHAPE, bool)
    values = {"constant": 0.5, "negative": -0.5, "zero": 0.0}
    if case in values:
        reference["FF"] = np.full(SHAPE, values[case])
    found = by_name(image_metrics(reference, test, mask), "FF")
    missing = {
        "small": {"SSIM": "window", "R2": "no regions"},
        "empty": dict.fromkeys(NAMES - {"R2"}, "no voxel"),
        "constant": {"NRMSE": "same everywhere", "R2 voxels": "same everywhere"},
        "negative": {"PSNR": "not positive", "SSIM": "not positive"},
        "zero": {"MRE": "zero everywhere", "PSNR": "not positive"},
    }[case]
    for name, reason in missing.items():
        assert np.isnan(found[name].value)
        assert reason in found[name].reason
    if case == "small":
        assert np.isfinite(found["NRMSE"].value)


def test_off_resonance_has_no_relative_error_and_says_why():
    random = np.random.default_rng(0)
    reference, test = (ParameterMaps({"Df": random.uniform(-90, 90, SHAPE)}) for _ in range(2))
    row = by_name(image_metrics(reference, test, np.ones(SHAPE, bool)), "Df")["MRE"]
    assert np.isnan(row.value) and "pass through zero" in row.reason
    with pytest.raises(MRFInputError, match=r"no relative error.*Choose the difference"):
        error_map(reference, test, "Df", "relative")


def test_determination_of_region_means_counts_regions():
    reference, test, mask = pair()
    labels = np.zeros(SHAPE, np.uint8)
    for label in range(1, 6):
        labels[:, 3 * label : 3 * label + 3] = label
    test["T1H2O"][labels == 2] = np.nan
    regions = roi_pairs(reference, test, labels)
    row = by_name(image_metrics(reference, test, mask, regions=regions), "T1H2O")["R2"]
    kept = regions[(regions["map"] == "T1H2O") & (regions["scope"] == "pooled")]
    assert (row.n, row.n_missing) == (
        kept["difference"].notna().sum(),
        kept["difference"].isna().sum(),
    )
    assert row.n_missing >= 1


def test_zero_reference_is_left_out_of_the_relative_error_and_counted():
    reference, test, mask = pair()
    reference["FF"][0, 4, 3:8] = 0
    row = by_name(image_metrics(reference, test, mask), "FF")["MRE"]
    assert row.value == pytest.approx(0.1, rel=1e-5)
    assert "5 voxels" in row.reason


def test_other_grid_is_refused():
    reference, test, mask = pair()
    with pytest.raises(MRFInputError, match="different grids"):
        image_metrics(reference, test, mask[:, 1:])
    with pytest.raises(MRFInputError, match="another grid"):
        roi_pairs(reference, test, np.zeros((2, 3, 4), int))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_relative_metrics_do_not_depend_on_the_unit(seed, factor):
    reference, test, mask = pair(seed)
    scaled = [ParameterMaps({"FF": m["FF"], "T1H2O": m["T1H2O"] * np.float32(factor)})
              for m in (reference, test)]  # fmt: skip
    before = by_name(image_metrics(reference, test, mask), "T1H2O")
    after = by_name(image_metrics(*scaled, mask), "T1H2O")
    for name in ("NRMSE", "PSNR", "MRE", "SSIM", "R2 voxels"):
        assert after[name].value == pytest.approx(before[name].value, rel=1e-4)
    assert after["MAE"].value == pytest.approx(before["MAE"].value * factor, rel=1e-4)


def test_single_wave_has_its_energy_on_the_right_side_of_the_threshold():
    y, x = np.mgrid[:32, :32]
    everywhere = np.ones((1, 32, 32), bool)
    slow = np.cos(2 * np.pi * 2 * x / 32)[None]
    fast = np.cos(2 * np.pi * 15 * (x + y) / 32)[None]
    np.testing.assert_allclose(high_frequency_energy(slow, everywhere), 0, atol=1e-20)
    np.testing.assert_allclose(high_frequency_energy(fast, everywhere), 1)
    # Parseval: a mean of 2 and a wave of amplitude 1 have the energies 4 and 1/2.
    np.testing.assert_allclose(high_frequency_energy(fast + 2, everywhere), 0.5 / 4.5)


def test_white_noise_has_as_much_energy_above_a_threshold_as_frequencies():
    noise = np.random.default_rng(0).normal(0, 1, (60, 32, 32))
    shares = high_frequency_energy(noise, np.ones(noise.shape, bool), (55, 75, 95)).mean(axis=0)
    np.testing.assert_allclose(shares, [0.45, 0.25, 0.05], atol=0.01)


def test_smoothed_map_is_blurrier_and_missing_slices_are_told():
    random = np.random.default_rng(1)
    sharp = random.normal(1300, 50, SHAPE)
    smooth = ndimage.gaussian_filter(sharp, (0, 1, 1))
    smooth[1] = np.nan
    mask = np.zeros(SHAPE, bool)
    mask[:, 2:20, 2:20] = True
    methods = {"sharp": ParameterMaps({"T1H2O": sharp}), "smooth": ParameterMaps({"T1H2O": smooth})}
    table = blurriness_table(methods, mask).pivot(index="percentile", columns="method")
    assert (table["mean"]["smooth"] < table["mean"]["sharp"]).all()
    assert (table["n_slices"] == 1).all(axis=None)
    assert np.isnan(table["sd"]).all(axis=None)
    empty = blurriness_table(methods, np.zeros(SHAPE, bool))
    assert empty["mean"].isna().all()
    assert empty.reason.str.contains("no voxel").all()
    with pytest.raises(MRFInputError, match="between 0 and 100"):
        high_frequency_energy(sharp, mask, [101])
    with pytest.raises(MRFInputError, match="grids"):
        high_frequency_energy(sharp, mask[:1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_blurriness_is_a_share_that_falls_with_the_threshold_and_has_no_unit(seed, factor):
    values = np.random.default_rng(seed).normal(5, 1, (1, 16, 17))
    mask = np.ones(values.shape, bool)
    shares = high_frequency_energy(values, mask)[0]
    assert np.all((shares >= 0) & (shares <= 1))
    assert np.all(np.diff(shares) <= 0)
    np.testing.assert_allclose(high_frequency_energy(values * factor, mask)[0], shares)
