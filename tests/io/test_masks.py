"""Masks and fingerprints on disk."""

import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series
from napari_mrf.io import atomic_write, load_mask, save_fingerprints, save_series


@pytest.fixture
def series(nifti, image):
    return load_series(nifti(image))


@pytest.fixture
def inside():
    return np.random.default_rng(3).integers(0, 2, (4, 3, 2)).astype(bool)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz"])
def test_nifti_mask_is_read_on_the_grid_of_the_series(nifti, series, inside, dtype, name):
    mask = load_mask(nifti((inside * 3).astype(dtype), name), series)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, inside.T)


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_npy_mask_is_read_in_the_order_of_arrays(tmp_path, series, inside, dtype):
    np.save(tmp_path / "mask.npy", inside.T.astype(dtype))
    np.testing.assert_array_equal(load_mask(tmp_path / "mask.npy", series), inside.T)


def test_mask_of_a_single_slice_may_have_two_axes(nifti, image, inside):
    series = load_series(nifti(image[:, :, :1]))
    mask = load_mask(nifti(inside[:, :, 0].astype(np.uint8), "mask.nii"), series)
    np.testing.assert_array_equal(mask, inside.T[:1])


def test_series_takes_a_mask_by_path_or_array(nifti, image, inside):
    path = nifti(inside.astype(np.uint8), "mask.nii.gz")
    for mask in (path, str(path), inside.T):
        np.testing.assert_array_equal(load_series(nifti(image), mask=mask).mask, inside.T)


def test_mask_on_another_grid_is_refused(nifti, series, inside, affine):
    flipped = affine @ np.diag([-1.0, 1, 1, 1])
    for values, geometry in ((inside[:2], affine), (inside, flipped), (inside, affine + 0.5)):
        path = nifti(values.astype(np.uint8), "mask.nii", geometry=geometry)
        with pytest.raises(MRFInputError) as caught:
            load_mask(path, series)
        assert caught.value.code == "bad-mask"
        assert caught.value.path == str(path)


def test_mask_with_nan_or_complex_values_is_refused(nifti, series, inside):
    values = inside.astype(np.float32)
    values[0, 0, 0] = np.nan
    for wrong in (values, inside.astype(np.complex64)):
        with pytest.raises(MRFInputError) as caught:
            load_mask(nifti(wrong, "mask.nii"), series)
        assert caught.value.code == "bad-mask"


def test_masks_of_four_axes_or_none_are_refused(tmp_path, nifti, series, image):
    with pytest.raises(MRFInputError) as caught:
        load_mask(nifti(np.abs(image), "mask.nii"), series)
    assert caught.value.code == "bad-shape"
    with pytest.raises(MRFInputError) as caught:
        load_mask(tmp_path / "none.nii", series)
    assert caught.value.code == "missing-file"


def test_fingerprints_are_written_as_complex64(tmp_path):
    values = np.arange(6).reshape(2, 3) * (1 + 2j)
    path = save_fingerprints(values, tmp_path / "f.npy")
    stored = np.load(path, allow_pickle=False)
    assert stored.dtype == np.complex64
    np.testing.assert_array_equal(stored, values)
    with pytest.raises(MRFInputError) as caught:
        save_fingerprints(values * 2, path)
    assert caught.value.code == "exists"
    np.testing.assert_array_equal(np.load(path), values)
    with pytest.raises(MRFInputError) as caught:
        save_fingerprints(values[0], tmp_path / "g.npy")
    assert caught.value.code == "bad-shape"


def test_name_that_is_too_long_is_refused(tmp_path, series):
    with pytest.raises(MRFInputError) as caught:
        save_fingerprints(np.ones((1, 2)), tmp_path / ("n" * 300 + ".npy"))
    assert caught.value.code == "name-too-long"
    with pytest.raises(MRFInputError) as caught:
        save_series(series, tmp_path / ("n" * 300 + ".nii"))
    assert caught.value.code == "name-too-long"
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / ("n" * 300 + ".nii"))
    assert caught.value.code == "unreadable-file"


def test_series_needs_a_name_of_its_formats_and_is_not_overwritten(tmp_path, series):
    with pytest.raises(MRFInputError) as caught:
        save_series(series, tmp_path / "s.npy")
    assert caught.value.code == "bad-suffix"
    save_series(series, tmp_path / "s.nii")
    before = (tmp_path / "s.nii").read_bytes()
    with pytest.raises(MRFInputError) as caught:
        save_series(series, tmp_path / "s.nii")
    assert caught.value.code == "exists"
    save_series(series, tmp_path / "s.nii", overwrite=True)
    assert (tmp_path / "s.nii").read_bytes() == before


def test_atomic_write_keeps_the_old_file_after_a_failure(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(MRFInputError) as caught, atomic_write(tmp_path / "none" / "a"):
        pass
    assert caught.value.code == "missing-folder"
    with pytest.raises(MRFInputError) as caught, atomic_write(tmp_path / ("n" * 256)):
        pass
    assert caught.value.code == "name-too-long"
