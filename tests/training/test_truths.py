"""The two truths of in-vivo maps, on synthetic maps whose noise-free truth is known."""

import numpy as np
import pytest
from places import SHARED, needs

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.training.truths import truths

SIZE = 60
NOISE = {"FF": 0.02, "T1H2O": 90.0, "T1fat": 20.0, "Df": 6.0, "B1": 0.05}


def known(seed=0):
    """True maps, the same with white noise, the tissue, and two muscles beside fat."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    inside = ((y - 29.5) ** 2 + (x - 29.5) ** 2 < 27**2)[None]
    regions = np.where(x < 30, np.where(y < 30, 7, 9), 0)[None]
    fat = x >= 30
    exact = {
        "FF": np.where(fat, 0.9, 0.05),
        "T1H2O": np.where(y < 30, 1300.0, 1700.0),
        "T1fat": np.where(y < 30, 320.0, 360.0),
        "Df": 0.5 * x - 12.0,
        "B1": 0.6 + 0.004 * y,
    }
    noisy = {key: one + NOISE[key] * rng.standard_normal(one.shape) for key, one in exact.items()}
    noisy["FF"] = np.clip(noisy["FF"], 0, 1)
    # Where there is hardly any water, its T1 is anything.
    noisy["T1H2O"] = np.where(fat, rng.uniform(500, 3000, fat.shape), noisy["T1H2O"])
    as_maps = {key: np.where(inside, one[None], np.nan).astype(np.float32)
               for key, one in noisy.items()}  # fmt: skip
    published = ParameterMaps(as_maps, affine=np.diag([1.0, 1.0, 8.0, 1.0]))
    return exact, published, inside, regions


def error(maps, exact, key, where):
    return float(np.abs(maps[key][0] - exact[key])[where[0]].mean())


def test_published_maps_stay_and_nothing_is_known_outside():
    _, published, inside, regions = known()
    found = truths(published, inside, regions)
    assert list(found) == ["as published", "denoised"]
    for key in published:
        np.testing.assert_array_equal(found["as published"][key], published[key])
        np.testing.assert_array_equal(np.isfinite(found["denoised"][key]), inside)
    assert found["denoised"].provenance["truth"] == "denoised"
    np.testing.assert_array_equal(found["denoised"].affine, published.affine)


def test_noise_goes_and_borders_stay():
    exact, published, inside, regions = known()
    denoised = truths(published, inside, regions)["denoised"]
    y, x = np.mgrid[:SIZE, :SIZE]
    muscle = inside & (x < 30)
    for key, factor in (("FF", 3), ("T1H2O", 3), ("Df", 4), ("B1", 4)):
        where = inside if key in ("FF", "Df", "B1") else muscle
        assert error(denoised, exact, key, where) < error(published, exact, key, where) / factor
    fat = inside & (x >= 30)
    assert error(denoised, exact, "T1fat", fat) < error(published, exact, "T1fat", fat) / 2
    # Two voxels on each side of a border, where a Gaussian of 2 voxels would be off by hundreds.
    border = muscle & (np.abs(y - 29.5) < 2)
    assert error(denoised, exact, "T1H2O", border) < 60
    edge = inside & (np.abs(x - 29.5) < 2)
    assert error(denoised, exact, "FF", edge) < 0.03


def test_means_of_regions_stay_as_published_over_the_voxels_that_count():
    _, published, inside, regions = known(1)
    denoised = truths(published, inside, regions)["denoised"]
    for label in (7, 9):
        at = inside & (regions == label)
        for key in ("FF", "T1H2O"):
            assert denoised[key][at].mean() == pytest.approx(published[key][at].mean(), rel=1e-5)


def test_what_lies_outside_and_between_is_not_averaged_in():
    _, published, inside, regions = known()
    ones = {key: np.where(inside, 1.0, 1e9).astype(np.float32) for key in published}
    found = truths(ParameterMaps(ones), inside, regions)["denoised"]
    for key in ones:
        np.testing.assert_allclose(found[key][inside], 1.0, rtol=1e-5)
    holes = {key: published[key].copy() for key in published}
    holes["Df"][0, 30, 30] = np.nan
    found = truths(ParameterMaps(holes), inside, regions)["denoised"]
    assert np.isnan(found["FF"][0, 30, 30])
    assert np.isfinite(found["FF"][0, 30, 31])


def test_slices_without_tissue_and_maps_of_a_brain():
    rng = np.random.default_rng(0)
    inside = np.ones((2, 30, 30), bool)
    inside[1] = False
    maps = {"T1": 1000.0 + 50.0 * rng.standard_normal(inside.shape),
            "T2": 80.0 + 8.0 * rng.standard_normal(inside.shape)}  # fmt: skip
    found = truths(ParameterMaps(maps), inside)["denoised"]
    assert np.isnan(found["T1"][1]).all()
    assert np.abs(found["T1"][0] - 1000).mean() < 13
    assert found["T2"][0].mean() == pytest.approx(maps["T2"][0].mean(), rel=1e-5)


def test_arrays_of_another_shape_are_refused():
    _, published, inside, regions = known()
    for arguments in ((inside[0], regions), (inside, regions[:, 1:])):
        with pytest.raises(MRFInputError) as caught:
            truths(published, *arguments)
        assert caught.value.code == "bad-shape"


@needs(SHARED / "data" / "thigh")
def test_in_vivo_thigh_is_smoother_and_its_muscles_keep_their_means():
    with np.load(SHARED / "data" / "thigh" / "thigh_maps.npz") as file:
        maps = {key: file[key].reshape(1, *file[key].shape[-2:]).astype(np.float32)
                for key in NOISE}  # fmt: skip
        inside = file["foreground"].reshape(maps["FF"].shape).astype(bool)
        regions = file["rois"].reshape(maps["FF"].shape).astype(int)
    found = truths(ParameterMaps(maps), inside, regions)

    def roughness(values):
        steps = [np.abs(np.diff(values[0], axis=axis)).ravel() for axis in (0, 1)]
        return np.nanmean(np.concatenate(steps))

    for key, factor in (("FF", 1.0), ("T1H2O", 2.0), ("T1fat", 2.0), ("Df", 5.0), ("B1", 5.0)):
        published, denoised = (roughness(one[key]) for one in found.values())
        assert denoised < published / factor, key
    for label in np.unique(regions[inside & (regions > 0)]):
        at = inside & (regions == label) & (maps["FF"] < 0.7)
        if at.sum() > 50:
            means = [one["T1H2O"][at].mean() for one in found.values()]
            assert means[1] == pytest.approx(means[0], abs=0.1), label
