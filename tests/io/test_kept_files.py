"""Caches that are emptied while their entries are in use: those are kept, and told."""

import gc
import os
import time

import dask
import nibabel
import numpy as np
import pytest
from kills import ended, in_child, killed

from napari_mrf import load_series
from napari_mrf.io import kept_files, owners
from napari_mrf.io.formats import gzip_cache
from napari_mrf.training.data import phantom_slices

DAY_S = 24 * 3600
# As it is before tests of this folder put it elsewhere.
CACHE_FOLDER = gzip_cache.cache_folder

if not hasattr(os, "fork"):
    pytest.skip("there is no fork here", allow_module_level=True)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache of a user, in a folder of the test."""
    root = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: root)
    monkeypatch.setattr(gzip_cache, "cache_folder", CACHE_FOLDER)
    return root


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def entry(cache, name="one.nii"):
    path = cache / "unpacked" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    return path


def test_packed_series_is_kept_while_it_is_open_and_told(nifti, image, cache, caplog):
    series = load_series(nifti(image, "series.nii.gz"))
    assert gzip_cache.clear_unpacked_cache() == 0
    assert "was kept: process" in caplog.text
    assert f"process {os.getpid()} on" in caplog.text
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    del series
    gc.collect()
    assert gzip_cache.clear_unpacked_cache() == 352 + image.size * 8
    assert names(cache / "unpacked") == []


def test_series_of_a_sample_is_kept_as_a_whole_while_it_is_open(nifti, image, cache):
    folder = cache / "samples" / "brain-1"
    (folder / "truth").mkdir(parents=True)
    (folder / "truth" / "T1.nii.gz").write_bytes(b"0" * 7)
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder / "series.nii")
    series = load_series(folder / "series.nii")
    assert kept_files.delete_kept(cache / "samples") == 0
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert (folder / "truth" / "T1.nii.gz").exists()
    del series
    gc.collect()
    assert kept_files.delete_kept(cache / "samples") == 7 + 352 + image.size * 8
    assert names(cache / "samples") == []


def test_series_outside_the_cache_is_not_marked(nifti, image, tmp_path):
    series = load_series(nifti(image))
    assert not list(tmp_path.rglob(".mrf-*"))
    assert series.n_frames == image.shape[-1]


def test_measured_phantoms_are_kept_while_the_process_that_trains_runs(cache):
    ready, go = os.pipe(), os.pipe()
    folder = cache / "phantoms" / "key"
    folder.mkdir(parents=True)
    (folder / "training-0000-maps.npy").write_bytes(b"123")

    def train():
        kept_files.hold_until_exit(folder)
        os.write(ready[1], b".")
        os.read(go[0], 1)

    child = in_child(train)
    os.read(ready[0], 1)
    assert phantom_slices.clear_cache() == 0
    os.write(go[1], b".")
    ended(child)  # without its exit handlers, as if it was killed
    assert names(cache / "phantoms") != ["key"]
    assert phantom_slices.clear_cache() == 3
    assert names(cache / "phantoms") == []


def test_series_that_another_process_is_unpacking_is_left_to_it(nifti, image, cache, caplog):
    ready, go = os.pipe(), os.pipe()
    path = nifti(image, "series.nii.gz")
    hold = kept_files.hold

    def held_back(entry):
        os.write(ready[1], b".")
        os.read(go[0], 1)
        return hold(entry)

    def unpack():
        kept_files.hold = held_back
        # Threads of the parent are none of a forked process.
        with dask.config.set(scheduler="synchronous"):
            np.testing.assert_array_equal(load_series(path).signal.compute(), image.T)

    child = in_child(unpack)
    os.read(ready[0], 1)
    (temporary,) = names(cache / "unpacked")
    assert temporary.endswith(".tmp")
    assert gzip_cache.clear_unpacked_cache() == 0
    assert f"process {child} on" in caplog.text
    os.write(go[1], b".")
    assert ended(child) == 0


def test_series_whose_unpacking_was_killed_is_unpacked_by_the_next_process(nifti, image, cache):
    path = nifti(image, "series.nii.gz")
    assert killed(lambda: load_series(path), lambda _, moved: moved.name.endswith(".nii"))
    assert names(cache / "unpacked")
    series = load_series(path)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert len(names(cache / "unpacked")) == 2  # the series, and the mark of this process
    del series
    gc.collect()
    assert names(cache / "unpacked")[0].endswith(".nii")


@pytest.mark.parametrize(("age_days", "freed"), [(6.9, 0), (7.1, 5)])
def test_entry_used_on_another_host_is_kept_for_a_week(cache, monkeypatch, age_days, freed):
    one = entry(cache)
    with monkeypatch.context() as patch:
        patch.setattr(owners.platform, "node", lambda: "elsewhere")
        kept_files.hold(one)
    (mark,) = one.parent.glob("*.use")
    os.utime(mark, (time.time() - age_days * DAY_S,) * 2)
    assert kept_files.delete_kept(one.parent) == freed
    assert one.exists() == (not freed)
    assert mark.exists() == (not freed)


def test_entry_that_is_taken_just_when_it_is_deleted_comes_back(cache, monkeypatch):
    one = entry(cache)
    users, asked = kept_files._users, []

    def late(folder):
        asked.append(folder)
        if len(asked) == 2:
            kept_files.hold(one)
        return users(folder)

    monkeypatch.setattr(kept_files, "_users", late)
    assert kept_files.delete_kept(one.parent) == 0
    assert one.read_bytes() == b"12345"


def test_forked_process_does_not_end_what_its_parent_uses(cache):
    one = entry(cache)
    release = kept_files.hold(one)
    assert ended(in_child(release)) == 0
    assert kept_files.delete_kept(one.parent) == 0
    release()
    assert kept_files.delete_kept(one.parent) == 5
