"""Maps and regions in DICOM: what others read is what was written, and names nobody unasked."""

import json
import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_cases import PERSON, PLANTED, STUDY, affine, classic, enhanced, signal
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mrf import MRFInputError, ParameterMaps, load_maps, load_series, save_maps
from napari_mrf.data.label import Label
from napari_mrf.io import load_identity, save_labels
from napari_mrf.io.dicom.scaled_images import PADDING, scaled

SHAPE = (3, 4, 5)
LPS = np.diag([-1, -1, 1, 1])
TABLE = {7: Label(7, "vastus lateralis, left", (255, 0, 0))}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series") / "scan"
    for number, part in enumerate(("magnitude", "phase"), 5):
        classic(folder, signal((2, *SHAPE)), part, number)
    return load_series(folder)


def provenance(series):
    return {"input": {"sha256": series.source_sha256, **series.metadata}}


def maps_of(series=None, turned=False, scale=1.0):
    chance = np.random.default_rng(1)
    values = chance.random((2, *SHAPE), dtype=np.float32)
    values[:, 0, 0] = np.nan
    place = affine() @ np.diag([1, 1, -1, 1]) if turned else affine()
    return ParameterMaps(
        {"FF": values[0], "T1H2O": 1000 + 900 * scale * values[1]}, quality=values[1],
        flags=chance.integers(0, 1023, SHAPE), uncertainty={"FF": values[0] / 10},
        m0=(values[0] + 1j * values[1]), affine=place,
        provenance={} if series is None else provenance(series),
    )  # fmt: skip


def labels():
    values = np.zeros(SHAPE, int)
    values[0, :2], values[2, 1:] = 7, 9001
    return values


def placed(path):
    """Return each frame of a file by its position (LPS mm), by pydicom alone."""
    one = pydicom.dcmread(path)
    numbers = np.frombuffer(one.FloatPixelData, "<f4").reshape(
        one.NumberOfFrames, one.Rows, one.Columns
    )
    places = [tuple(np.round(group.PlanePositionSequence[0].ImagePositionPatient, 4))
              for group in one.PerFrameFunctionalGroupsSequence]  # fmt: skip
    return dict(zip(places, numbers, strict=True))


def origins(place):
    return [tuple(np.round((LPS @ place)[:3] @ [0, 0, z, 1], 4)) for z in range(SHAPE[0])]


@pytest.mark.parametrize("turned", [False, True])
def test_parametric_maps_hold_every_value_in_its_place(tmp_path, series, turned):
    maps = maps_of(series, turned)
    save_maps(maps, tmp_path, form="dicom")
    for name, values in {**maps, "quality": maps.quality, "m0_imaginary": maps.m0.imag}.items():
        frames = placed(tmp_path / f"{name}.dcm")
        for z, place in enumerate(origins(maps.affine)):
            assert np.array_equal(frames[place], values[z], equal_nan=True)
    read = highdicom.imread(tmp_path / "T1H2O.dcm").get_volume()
    inside = read.affine @ np.array([1, 2, 3, 1])  # of its own order of slices
    z, y, x = np.rint(np.linalg.inv(LPS @ maps.affine) @ inside)[2::-1].astype(int)
    assert read.array[1, 2, 3] == maps["T1H2O"][z, y, x]


@pytest.mark.parametrize("form", ["dicom", "mha"])
@pytest.mark.parametrize("turned", [False, True])
def test_maps_come_back_as_they_were(tmp_path, series, form, turned):
    maps = maps_of(series, turned)
    save_maps(maps, tmp_path, form=form)
    read = load_maps(tmp_path)
    pairs = [(read[key], maps[key]) for key in maps]
    pairs += [(getattr(read, name), getattr(maps, name)) for name in ("quality", "flags", "m0")]
    pairs += [(read.uncertainty["FF"], maps.uncertainty["FF"])]
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)
    np.testing.assert_array_equal(read.affine, maps.affine)
    assert read.provenance == json.loads(json.dumps(maps.provenance))


def test_units_and_quantities_are_coded(tmp_path, series):
    save_maps(maps_of(series), tmp_path, form="dicom")
    one = pydicom.dcmread(tmp_path / "T1H2O.dcm")
    mapping = one.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "ms"
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert quantity.CodeMeaning == "T1" and one.SeriesDescription == "MRF Water T1 (ms)"


def test_images_hold_values_to_half_a_step_with_padding_for_none(tmp_path, series):
    maps = maps_of(series)
    save_maps(maps, tmp_path, form="dicom-mr")
    for name, values in {**maps, "quality": maps.quality}.items():
        for z in range(SHAPE[0]):
            one = pydicom.dcmread(tmp_path / f"{name}_{z + 1:04d}.dcm")
            stored = one.pixel_array
            assert np.array_equal(stored == one.PixelPaddingValue, np.isnan(values[z]))
            known = stored != PADDING
            found = stored[known] * float(one.RescaleSlope) + float(one.RescaleIntercept)
            assert np.abs(found - values[z][known]).max() <= 0.501 * float(one.RescaleSlope)
            assert float(one.RescaleSlope) <= 1.001 * np.nanmax(values) / 65533
            np.testing.assert_allclose(one.ImagePositionPatient, (LPS @ maps.affine)[:3]
                                       @ [0, 0, z, 1], atol=1e-6)  # fmt: skip
            assert (one.RescaleType, one.InstanceNumber) == ("ms" if name[0] == "T" else "1", z + 1)
    flags = np.stack([pydicom.dcmread(tmp_path / f"flags_{z + 1:04d}.dcm").pixel_array
                      for z in range(SHAPE[0])])  # fmt: skip
    assert np.array_equal(flags.astype(int) - 1, maps.flags)
    with pytest.raises(MRFInputError, match="not read back"):
        load_maps(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32) | st.just(float("nan")), min_size=1, max_size=9))
def test_scaled_numbers_are_within_half_a_step(values):
    values = np.array(values, np.float32)
    stored, slope, intercept = scaled(values)
    known = np.isfinite(values)
    assert np.array_equal(stored == PADDING, ~known)
    found = stored[known] * slope + intercept
    assert np.all(np.abs(found - values[known]) <= 0.51 * slope + 1e-6)
    if known.any() and np.ptp(values[known]) > 0:
        assert slope <= 1.01 * float(np.ptp(values[known].astype(float))) / 65533


def test_segments_are_the_labels_with_names_and_colors(tmp_path, series):
    path = tmp_path / "rois.dcm"
    save_labels(path, labels(), affine(), table=TABLE, provenance=provenance(series))
    one = highdicom.seg.segread(path)
    assert [item.SegmentLabel for item in one.SegmentSequence] == [TABLE[7].name, "label 9001"]
    assert [item.TrackingID for item in one.SegmentSequence] == ["label 7", "label 9001"]
    volume = one.get_volume(combine_segments=True)
    found = np.array([0, 7, 9001])[volume.array]
    to_ours = np.linalg.inv(LPS @ affine()) @ volume.affine  # (z, y, x) of theirs to (x, y, z)
    for index in np.ndindex(SHAPE):
        x, y, z = np.rint(to_ours @ [*index, 1])[:3].astype(int)
        assert found[index] == labels()[z, y, x]
    with pytest.raises(MRFInputError, match="no label"):
        save_labels(tmp_path / "none.dcm", np.zeros(SHAPE, int), affine())


def test_output_refers_to_the_source_of_each_slice(tmp_path, series):
    save_maps(maps_of(series), tmp_path, form="dicom")
    save_maps(maps_of(series), tmp_path / "mr", form="dicom-mr")
    save_labels(tmp_path / "rois.dcm", labels(), affine(), provenance=provenance(series))
    files = [pydicom.dcmread(path) for path in Path(series.source_path).iterdir()]
    sources = {one.SOPInstanceUID: one for one in files}
    for name in ("FF", "rois"):
        one = pydicom.dcmread(tmp_path / f"{name}.dcm")
        assert one.StudyInstanceUID == STUDY
        named = {item.SeriesInstanceUID for item in one.ReferencedSeriesSequence}
        assert named == {source.SeriesInstanceUID for source in sources.values()}
        for group in one.PerFrameFunctionalGroupsSequence:
            items = group.DerivationImageSequence[0].SourceImageSequence
            assert len(items) == 2
            for item in items:
                source = sources[item.ReferencedSOPInstanceUID]
                np.testing.assert_allclose(source.ImagePositionPatient,
                                           group.PlanePositionSequence[0].ImagePositionPatient,
                                           atol=1e-6)  # fmt: skip
    for path in (tmp_path / "mr").glob("FF_0*.dcm"):
        one = pydicom.dcmread(path)
        for item in one.SourceImageSequence:
            source = sources[item.ReferencedSOPInstanceUID]
            np.testing.assert_allclose(source.ImagePositionPatient, one.ImagePositionPatient,
                                       atol=1e-6)  # fmt: skip


def test_maps_of_other_formats_refer_to_nothing(tmp_path):
    maps = maps_of()
    maps.provenance = {"input": {"sha256": "ab", "path": "thigh.nii.gz"}}
    save_maps(maps, tmp_path, form="dicom")
    one = pydicom.dcmread(tmp_path / "FF.dcm")
    assert "ReferencedSeriesSequence" not in one
    assert all("DerivationImageSequence" not in group
               for group in one.PerFrameFunctionalGroupsSequence)  # fmt: skip


def uids(folder):
    names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    return {path.name: tuple(pydicom.dcmread(path)[name].value for name in names)
            for path in folder.glob("*.dcm")}  # fmt: skip


@pytest.mark.parametrize("form", ["dicom", "dicom-mr"])
def test_the_same_maps_have_the_same_uids_and_others_have_others(tmp_path, series, form):
    for name, maps in (("a", maps_of(series)), ("b", maps_of(series)),
                       ("c", maps_of(series, scale=1.001))):  # fmt: skip
        save_maps(maps, tmp_path / name, form=form)
    first, again, other = (uids(tmp_path / name) for name in "abc")
    assert first == again
    assert len({one[0] for one in first.values()}) == len(first)
    changed = {name for name in first if first[name][0] != other[name][0]}
    assert changed == {name for name in first if name.startswith("T1H2O")}
    for path in (tmp_path / "a").glob("*.dcm"):
        one, two = (pydicom.dcmread(folder / path.name) for folder in (path.parent, tmp_path / "b"))
        for item in (one, two):
            for name in ("InstanceCreationDate", "InstanceCreationTime", "ContentDate",
                         "ContentTime", "ContributingEquipmentSequence"):  # fmt: skip
                item.pop(name, None)
        assert one == two


def test_nobody_is_named_unless_asked_for(tmp_path, series):
    save_maps(maps_of(series), tmp_path / "a", form="dicom")
    save_maps(maps_of(series), tmp_path / "b", form="dicom-mr")
    save_labels(tmp_path / "a" / "rois.dcm", labels(), affine(), provenance=provenance(series))
    held = b"".join(path.read_bytes() for path in tmp_path.glob("?/*"))
    assert not [word for word in PLANTED if word.encode() in held]
    identity = load_identity(series.source_path)
    save_maps(maps_of(series), tmp_path / "c", form="dicom", identity=identity)
    save_maps(maps_of(series), tmp_path / "d", form="dicom-mr", identity=identity)
    for path in (tmp_path / "c" / "FF.dcm", tmp_path / "d" / "FF_0002.dcm"):
        one = pydicom.dcmread(path)
        assert (one.PatientName, one.PatientID, one.StudyDate) == (PERSON, "BETELGEUSE-7",
                                                                   "20260101")  # fmt: skip
        assert "GUILDFORD" not in str(one)


FALSE_ALARMS = ()
"""Errors of dciodvfy that are none; docs/formats.md lists its warnings."""


@pytest.mark.parametrize("of_dicom", [False, True])
def test_validators_find_no_error(tmp_path, series, of_dicom):
    if shutil.which("dciodvfy") is None or shutil.which("dcmdump") is None:
        pytest.skip("dicom3tools or DCMTK is not installed")
    given_series = series if of_dicom else None
    for form in ("dicom", "dicom-mr"):
        save_maps(maps_of(given_series), tmp_path / form, form=form)
    save_labels(tmp_path / "dicom" / "rois.dcm", labels(), affine(), table=TABLE,
                provenance=provenance(series) if of_dicom else None)  # fmt: skip
    errors = []
    for path in [*(tmp_path / "dicom").glob("*.dcm"), *(tmp_path / "dicom-mr").glob("*_0002.dcm")]:
        said = subprocess.run(["dciodvfy", path], capture_output=True, text=True)  # noqa: S607
        errors += [f"{path.name}: {line}" for line in (said.stdout + said.stderr).splitlines()
                   if line.startswith("Error") and line not in FALSE_ALARMS]  # fmt: skip
        dumped = subprocess.run(["dcmdump", "+E", path], capture_output=True, text=True)  # noqa: S607
        errors += [f"{path.name}: {dumped.stderr}"] if dumped.returncode or dumped.stderr else []
    assert not errors


def test_maps_of_an_enhanced_series_refer_to_its_files(tmp_path):
    for number, part in enumerate(("magnitude", "phase"), 5):
        enhanced(tmp_path / "scan" / f"{part}.dcm", signal((2, *SHAPE)), part, number)
    series = load_series(tmp_path / "scan")
    save_maps(maps_of(series), tmp_path / "maps", form="dicom")
    one = pydicom.dcmread(tmp_path / "maps" / "FF.dcm")
    sources = {pydicom.dcmread(path).SOPInstanceUID for path in (tmp_path / "scan").iterdir()}
    named = [item.ReferencedSOPInstanceUID for series in one.ReferencedSeriesSequence
             for item in series.ReferencedInstanceSequence]  # fmt: skip
    assert sorted(named) == sorted(sources)


def test_maps_without_geometry_or_with_slanted_axes_are_refused(tmp_path):
    maps = maps_of()
    for place in (None, affine() @ np.array([[1, 0.1, 0, 0], *np.eye(4)[1:]])):
        maps.affine = place
        for form in ("dicom", "dicom-mr"):
            with pytest.raises(MRFInputError) as caught:
                save_maps(maps, tmp_path, form=form)
            assert caught.value.code == "no-geometry"
    assert not list(tmp_path.iterdir())


def test_results_of_another_form_are_earlier_results(tmp_path, series):
    maps = maps_of(series)
    save_maps(maps, tmp_path, form="dicom-mr")
    with pytest.raises(MRFInputError, match="already contains"):
        save_maps(maps, tmp_path)
    save_maps(maps, tmp_path, overwrite=True)
    assert not list(tmp_path.glob("*.dcm"))
    with pytest.raises(MRFInputError) as caught:
        save_maps(maps, tmp_path / "x", form="analyze")
    assert caught.value.code == "bad-option"
