"""DICOM series: what is read is what was written, in its place; what is not whole is refused."""

import json
import logging
import os
import pickle
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_cases import (
    CLASSIC,
    PLANTED,
    affine,
    classic,
    enhanced,
    expected,
    position,
    signal,
    stored,
)
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless

import napari_mrf as mrf
from napari_mrf import MRFInputError, load_series
from napari_mrf.cli import main
from napari_mrf.compute.steps import result_of
from napari_mrf.io import find_series, is_raw, save_series
from napari_mrf.io.dicom.image import Image, read_images
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.io.session.file import FileRecord, SeriesRecord, SessionFile, save_session

VALUES = signal()
PAIRS = [("magnitude", "phase"), ("real", "imaginary")]


def written(folder, write, parts=PAIRS[0], **options):
    for number, part in enumerate(parts, 5):
        place = folder / f"{part}.dcm" if write is enhanced else folder
        write(place, VALUES, part, number, **options)
    return folder


def code_of(path, **options):
    with pytest.raises(MRFInputError) as caught:
        load_series(path, **options)
    return caught.value


@pytest.mark.parametrize("parts", PAIRS)
@pytest.mark.parametrize("write", [classic, enhanced])
def test_values_and_geometry_are_those_that_were_written(tmp_path, write, parts):
    series = load_series(written(tmp_path / "scan", write, parts))
    wanted = expected(VALUES, parts)
    assert series.is_lazy and series.signal.dtype == np.complex64
    np.testing.assert_allclose(np.asarray(series.signal), wanted, rtol=2e-6, atol=1e-2)
    np.testing.assert_allclose(series.affine, affine(), atol=1e-9)


@pytest.mark.parametrize("write", [classic, enhanced])
def test_any_file_stands_for_its_series(tmp_path, write):
    folder = written(tmp_path / "scan", write)
    of_folder = load_series(folder)
    for path in sorted(folder.iterdir())[-2:]:
        one = load_series(path)
        assert one.source_path == str(folder) and one.source_sha256 == of_folder.source_sha256
        assert np.array_equal(np.asarray(one.signal), np.asarray(of_folder.signal))


def test_a_slice_is_kept_until_its_files_change_or_another_is_read(tmp_path, monkeypatch):
    folder = written(tmp_path / "scan", classic)
    series = load_series(folder)
    reads = []
    read = Image.read
    monkeypatch.setattr(Image, "read", lambda image: reads.append(image) or read(image))
    wanted = expected(VALUES)
    # Slice 1 was looked at when the series was opened.
    for z, y, x, n_reads in ((1, 2, 3, 0), (1, 0, 4, 0), (2, 1, 1, 12), (1, 3, 0, 24)):
        np.testing.assert_allclose(series.fingerprint(z, y, x), wanted[:, z, y, x], rtol=1e-5,
                                   atol=1e-2)  # fmt: skip
        assert len(reads) == n_reads
    copy = pickle.loads(pickle.dumps(series.signal))  # noqa: S301
    np.testing.assert_allclose(np.asarray(copy[2, 1:]), wanted[2, 1:], rtol=1e-5, atol=1e-2)
    path = next(path for path in folder.iterdir() if "magnitude" in path.name)
    os.utime(path, ns=(1, 1))
    with pytest.raises(MRFInputError, match="changed"):
        [series.fingerprint(z, 0, 0) for z in range(3)]


def test_the_sha256_is_that_of_the_files_whatever_they_are_called(tmp_path):
    folder = written(tmp_path / "scan", classic)
    before = load_series(folder).source_sha256
    for n, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{n}")
    (folder / "notes.txt").write_text("x")
    assert load_series(folder).source_sha256 == before


def test_one_file_may_hold_both_halves(tmp_path):
    def change(one):
        phase = stored(VALUES, "phase")[0]
        order = [(t, z) for z in reversed(range(3)) for t in range(6)]
        items = list(one.PerFrameFunctionalGroupsSequence)
        both = []
        for part in ("MAGNITUDE", "PHASE"):
            for item in items:
                copy = deepcopy(item)
                kind = pydicom.Dataset()
                kind.ComplexImageComponent = part
                kind.FrameType = ["ORIGINAL", "PRIMARY", part[0], "NONE"]
                copy.MRImageFrameTypeSequence = [kind]
                rescale = pydicom.Dataset()
                rescale.RescaleSlope = 1 if part[0] == "M" else 2
                rescale.RescaleIntercept = 0 if part[0] == "M" else -4096
                copy.PixelValueTransformationSequence = [rescale]
                both.append(copy)
        one.PerFrameFunctionalGroupsSequence, one.NumberOfFrames = both, len(both)
        del one.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        one.PixelData += np.stack([phase[t, z] for t, z in order]).tobytes()

    path = enhanced(tmp_path / "scan.dcm", VALUES, change=change)
    series = load_series(path)
    assert series.source_path == str(path)
    np.testing.assert_allclose(np.asarray(series.signal), expected(VALUES), rtol=2e-6, atol=1e-2)


def test_geometry_and_values_are_those_of_the_nifti_that_dcm2niix_makes(tmp_path):
    tool = shutil.which("dcm2niix")
    if tool is None:
        pytest.skip("dcm2niix is not installed")
    folder = written(tmp_path / "scan", classic)
    (tmp_path / "nifti").mkdir()
    subprocess.run([tool, "-z", "n", "-f", "%s", "-o", str(tmp_path / "nifti"), str(folder)],
                   check=True, capture_output=True)  # fmt: skip
    other = load_series(tmp_path / "nifti" / "5.nii", magnitude_only=True)
    series = load_series(folder)
    # It turns the rows around: row y is its row 3 - y, at the same place.
    turned = np.diag([1.0, -1.0, 1.0, 1.0])
    turned[1, 3] = 3
    np.testing.assert_allclose(series.affine, other.affine @ turned, atol=1e-4)
    flipped = np.asarray(other.signal)[:, :, ::-1].real
    np.testing.assert_allclose(np.abs(np.asarray(series.signal)), flipped, rtol=1e-5)


def test_rescale_is_that_of_each_image(tmp_path):
    def change(one, t, z):
        one.RescaleSlope = 1 + t / 4

    folder = written(tmp_path / "scan", classic, PAIRS[1], change=change)
    factors = (1 + np.arange(6) / 4) / 0.25
    numbers = [stored(VALUES, part)[0] * factors[:, None, None, None] / 4 - 5000
               for part in PAIRS[1]]  # fmt: skip
    series = load_series(folder)
    np.testing.assert_allclose(np.asarray(series.signal), numbers[0] + 1j * numbers[1], rtol=1e-6)


def test_private_scale_of_philips_counts_where_it_changes_and_is_named(tmp_path):
    def change(one, t, z):
        block = one.private_block(0x2005, "Philips Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 0.5 + t)

    folder = written(tmp_path / "scan", classic, PAIRS[1], change=change)
    series = load_series(folder)
    plain = expected(VALUES, PAIRS[1])
    wanted = plain / (0.25 * (0.5 + np.arange(6)))[:, None, None, None]
    np.testing.assert_allclose(np.asarray(series.signal), wanted, rtol=1e-5, atol=1e-2)
    assert any("2005,100E" in text for text in series.warnings)


@pytest.mark.parametrize(("slope", "intercept", "unit"), [
    (2, -4096, "siemens"), (2000 * np.pi / 4095, -1000 * np.pi, "mrad"),
    (2 * np.pi / 4095, -np.pi, "rad"),
])  # fmt: skip
def test_a_rescale_to_one_turn_names_the_unit_of_the_phase(tmp_path, slope, intercept, unit):
    def change(one, t, z):
        one.RescaleSlope, one.RescaleIntercept = f"{slope:.12g}", f"{intercept:.12g}"

    classic(tmp_path / "scan", VALUES)
    classic(tmp_path / "scan", VALUES, "phase", 6, change=change)
    series = load_series(tmp_path / "scan")
    steps = 4095 if unit != "siemens" else 4096
    phase = stored(VALUES, "phase")[0] * (2 * np.pi / steps) - np.pi
    np.testing.assert_allclose(np.asarray(series.signal), stored(VALUES, "magnitude")[0]
                               * np.exp(1j * phase), rtol=1e-3, atol=4)  # fmt: skip
    assert any("rescale" in text for text in series.warnings)


def test_milliradians_are_not_taken_for_units_of_siemens(tmp_path):
    def change(one, t, z):
        one.RescaleSlope, one.RescaleIntercept = 1, 0
        one.PixelRepresentation, one.BitsStored, one.HighBit = 1, 16, 15
        numbers = np.rint(1000 * np.angle(VALUES[t, z])).astype("<i2")
        numbers[0, 0] = 3141
        one.add_new("PixelData", "OW", numbers.tobytes())

    classic(tmp_path / "scan", VALUES)
    classic(tmp_path / "scan", VALUES, "phase", 6, change=change)
    error = code_of(tmp_path / "scan")
    assert error.code == "phase-unit-unknown" and "mrad" in error.hint
    assert "siemens" not in error.hint
    series = load_series(tmp_path / "scan", phase_unit="mrad")
    found = np.asarray(series.signal)[:, :, 1:] / expected(VALUES)[:, :, 1:]
    assert np.abs(np.angle(found)).max() < 0.003


@pytest.mark.parametrize("is_table", [False, True])
def test_lossy_images_are_told_and_tables_of_scaling_refused(tmp_path, is_table):
    def change(one, t, z):
        if is_table:
            one.ModalityLUTSequence = [pydicom.Dataset()]
        else:
            one.LossyImageCompression = "01"

    classic(tmp_path / "scan", VALUES[:2], change=change)
    classic(tmp_path / "scan", VALUES[:2], "phase", 6)
    if is_table:
        assert code_of(tmp_path / "scan").code == "bad-scaling"
    else:
        assert any("with loss" in text for text in load_series(tmp_path / "scan").warnings)


def test_a_session_finds_the_folder_again_and_tells_when_it_has_changed(tmp_path):
    folder = written(tmp_path / "study" / "scan", classic)
    (folder / "DICOMDIR").write_bytes(next(folder.iterdir()).read_bytes())
    series = load_series(folder / "DICOMDIR")
    path = tmp_path / "study" / "s.mrf.json"
    files = [FileRecord.of(one["path"], one["sha256"], path) for one in series.metadata["sources"]]
    record = SeriesRecord(name="scan", files=files, reading=series.metadata["reading"],
                          sequence=None, component="magnitude")  # fmt: skip
    save_session(SessionFile(format="napari-mrf session", saved_at="2026-01-01T00:00:00",
                             series=record), path)  # fmt: skip
    (tmp_path / "study").rename(tmp_path / "moved")
    path = tmp_path / "moved" / "s.mrf.json"
    contents = result_of(iter_contents(path))
    assert np.array_equal(np.asarray(contents.series.signal), expected_of(tmp_path / "moved"))
    assert not [text for text in contents.remarks if "changed" in text]
    classic(tmp_path / "moved" / "scan", VALUES + 5)
    assert [text for text in result_of(iter_contents(path)).remarks if "changed" in text]


def expected_of(home):
    return np.asarray(load_series(home / "scan").signal)


def test_a_phase_without_unit_is_refused_and_may_be_named(tmp_path):
    def change(one, t, z):
        del one.RescaleSlope, one.RescaleIntercept

    classic(tmp_path / "scan", VALUES)
    classic(tmp_path / "scan", VALUES, "phase", 6, change=change)
    assert code_of(tmp_path / "scan").code == "phase-unit-unknown"
    series = load_series(tmp_path / "scan", phase_unit="siemens")
    np.testing.assert_allclose(np.abs(np.asarray(series.signal)), stored(VALUES, "magnitude")[0],
                               rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("lost", [(0, 0), (3, 1), (5, 2)])
@pytest.mark.parametrize("keys", ["temporal", "numbers"])
def test_a_missing_image_is_named(tmp_path, lost, keys):
    def change(one, t, z):
        if keys == "numbers":
            del one.TemporalPositionIdentifier, one.NumberOfTemporalPositions
            del one.AcquisitionNumber
        return (t, z) != lost

    classic(tmp_path / "scan", VALUES, change=change)
    classic(tmp_path / "scan", VALUES, "phase", 6)
    error = code_of(tmp_path / "scan")
    assert error.code == "missing-images"
    t, z = lost
    height = np.dot(position(z), [-0.28, 0, 0.96])
    assert f"the slice at {height:.4g} mm" in error.found
    if keys == "temporal":
        assert f"frame {t + 1} of" in error.found
    elif lost == (3, 1):
        assert "image 11" in error.found


def test_a_missing_slice_and_a_missing_time_are_named(tmp_path):
    classic(tmp_path / "a", VALUES, change=lambda one, t, z: z != 1)
    classic(tmp_path / "a", VALUES, "phase", 6, change=lambda one, t, z: z != 1)
    many = signal((3, 6, 2, 2))
    for part in PAIRS[0]:
        classic(tmp_path / "b", many, part, change=lambda one, t, z: z != 2)
        classic(tmp_path / "c", VALUES, part, change=lambda one, t, z: t != 2)
    assert load_series(tmp_path / "a").spatial_shape[0] == 2  # nobody can know
    error = code_of(tmp_path / "b")
    assert error.code == "missing-images" and error.found.startswith("1 between the slice at")
    error = code_of(tmp_path / "c")
    assert error.code == "missing-images" and "frame 3 of all slices" in error.found


def test_doubled_images_are_named(tmp_path):
    folder = tmp_path / "scan"
    paths = classic(folder, VALUES)
    classic(folder, VALUES, "phase", 6)
    shutil.copy(paths[2, 1], folder / "copy.dcm")
    error = code_of(folder)
    assert error.code == "doubled-images" and error.found == "series 5, image 8"


@pytest.mark.parametrize(("keyword", "value"), [
    ("PixelSpacing", [1.25, 1.6]), ("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
    ("ImagePositionPatient", [-70.0, -60.5, 12.25]),
])  # fmt: skip
def test_an_image_that_differs_is_named(tmp_path, keyword, value):
    def change(one, t, z):
        if (t, z) == (2, 1):
            setattr(one, keyword, value)

    classic(tmp_path / "scan", VALUES, change=change)
    classic(tmp_path / "scan", VALUES, "phase", 6)
    error = code_of(tmp_path / "scan")
    assert error.code in ("inconsistent-images", "missing-images")
    if keyword != "ImagePositionPatient":
        assert error.found == "series 5, image 8"


def test_slices_that_are_not_equally_far_apart_are_refused(tmp_path):
    def change(one, t, z):
        one.ImagePositionPatient = list(position(z if z < 2 else 2.2))

    classic(tmp_path / "scan", VALUES, change=change)
    classic(tmp_path / "scan", VALUES, "phase", 6, change=change)
    assert code_of(tmp_path / "scan").code == "inconsistent-images"


def test_one_half_alone_says_which_is_missing(tmp_path):
    classic(tmp_path / "scan", VALUES, "phase")
    error = code_of(tmp_path / "scan")
    assert error.code == "partner-missing" and "the magnitude images" in error.what
    classic(tmp_path / "other", VALUES)
    series = load_series(tmp_path / "other", magnitude_only=True)
    assert np.array_equal(np.asarray(series.signal).real, stored(VALUES, "magnitude")[0])


def test_several_series_are_asked_for_by_number(tmp_path):
    folder = written(tmp_path / "scan", classic)
    for number, part in enumerate(PAIRS[0], 8):
        classic(folder / "more", VALUES / 2, part, number)
    error = code_of(folder)
    assert error.code == "bad-dataset" and error.found == "5+6, 5+9, 8+6, 8+9"
    series = load_series(folder, dataset="8+9")
    np.testing.assert_allclose(np.asarray(series.signal), expected(VALUES / 2), rtol=2e-6,
                               atol=1e-2)  # fmt: skip


def test_folders_of_both_halves_are_one_series(tmp_path):
    classic(tmp_path / "study" / "mag", VALUES)
    classic(tmp_path / "study" / "phase", VALUES, "phase", 6)
    assert find_series([tmp_path / "study"]) == {"study": tmp_path / "study"}
    assert load_series(tmp_path / "study").n_frames == 6
    assert not is_raw(tmp_path / "study")


def test_beside_other_series_the_dicom_files_of_a_folder_are_one_more(tmp_path):
    folder = written(tmp_path / "scan", classic)
    save_series(mrf.MRFSeries(VALUES.astype(np.complex64), affine()), folder / "other.nii")
    assert find_series([folder]) == {"other": folder / "other.nii", "scan": folder}


def test_compressed_images_are_unpacked(tmp_path):
    folder = written(tmp_path / "scan", classic)
    plain = np.asarray(load_series(folder).signal)
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        one.compress(RLELossless)
        one.save_as(path)
    assert np.array_equal(np.asarray(load_series(folder).signal), plain)


@pytest.mark.parametrize("name", [
    "MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm",
])  # fmt: skip
def test_files_of_pydicom_are_read_as_pydicom_reads_them(name):
    path = get_testdata_file(name, download=False)
    (image,) = read_images(Path(path))
    wanted = pydicom.dcmread(path).pixel_array
    assert np.array_equal((image.read() - image.intercept) / image.slope, wanted)


def test_bits_that_do_not_count_are_left_out_and_signs_are_kept(tmp_path):
    numbers = np.array([[-2048, -1, 0, 1, 2047]], np.int16)

    def change(one, t, z):
        one.PixelRepresentation, one.RescaleSlope, one.RescaleIntercept = 1, 0.5, 3
        one.Rows, one.Columns = numbers.shape
        above = np.array([0x1000, 0x7000, 0xA000, 0xF000, 0x0000], np.uint16)
        one.PixelData = ((numbers.view(np.uint16) & 0x0FFF) | above).tobytes()

    paths = classic(tmp_path, VALUES[:1, :1], change=change)
    (image,) = read_images(paths[0, 0])
    assert np.array_equal(image.read(), numbers * 0.5 + 3)


@pytest.mark.parametrize(("number", "part"), [
    (0, "magnitude"), (1, "phase"), (2, "real"), (3, "imaginary"),
])  # fmt: skip
def test_parts_are_told_by_the_private_element_of_ge(tmp_path, number, part):
    def change(one, t, z):
        one.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        block = one.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", number)

    paths = classic(tmp_path, VALUES[:1, :1], change=change)
    (image,) = read_images(paths[0, 0])
    assert image.part == part


def test_the_sidecar_beside_the_folder_tells_the_sequence(tmp_path, monkeypatch):
    folder = written(tmp_path / "scan.1", classic)
    sequence = mrf.Sequence(name="six", kind="fisp", flip_angles_deg=[5.0] * 6,
                            repetition_times_ms=9.0, echo_times_ms=2.0,
                            inversion_time_ms=20.0)  # fmt: skip
    save_series(mrf.MRFSeries(VALUES.astype(np.complex64), affine(), sequence), tmp_path / "x.nii")
    block = json.loads((tmp_path / "x.json").read_text())["MRF"]
    del block["SHA256"]
    (tmp_path / "scan.1.json").write_text(json.dumps({"MRF": block}))
    assert load_series(next(folder.iterdir())).sequence == sequence
    monkeypatch.chdir(folder)
    assert load_series(".").sequence == sequence
    assert list(find_series(["."])) == ["scan.1"]


def test_truncated_and_lying_files_are_refused(tmp_path):
    folder = written(tmp_path / "scan", classic)
    path = next(folder.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert code_of(folder).code == "truncated"
    one = pydicom.dcmread(folder / path.name, stop_before_pixels=True)
    one.Rows = 60000
    one.add_new("PixelData", "OW", bytes(40))
    one.save_as(path)
    assert code_of(folder).code in ("truncated", "inconsistent-images")
    (tmp_path / "empty").mkdir()
    assert code_of(tmp_path / "empty").code == "not-a-file"


def test_no_planted_name_leaves_the_files(tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    folder = written(tmp_path / "scan", classic)
    path = next(folder.iterdir())
    assert all(word.encode() in path.read_bytes() for word in PLANTED)
    series = load_series(folder)
    told = [json.dumps(series.metadata), repr(series), *series.warnings]
    save_series(series, tmp_path / "copy.nii")
    held = b"".join(one.read_bytes() for one in tmp_path.glob("copy.*"))
    whole = path.read_bytes()
    for content in (whole[:600], whole[:-5], whole.replace(b"DS", b"PN"),
                    whole.replace(b"PN", b"DA")):  # fmt: skip
        path.write_bytes(content)
        main(["reconstruct", str(folder), "--output", str(tmp_path / "out"), "-s", "fisp"])
    told += [caplog.text, *capsys.readouterr()]
    assert not [word for word in PLANTED for text in told if word in text]
    assert not [word for word in PLANTED if word.encode() in held]


def test_kinds_of_files_are_told_by_their_content(tmp_path):
    paths = classic(tmp_path / "scan", VALUES[:1, :1])
    assert pydicom.dcmread(paths[0, 0]).SOPClassUID == CLASSIC
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(paths[0, 0].read_bytes()[132:])
    assert code_of(bare).code == "unknown-format"
