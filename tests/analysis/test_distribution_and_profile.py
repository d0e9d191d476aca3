"""Histograms count the voxels of both sides alike; profiles are lines of known length and slope."""

import numpy as np
import pytest

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.analysis.inspection.distribution import distribution
from napari_mrf.analysis.inspection.profile import profile

SHAPE = (2, 6, 8)
AFFINE = np.array([[-2.0, 0, 0, 5], [0, 3.0, 0, 7], [0, 0, -10.0, 1], [0, 0, 0, 1.0]])
Z, Y, X = np.indices(SHAPE).astype(float)


def maps(values, affine=AFFINE, **others):
    return ParameterMaps({"T1": values, **others.pop("more", {})}, affine=affine, **others)


def test_both_sides_have_the_same_bins_and_every_voxel_of_the_region_is_accounted_for():
    one, other = 1000 + 10 * X, 1100 + 10 * Y
    one[0, 0, :3] = np.nan
    region = np.zeros(SHAPE, bool)
    region[0] = True
    found = distribution({"a": maps(one), "b": maps(other)}, "T1", region=region, n_bins=5)
    # By hand: 1000 to 1150 in fifths of 30; columns 1000 to 1070 over rows, less three.
    assert np.allclose(found.edges, [1000, 1030, 1060, 1090, 1120, 1150])
    assert found.counts["a"].tolist() == [15, 18, 12, 0, 0]
    assert found.counts["b"].tolist() == [0, 0, 0, 16, 32]
    assert found.n_without == {"a": 3, "b": 0} and found.n_voxels == 48
    for name, counts in found.counts.items():
        assert counts.sum() + found.n_without[name] == found.n_voxels


def test_values_that_are_not_valid_are_left_out_and_counted():
    fat = np.where(X < 4, 0.2, 0.9)
    water = ParameterMaps({"FF": fat, "T1H2O": 1200 + X}, affine=AFFINE)
    found = distribution({"wf": water}, "T1H2O")
    assert found.counts["wf"].sum() == 48 and found.n_without["wf"] == 48
    assert found.edges[-1] == 1203
    everything = distribution({"wf": water}, "T1H2O", apply_validity=False)
    assert everything.n_without["wf"] == 0
    stricter = distribution({"wf": water}, "T1H2O", thresholds={"T1H2O": 0.1})
    assert stricter.n_without["wf"] == 96 and not stricter.edges.size


def test_zeros_outside_what_was_fitted_are_no_values():
    values = 1000 + X
    values[:, :, :2] = 0  # no tissue has a T1 of 0
    found = distribution({"a": maps(values)}, "T1")
    assert found.n_without["a"] == 24 and found.edges[0] == 1002


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        ((0, 1, 1), (0, 1, 7), 12.0),
        ((1, 0, 2), (1, 5, 2), 15.0),
        ((0, 4, 1), (0, 0, 6), 2 * 61**0.5),
    ],
)
def test_a_plane_gives_a_straight_line_over_the_distance_in_mm(start, end, length):
    def plane(y, x):
        return 900 + 4 * x - 7 * y

    deviations = {"T1": 2 + X}
    found = profile({"a": maps(plane(Y, X), uncertainty=deviations), "b": maps(2 * plane(Y, X))},
                    "T1", start, end)  # fmt: skip
    assert found.unit == "mm" and np.isclose(found.distances[-1], length)
    share = found.distances / length
    y, x = (start[axis] + share * (end[axis] - start[axis]) for axis in (1, 2))
    assert np.allclose(found.values["a"], plane(y, x), atol=1e-3)
    assert np.allclose(found.values["b"], 2 * plane(y, x), atol=1e-3)
    assert np.allclose(found.deviations["a"], 2 + x, atol=1e-5) and "b" not in found.deviations


def test_at_the_center_of_a_voxel_the_profile_is_its_value():
    values = np.random.default_rng(1).uniform(800, 1200, SHAPE)
    found = profile({"a": maps(values)}, "T1", (1, 3, 0), (1, 3, 7))
    at_centers = found.values["a"][np.isclose(found.distances, 2 * np.round(found.distances / 2))]
    assert np.allclose(at_centers, values[1, 3], rtol=1e-6)


def test_there_is_no_value_beside_a_voxel_without_one_nor_outside_the_grid():
    values = 1000 + X
    values[0, 2, 4] = np.nan
    found = profile({"a": maps(values)}, "T1", (0, 2, 0), (0, 2, 9)).values["a"]
    places = np.linspace(0, 9, len(found))
    known = (places <= 3) | ((places >= 5) & (places <= 7))
    assert np.array_equal(np.isfinite(found), known)


def test_without_a_geometry_distances_are_in_voxels():
    found = profile({"a": maps(1000 + X, affine=None)}, "T1", (0, 0, 0), (0, 3, 4))
    assert found.unit == "voxels" and np.isclose(found.distances[-1], 5.0)


def test_maps_on_another_grid_are_refused():
    other = AFFINE.copy()
    other[0, 3] += 1.0
    for call in (lambda both: distribution(both, "T1"),
                 lambda both: profile(both, "T1", (0, 0, 0), (0, 1, 1))):  # fmt: skip
        with pytest.raises(MRFInputError) as caught:
            call({"a": maps(1000 + X), "b": maps(1000 + X, affine=other)})
        assert caught.value.code == "other-grid"
