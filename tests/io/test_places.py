"""Places that cannot be written or emptied: cause and cure, and the program lives on."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_mrf import MRFInputError
from napari_mrf.io.atomic import make_folder, place_error
from napari_mrf.io.formats.nifti_write import write_series
from napari_mrf.io.kept_files import delete_kept
from napari_mrf.io.tables.table_files import write_excel


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("packed", [False, True])
def test_series_on_a_full_disk_is_an_error_and_no_end_of_the_program(tmp_path, packed):
    path = tmp_path / "series"
    path.symlink_to("/dev/full")
    (tmp_path / "series.raw").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_series(path, np.zeros((5, 2, 3, 4), np.complex64), None, packed=packed)


def test_series_is_not_mapped_into_memory_to_be_written(tmp_path, monkeypatch):
    # On a full disk a mapped write ends the program with a bus error.
    monkeypatch.delattr(np, "memmap")
    values = np.arange(120, dtype=np.complex64).reshape(5, 2, 3, 4)
    write_series(tmp_path / "a.nii", values, None, packed=False)
    stored = np.frombuffer((tmp_path / "a.nii").read_bytes()[352:], np.complex64)
    np.testing.assert_array_equal(stored, values.ravel())


def test_excel_on_a_full_disk_names_the_cause(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MRFInputError, match="the disk is full"):
        write_excel(tmp_path / "a.xlsx", {"one": pd.DataFrame({"x": [1]})})
    assert not list(tmp_path.iterdir())


def test_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MRFInputError) as caught:
        make_folder(tmp_path / "file" / "below")
    assert caught.value.code == "not-a-folder"


def test_kept_files_are_deleted_and_counted_but_not_what_links_lead_to(tmp_path):
    kept, outside = tmp_path / "kept", tmp_path / "outside"
    (kept / "a" / "b").mkdir(parents=True)
    outside.mkdir()
    (outside / "mine").write_bytes(b"1234567")
    (kept / "one").write_bytes(b"123")
    (kept / "a" / "b" / "two").write_bytes(b"12345")
    link = kept / "a" / "link"
    link.symlink_to(outside)
    own_size = link.lstat().st_size
    assert delete_kept(kept) == 8 + own_size
    assert not list(kept.iterdir())  # it stays itself: others may be about to write there
    assert (outside / "mine").exists()
    assert delete_kept(tmp_path / "absent") == 0


def test_kept_file_that_may_not_be_deleted_is_named(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("")

    def refuse(path, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(MRFInputError, match="one") as caught:
        delete_kept(tmp_path)
    assert caught.value.code == "not-writable"


def test_error_of_the_system_names_place_and_cause_where_there_are_any():
    found = place_error(PermissionError(errno.EACCES, "Permission denied", "/there"))
    assert (found.code, found.path) == ("no-permission", "/there")
    assert place_error(OSError(errno.ENOSPC, "No space left")).code == "disk-full"
    assert place_error(ConnectionResetError(errno.ECONNRESET, "reset")) is None
    assert place_error(OSError("no number")) is None
