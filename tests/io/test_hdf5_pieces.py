"""HDF5 datasets in pieces: packed in ways that are not known here, or never written."""

import h5py
import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series


def packed_by(path, numbers, name=b"images"):
    """Write one piece of a dataset as if filters had packed it."""
    shape, kind = (10, 1, 4, 4), np.dtype(np.complex64)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(shape)
    for number in numbers:
        properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (2, 2, 8, 128))
    with h5py.File(path, "w") as file:
        dataset = h5py.h5d.create(file.id, name, h5py.h5t.py_create(kind),
                                  h5py.h5s.create_simple(shape), properties)  # fmt: skip
        dataset.write_direct_chunk((0, 0, 0, 0), b"\x02\x01\x21\x08" + bytes(60), 0)


@pytest.mark.parametrize(
    ("numbers", "name", "plugin"),
    [
        ((32001,), "Blosc", True),
        ((32004,), "LZ4", True),
        ((32015,), "Zstandard", True),
        ((32008,), "Bitshuffle", True),
        ((32026,), "Blosc2", True),
        ((2, 32004), "LZ4", True),
        ((32003,), "Snappy", False),
        ((40001,), "an unregistered filter", False),
    ],
)
def test_filter_that_is_not_here_is_named_with_its_cure(tmp_path, numbers, name, plugin):
    packed_by(tmp_path / "a.h5", numbers)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.h5", axes="TZYX")
    error = caught.value
    assert error.code == "missing-filter"
    assert f"{name} (HDF5 filter {numbers[-1]})" in error.what
    assert ("hdf5plugin" in error.hint) == plugin
    assert "h5repack -f GZIP=4" in error.hint


def test_plugins_that_are_installed_are_asked(tmp_path, monkeypatch):
    packed_by(tmp_path / "a.h5", (32015,))
    asked, found = [], h5py.h5z.filter_avail
    monkeypatch.setattr("napari_mrf.io.formats.hdf5_pieces.import_module", asked.append)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda n: asked.append(n) or found(n))
    with pytest.raises(MRFInputError):
        load_series(tmp_path / "a.h5", axes="TZYX")
    assert asked[:3] == [32015, "hdf5plugin", 32015]  # before the plugins and after


def test_damaged_piece_is_damage_and_no_missing_filter(tmp_path, image):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("s", data=image, chunks=image.shape, compression="gzip")
        at, size = dataset.id.get_chunk_info(0).byte_offset, dataset.id.get_storage_size()
    with (tmp_path / "a.h5").open("rb+") as file:
        file.seek(at)
        file.write(bytes(size))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.h5", axes="XYZT")
    assert caught.value.code == "corrupt-hdf5"


PIECES = ((175, 1, 3, 4), (50, 1, 2, 3))
"""Sizes of pieces: a slice each, and such that end beyond the array."""


@pytest.mark.parametrize("sizes", PIECES)
@pytest.mark.parametrize("fill", [None, 7 + 1j])
def test_pieces_that_were_never_written_are_missing_and_told(
    tmp_path, image, sequence, sizes, fill
):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset(
            "s", image.T.shape, np.complex64, chunks=sizes, fillvalue=fill
        )
        dataset[: sizes[0], 1] = image.T[: sizes[0], 1]
    series = load_series(tmp_path / "a.h5", sequence, axes="TZYX")
    expected = np.full(image.T.shape, np.nan, np.complex64)
    expected[: sizes[0], 1] = image.T[: sizes[0], 1]
    signal = np.asarray(series.signal)
    assert np.array_equal(np.isnan(signal), np.isnan(expected))
    np.testing.assert_array_equal(signal[~np.isnan(signal)], expected[~np.isnan(expected)])
    np.testing.assert_array_equal(series.fingerprint(1, 2, 3), expected[:, 1, 2, 3])
    (told,) = (text for text in series.warnings if "never written" in text)
    n_pieces = np.prod([-(-n // size) for n, size in zip(image.T.shape, sizes, strict=True)])
    n_written = -(-3 // sizes[2]) * -(-4 // sizes[3])
    assert told.startswith(f"{n_pieces - n_written} of {n_pieces} pieces")


def test_pieces_of_a_matlab_file_are_missing_where_matlab_counts_them(tmp_path, image, sequence):
    kind = np.dtype([("real", np.float32), ("imag", np.float32)])
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        # (T, Z, Y, X) in the file is (X, Y, Z, T) in MATLAB.
        dataset = file.create_dataset("s", image.T.shape, kind, chunks=(175, 1, 3, 4))
        dataset[:, 1] = np.ascontiguousarray(image.T[:, 1]).view(kind)
    with (tmp_path / "a.mat").open("rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    series = load_series(tmp_path / "a.mat", sequence, axes="XYZT")
    assert np.isnan(series.slab(0)).all()
    np.testing.assert_array_equal(series.slab(1), image.T[:, 1])


def test_whole_numbers_that_were_never_written_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("s", (4, 3, 2, 175), np.int16, chunks=(4, 3, 1, 175))[:, :, 0] = 1
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.h5", axes="XYZT", magnitude_only=True)
    assert caught.value.code == "declared-size"


def test_one_written_piece_does_not_pay_for_320_gigabytes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("s", (10000, 10000, 4, 100), np.complex64,
                                      chunks=(10, 10, 1, 10))  # fmt: skip
        dataset[:10, :10, :1, :10] = 1
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.h5", axes="XYZT")
    assert caught.value.code == "declared-size"
