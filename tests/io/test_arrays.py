"""Series in NumPy, HDF5 and MATLAB files: the order of their axes is said, not guessed."""

import json
import re
import shlex

import h5py
import nibabel
import numpy as np
import pytest
from scipy.io import savemat

from napari_mrf import MRFInputError, load_series


def write_npy(path, values, order="C"):
    np.save(path, np.asarray(values, order=order))


def write_fortran_npy(path, values):
    write_npy(path, values, "F")


def write_npz(path, values):
    np.savez(path, series=values)


def write_packed_npz(path, values):
    np.savez_compressed(path, series=values)


def write_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["scan/series"] = values


def write_packed_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file.create_dataset("series", data=values, chunks=True, compression="gzip", shuffle=True)


def write_matlab5(path, values):
    savemat(path, {"series": values})


def write_packed_matlab5(path, values):
    savemat(path, {"series": values}, do_compression=True)


def write_matlab73(path, values):
    """As MATLAB does: 512 bytes of text, axes reversed, complex numbers as real and imag."""
    stored = values.T
    if np.iscomplexobj(values):
        part = np.dtype(values.real.dtype)
        stored = np.empty(values.T.shape, [("real", part), ("imag", part)])
        stored["real"], stored["imag"] = values.T.real, values.T.imag
    with h5py.File(path, "w", userblock_size=512) as file:
        dataset = file.create_dataset("series", data=stored, chunks=True, compression="gzip")
        dataset.attrs["MATLAB_class"] = np.bytes_("single")
        file.create_dataset("#refs#/a", data=np.zeros((3, 3, 3)))
    with path.open("rb+") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
        file.write(text.ljust(124) + b"\x00\x02IM")


WRITERS = {
    "a.npy": write_npy, "fortran.npy": write_fortran_npy,
    "a.npz": write_npz, "packed.npz": write_packed_npz,
    "a.h5": write_hdf5, "packed.hdf5": write_packed_hdf5,
    "v5.mat": write_matlab5, "v5-packed.mat": write_packed_matlab5, "v73.mat": write_matlab73,
}  # fmt: skip
every_format = pytest.mark.parametrize("name", WRITERS)


@every_format
@pytest.mark.parametrize("axes", ["XYZT", "TZYX", "ZXTY"])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_series_with_a_given_order_is_read(tmp_path, image, sequence, name, axes, dtype):
    path = tmp_path / name
    WRITERS[name](path, image.transpose(["XYZT".index(a) for a in axes]).astype(dtype))
    series = load_series(path, sequence, axes=axes)
    assert series.signal.dtype == np.complex64
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    assert series.affine is None
    if series.is_lazy:
        assert series.signal.chunks == ((175,), (1, 1), (3,), (4,))


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "packed.hdf5", "v73.mat"])
def test_files_that_allow_it_are_lazy(tmp_path, image, name):
    WRITERS[name](tmp_path / name, image)
    assert load_series(tmp_path / name, axes="XYZT").is_lazy


@every_format
def test_single_slice_has_no_z(tmp_path, image, sequence, name):
    WRITERS[name](tmp_path / name, image[:, :, 1])
    series = load_series(tmp_path / name, sequence, axes="xyt")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T[:, 1:])


@every_format
def test_order_of_the_sidecar_is_used(tmp_path, image, sequence, name):
    WRITERS[name](tmp_path / name, image.T)
    sidecar = {"MRF": {"SchemaVersion": 1, "AxisOrder": "TZYX"}}
    (tmp_path / name).with_suffix(".json").write_text(json.dumps(sidecar))
    series = load_series(tmp_path / name, sequence)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


@every_format
def test_unknown_order_is_an_error_with_a_proposal(tmp_path, image, sequence, name):
    WRITERS[name](tmp_path / name, image.T)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, sequence)
    assert caught.value.code == "axes-unknown"
    assert 'axes="TZYX"' in caught.value.hint
    assert 'axes="XYZT"' not in caught.value.hint


def test_wrong_order_is_an_error_with_a_proposal(tmp_path, image, sequence):
    write_npy(tmp_path / "a.npy", image.T)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", sequence, axes="XYZT")
    assert caught.value.code == "frames-mismatch"
    assert 'axes="TZYX"' in caught.value.hint


def test_order_of_a_nifti_file_with_time_first_keeps_its_space(tmp_path, image, sequence):
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.moveaxis(image, 3, 0), np.diag([1.0, 2, 3, 1])), path)
    with pytest.raises(MRFInputError, match="--axes TXYZ") as caught:
        load_series(path, sequence)
    assert caught.value.code == "frames-mismatch"
    assert "TZYX" not in caught.value.hint
    series = load_series(path, sequence, axes="TXYZ")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


@pytest.mark.parametrize("name", ["two.npz", "two.h5", "two.mat"])
def test_choice_of_an_array_is_told_for_python_and_the_command_line(tmp_path, image, name):
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, **{"first one": image, "b": image})
    elif name.endswith("mat"):
        savemat(path, {"first": image, "b": image})
    else:
        with h5py.File(path, "w") as file:
            file["first one"], file["b"] = image, image
    with pytest.raises(MRFInputError) as caught:
        load_series(path, axes="XYZT")
    assert caught.value.code == "bad-dataset"
    found = re.search(
        r'dataset="([^"]+)" \(on the command line --dataset (.*)\)', caught.value.hint
    )
    assert shlex.split(found[2]) == [found[1]]
    load_series(path, axes="XYZT", dataset=found[1])


@pytest.mark.parametrize("axes", ["XYZ", "XYZTT", "XXZT", "XYZQ", "", "XYZTC", "XYZC"])
def test_impossible_order_is_refused(tmp_path, image, axes):
    write_npy(tmp_path / "a.npy", image)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", axes=axes)
    assert caught.value.code in ("bad-axes", "axes-unknown")


@every_format
def test_axis_of_real_and_imaginary_part_becomes_complex(tmp_path, image, name):
    WRITERS[name](tmp_path / name, np.stack([image.real, image.imag], axis=-1))
    series = load_series(tmp_path / name, axes="XYZTC")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


@every_format
def test_real_series_is_refused(tmp_path, image, name):
    WRITERS[name](tmp_path / name, image.real.copy())
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, axes="XYZT")
    assert caught.value.code == "not-complex"


@every_format
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_real_numbers_stored_as_complex_ones_are_refused(tmp_path, image, name, dtype):
    path = tmp_path / name
    for values in (np.abs(image), image.real):
        WRITERS[name](path, values.astype(dtype))
        with pytest.raises(MRFInputError, match="imaginary part") as caught:
            load_series(path, axes="XYZT")
        assert (caught.value.code, caught.value.path) == ("not-complex", str(path))
    # A single imaginary part makes a complex series, in whatever slice it is.
    for z in (0, 1):
        values = np.abs(image).astype(dtype)
        values[0, 0, z, -1] += 1j
        WRITERS[name](path, values)
        series = load_series(path, axes="XYZT")
        np.testing.assert_array_equal(np.asarray(series.signal), values.T.astype(np.complex64))


def test_magnitudes_beside_imaginary_zeros_are_refused(tmp_path, image):
    np.save(tmp_path / "a.npy", np.stack([np.abs(image), np.zeros(image.shape)], axis=-1))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", axes="XYZTC")
    assert caught.value.code == "not-complex"


@pytest.mark.parametrize("shape", ["XYT", "XYZT"])
def test_pymia_layout_is_known(tmp_path, image, sequence, shape):
    values = image[:, :, 0] if shape == "XYT" else image
    path = tmp_path / "dataset.h5"
    with h5py.File(path, "w") as file:
        for index in range(2):
            parts = np.stack([values.real, values.imag], axis=-1) * (index + 1)
            file[f"data/images/{index}"] = parts.astype(np.float32)
            file[f"data/labels/{index}"] = np.zeros((*values.shape[:-1], 5), np.float32)
        file["meta/subjects"] = ["first", "second"]
    with pytest.raises(MRFInputError) as caught:
        load_series(path, sequence)
    assert caught.value.code == "bad-dataset"
    assert "data/images/0" in caught.value.found
    series = load_series(path, sequence, dataset="data/images/1")
    expected = 2 * (values.T[:, None] if shape == "XYT" else values.T)
    np.testing.assert_array_equal(np.asarray(series.signal), expected)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "v5.mat", "v73.mat"])
def test_one_of_several_arrays_must_be_chosen(tmp_path, image, name):
    path = tmp_path / name
    if name == "a.npz":
        np.savez(path, one=image, two=image * 2)
    elif name == "v5.mat":
        savemat(path, {"one": image, "two": image * 2})
    else:
        WRITERS[name](path, image)
        with h5py.File(path, "r+") as file:
            del file["scan" if name == "a.h5" else "series"]
            file["one"], file["two"] = (
                (image.T, image.T * 2) if "v73" in name else (image, image * 2)
            )
    for dataset in (None, "three"):
        with pytest.raises(MRFInputError) as caught:
            load_series(path, axes="XYZT", dataset=dataset)
        assert caught.value.code == "bad-dataset"
        assert caught.value.found == "one, two"
    series = load_series(path, axes="XYZT", dataset="two")
    np.testing.assert_array_equal(np.asarray(series.signal), 2 * image.T)


@every_format
@pytest.mark.parametrize("left", [10, 0.02, 0.2, 0.5, 0.9, -1])
def test_truncated_file_is_refused(tmp_path, image, name, left):
    path = tmp_path / name
    WRITERS[name](path, image)
    content = path.read_bytes()
    keep = int(len(content) * left) if 0 < left < 1 else left
    path.write_bytes(content[:keep])
    with pytest.raises(MRFInputError) as caught:
        load_series(path, axes="XYZT")
    assert caught.value.code == "truncated", str(caught.value)
    assert str(len(content[:keep])) in caught.value.found
    assert "bytes" in caught.value.expected


@pytest.mark.parametrize("name", ["packed.npz", "a.npz", "v5-packed.mat", "packed.hdf5"])
def test_bit_flips_in_files_with_checksums_are_caught(tmp_path, image, name):
    path = tmp_path / name
    WRITERS[name](path, image)
    good = bytearray(path.read_bytes())
    for position in range(len(good) // 2, len(good) // 2 + 200, 10):
        flipped = good.copy()
        flipped[position] ^= 4
        path.write_bytes(bytes(flipped))
        with pytest.raises(MRFInputError) as caught:
            np.asarray(load_series(path, axes="XYZT").signal)
        assert caught.value.code.startswith("corrupt-")


@pytest.mark.parametrize("dtype", ["U3", "?", "M8[s]", [("a", "f4"), ("b", "f4")]])
def test_arrays_that_are_no_numbers_are_refused(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.zeros((4, 3, 2, 175), dtype))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", axes="XYZT")
    assert caught.value.code == "not-numeric"


def test_hdf5_of_1400_bytes_that_declares_320_gigabytes_is_refused(tmp_path):
    for chunks in (None, (1000, 1000, 1, 1)):
        path = tmp_path / f"{chunks is None}.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("s", (10000, 10000, 4, 100), np.complex64, chunks=chunks)
        assert path.stat().st_size < 5000
        with pytest.raises(MRFInputError) as caught:
            load_series(path, axes="XYZT")
        assert caught.value.code == "declared-size"


def test_npz_and_npy_that_declare_more_than_they_hold_are_refused(tmp_path, image):
    import zipfile

    np.save(tmp_path / "a.npy", image)
    content = (tmp_path / "a.npy").read_bytes().replace(b"(4, 3, 2, 175)", b"(9000,90,90,175)")
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("s.npy", content)
    for name, code in (
        ("a.npy", ("truncated", "bad-header")),
        ("a.npz", ("declared-size", "bad-header")),
    ):
        with pytest.raises(MRFInputError) as caught:
            load_series(tmp_path / name, axes="XYZT")
        assert caught.value.code in code


@pytest.mark.parametrize("packed", [False, True])
def test_matlab_array_that_declares_more_than_the_file_holds_is_refused(tmp_path, image, packed):
    import struct
    import zlib

    path = tmp_path / "boast.mat"
    write_matlab5(path, image)
    content = path.read_bytes().replace(
        struct.pack("<4i", *image.shape), struct.pack("<4i", 900, 900, 90, 175)
    )
    if packed:
        element = zlib.compress(content[128:])
        content = content[:128] + struct.pack("<II", 15, len(element)) + element
    path.write_bytes(content)
    with pytest.raises(MRFInputError) as caught:
        load_series(path, axes="XYZT")
    assert caught.value.code == "declared-size"


def test_matlab_element_that_ends_inside_its_packed_data_is_refused(tmp_path, image):
    import struct

    path = tmp_path / "short.mat"
    write_packed_matlab5(path, image)
    content = path.read_bytes()
    element = content[136:-9]
    path.write_bytes(content[:128] + struct.pack("<II", 15, len(element)) + element)
    with pytest.raises(MRFInputError) as caught:
        load_series(path, axes="XYZT")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("name", ["a.npz", "v5.mat", "v5-packed.mat"])
def test_array_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path, image, name, monkeypatch
):
    WRITERS[name](tmp_path / name, image)
    for module in ("compute.memory", "io.formats.matlab5"):
        monkeypatch.setattr(f"napari_mrf.{module}.available_bytes", lambda: 5000)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, axes="XYZT")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("name", ["a.npy", "a.h5", "v73.mat"])
def test_series_larger_than_the_memory_is_read_by_slices(tmp_path, image, name, monkeypatch):
    values = np.repeat(image, 20, axis=2)
    WRITERS[name](tmp_path / name, values)
    slice_bytes = values.nbytes // 40
    monkeypatch.setattr("napari_mrf.compute.memory.available_bytes", lambda: 3 * slice_bytes)
    if name != "v73.mat":
        series = load_series(tmp_path / name, axes="XYZT")
        np.testing.assert_array_equal(series.slab(39), values.T[:, 39])
    monkeypatch.setattr("napari_mrf.compute.memory.available_bytes", lambda: slice_bytes - 1)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, axes="XYZT")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("name", [name for name in WRITERS if name.endswith((".npy", ".npz", "5"))])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((175, 1, 2, 3, 4), "TZYX"),  # an image of ISMRMRD: channels of one
        ((1, 175, 2, 3, 4), "TZYX"),
        ((175, 2, 3, 4, 1), "TZYX"),
        ((1, 175, 1, 2, 3, 4), "TZYX"),
        ((175, 1, 2, 3, 4), "T1ZYX"),
    ],
)
def test_axes_of_length_one_need_no_letter(tmp_path, image, sequence, name, shape, axes):
    WRITERS[name](tmp_path / name, image.T.reshape(shape))
    series = load_series(tmp_path / name, sequence, axes=axes)
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    np.testing.assert_array_equal(series.fingerprint(1, 2, 3), image[3, 2, 1])


@pytest.mark.parametrize("shape", [(175, 1, 1, 3, 4), (1, 175, 1, 3, 4)])
def test_single_slice_among_axes_of_length_one_is_read_by_the_axis_of_time(
    tmp_path, image, sequence, shape
):
    one = image[:, :, :1].T
    np.save(tmp_path / "a.npy", one.reshape(shape))
    for given in (sequence, None):
        series = load_series(tmp_path / "a.npy", given, axes="TZYX")
        np.testing.assert_array_equal(np.asarray(series.signal), one)


def test_order_that_fits_in_several_ways_is_refused_and_both_are_told(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 1, 7, 1, 6), np.complex64))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", axes="TZYX")
    assert caught.value.code == "bad-axes"
    assert "T1ZYX" in caught.value.expected
    assert "TZY1X" in caught.value.expected
    series = load_series(tmp_path / "a.npy", axes="TZY1X")
    assert series.signal.shape == (5, 1, 7, 6)


def test_channels_of_one_are_told_apart_from_parts(tmp_path, image):
    np.save(tmp_path / "a.npy", image.T[:, None])
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", axes="TCZYX")
    assert caught.value.code == "bad-axes"
    assert "TZYX" in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "proposal"),
    [((175, 1, 2, 3, 4), "TZYX"), ((1, 175, 1, 3, 4), "TZYX"), ((4, 3, 2, 1, 175), "XYZT")],
)
def test_proposed_order_leaves_axes_of_length_one_out_and_is_accepted(
    tmp_path, sequence, shape, proposal
):
    np.save(tmp_path / "a.npy", np.ones(shape, np.complex64))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.npy", sequence)
    assert f'axes="{proposal}"' in caught.value.hint
    assert load_series(tmp_path / "a.npy", sequence, axes=proposal).n_frames == 175


def test_time_first_nifti_is_offered_both_orders_of_space(nifti, image, sequence):
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(image.transpose(3, 0, 1, 2)), sequence)
    assert 'axes="TXYZ"' in caught.value.hint


def test_array_of_many_axes_of_length_one_is_refused_at_once(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1,) * 28 + (5, 2, 3, 4), np.complex64))
    for axes in (None, "TZYX"):
        with pytest.raises(MRFInputError):
            load_series(tmp_path / "a.npy", axes=axes)
