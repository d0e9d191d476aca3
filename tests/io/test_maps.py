"""Maps out and in: all files or none, the same bytes every time."""

import errno
import gzip
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_mrf import MRFInputError, ParameterMaps, load_maps, save_maps
from napari_mrf.data.maps import FLAGS

_NOBODY = 65534


@pytest.fixture
def maps(affine):
    rng = np.random.default_rng(6)
    values = {key: rng.uniform(0, 1000, (2, 3, 4)) for key in ("FF", "T1H2O", "T1fat", "Df", "B1")}
    values["FF"][0, 1] = np.nan
    return ParameterMaps(
        values,
        quality=rng.uniform(0, 1, (2, 3, 4)),
        m0=rng.standard_normal((2, 3, 4)) + 1j,
        flags=rng.integers(0, 1024, (2, 3, 4)),
        affine=affine + 1e-9,
        provenance={"method": {"name": "water-fat"}, "input": ["a.nii"]},
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_equal_maps(first, second):
    assert list(first) == list(second)
    for key in first:
        assert second[key].dtype == np.float32
        np.testing.assert_array_equal(first[key], second[key])
    for name in ("quality", "m0", "flags", "affine"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        if getattr(first, name) is not None:
            assert getattr(first, name).dtype == getattr(second, name).dtype
    assert first.provenance == second.provenance


def test_maps_come_back_as_they_were(tmp_path, maps):
    written = save_maps(maps, tmp_path / "new" / "folder")
    assert {path.name for path in written} == set(contents(tmp_path / "new" / "folder"))
    assert written[-1].name == "maps.json"
    assert_equal_maps(maps, load_maps(tmp_path / "new" / "folder"))


def test_maps_without_geometry_and_companions_come_back(tmp_path):
    maps = ParameterMaps({"T1": np.ones((1, 2, 3)), "T2": np.zeros((1, 2, 3))})
    save_maps(maps, tmp_path)
    assert_equal_maps(maps, load_maps(tmp_path))
    header = nibabel.load(tmp_path / "T1.nii.gz").header
    assert header["sform_code"] == header["qform_code"] == 0
    assert json.loads((tmp_path / "maps.json").read_text())["geometry"].startswith("unknown")


def test_nibabel_reads_the_same_numbers_in_the_same_place(tmp_path, maps, affine):
    save_maps(maps, tmp_path)
    for key in maps:
        image = nibabel.load(tmp_path / f"{key}.nii.gz")
        assert image.get_data_dtype() == np.float32
        np.testing.assert_array_equal(np.asanyarray(image.dataobj), maps[key].T)
        np.testing.assert_allclose(image.affine, affine, atol=1e-5)
        np.testing.assert_allclose(image.get_qform(), affine, atol=1e-4)
        assert image.header.get_xyzt_units()[0] == "mm"
    m0 = nibabel.load(tmp_path / "m0.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(m0.dataobj), maps.m0.T)
    assert nibabel.load(tmp_path / "flags.nii.gz").get_data_dtype() == np.uint16


def test_flags_of_eight_bits_are_read_as_they_are(tmp_path, maps):
    """As earlier versions wrote them."""
    save_maps(maps, tmp_path)
    (tmp_path / "maps.json").unlink()
    path = tmp_path / "flags.nii.gz"
    bits = (maps.flags & 255).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(bits.T, nibabel.load(path).affine), path)
    flags = load_maps(tmp_path).flags
    assert flags.dtype == np.uint16
    np.testing.assert_array_equal(flags, bits)


def test_record_says_units_sums_and_the_meaning_of_flags(tmp_path, maps):
    save_maps(maps, tmp_path)
    record = json.loads((tmp_path / "maps.json").read_text())
    assert record["software"]["name"] == "napari-mrf"
    assert record["provenance"] == maps.provenance
    assert record["maps"]["T1H2O"]["unit"] == "ms"
    assert record["maps"]["T1H2O"]["valid_where"] == "FF < 0.7"
    assert record["maps"]["flags"]["bits"] == FLAGS
    for entry in record["maps"].values():
        content = (tmp_path / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_same_maps_give_the_same_bytes(tmp_path, maps, monkeypatch):
    save_maps(maps, tmp_path / "a")
    monkeypatch.setattr("time.time", lambda: 12345.0)
    save_maps(maps, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_earlier_results_are_kept_unless_overwriting_is_allowed(tmp_path, maps):
    (tmp_path / "notes.txt").write_text("mine")
    save_maps(maps, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(MRFInputError) as caught:
        save_maps(ParameterMaps({"T1": np.ones((1, 1, 1))}), tmp_path)
    assert caught.value.code == "exists"
    assert contents(tmp_path) == before
    save_maps(ParameterMaps({"T1": np.ones((1, 1, 1))}), tmp_path, overwrite=True)
    assert set(contents(tmp_path)) == {"T1.nii.gz", "maps.json", "notes.txt"}


def fail_after(count, number, monkeypatch):
    """Let the n-th write of a map fail as the system does."""
    from napari_mrf.io.formats import nifti_write

    written = []
    write = nifti_write.write_volume

    def failing(path, *arguments):
        written.append(path)
        if len(written) > count:
            path.write_bytes(b"half of a ma")
            raise OSError(number, os.strerror(number))
        write(path, *arguments)

    monkeypatch.setattr(nifti_write, "write_volume", failing)


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EROFS, "not-writable"),
        (errno.EACCES, "not-writable"),
        (errno.EIO, "write-failed"),
    ],
)
def test_failed_write_leaves_nothing_and_the_old_files(
    tmp_path, maps, monkeypatch, count, number, code
):
    old = ParameterMaps({"FF": np.ones((1, 1, 1))})
    save_maps(old, tmp_path / "old")
    before = contents(tmp_path / "old")
    fail_after(count, number, monkeypatch)
    for folder in ("old", "new"):
        with pytest.raises(MRFInputError) as caught:
            save_maps(maps, tmp_path / folder, overwrite=True)
        assert caught.value.code == code
    assert contents(tmp_path / "old") == before
    assert contents(tmp_path / "new") == {}


def test_interrupted_write_leaves_nothing(tmp_path, maps, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_mrf.io.formats.nifti_write.write_volume", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_maps(maps, tmp_path)
    assert contents(tmp_path) == {}


def test_provenance_that_json_cannot_hold_leaves_nothing(tmp_path, maps):
    maps.provenance["threshold"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        save_maps(maps, tmp_path)
    assert contents(tmp_path) == {}


def test_file_where_the_folder_should_be_is_refused(tmp_path, maps):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MRFInputError) as caught:
            save_maps(maps, folder)
        assert caught.value.code == "not-a-folder"


@contextmanager
def no_root():
    """Be another user for a while: root writes anywhere."""
    before = os.geteuid()
    os.seteuid(before or _NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no folders of this kind")
def test_read_only_folder_is_refused(tmp_path, maps):
    save_maps(maps, tmp_path)  # loads what another user might not be allowed to read
    # That of pytest is closed to other users as a whole.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with no_root(), pytest.raises(MRFInputError) as caught:
            save_maps(maps, folder)
        assert contents(Path(folder)) == {}
        Path(folder).chmod(0o755)
    assert caught.value.code == "not-writable"


def test_folder_that_takes_no_file_is_refused(tmp_path, maps, monkeypatch):
    def refused(self, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    with pytest.raises(MRFInputError) as caught:
        save_maps(maps, tmp_path)
    assert caught.value.code == "not-writable"
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["with blanks", "Mügge-大腿", "n" * 250])
def test_odd_folder_names_are_written_and_read(tmp_path, maps, name):
    save_maps(maps, tmp_path / name)
    assert_equal_maps(maps, load_maps(tmp_path / name))


def test_folder_name_that_is_too_long_is_refused(tmp_path, maps):
    with pytest.raises(MRFInputError) as caught:
        save_maps(maps, tmp_path / ("n" * 300))
    assert caught.value.code == "name-too-long"


def test_changed_map_is_told(tmp_path, maps):
    save_maps(maps, tmp_path)
    path = tmp_path / "FF.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[400] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path)
    assert caught.value.code == "sha256-mismatch"


def test_missing_map_is_told(tmp_path, maps):
    save_maps(maps, tmp_path)
    (tmp_path / "Df.nii.gz").unlink()
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path)
    assert caught.value.code == "missing-file"


def test_plain_maps_without_a_record_are_read(nifti, image, affine, tmp_path):
    first, second = np.abs(image[..., 0]), np.abs(image[..., 1])
    nifti(first.astype(np.float64), "FF.nii")
    nifti(second, "T1H2O.nii.gz")
    maps = load_maps(tmp_path)
    assert list(maps) == ["FF", "T1H2O"]
    np.testing.assert_array_equal(maps["FF"], first.T)
    np.testing.assert_array_equal(maps["T1H2O"], second.T)
    np.testing.assert_allclose(maps.affine, affine)
    assert maps.provenance == {}


def test_maps_on_different_grids_are_refused(nifti, image, affine, tmp_path):
    nifti(np.abs(image[..., 0]), "FF.nii")
    for values, geometry in ((image[:2, ..., 0], affine), (image[..., 0], affine * 1.1)):
        nifti(np.abs(values), "T1H2O.nii", geometry=geometry)
        with pytest.raises(MRFInputError) as caught:
            load_maps(tmp_path)
        assert caught.value.code == "other-grid"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"format": "napari-mrf maps", "version": 2, "maps": {}}',
        '{"format": "napari-mrf maps", "version": 1, "maps": []}',
        '{"format": "napari-mrf maps", "version": 1, "maps": {"FF": {"file": "FF.nii.gz"}}}',
        '{"format": "napari-mrf maps", "version": 1, "maps": {"X": {"file": "a", "sha256": "b"}}}',
        '{"format": "napari-mrf maps", "version": 1, "maps": {}, "provenance": 3}',
        "[NaN]",
    ],
)
def test_broken_record_is_refused(tmp_path, text):
    (tmp_path / "maps.json").write_text(text)
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path)
    assert caught.value.code in ("bad-record", "bad-json")


def test_folders_without_maps_are_told(tmp_path):
    for folder, code in ((tmp_path, "no-maps"), (tmp_path / "none", "missing-folder")):
        with pytest.raises(MRFInputError) as caught:
            load_maps(folder)
        assert caught.value.code == code
    with pytest.raises(MRFInputError) as caught:
        save_maps(ParameterMaps({}), tmp_path)
    assert caught.value.code == "no-maps"


def test_writes_reach_the_disk_before_they_take_their_names(tmp_path, maps, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (events.append("sync"), fsync(number))[1])
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append("name"), replace(self, to))[1]
    )
    save_maps(maps, tmp_path)
    # The tenth is the note of what is about to take its place.
    assert events == ["sync"] * 10 + ["name"] * 9 + ["sync"]
