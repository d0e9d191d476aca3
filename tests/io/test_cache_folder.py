"""Folders that nobody chose: what is told when they cannot be written, and how to move them."""

import errno
import sys
from pathlib import Path

import pytest

from napari_mrf import MRFInputError, load_series
from napari_mrf.io.atomic import atomic_write
from napari_mrf.io.kept_files import keeping


@pytest.fixture(autouse=True)
def on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.parametrize(
    ("number", "code", "cure"),
    [
        (errno.EACCES, "not-writable", "Make it writable"),
        (errno.EROFS, "not-writable", "Make it writable"),
        (errno.ENOSPC, "disk-full", "Free some space"),
    ],
)
@pytest.mark.parametrize("refusing", ["mkdir", "open", "replace"])
def test_cache_that_cannot_be_written_is_called_so(
    nifti, image, cache, monkeypatch, number, code, cure, refusing
):
    path = nifti(image, "a.nii.gz")
    real = getattr(Path, refusing)

    def refused(self, *arguments, **options):
        if self == cache or cache in self.parents:
            raise OSError(number, "refused", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, refusing, refused)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    error = caught.value
    assert (error.code, error.path) == (code, str(cache))
    assert "cache folder" in error.what
    assert error.hint.startswith(cure)
    for word in ("XDG_CACHE_HOME", "gunzip"):
        assert word in error.hint


def test_file_in_place_of_the_cache_is_told(nifti, image, cache):
    path = nifti(image, "a.nii.gz")
    cache.write_text("no folder")
    with pytest.raises(MRFInputError, match="cache folder") as caught:
        load_series(path)
    assert caught.value.code == "not-a-folder"


def test_damaged_series_is_not_blamed_on_the_cache(nifti, image):
    path = nifti(image, "a.nii.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "truncated"
    assert "cache" not in str(caught.value)


def test_failed_writes_of_others_in_the_body_are_told_so_too(tmp_path):
    folder = tmp_path / "kept" / "sample-1"
    with (
        pytest.raises(MRFInputError, match="the data folder") as caught,
        keeping(folder, "the data folder", variable="XDG_DATA_HOME"),
        atomic_write(folder / "a.txt"),
    ):
        pass
    assert caught.value.code == "missing-folder"
    assert "XDG_DATA_HOME" in caught.value.hint
    with (
        pytest.raises(MRFInputError) as caught,
        keeping(folder, "the data folder"),
        atomic_write(tmp_path / "elsewhere" / "a.txt"),
    ):
        pass
    assert "the data folder" not in str(caught.value)


def test_systems_without_the_variable_are_not_told_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(MRFInputError) as caught, keeping(tmp_path / "a", "the cache folder"):
        raise PermissionError(errno.EACCES, "refused")
    assert caught.value.hint == "Make it writable."
