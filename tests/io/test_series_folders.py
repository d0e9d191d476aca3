"""Series in folders, beside all that is none."""

import json

import nibabel
import numpy as np
import pytest

from napari_mrf import MRFInputError
from napari_mrf.io import find_series
from napari_mrf.io.series.folders import series_and_remarks


@pytest.fixture
def folder(tmp_path, nifti, image):
    """Two series, a pair among them, and every kind of volume that may lie beside."""
    home = tmp_path / "study"
    home.mkdir()
    for name in ("a.nii", "b.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), home / name)
    for name in ("c_real.nii", "c_imag.nii"):
        nibabel.save(nibabel.Nifti1Image(image.real, np.eye(4)), home / name)
    volume = image[..., 0]
    nibabel.save(nibabel.Nifti1Image(np.ones(volume.shape, np.uint16), None), home / "rois.nii.gz")
    nibabel.save(nibabel.Nifti1Image(volume.real, None), home / "FF.nii.gz")
    nibabel.save(nibabel.Nifti1Image(volume, None), home / "m0.nii.gz")
    nibabel.save(nibabel.Nifti1Image(volume.real[..., None], None), home / "b1.nii")
    np.save(home / "mask.npy", np.ones(volume.shape[::-1], bool))
    np.save(home / "signals.npy", image.reshape(-1, 175))
    (home / "notes.txt").write_text("no image")
    return home


def test_folder_gives_its_series_and_names_what_is_left_aside(folder):
    found, (remark,) = series_and_remarks([folder])
    assert list(found) == ["a", "b", "c_real"]
    for name in ("rois.nii.gz", "FF.nii.gz", "m0.nii.gz", "b1.nii", "mask.npy", "signals.npy"):
        assert name in remark
    assert "notes" not in remark


def test_file_that_is_named_is_taken_as_it_is(folder):
    assert find_series([folder / "rois.nii.gz"]) == {"rois": folder / "rois.nii.gz"}


def test_folder_of_volumes_alone_is_refused_with_their_names(folder):
    for path in (*folder.glob("[ac]*"), folder / "b.nii.gz"):
        path.unlink()
    with pytest.raises(MRFInputError) as caught:
        find_series([folder])
    assert caught.value.code == "no-series"
    assert "FF.nii.gz" in caught.value.found


def test_single_slice_over_time_is_a_series_where_the_order_is_said(tmp_path, image):
    slices = image[:, :, 0]
    nibabel.save(nibabel.Nifti1Image(slices, None), tmp_path / "one.nii")
    np.save(tmp_path / "two.npy", slices)
    assert list(find_series([tmp_path])) == ["two"]
    assert list(find_series([tmp_path], axes="XYT")) == ["one", "two"]
    block = {"MRF": {"SchemaVersion": 1, "AxisOrder": "XYT"}}
    (tmp_path / "one.json").write_text(json.dumps(block))
    assert list(find_series([tmp_path])) == ["one", "two"]


def test_damaged_file_is_left_to_the_reader(tmp_path, image):
    (tmp_path / "broken.nii").write_bytes(b"nothing that can be read")
    assert list(find_series([tmp_path])) == ["broken"]


def subject(tmp_path, image, folder, name="series.nii"):
    home = tmp_path / folder
    home.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), home / name)
    return home


def test_series_of_one_name_are_named_by_their_folders(tmp_path, image):
    homes = [subject(tmp_path, image, name) for name in ("s1", "s2")]
    for given in (homes, [home / "series.nii" for home in homes]):
        found, (remark,) = series_and_remarks(given)
        assert found == {home.name: home / "series.nii" for home in homes}
        assert remark.endswith("each is named by its folder: s1, s2.")


def test_series_that_folders_do_not_tell_apart_are_refused(tmp_path, image):
    first = subject(tmp_path, image, "a/scan")
    second = subject(tmp_path, image, "b/scan")
    third = subject(tmp_path, image, "c", "other.nii")
    subject(tmp_path, image, "c")
    for given in ([first, second], [first, third], [first, first]):
        with pytest.raises(MRFInputError) as caught:
            find_series(given)
        assert caught.value.code == "same-name"
    assert list(find_series([first, third / "other.nii"])) == ["series", "other"]
