"""MetaImage files: those of ITK are read, ours are what ITK reads, and no header is believed."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_mrf import MRFInputError, ParameterMaps, load_series
from napari_mrf.io import find_series, load_labels, save_labels
from napari_mrf.io.formats.metaimage import read_volume
from napari_mrf.io.formats.metaimage_write import write_volume
from napari_mrf.io.labels.masks import read_mask

# As SimpleITK 2.5 writes numbers 0 to 23 on the oblique grid of `AFFINE`.
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 0.95999999999999996 0 0.28000000000000003 0 1 0 -0.28000000000000003 0 0.96
Offset = -80 -60.5 12.25
CenterOfRotation = 0 0 0
AnatomicalOrientation = RAI
ElementSpacing = 1.5 1.25 5
DimSize = 4 3 2
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
NUMBERS = np.arange(24, dtype="<i2").reshape(2, 3, 4)
PACKED = zlib.compress(NUMBERS.tobytes())
AFFINE = np.array([[-1.44, 0, 1.4, 80.0], [0, -1.25, 0, 60.5], [0.42, 0, 4.8, 12.25], [0, 0, 0, 1]])
TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8", "c8"]


def itk(path, text=HEADER, content=None):
    path.write_bytes(text.encode() + (NUMBERS.tobytes() if content is None else content))
    return path


def compressed():
    return HEADER.replace(
        "CompressedData = False", f"CompressedData = True\nCompressedDataSize = {len(PACKED)}"
    )


def code_of(path):
    with pytest.raises(MRFInputError) as caught:
        read_volume(path)
    return caught.value.code


def test_files_of_itk_are_read_in_their_place(tmp_path):
    (tmp_path / "c.raw").write_bytes(NUMBERS.astype(">i2").tobytes())
    paths = [
        itk(tmp_path / "a.mha"),
        itk(tmp_path / "b.mha", compressed(), PACKED),
        itk(tmp_path / "c.mhd", HEADER.replace("LOCAL", "c.raw").replace("MSB = False",
                                                                         "MSB = True"), b""),
    ]  # fmt: skip
    for path in paths:
        volume = read_volume(path)
        assert np.array_equal(volume.values, NUMBERS)
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-12)
    # Where SimpleITK puts voxel (3, 2, 1): TransformIndexToPhysicalPoint, in LPS.
    np.testing.assert_allclose(AFFINE @ [3, 2, 1, 1], [77.08, 58.0, 18.31, 1], atol=1e-9)


def test_what_is_written_is_the_text_that_itk_writes(tmp_path):
    write_volume(tmp_path / "a.mha", NUMBERS, AFFINE)
    head, _, content = (tmp_path / "a.mha").read_bytes().partition(b"= LOCAL\n")
    lines = dict(line.split(" = ") for line in head.decode().splitlines()[:-1])
    wanted = dict(line.split(" = ") for line in HEADER.splitlines())
    for key in ("NDims", "DimSize", "ElementType", "CenterOfRotation"):
        assert lines[key] == wanted[key]
    for key in ("TransformMatrix", "Offset", "ElementSpacing"):
        numbers = [np.array(one[key].split(), float) for one in (lines, wanted)]
        np.testing.assert_allclose(*numbers, atol=1e-12)
    assert zlib.decompress(content) == NUMBERS.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(TYPES).flatmap(lambda kind: npst.arrays(kind, npst.array_shapes(
    min_dims=3, max_dims=3, max_side=4))), st.booleans())  # fmt: skip
def test_a_volume_comes_back_to_the_last_bit(tmp_path_factory, values, has_place):
    path = tmp_path_factory.mktemp("mha") / "a.mha"
    write_volume(path, values, AFFINE if has_place else None)
    volume = read_volume(path)
    assert volume.values.dtype == values.dtype
    assert volume.values.tobytes() == values.tobytes()
    if has_place:
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-12)
    else:
        assert volume.affine is None


def test_labels_and_masks_go_in_and_out(tmp_path):
    values = NUMBERS.astype(int) * 500
    save_labels(tmp_path / "l.mha", values, AFFINE)
    assert np.array_equal(load_labels(tmp_path / "l.mha", (2, 3, 4), AFFINE).values, values)
    maps = ParameterMaps({"FF": np.zeros((2, 3, 4))}, affine=AFFINE)
    mask, _ = read_mask(itk(tmp_path / "m.mha"), maps)
    assert np.array_equal(mask, NUMBERS > 0)
    with pytest.raises(MRFInputError, match="another grid"):
        load_labels(tmp_path / "l.mha", (2, 3, 4), AFFINE + np.eye(4)[:, [3, 3, 3, 0]] * 0
                    + np.array([[0, 0, 0, 1.0]] + [[0] * 4] * 3))  # fmt: skip


def test_a_series_has_four_axes_and_two_channels(tmp_path):
    signal = np.random.default_rng(0).standard_normal((6, 2, 3, 4, 2)).astype("<f4")
    text = HEADER.replace("NDims = 3", "NDims = 4").replace("DimSize = 4 3 2", "DimSize = 4 3 2 6")
    text = text.replace("= 1.5 1.25 5", "= 1.5 1.25 5 1").replace("12.25", "12.25 0")
    matrix = np.eye(4)
    matrix[:3, :3] = [[0.96, 0, 0.28], [0, 1, 0], [-0.28, 0, 0.96]]
    lines = [f"TransformMatrix = {' '.join(map(str, matrix.ravel()))}"
             if line.startswith("Transform") else line for line in text.splitlines()]  # fmt: skip
    text = "\n".join(lines).replace("SHORT", "FLOAT").replace(
        "ElementType", "ElementNumberOfChannels = 2\nElementType") + "\n"  # fmt: skip
    path = itk(tmp_path / "s.mha", text, signal.tobytes())
    series = load_series(path)
    assert np.array_equal(np.asarray(series.signal), signal[..., 0] + 1j * signal[..., 1])
    np.testing.assert_allclose(series.affine, AFFINE, atol=1e-12)
    itk(tmp_path / "labels.mha")
    assert find_series([tmp_path]) == {"s": path}


@pytest.mark.parametrize(("old", "new", "code"), [
    ("= LOCAL", "= ../b.raw", "security-path"), ("= LOCAL", "= /etc/passwd", "security-path"),
    ("= LOCAL", "= LIST", "bad-header"), ("= LOCAL", "= a%03d.raw 1 3 1", "bad-header"),
    ("= LOCAL", "= none.raw", "missing-file"), ("DimSize = 4 3 2", "DimSize = 4 3", "bad-header"),
    ("DimSize = 4 3 2", "DimSize = 4 3 -2", "bad-header"),
    ("DimSize = 4 3 2", "DimSize = 4 3 99999999", "truncated"),
    ("NDims = 3", "NDims = 3\nNDims = 3", "bad-header"), ("NDims = 3", "NDims = 9", "bad-header"),
    ("MET_SHORT", "MET_STRING", "not-numeric"), ("= 1.5 ", "= nan ", "bad-header"),
    ("= 1.5 ", "= 0 ", "bad-header"), ("BinaryData = True", "BinaryData = False", "bad-header"),
    ("ElementDataFile", "Elementdatafile", "bad-header"),
])  # fmt: skip
def test_headers_are_not_believed(tmp_path, old, new, code):
    text = HEADER.replace(old, new)
    assert text != HEADER
    assert code_of(itk(tmp_path / "a.mha", text)) == code


def test_compressed_data_must_be_what_the_header_says(tmp_path):
    damaged = bytearray(PACKED)
    damaged[len(damaged) // 2] ^= 4
    assert code_of(itk(tmp_path / "a.mha", compressed(), bytes(damaged))) == "corrupt-zip"
    assert code_of(itk(tmp_path / "b.mha", compressed(), PACKED[:-5])) == "truncated"
    text = compressed().replace("DimSize = 4 3 2", "DimSize = 4 3 3")
    assert code_of(itk(tmp_path / "c.mha", text, PACKED)) == "corrupt-zip"
    text = compressed().replace("DimSize = 4 3 2", "DimSize = 40000 30000 900")
    assert code_of(itk(tmp_path / "d.mha", text, PACKED)) == "declared-size"
    text = compressed().replace("DimSize = 4 3 2", "DimSize = 4 3 1")
    assert code_of(itk(tmp_path / "e.mha", text, PACKED)) == "corrupt-zip"
