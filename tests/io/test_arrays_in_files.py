"""Several arrays in one file: in MATLAB structs, and the two halves of a complex series."""

import struct
import zlib

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from napari_mrf import MRFInputError, load_series
from napari_mrf.io.formats.matlab5 import array_names


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dataset", [None, "MRF/images"])
def test_array_in_a_matlab_struct_is_read(tmp_path, image, sequence, packed, dataset):
    content = {"TR": 5.0, "note": "a word", "images": image, "empty": np.zeros((0, 0))}
    savemat(tmp_path / "a.mat", {"MRF": content, "version": 2.0}, do_compression=packed)
    series = load_series(tmp_path / "a.mat", sequence, axes="XYZT", dataset=dataset)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert series.metadata["dataset"] == "MRF/images"


@pytest.mark.parametrize("packed", [False, True])
def test_structs_in_structs_and_several_structs_are_read(tmp_path, image, sequence, packed):
    echoes = np.empty((1, 2), dtype=[("data", object), ("TE", object)])
    echoes[0, 0], echoes[0, 1] = (image, 1.0), (2 * image, 2.0)
    study = {"scan": {"series": {"x": 3 * image}}, "echo": echoes}
    savemat(tmp_path / "a.mat", {"study": study, "top": image[..., :5]}, do_compression=packed)
    names = ["study/echo(1)/data", "study/echo(2)/data", "study/scan/series/x", "top"]
    assert sorted(array_names(tmp_path / "a.mat")) == names
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.mat", sequence, axes="XYZT")
    assert caught.value.code == "bad-dataset"
    assert all(name in caught.value.found for name in names)
    for name, factor in zip(names[:3], (1, 2, 3), strict=True):
        series = load_series(tmp_path / "a.mat", sequence, axes="XYZT", dataset=name)
        np.testing.assert_array_equal(np.asarray(series.signal), factor * image.T)


def test_struct_longer_than_a_piece_is_walked_to_its_last_field(tmp_path):
    # More numbers before and behind the series than are unpacked at a time.
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((400, 1000))
    values = rng.standard_normal((4, 3, 2, 6)) + 1j
    savemat(tmp_path / "a.mat", {"s": {"a": noise, "x": values, "b": noise}}, do_compression=True)
    series = load_series(tmp_path / "a.mat", axes="XYZT")
    np.testing.assert_array_equal(np.asarray(series.signal), values.T.astype(np.complex64))


def test_truncated_struct_is_refused(tmp_path, image):
    for packed in (False, True):
        savemat(tmp_path / "a.mat", {"s": {"x": image}}, do_compression=packed)
        content = (tmp_path / "a.mat").read_bytes()
        if packed:
            element = content[136:-9]
            content = content[:128] + struct.pack("<II", 15, len(element)) + element
        else:
            content = content[:-9]
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises(MRFInputError) as caught:
            load_series(tmp_path / "a.mat", axes="XYZT")
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("count", [2**31 - 1, 5, 0])
def test_struct_that_declares_more_than_it_holds_is_refused(tmp_path, image, count):
    savemat(tmp_path / "a.mat", {"s": {"x": image}})
    content = (tmp_path / "a.mat").read_bytes()
    one = struct.pack("<IIii", 5, 8, 1, 1)
    content = content.replace(one, struct.pack("<IIii", 5, 8, count, 1), 1)
    for packed in (False, True):
        if packed:
            element = zlib.compress(content[128:])
            content = content[:128] + struct.pack("<II", 15, len(element)) + element
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises(MRFInputError) as caught:
            load_series(tmp_path / "a.mat", axes="XYZT")
        assert caught.value.code in ("corrupt-mat", "bad-dataset")


def write_matlab5(path, arrays):
    savemat(path, arrays)


def write_struct(path, arrays):
    savemat(path, {"scan": arrays}, do_compression=True)


def write_npz(path, arrays):
    np.savez(path, **arrays)


def write_hdf5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[f"group/{name}"] = values


def write_matlab73(path, arrays):
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file[name] = values.T
    with path.open("rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


every_format = pytest.mark.parametrize(
    ("write", "name", "home"),
    [
        (write_matlab5, "a.mat", ""),
        (write_struct, "a.mat", "scan/"),
        (write_matlab73, "a.mat", ""),
        (write_npz, "a.npz", ""),
        (write_hdf5, "a.h5", "group/"),
    ],
)


@every_format
@pytest.mark.parametrize("names", [("re", "im"), ("Real", "Imag"), ("x_re", "x_im")])
def test_real_and_imaginary_part_in_one_file_are_joined(
    tmp_path, image, sequence, write, name, home, names
):
    real, imaginary = names
    write(tmp_path / name, {imaginary: image.imag, real: image.real})
    for dataset in (None, home + real, home + imaginary):
        series = load_series(tmp_path / name, sequence, axes="XYZT", dataset=dataset)
        np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert series.metadata["pair"] == {
        "part": "imaginary", "partner": str(tmp_path / name), "dataset": home + real}  # fmt: skip
    assert len(series.metadata["sources"]) == 1


@every_format
def test_magnitude_and_phase_in_one_file_need_the_unit(
    tmp_path, image, sequence, write, name, home
):
    write(tmp_path / name, {"mag": np.abs(image), "phase": np.rad2deg(np.angle(image))})
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, sequence, axes="XYZT")
    assert caught.value.code == "phase-unit-unknown"
    series = load_series(tmp_path / name, sequence, axes="XYZT", phase_unit="deg")
    np.testing.assert_allclose(np.asarray(series.signal), image.T, rtol=1e-4, atol=1e-5)


@every_format
def test_half_beside_other_arrays_is_named_to_be_read(tmp_path, image, sequence, write, name, home):
    write(tmp_path / name, {"re": image.real, "im": image.imag, "b1": np.ones((4, 3, 2))})
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, sequence, axes="XYZT")
    assert caught.value.code == "bad-dataset"
    assert "--dataset" in caught.value.hint
    series = load_series(tmp_path / name, sequence, axes="XYZT", dataset=f"{home}re")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


@every_format
def test_halves_of_other_shapes_are_refused_by_their_names(
    tmp_path, image, sequence, write, name, home
):
    write(tmp_path / name, {"re": image.real, "im": image.imag[:, :, :1]})
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, sequence, axes="XYZT")
    assert caught.value.code == "partner-mismatch"
    assert f"{home}re and {home}im" in caught.value.what
