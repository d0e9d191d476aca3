"""B1 maps from files and arrays: units, missing values, grids, interpolation."""

import hashlib

import nibabel
import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.data.geometry import Grid
from napari_mrf.io import load_b1, resample_b1

AFFINE = np.array([[2.0, 0.1, 0, -20], [-0.1, 2.0, 0.2, 7], [0, 0.1, 5.0, 3], [0, 0, 0, 1]])
GRID = Grid((3, 8, 10), AFFINE)


def field(affine, shape):
    """A B1 that is linear in space, which trilinear interpolation gives back exactly."""
    z, y, x = np.indices(shape)
    world = np.tensordot(affine[:3, :3], np.stack([x, y, z]), 1) + affine[:3, 3, None, None, None]
    return 1 + 0.01 * world[0] - 0.007 * world[1] + 0.002 * world[2]


def saved(folder, values, affine=AFFINE, name="b1.nii.gz"):
    path = folder / name
    nibabel.save(nibabel.Nifti1Image(values.T.astype(np.float32), affine), path)
    return path


def test_map_of_a_file_is_read_with_its_record(tmp_path):
    values = field(AFFINE, GRID.spatial_shape)
    path = saved(tmp_path, values)
    found = load_b1(path, GRID)
    np.testing.assert_allclose(found.values, values, rtol=1e-6)
    assert found.record == {
        "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "unit": "relative", "resampled": False,
    }  # fmt: skip
    np.save(tmp_path / "b1.npy", values)
    np.testing.assert_allclose(load_b1(tmp_path / "b1.npy", GRID).values, values, rtol=1e-6)


def test_zero_negative_and_not_finite_are_no_value():
    values = np.full((1, 1, 6), 0.9)
    values[0, 0, :5] = 0, -1, np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(
        mrf.B1Map.of(values).values[0, 0], np.array([np.nan] * 5 + [0.9], np.float32)
    )


def test_array_without_file_is_known_by_its_own_hash():
    values = np.full((1, 2, 2), 0.9, np.float32)
    assert mrf.B1Map.of(values).record["sha256"] == hashlib.sha256(values.tobytes()).hexdigest()


def test_percent_is_never_guessed_and_converted_when_it_is_said(tmp_path):
    percent = np.round(100 * field(AFFINE, GRID.spatial_shape))
    path = saved(tmp_path, percent)
    with pytest.raises(mrf.MRFInputError, match="--b1-unit percent") as caught:
        load_b1(path, GRID)
    assert (caught.value.code, caught.value.path) == ("bad-b1", str(path))
    np.testing.assert_allclose(load_b1(path, GRID, unit="percent").values, percent / 100, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "unit", "code"),
    [
        (np.ones((2, 2)), "relative", "bad-b1"),
        (np.ones((1, 2, 2), complex), "relative", "bad-b1"),
        (np.zeros((1, 2, 2)), "relative", "bad-b1"),
        (np.full((1, 2, 2), 90.0), "relative", "bad-b1"),
        (np.full((1, 2, 2), 0.9), "percent", "bad-b1"),
        (np.full((1, 2, 2), 1200.0), "percent", "bad-b1"),
        (np.full((1, 2, 2), 0.9), "hertz", "bad-option"),
    ],
)
def test_what_is_no_b1_map_is_refused(values, unit, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.B1Map.of(values, unit=unit)
    assert caught.value.code == code


def test_another_grid_is_refused_with_the_cure(tmp_path):
    moved = AFFINE.copy()
    moved[0, 3] += 1
    path = saved(tmp_path, np.ones(GRID.spatial_shape), moved)
    with pytest.raises(mrf.MRFInputError, match=r"shifted by 1 mm.*--resample-b1") as caught:
        load_b1(path, GRID)
    assert caught.value.code == "bad-b1"


def test_resampling_is_exact_for_a_linear_field_and_leaves_the_outside_without_value(tmp_path):
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    coarse = turn @ np.diag([3.0, 3.5, 6.0, 1])
    coarse[:3, 3] = -16, 0, 1
    path = saved(tmp_path, field(coarse, (3, 4, 6)), coarse)
    found = load_b1(path, GRID, resample=True)
    z, y, x = np.indices(GRID.spatial_shape)
    ones = np.stack([x, y, z, np.ones_like(x)]).reshape(4, -1)
    places = (np.linalg.inv(coarse) @ AFFINE @ ones)[2::-1].reshape(3, *GRID.spatial_shape)
    last = np.array([2, 3, 5])[:, None, None, None]
    between = np.all((places >= 0) & (places <= last), axis=0)
    outside = np.any((places < -0.5) | (places > last + 0.5), axis=0)
    assert between.any()
    assert outside.any()
    expected = field(AFFINE, GRID.spatial_shape)
    np.testing.assert_allclose(found.values[between], expected[between], rtol=1e-5)
    assert np.isnan(found.values[outside]).all()
    assert found.record["resampled"] is True
    np.testing.assert_array_equal(found.affine, AFFINE)


def test_voxels_without_value_have_no_say_in_their_neighbors():
    values = np.ones((1, 4, 4))
    values[0, :, 2:] = np.nan
    shifted = np.eye(4)
    found = resample_b1(mrf.B1Map.of(values, affine=np.eye(4)), Grid((1, 4, 3), shifted * 1.0))
    np.testing.assert_array_equal(found.values[0, :, :2], 1)
    shifted[0, 3] = 0.4  # 60 % of the second voxel is left at x = 1.4, 40 % at 1.6
    near = resample_b1(mrf.B1Map.of(values, affine=np.eye(4)), Grid((1, 4, 2), shifted)).values
    shifted[0, 3] = 0.6
    far = resample_b1(mrf.B1Map.of(values, affine=np.eye(4)), Grid((1, 4, 2), shifted)).values
    np.testing.assert_array_equal(near, 1)
    np.testing.assert_array_equal(far[0, :, 0], 1)
    assert np.isnan(far[0, :, 1]).all()


def test_map_on_the_grid_is_not_touched_and_unknown_places_cannot_be_resampled():
    b1 = mrf.B1Map.of(np.ones(GRID.spatial_shape), affine=AFFINE)
    assert resample_b1(b1, GRID) is b1
    with pytest.raises(mrf.MRFInputError, match="where it lies") as caught:
        resample_b1(mrf.B1Map.of(np.ones((1, 2, 2))), GRID)
    assert caught.value.code == "bad-b1"
