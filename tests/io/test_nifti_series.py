"""Complex NIfTI series: read lazily, as they are, with their place in space."""

import gzip

import nibabel
import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["series.nii", "series.nii.gz"])
@pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16", ">c16"])
def test_complex_series_is_read_unchanged(nifti, image, affine, sequence, kind, name, dtype):
    def of_byte_order(values, geometry):
        header = kind.header_class(endianness=dtype[0])
        header.set_data_dtype(np.dtype(dtype))
        return kind(values, geometry, header)

    path = nifti(image.astype(dtype), name, kind=of_byte_order)
    series = load_series(path, sequence)
    assert series.signal.dtype == np.complex64
    assert series.signal.dtype.isnative
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
    np.testing.assert_allclose(series.affine, affine)
    assert series.is_lazy


def test_time_is_never_split_and_slices_are(nifti, image):
    series = load_series(nifti(image))
    assert series.signal.chunks == ((175,), (1, 1), (3,), (4,))


def test_content_not_name_tells_compression(tmp_path, nifti, image):
    packed = tmp_path / "packed.nii"
    packed.write_bytes(gzip.compress(nifti(image, "a.nii").read_bytes()))
    plain = nifti(image, "b.nii").rename(tmp_path / "plain.nii.gz")
    for path, word in ((packed, "is compressed"), (plain, "is not compressed")):
        series = load_series(path)
        np.testing.assert_array_equal(np.asarray(series.signal), image.T)
        assert any(word in warning for warning in series.warnings)


def test_sha256_is_that_of_the_file_on_disk(nifti, image):
    import hashlib

    for name in ("a.nii", "a.nii.gz"):
        path = nifti(image, name)
        assert load_series(path).source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("keep", [0, 3, 100, 347, 351, 352, 20000, -1])
def test_truncated_file_is_refused_with_both_sizes(nifti, image, keep):
    path = nifti(image)
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "truncated"
    assert str(len(content[:keep])) in caught.value.found
    assert "bytes" in caught.value.expected
    if keep in (352, 20000, -1):
        assert str(len(content)) in caught.value.expected


@pytest.mark.parametrize("declared", [(30000, 30000, 300, 1000), (32767,) * 7])
def test_header_that_declares_more_than_the_file_is_refused(nifti, image, patch_header, declared):
    dim = [len(declared), *declared] + [1] * (7 - len(declared))
    path = patch_header(nifti(image), dim=dim)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "truncated"


def test_more_than_two_to_the_31_voxels_are_counted_in_full(tmp_path, nifti, image, patch_header):
    path = patch_header(nifti(image), dim=[4, 2048, 2048, 4, 175, 1, 1, 1])
    end = 352 + 2048 * 2048 * 4 * 175 * 8
    with path.open("rb+") as file:
        file.truncate(end)
    from napari_mrf.io.formats.registry import read_source

    # The sum of a sparse file of 23 GB takes long; its header is what is asked here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_mrf.io.formats.nifti.sha256_of", lambda path: "0" * 64)
        source = read_source(path)
    assert source.array.shape == (2048, 2048, 4, 175)
    assert source.array[-1:, -1:, -1:, -1:] == 0
    with path.open("rb+") as file:
        file.truncate(end - 1)
    with pytest.raises(MRFInputError, match=f"expected {end} bytes, found {end - 1} bytes"):
        read_source(path)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dim": [0, 4, 3, 2, 175, 1, 1, 1]}, "bad-header"),
        ({"dim": [9, 4, 3, 2, 175, 1, 1, 1]}, "bad-header"),
        ({"dim": [4, 4, -3, 2, 175, 1, 1, 1]}, "bad-header"),
        ({"dim": [4, 4, 0, 2, 175, 1, 1, 1]}, "bad-header"),
        ({"bitpix": 8}, "bad-header"),
        ({"datatype": 999}, "bad-header"),
        ({"datatype": 128, "bitpix": 24}, "not-numeric"),
        ({"vox_offset": 17}, "bad-header"),
        ({"vox_offset": np.nan}, "bad-header"),
        ({"vox_offset": np.inf}, "bad-header"),
        ({"magic": b"ni1"}, "bad-header"),
    ],
)
def test_impossible_header_is_refused(nifti, image, patch_header, fields, code):
    path = patch_header(nifti(image), **fields)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == code


def test_volume_without_time_needs_an_order(nifti, image, sequence):
    path = nifti(image[:, :, 0, :], "single.nii")
    with pytest.raises(MRFInputError) as caught:
        load_series(path, sequence)
    assert caught.value.code == "axes-unknown"
    assert 'axes="XYT" (on the command line --axes XYT)' in caught.value.hint
    assert "XYT" in caught.value.hint
    series = load_series(path, sequence, axes="XYT")
    np.testing.assert_array_equal(np.asarray(series.signal)[:, 0], image[:, :, 0, :].T)


def test_time_on_the_fifth_axis_is_found(nifti, image):
    series = load_series(nifti(image[:, :, :, None, :]))
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


@pytest.mark.parametrize("name", ["with blanks.nii", "Mügge-大腿.nii.gz", "a" * 240 + ".nii"])
def test_odd_names_are_read(nifti, image, name):
    try:
        path = nifti(image, name)
    except OSError:
        pytest.skip("this file system does not take the name")
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), image.T)


def test_missing_file_and_folder_are_told(tmp_path):
    for path, code in ((tmp_path / "none.nii", "missing-file"), (tmp_path, "not-a-file")):
        with pytest.raises(MRFInputError) as caught:
            load_series(path)
        assert caught.value.code == code


def test_file_of_no_known_format_is_refused(tmp_path):
    path = tmp_path / "series.nii.gz"
    path.write_bytes(b"no image at all " * 100)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "unknown-format"


def test_not_finite_voxels_are_read_as_they_are(nifti, image):
    values = image.copy()
    values[0, 0, 0, 3] = np.nan
    values[1, 0, 0, :] = np.inf
    values[2, 0, 0, :] = 0
    series = load_series(nifti(values))
    np.testing.assert_array_equal(np.asarray(series.signal), values.T)


@pytest.mark.parametrize("slope", [np.nan, 0.0, 1.0])
def test_slope_that_means_none_leaves_the_numbers(nifti, image, patch_header, slope):
    path = patch_header(nifti(image), scl_slope=slope, scl_inter=0.0)
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), image.T)


def test_slope_applies_to_both_parts(nifti, image, patch_header):
    path = patch_header(nifti(image), scl_slope=2.5, scl_inter=1.0)
    expected = (image.T.astype(complex) * 2.5 + (1 + 1j)).astype(np.complex64)
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), expected)


@pytest.mark.parametrize("scaling", [(np.inf, 0.0), (2.0, np.nan), (2.0, np.inf)])
def test_scaling_that_is_not_finite_is_refused(nifti, image, patch_header, scaling):
    path = patch_header(nifti(image), scl_slope=scaling[0], scl_inter=scaling[1])
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "bad-scaling"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_magnitudes_stored_as_complex_numbers_are_refused(nifti, image, name, dtype):
    values = np.abs(image).astype(dtype)
    values[0, 0] = np.nan  # says nothing
    with pytest.raises(MRFInputError, match="imaginary part") as caught:
        load_series(nifti(values, name))
    assert caught.value.code == "not-complex"
