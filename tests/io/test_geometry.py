"""Where a series lies: never a silent 1 mm."""

import nibabel
import numpy as np
import pytest

from napari_mrf import load_b1, load_maps, load_series
from napari_mrf.io import load_labels, load_mask

WITHOUT_CODES = {"sform_code": 0, "qform_code": 0}


@pytest.mark.parametrize(
    "fields",
    [
        {"srow_x": [0, 0, 0, 0]},
        {"srow_x": [np.nan, 0, 0, 0]},
        {"srow_y": [np.inf, 0, 0, 0]},
        {"pixdim": [1, 0, 2, 8, 1, 1, 1, 1]},
        {"pixdim": [1, np.nan, 2, 8, 1, 1, 1, 1]},
        {"pixdim": [1, -1, 2, 8, 1, 1, 1, 1]},
        {**WITHOUT_CODES, "pixdim": [1, 1, 1, 1, 1, 1, 1, 1]},
        {**WITHOUT_CODES, "pixdim": [1, 1, 1, 0, 1, 1, 1, 1]},
        {"sform_code": 0, "qform_code": 1, "quatern_b": np.nan},
        {"sform_code": 0, "qform_code": 1, "quatern_b": 3.0},
        {"xyzt_units": 7},
    ],
)
def test_unusable_geometry_gives_none_and_a_warning(nifti, image, patch_header, fields):
    series = load_series(patch_header(nifti(image), **fields))
    assert series.affine is None
    assert series.voxel_sizes_mm is None
    assert any("Volumes are not available" in warning for warning in series.warnings)


def test_voxel_sizes_without_orientation_are_kept_and_told(nifti, image, patch_header):
    path = patch_header(nifti(image), **WITHOUT_CODES, pixdim=[1, 1.5, 2, 8, 1, 1, 1, 1])
    series = load_series(path)
    assert series.voxel_sizes_mm == (8.0, 2.0, 1.5)
    assert any("orientation" in warning for warning in series.warnings)


@pytest.mark.parametrize(("unit", "factor"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
def test_unit_of_length_is_converted_to_mm(nifti, image, affine, patch_header, unit, factor):
    series = load_series(patch_header(nifti(image), xyzt_units=unit))
    np.testing.assert_allclose(series.affine[:3], affine[:3] * factor)
    assert bool(series.warnings) == (factor != 1.0)


def test_qform_is_used_where_there_is_no_sform(nifti, image, affine, patch_header):
    path = nifti(image)

    header = nibabel.load(path).header
    header.set_qform(affine, code=1)
    names = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    fields = {name: header[name] for name in (*names, "pixdim")}
    path = patch_header(path, **fields, sform_code=0, qform_code=1)
    series = load_series(path)
    np.testing.assert_allclose(series.affine, affine, atol=1e-5)


@pytest.mark.parametrize("axes", ["XYZT", "ZYXT", "YXZT", "ZXYT"])
def test_every_voxel_keeps_its_place_under_a_given_order(nifti, image, affine, sequence, axes):
    # In the file axis i of the image stands where the order says.
    values = image.transpose(["XYZT".index(letter) for letter in axes])
    series = load_series(nifti(values), sequence, axes=axes)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    rng = np.random.default_rng(3)
    for _ in range(5):
        place = {letter: rng.integers(n) for letter, n in zip("XYZ", image.shape, strict=False)}
        in_file = [place[letter] for letter in axes[:3]]
        in_series = [place[letter] for letter in "XYZ"]
        np.testing.assert_allclose(
            nibabel.affines.apply_affine(series.affine, in_series),
            nibabel.affines.apply_affine(affine, in_file),
        )


def test_geometry_about_other_axes_than_space_is_left_out_and_told(nifti, image, sequence):
    series = load_series(nifti(image.transpose(3, 0, 1, 2)), sequence, axes="TXYZ")
    assert series.affine is None
    (told,) = (text for text in series.warnings if "TXYZ" in text)
    assert "Volumes are not available" in told


def test_thickness_of_a_slice_without_its_axis_is_told(nifti, image, affine, sequence):
    series = load_series(nifti(image[:, :, 0]), sequence, axes="XYT")
    np.testing.assert_allclose(series.affine, affine)
    assert any("thickness of the slice, 8 mm" in text for text in series.warnings)


def quaternion(header, affine):
    """Fields of a header with the quaternion of an affine."""
    header.set_qform(affine, code=1)
    names = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    return {name: header[name] for name in (*names, "pixdim")} | {"qform_code": 1}


def moved(affine, *, shift=0.0, degrees=0.0, flip=False):
    angle = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    result = turn @ affine @ np.diag([-1.0 if flip else 1.0, 1, 1, 1])
    result[0, 3] += shift
    return result


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, None),
        ({"shift": 0.005}, None),
        ({"shift": 0.02}, "it is shifted by 0.02 mm to the right"),
        ({"shift": -3.0}, "it is shifted by 3 mm to the left"),
        ({"degrees": 5}, "it is rotated"),
        ({"flip": True}, "front and back run the other way"),
    ],
)
def test_two_places_in_one_header_are_told_beyond_the_tolerance(
    nifti, image, affine, patch_header, change, told
):
    path = nifti(image)
    fields = quaternion(nibabel.load(path).header, moved(affine, **change))
    series = load_series(patch_header(path, **fields))
    np.testing.assert_allclose(series.affine, affine, rtol=1e-6)  # the sform
    assert [text.partition("qform differs: ")[2] for text in series.warnings] == (
        [f"{told}."] if told else []
    )


def test_rounding_near_half_a_turn_is_no_disagreement(nifti, image, patch_header):
    rng = np.random.default_rng(5)
    for tilt in (0, *(rng.uniform(1e-5, 2e-3, 12))):
        a = np.diag([-0.9, -0.9, 4.0, 1.0])  # half a turn about z, then a little tilt
        turn = np.eye(4)
        turn[:3, :3] = nibabel.eulerangles.euler2mat(z=tilt, y=0.3 * tilt, x=0)
        path = nifti(np.ones((256, 256, 2, 3), np.complex64), geometry=turn @ a)
        fields = quaternion(nibabel.load(path).header, turn @ a)
        assert load_series(patch_header(path, **fields)).warnings == ()


def test_voxel_sizes_that_contradict_the_sform_are_told(nifti, image, patch_header):
    path = patch_header(nifti(image), pixdim=[1, 1.5, 2, 4, 1, 1, 1, 1])
    (told,) = load_series(path).warnings
    assert "1.5 × 2 × 8 mm" in told
    assert "1.5 × 2 × 4 mm" in told


@pytest.mark.parametrize(
    ("excess", "told"), [(0, None), (1e-7, None), (1e-6, "normalized"), (1e-4, "longer than 1")]
)
def test_quaternion_that_rounding_made_too_long_is_normalized(
    nifti, image, patch_header, excess, told
):
    bcd = np.array([0.6, 0.8, 0.0]) * np.sqrt(1 + excess)
    fields = {f"quatern_{letter}": value for letter, value in zip("bcd", bcd, strict=True)}
    path = patch_header(nifti(image), sform_code=0, qform_code=1, **fields,
                        pixdim=[1, 1.5, 1.5, 6, 1, 1, 1, 1])  # fmt: skip
    series = load_series(path)
    if excess > 1e-5:
        assert series.affine is None
    else:
        # Half a turn about (0.6, 0.8, 0): 2 n n^T - 1.
        axis = np.array([0.6, 0.8, 0.0])
        expected = (2 * np.outer(axis, axis) - np.eye(3)) * [1.5, 1.5, 6]
        np.testing.assert_allclose(series.affine[:3, :3], expected, atol=1e-5)
    assert [told in text for text in series.warnings] == ([True] if told else [])


def test_handedness_of_zero_is_one_as_the_standard_has_it(nifti, image, affine, patch_header):
    path = nifti(image)
    fields = quaternion(nibabel.load(path).header, np.diag([1.5, 2.0, 8.0, 1.0]))
    fields["pixdim"] = [0, *fields["pixdim"][1:]]
    series = load_series(patch_header(path, **fields, sform_code=0))
    np.testing.assert_allclose(series.affine, np.diag([1.5, 2.0, 8.0, 1.0]))


NEGATIVE = {"pixdim": [1, -1.5, 2, 8, 1, 1, 1, 1]}


def test_odd_header_of_a_mask_is_told_by_series_and_by_itself(nifti, image, patch_header):
    mask = patch_header(nifti(np.ones(image.shape[:3], np.uint8), "mask.nii"), **NEGATIVE)
    path = nifti(image)
    with pytest.warns(UserWarning, match=r"mask\.nii: The voxel sizes .* not valid"):
        load_mask(mask, load_series(path))
    (told,) = load_series(path, mask=mask).warnings
    assert told.startswith("mask.nii: The voxel sizes")


def test_odd_header_of_labels_is_told(nifti, image, affine, patch_header):
    path = patch_header(nifti(np.ones(image.shape[:3], np.uint8), "rois.nii"), **NEGATIVE)
    loaded = load_labels(path, image.shape[2::-1], affine)
    assert any("voxel sizes" in text for text in loaded.warnings)


def test_odd_header_of_a_b1_map_is_told(nifti, image, patch_header):
    series = load_series(nifti(image))
    path = patch_header(nifti(np.ones(image.shape[:3], np.float32), "b1.nii"), **NEGATIVE)
    assert "voxel sizes" in load_b1(path, series).warnings[0]


def test_odd_header_of_maps_is_told_once_with_their_names(
    tmp_path, nifti, image, affine, patch_header
):
    for key in ("FF", "T1H2O", "Df"):
        path = nifti(np.full(image.shape[:3], 0.5, np.float32), f"{key}.nii")
        if key != "Df":
            patch_header(path, **NEGATIVE)
    (told,) = load_maps(tmp_path).file_warnings
    assert told.startswith("FF, T1H2O: The voxel sizes")
