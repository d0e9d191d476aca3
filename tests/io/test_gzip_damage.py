"""Damaged and hostile .nii.gz files: nothing is believed before the last byte is checked."""

import gzip
import zlib

import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series
from napari_mrf.io import clear_unpacked_cache, load_mask
from napari_mrf.io.formats import gzip_cache


def test_every_bit_flip_that_changes_a_number_is_caught(nifti, image):
    path = nifti(image, "series.nii.gz")
    good = path.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for position in rng.choice(len(good), 120, replace=False):
        flipped = bytearray(good)
        flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            series = load_series(path)
        except MRFInputError:
            refused += 1
            continue
        # A few bits of the gzip header (time, system) mean nothing to the numbers.
        np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert refused >= 115


def test_wrong_checksum_is_named(nifti, image, cache):
    path = nifti(image, "series.nii.gz")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    content[-8] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "corrupt-gzip"
    assert not list(cache.glob("*"))


@pytest.mark.parametrize("left", [0.001, 0.3, 0.9, 0.9999])
def test_truncated_gzip_tells_expected_and_found_bytes(nifti, image, left, cache):
    path = nifti(image, "series.nii.gz")
    content = path.read_bytes()
    path.write_bytes(content[: max(int(len(content) * left), 20)])
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "truncated"
    assert "bytes" in caught.value.expected
    assert "bytes" in caught.value.found
    assert not list(cache.glob("*"))


def test_complete_gzip_of_a_truncated_image_is_refused(tmp_path, nifti, image):
    whole = nifti(image).read_bytes()
    path = tmp_path / "cut.nii.gz"
    path.write_bytes(gzip.compress(whole[:-8]))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "truncated"
    assert str(len(whole)) in caught.value.expected
    assert str(len(whole) - 8) in caught.value.found


def test_bomb_is_stopped_at_its_declared_size(tmp_path, nifti, image, cache, monkeypatch):
    whole = nifti(image).read_bytes()
    packer = zlib.compressobj(9, wbits=31)
    path = tmp_path / "bomb.nii.gz"
    with path.open("wb") as file:
        file.write(packer.compress(whole))
        for _ in range(64):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    pieces = []
    plain = gzip_cache._unpacked_pieces

    def counted(*arguments):
        for piece in plain(*arguments):
            pieces.append(len(piece))
            yield piece

    monkeypatch.setattr(gzip_cache, "_unpacked_pieces", counted)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "declared-size"
    assert sum(pieces) < len(whole) + (2 << 20)
    assert not list(cache.glob("*"))


def test_gzip_that_declares_more_than_it_can_hold_is_refused(nifti, image, patch_header, tmp_path):
    plain = patch_header(nifti(image), dim=[4, 3000, 3000, 100, 175, 1, 1, 1])
    path = tmp_path / "boast.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "declared-size"
    assert str(3000 * 3000 * 100 * 175 * 8 + 352) in caught.value.found


def test_members_one_after_the_other_are_one_file(tmp_path, nifti, image):
    whole = nifti(image).read_bytes()
    path = tmp_path / "members.nii.gz"
    path.write_bytes(gzip.compress(whole[:5000]) + gzip.compress(whole[5000:]) + bytes(512))
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), image.T)


def test_bytes_behind_the_last_member_are_refused(tmp_path, nifti, image):
    path = tmp_path / "tail.nii.gz"
    path.write_bytes(gzip.compress(nifti(image).read_bytes()) + b"tail")
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "corrupt-gzip"


def test_unpacked_file_is_used_again_and_can_be_cleared(nifti, image, cache, monkeypatch):
    path = nifti(image, "series.nii.gz")
    first = load_series(path)
    assert any("unpacked once" in warning for warning in first.warnings)
    (unpacked,) = cache.glob("*.nii")
    assert first.source_sha256 in unpacked.name
    with monkeypatch.context() as patch:
        patch.setattr(gzip_cache, "_stream", None)
        again = load_series(path)
    np.testing.assert_array_equal(np.asarray(again.signal), image.T)
    assert any("read unpacked from" in warning for warning in again.warnings)
    assert clear_unpacked_cache() == unpacked_size(image)
    assert not list(cache.glob("*"))
    assert clear_unpacked_cache() == 0


def unpacked_size(image):
    return 352 + image.size * 8


def test_damaged_cache_file_is_made_anew(nifti, image, cache):
    path = nifti(image, "series.nii.gz")
    load_series(path)
    (unpacked,) = cache.glob("*.nii")
    unpacked.write_bytes(unpacked.read_bytes()[:-100])
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), image.T)


def test_changed_file_of_equal_size_is_not_taken_from_the_cache(tmp_path, nifti, image):
    path = nifti(image, "series.nii.gz")
    load_series(path)
    whole = nifti(image * 2, "other.nii").read_bytes()
    packed = gzip.compress(whole)
    room = path.stat().st_size - len(packed)
    if room < 0:
        path.write_bytes(path.read_bytes() + bytes(-room))
        load_series(path)
    path.write_bytes(packed + bytes(max(room, 0)))
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), 2 * image.T)


def test_full_cache_disk_is_told_before_unpacking(nifti, image, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10, 9, 1000))
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(image, "series.nii.gz"))
    assert caught.value.code == "disk-full"


def test_flipped_bit_in_a_mask_is_caught(nifti, image):
    series = load_series(nifti(image))
    path = nifti(np.random.default_rng(2).integers(0, 2, (4, 3, 2)).astype(np.uint8), "m.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 8
    path.write_bytes(bytes(content))
    with pytest.raises(MRFInputError) as caught:
        load_mask(path, series)
    assert caught.value.code == "corrupt-gzip"
