"""ITK-SNAP label files and label maps on disk."""

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHARED, needs

from napari_mrf.data.label import Label
from napari_mrf.errors import MRFInputError
from napari_mrf.io.labels.label_maps import load_labels, save_labels
from napari_mrf.io.labels.label_table import (
    CLEAR_LABEL,
    format_label_table,
    load_label_table,
    parse_label_table,
    save_label_table,
)

THIGH = SHARED / "data" / "thigh"
AFFINE = np.array([[-1.5, 0, 0, 90], [0, 1.5, 0, -80], [0, 0, 8, 12], [0, 0, 0, 1.0]])
names = st.text(st.characters(exclude_characters='"', exclude_categories=["C", "Z"]), max_size=20)
channels = st.integers(0, 255)
labels = st.builds(
    Label,
    index=st.integers(1, 2**31 - 1),
    name=names,
    color=st.tuples(channels, channels, channels),
    opacity=st.integers(0, 100).map(lambda percent: percent / 100),
    visible=st.booleans(),
    mesh_visible=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(table=st.lists(labels, max_size=8, unique_by=lambda label: label.index))
def test_label_table_comes_back_as_it_was_written(table):
    back = parse_label_table(format_label_table(table))
    assert back == {0: CLEAR_LABEL, **{label.index: label for label in table}}


@needs(THIGH)
def test_label_file_of_a_real_study_is_read():
    table = load_label_table(THIGH / "labels_thighs.txt")
    assert table[16] == Label(16, "BF_SH_R", (255, 163, 0))
    assert not table[0].visible


def test_label_name_holds_blanks_and_umlauts_and_ids_exceed_7000(tmp_path):
    path = tmp_path / "blätter 1.txt"
    save_label_table(path, [Label(7123, "M. vastus lateralis (rechts, größer)")])
    assert load_label_table(path)[7123].name == "M. vastus lateralis (rechts, größer)"
    windows = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + windows)
    assert 7123 in load_label_table(path)


@pytest.mark.parametrize(
    "line",
    ['7 32 103 0 1 1 1 VL', '7 32 103 1 1 1 "VL"', '7 32 300 0 1 1 1 "VL"', '7 1 2 3 9 1 1 "VL"',
     '-7 32 103 0 1 1 1 "VL"', '6 1 1 1 1 1 1 "twice"', '99999999999 1 1 1 1 1 1 "large"',
     '7 1 2 3 nan 1 1 "VL"'],
)  # fmt: skip
def test_faulty_line_is_named_by_its_number_and_file(tmp_path, line):
    path = tmp_path / "labels.txt"
    path.write_text(f'# comment\n\n6 1 2 3 1 1 1 "FEMUR"\n{line}\n')
    with pytest.raises(MRFInputError, match="line 4") as caught:
        load_label_table(path)
    assert caught.value.code == "bad-label-table"
    assert caught.value.path == str(path)


def test_label_table_that_is_none_is_refused(tmp_path):
    path = tmp_path / "x.txt"
    for content, code in (
        (b"# nothing\n", "bad-label-table"),
        (b"\xff\xfe\x00binary", "bad-label-table"),
        (b"#" * 5_000_001, "file-too-large"),
    ):
        path.write_bytes(content)
        with pytest.raises(MRFInputError) as caught:
            load_label_table(path)
        assert caught.value.code == code
    with pytest.raises(MRFInputError, match="does not exist"):
        load_label_table(tmp_path / "absent.txt")
    with pytest.raises(MRFInputError, match="double quotes"):
        Label(3, 'a "b"')
    with pytest.raises(MRFInputError, match="already exists"):
        save_label_table(path, [])


def test_label_numbers_may_not_occur_twice_in_what_is_written():
    with pytest.raises(MRFInputError, match="same number"):
        format_label_table([Label(3, "a"), Label(3, "b")])


@pytest.mark.parametrize(("highest", "dtype"), [(33, np.uint16), (7200, np.uint16), (70000, "i4")])
def test_label_map_comes_back_with_affine_and_type(tmp_path, highest, dtype):
    values = np.zeros((3, 5, 4), np.int64)
    values[1, 2, 3], values[2, 0, 0] = highest, 5
    path = tmp_path / "rois.nii.gz"
    save_labels(path, values, AFFINE)
    image = nibabel.load(path)
    assert image.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, values)
    np.testing.assert_allclose(image.affine, AFFINE)
    back = load_labels(path, values.shape, AFFINE)
    np.testing.assert_array_equal(back.values, values)
    assert back.values.dtype == dtype
    assert not back.resampled
    assert back.warnings == ()
    with pytest.raises(MRFInputError, match="already exists"):
        save_labels(path, values, AFFINE)


def write(path, values, affine, dtype=np.float32):
    nibabel.save(nibabel.Nifti1Image(values.T.astype(dtype), affine), path)


def test_float_labels_are_accepted_where_they_are_whole(tmp_path):
    values = np.arange(60.0).reshape(3, 4, 5)
    path = tmp_path / "float.nii"
    write(path, values, AFFINE)
    np.testing.assert_array_equal(load_labels(path, values.shape, AFFINE).values, values)
    for wrong in (0.5, 1e-4, np.inf):
        values[0, 0, 0] = wrong
        write(path, values, AFFINE)
        with pytest.raises(MRFInputError, match="not whole numbers"):
            load_labels(path, values.shape, AFFINE)
    values[0, 0, 0] = -1
    write(path, values, AFFINE)
    with pytest.raises(MRFInputError, match="out of range"):
        load_labels(path, values.shape, AFFINE)


def test_nan_of_a_label_map_is_background_and_told(tmp_path):
    values = np.arange(60.0).reshape(3, 4, 5)
    values[1:, 0] = np.nan
    write(tmp_path / "nan.nii", values, AFFINE)
    loaded = load_labels(tmp_path / "nan.nii", values.shape, AFFINE)
    np.testing.assert_array_equal(loaded.values, np.nan_to_num(values))
    (told,) = loaded.warnings
    assert "nan.nii: 10 voxels" in told


@pytest.mark.parametrize(
    ("highest", "dtype"), [(5, np.int16), (5, np.uint8), (59, np.uint8), (7000, np.int32),
                           (1, np.int16), (300, np.int16)],
)  # fmt: skip
@pytest.mark.parametrize("cut", [np.rint, np.floor])
def test_labels_under_a_scale_are_rounded_within_its_step(tmp_path, highest, dtype, cut):
    rng = np.random.default_rng(4)
    values = rng.integers(0, highest + 1, (3, 4, 5))
    values[0, 0, 0] = highest
    slope = highest / np.iinfo(dtype).max
    image = nibabel.Nifti1Image(cut(values.T / slope).astype(dtype), AFFINE)
    image.header.set_slope_inter(slope, 0)
    nibabel.save(image, tmp_path / "scaled.nii")
    loaded = load_labels(tmp_path / "scaled.nii", values.shape, AFFINE)
    np.testing.assert_array_equal(loaded.values, values)


@pytest.mark.parametrize("slope", [0.5, 0.1, 1.5])
def test_interpolated_labels_under_a_scale_are_refused(tmp_path, slope):
    image = nibabel.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(np.int16), AFFINE)
    image.header.set_slope_inter(slope, 0)
    nibabel.save(image, tmp_path / "scaled.nii")
    with pytest.raises(MRFInputError, match="not whole numbers"):
        load_labels(tmp_path / "scaled.nii", (5, 4, 3), AFFINE)


def flipped_left_right(affine, n_x):
    return affine @ np.array([[-1, 0, 0, n_x - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def test_flipped_label_map_is_blocked_and_comes_right_by_resampling(tmp_path):
    values = np.arange(60).reshape(3, 4, 5)
    path = tmp_path / "flipped.nii"
    write(path, values[:, :, ::-1], flipped_left_right(AFFINE, 5), np.int16)
    with pytest.raises(MRFInputError, match="left and right run the other way") as caught:
        load_labels(path, values.shape, AFFINE)
    assert caught.value.code == "other-grid"
    assert "nearest" in caught.value.hint
    result = load_labels(path, values.shape, AFFINE, resample="nearest")
    np.testing.assert_array_equal(result.values, values)
    assert result.resampled
    assert "nearest" in result.warnings[0]


def test_finer_label_map_is_blocked_and_resampled_to_the_voxel_it_lies_in(tmp_path):
    coarse = np.arange(1, 61).reshape(3, 4, 5)
    fine = coarse.repeat(3, 1).repeat(3, 2)
    affine = AFFINE @ np.diag([1 / 3, 1 / 3, 1, 1])
    affine[:3, 3] = (AFFINE @ [-1 / 3, -1 / 3, 0, 1])[:3]
    path = tmp_path / "fine.nii.gz"
    write(path, fine, affine, np.uint16)
    with pytest.raises(MRFInputError, match="voxels of"):
        load_labels(path, coarse.shape, AFFINE)
    result = load_labels(path, coarse.shape, AFFINE, resample="nearest")
    np.testing.assert_array_equal(result.values, coarse)


def test_shifted_label_map_is_blocked_and_lost_labels_are_named(tmp_path):
    values = np.zeros((2, 4, 6), np.uint16)
    values[:, :, 0], values[:, :, 3] = 9, 4
    shifted = AFFINE.copy()
    shifted[:3, 3] = (AFFINE @ [-2, 0, 0, 1])[:3]
    path = tmp_path / "shifted.nii"
    write(path, values, shifted, np.uint16)
    # Two voxels of 1.5 mm against x, which runs to the left in this affine.
    with pytest.raises(MRFInputError, match=r"it is shifted by 3 mm to the right\. ") as caught:
        load_labels(path, values.shape, AFFINE)
    assert (caught.value.expected, caught.value.found) == (None, None)  # the shapes are equal
    result = load_labels(path, values.shape, AFFINE, resample="nearest")
    assert set(np.unique(result.values)) == {0, 4}
    np.testing.assert_array_equal(result.values[:, :, 1], 4)
    assert "9" in result.warnings[1]


@pytest.mark.parametrize(
    ("offset_mm", "said"),
    [((-2.5, 0, 0), "shifted by 2.5 mm to the left."), ((0, 4, 0), "shifted by 4 mm to the front."),
     ((0, -0.5, 8), "shifted by 0.5 mm to the back and 8 mm to the head."),
     ((0, 0.0001, -12), "shifted by 12 mm to the foot.")],
)  # fmt: skip
def test_shift_of_a_label_map_is_told_in_mm(tmp_path, offset_mm, said):
    shifted = AFFINE.copy()
    shifted[:3, 3] += offset_mm
    path = tmp_path / "shifted.nii"
    write(path, np.ones((2, 4, 6)), shifted, np.uint16)
    with pytest.raises(MRFInputError, match=said.replace(".", r"\.")):
        load_labels(path, (2, 4, 6), AFFINE)


def test_label_map_that_is_turned_a_little_is_not_called_shifted(tmp_path):
    angle = np.deg2rad(1.0)
    turned = AFFINE.copy()
    turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    turned[:3, :3] = turn @ AFFINE[:3, :3]
    center = np.array([49.5, 39.5, 0.5])
    turned[:3, 3] += (AFFINE - turned)[:3, :3] @ center
    path = tmp_path / "turned.nii"
    write(path, np.ones((2, 80, 100)), turned, np.uint16)
    # The corners lie 95.0 mm from the axis: 95.0 mm · 2 sin(0.5°) = 1.66 mm.
    with pytest.raises(MRFInputError, match=r"slightly rotated or stretched, by 1\.7 mm"):
        load_labels(path, (2, 80, 100), AFFINE)


def test_label_map_without_geometry_needs_the_shape_and_says_so(tmp_path):
    values = np.ones((2, 3, 4), np.uint16)
    path = tmp_path / "rois.nii.gz"
    save_labels(path, values, None)
    result = load_labels(path, values.shape, AFFINE)
    assert "no geometry" in result.warnings[0]
    assert load_labels(path, values.shape, None).warnings == ()
    with pytest.raises(MRFInputError, match="another shape") as caught:
        load_labels(path, (2, 3, 5), AFFINE, resample="nearest")
    assert "cannot be resampled" in caught.value.hint


def test_label_map_is_refused_for_wrong_shape_name_or_type(tmp_path):
    with pytest.raises(MRFInputError, match=r"\.nii\.gz"):
        save_labels(tmp_path / "rois.nii", np.ones((1, 2, 2), int), None)
    with pytest.raises(MRFInputError, match="three axes"):
        save_labels(tmp_path / "rois.nii.gz", np.ones((2, 2), int), None)
    with pytest.raises(MRFInputError, match="whole numbers"):
        save_labels(tmp_path / "rois.nii.gz", np.full((1, 2, 2), 0.5), None)
