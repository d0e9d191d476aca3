"""Maps in the names of BIDS and ORMIR-MIDS: out, in, and what is refused."""

import json

import hypothesis
import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mrf import MRFInputError, ParameterMaps, load_maps, load_series, save_maps
from napari_mrf.data.label import Label
from napari_mrf.io import (
    Regions,
    ScanTarget,
    find_bids_series,
    find_series,
    load_label_table,
    load_labels,
)
from napari_mrf.io.bids.names import parsed, scan_entities
from napari_mrf.io.labels.label_tsv import format_label_tsv, parse_label_tsv
from napari_mrf.io.maps.folders import (
    file_sums,
    find_label_maps,
    find_maps,
    label_table_beside,
)
from napari_mrf.io.maps.reader import load_provenance

SHAPE = (2, 3, 4)
LEG = {"FF": (0, 1), "T1H2O": (600, 2000), "T1fat": (200, 450), "Df": (-120, 120), "B1": (0.3, 1)}
BRAIN = {"PD": (0, 1), "T1": (300, 3000), "T2": (20, 300)}


def maps_with(ranges, affine, *, complete=True):
    rng = np.random.default_rng(8)
    values = {key: rng.uniform(*ends, SHAPE) for key, ends in ranges.items()}
    values[next(iter(values))][0, 1] = np.nan
    companions = {
        "quality": rng.uniform(0, 1, SHAPE),
        "m0": rng.standard_normal(SHAPE) + 1j * rng.standard_normal(SHAPE),
        "flags": rng.integers(0, 1024, SHAPE),
        "uncertainty": {key: rng.uniform(0, 9, SHAPE) for key in ranges},
    }
    return ParameterMaps(values, **(companions if complete else {}), affine=affine + 1e-9,
                         provenance={"method": {"name": "water-fat"}})  # fmt: skip


@pytest.fixture
def leg(affine):
    return maps_with(LEG, affine)


def target(folder, naming="bids", **entities):
    return ScanTarget(folder, entities or {"sub": "01"}, naming)


def assert_same(first, second):
    """Equal but for the rounding of the conversion to seconds and back."""
    assert list(first) == list(second)
    for key in first:
        assert second[key].dtype == np.float32
        np.testing.assert_allclose(first[key], second[key], rtol=1.2e-7)
    for name in ("quality", "m0", "flags", "affine"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert list(first.uncertainty) == list(second.uncertainty)
    for key, values in first.uncertainty.items():
        np.testing.assert_allclose(values, second.uncertainty[key], rtol=1.2e-7)
    assert first.provenance == second.provenance


def write(path, values, affine, sidecar=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, np.float32), affine), path)
    if sidecar is not None:
        path.with_name(f"{path.name.split('.')[0]}.json").write_text(json.dumps(sidecar))


@pytest.mark.parametrize("naming", ["bids", "ormir-mids"])
@pytest.mark.parametrize("ranges", [LEG, BRAIN], ids=["leg", "brain"])
@pytest.mark.parametrize("complete", [True, False])
def test_maps_come_back_as_they_were(tmp_path, affine, naming, ranges, complete):
    maps = maps_with(ranges, affine, complete=complete)
    one = target(tmp_path, naming, sub="01", ses="2", run="3")
    written = one.save(maps)
    assert all(path.is_file() and path.is_relative_to(tmp_path) for path in written)
    folder = tmp_path / "sub-01" / "ses-2"
    read = load_maps(folder)
    assert_same(maps, read)
    target(tmp_path / "again", naming).save(read)
    assert_same(read, load_maps(tmp_path / "again"))
    assert load_provenance(folder) == maps.provenance


def test_nibabel_reads_seconds_and_hertz_in_the_same_place(tmp_path, leg, affine):
    target(tmp_path).save(leg)
    home = tmp_path / "sub-01"
    factors = {
        "anat/sub-01_desc-water_T1map": ("T1H2O", 1000, "s"),
        "anat/sub-01_desc-fat_T1map": ("T1fat", 1000, "s"),
        "anat/sub-01_FFmap": ("FF", 1, "1"),
        "fmap/sub-01_fieldmap": ("Df", 1, "Hz"),
        "fmap/sub-01_TB1map": ("B1", 1, "arbitrary"),
    }
    for stem, (key, factor, unit) in factors.items():
        image = nibabel.load(home / f"{stem}.nii.gz")
        np.testing.assert_allclose(
            np.asanyarray(image.dataobj).T * factor, leg[key].astype(float), rtol=1e-6
        )
        np.testing.assert_allclose(image.affine, affine, atol=1e-5)
        said = json.loads((home / f"{stem}.json").read_text())
        assert said["Units"] == unit
        assert said["SkullStripped"] is False
        assert said["MRFMap"]["Key"] == key
        assert said["MRFMap"]["Provenance"] == leg.provenance
    magnitude = np.asanyarray(nibabel.load(home / "fmap/sub-01_magnitude.nii.gz").dataobj)
    np.testing.assert_allclose(magnitude.T, np.abs(leg.m0), rtol=1e-6)
    inside = np.asanyarray(nibabel.load(home / "anat/sub-01_desc-fg_mask.nii.gz").dataobj).T
    np.testing.assert_array_equal(inside, np.ones(SHAPE))  # other maps have values there


def test_without_the_record_the_sidecars_tell_how_maps_were_made(tmp_path, leg):
    target(tmp_path).save(leg)
    (tmp_path / "sub-01/anat/sub-01_mrfmaps.json").unlink()
    read = load_maps(tmp_path / "sub-01")
    assert read.provenance == leg.provenance == load_provenance(tmp_path / "sub-01")
    np.testing.assert_allclose(read["T1H2O"], leg["T1H2O"], rtol=1.2e-7)


def test_a_changed_or_missing_map_is_refused(tmp_path, leg, affine):
    target(tmp_path).save(leg)
    path = tmp_path / "sub-01/fmap/sub-01_TB1map.nii.gz"
    write(path, np.ones(SHAPE).T, affine)
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path / "sub-01")
    assert caught.value.code == "sha256-mismatch"
    path.unlink()
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path / "sub-01")
    assert caught.value.code == "missing-map"


def test_earlier_maps_stay_and_other_scans_do_not_matter(tmp_path, leg):
    target(tmp_path).save(leg)
    with pytest.raises(MRFInputError) as caught:
        target(tmp_path).save(leg)
    assert caught.value.code == "exists"
    target(tmp_path, sub="01", run="2").save(leg)
    target(tmp_path).save(ParameterMaps({"T1": leg["T1H2O"]}), overwrite=True)
    assert not list(tmp_path.glob("sub-01/*/sub-01_FFmap*"))
    assert list(tmp_path.glob("sub-01/anat/sub-01_run-2_FFmap*"))


def test_scans_are_found_by_name_in_every_folder(tmp_path, leg):
    for entities in ({"sub": "01", "ses": "1"}, {"sub": "02", "ses": "1", "run": "1"},
                     {"sub": "02", "ses": "1", "run": "2"}):  # fmt: skip
        target(tmp_path, **entities).save(leg)
    found = find_maps(tmp_path)
    assert list(found) == ["sub-01_ses-1", "sub-02_ses-1_run-1", "sub-02_ses-1_run-2"]
    for path in found.values():
        assert_same(leg, load_maps(path))
        assert len(file_sums(path)) == len(LEG) + 1
    assert find_maps(tmp_path / "sub-01") == {"sub-01_ses-1": tmp_path / "sub-01" / "ses-1"}
    assert find_maps(tmp_path / "sub-01/ses-1") == {"": tmp_path / "sub-01/ses-1"}
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path / "sub-02")
    assert caught.value.code == "several-scans"
    assert "sub-02_ses-1_run-2" in str(caught.value)


def test_other_dialects_are_read_in_their_units(tmp_path, affine):
    home = tmp_path / "sub-7" / "mr-quant"
    for tag, value in {"FF": 0.1, "T1": 1200.0, "T2": 40.0, "B0": -30.0, "B1": 0.9}.items():
        write(home / f"sub-7_{tag}.nii.gz", np.full(SHAPE[::-1], value), affine)
    read = load_maps(tmp_path)
    assert {key: round(float(read[key].mean()), 3) for key in read} == {
        "FF": 0.1, "Df": -30.0, "B1": 0.9, "T1": 1200.0, "T2": 40.0,
    }  # fmt: skip
    write(tmp_path / "m/sub-8_fatfrac.nii", np.full(SHAPE[::-1], 12.0), affine, {"Units": "%"})
    assert load_maps(tmp_path / "m")["FF"].max() == np.float32(0.12)
    # Elsewhere the short names are those of images.
    write(tmp_path / "w/anat/sub-9_T1.nii.gz", np.full(SHAPE[::-1], 1200.0), affine)
    with pytest.raises(MRFInputError) as caught:
        find_maps(tmp_path / "w")
    assert caught.value.code == "no-maps"


@pytest.mark.parametrize(
    ("name", "value", "sidecar", "code"),
    [
        ("anat/sub-1_T1map.nii.gz", 1300.0, None, "unit-conflict"),  # ms where BIDS has s
        ("mr-quant/sub-1_FF.nii.gz", 12.0, {}, "unit-conflict"),
        ("mr-quant/sub-1_T2.nii.gz", 0.04, None, "unit-conflict"),
        ("anat/sub-1_T1map.nii.gz", 1.3, {"Units": "1/s"}, "unit-unknown"),
        ("fmap/sub-1_fieldmap.nii.gz", 1.3, {"Units": "ppm"}, "unit-unknown"),
        ("fmap/sub-1_fieldmap.nii.gz", 1.3, {"Units": 5}, "unit-unknown"),
        ("fmap/sub-1_TB1map.nii.gz", 90.0, {"Units": "arbitrary"}, "unit-conflict"),
    ],
)
def test_a_unit_that_is_unknown_or_contradicted_is_refused(
    tmp_path, affine, name, value, sidecar, code
):
    write(tmp_path / name, np.full(SHAPE[::-1], value), affine, sidecar)
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path)
    assert caught.value.code == code


@pytest.mark.parametrize(("units", "factor"), [("ms", 1), ("s", 1000), (None, 1000)])
def test_units_of_sidecars_win(tmp_path, affine, units, factor):
    sidecar = {} if units is None else {"Units": units}
    write(tmp_path / "anat/sub-1_T2map.nii.gz", np.full(SHAPE[::-1], 40 / factor), affine, sidecar)
    np.testing.assert_allclose(load_maps(tmp_path)["T2"], 40, rtol=1e-6)


def test_two_files_of_one_map_are_refused(tmp_path, leg, affine):
    target(tmp_path).save(leg)
    write(tmp_path / "sub-01/anat/sub-01_FFmap.nii", np.ones(SHAPE[::-1]), affine)
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path / "sub-01")
    assert caught.value.code == "doubled-map"


def test_regions_come_back_with_their_names(tmp_path, leg):
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 0], labels[1, 2] = 1, 7001
    table = {1: Label(1, "Vastus lateralis", (200, 10, 3)), 4: Label(4, "not drawn")}
    target(tmp_path, sub="01", ses="1").save(leg, Regions(labels, table, "a\n1\n"))
    root = tmp_path
    path = find_label_maps(root, ["sub-01_ses-1"])["sub-01_ses-1"]
    assert path == find_label_maps(root / "sub-01/ses-1", [""])[""]
    np.testing.assert_array_equal(load_labels(path, SHAPE, leg.affine).values, labels)
    read = load_label_table(label_table_beside(path))
    assert read == {**table, 7001: Label(7001, "Label 7001")}
    rois = root / "sub-01/ses-1/anat/sub-01_ses-1_desc-muscles_rois.tsv"
    assert rois.read_text() == "a\n1\n"


@given(st.dictionaries(st.integers(1, 2**31 - 1), st.text("abc 'ü=#\t", max_size=9), max_size=5))
def test_tables_of_labels_are_the_same_again(names):
    table = {index: Label(index, name) for index, name in names.items()}
    read = parse_label_tsv(format_label_tsv(np.zeros(1, int), table))
    assert {index: label.name for index, label in read.items()} == {
        index: name.replace("\t", " ") for index, name in names.items()
    }


@pytest.mark.parametrize(
    "text", ["", "number\tname\n1\ta\n", "index\tname\nx\ta\n", "index\tname\n1\n",
             "index\tname\n1\ta\n1\tb\n", "index\tname\n-1\ta\n"]
)  # fmt: skip
def test_tables_of_labels_with_a_fault_are_refused(text):
    with pytest.raises(MRFInputError) as caught:
        parse_label_tsv(text)
    assert caught.value.code == "bad-label-table"


def test_names_are_taken_apart():
    name = parsed("sub-01_ses-a_part-mag_MRF.nii.gz")
    assert name.entities == {"sub": "01", "ses": "a", "part": "mag"}
    assert (name.suffix, name.extension) == ("MRF", ".nii.gz")
    assert all(parsed(other) is None for other in
               ("FF.nii.gz", "sub-01.nii.gz", "sub-01_a_MRF.nii", "x-1_MRF.nii", "sub-01_MRF.png")
               )  # fmt: skip


def test_series_are_named_after_their_subject(tmp_path):
    assert scan_entities(tmp_path / "sub-01_run-2_ses-1_part-mag_MRF.nii.gz") == {
        "sub": "01", "ses": "1", "run": "2",
    }  # fmt: skip
    assert scan_entities(tmp_path / "leg one.nii.gz") == {"sub": "legone"}
    assert scan_entities(tmp_path / "sub-01_ses-1.h5") == {"sub": "01", "ses": "1"}
    assert scan_entities(tmp_path / "sub-01_MRF.dat") == {"sub": "01"}
    for name in ("---.nii.gz", "sub-01_echo-2_MRF.nii.gz"):
        with pytest.raises(MRFInputError) as caught:
            scan_entities(tmp_path / name)
        assert caught.value.code == "bad-name"


def raw_data(root, affine, halves=("mag", "phase"), subjects=("01", "02"), sessions=("",)):
    """Write a data set with nibabel; Units of phases and the order of axes are inherited."""
    root.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.1"}')
    (root / "part-phase_MRF.json").write_text('{"Units": "rad"}')
    rng = np.random.default_rng(2)
    values = rng.standard_normal((4, 3, 2, 175)) + 1j * rng.standard_normal((4, 3, 2, 175))
    parts = {"mag": np.abs, "phase": np.angle, "real": np.real, "imag": np.imag}
    for subject in subjects:
        for session in sessions:
            words = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
            for half in halves:
                name = "_".join([*words, f"part-{half}", "MRF.nii.gz"])
                write(root.joinpath(*words, "anat", name), parts[half](values), affine)
    return values


@pytest.mark.parametrize("halves", [("mag", "phase"), ("real", "imag")])
def test_series_of_a_data_set_are_opened_by_the_reader_of_series(tmp_path, affine, halves):
    values = raw_data(tmp_path / "raw", affine, halves, sessions=("1", "2"))
    found = find_bids_series(tmp_path / "raw")
    assert [one.name for one in found] == [
        f"sub-0{subject}_ses-{session}" for subject in (1, 2) for session in (1, 2)
    ]
    series = load_series(found[0].path)
    np.testing.assert_allclose(np.asarray(series.signal).T, values.astype(np.complex64), atol=1e-5)
    chosen = find_bids_series(tmp_path / "raw", subjects=["sub-02"], sessions=["1"])
    assert [one.name for one in chosen] == ["sub-02_ses-1"]
    with pytest.raises(MRFInputError) as caught:
        find_bids_series(tmp_path / "raw", subjects=["03"])
    assert (caught.value.code, "sub-03" in str(caught.value)) == ("no-series", True)


def test_a_data_set_stands_for_the_series_of_all_subjects(tmp_path, affine):
    raw_data(tmp_path / "raw", affine)
    found = find_series([tmp_path / "raw"])
    assert list(found) == ["sub-01_part-mag_MRF", "sub-02_part-mag_MRF"]


def test_sidecars_nearer_to_the_series_win(tmp_path, affine):
    raw_data(tmp_path / "raw", affine, subjects=("01",))
    home = tmp_path / "raw/sub-01"
    (home / "sub-01_MRF.json").write_text('{"MRF": {"SchemaVersion": 1, "AxisOrder": "XYZT"}}')
    (home / "anat/sub-01_part-phase_MRF.json").write_text('{"Units": "no unit"}')
    with pytest.raises(MRFInputError) as caught:
        load_series(home / "anat/sub-01_part-mag_MRF.nii.gz")
    assert caught.value.code == "phase-unit-unknown"
    assert "no unit" in str(caught.value)


def test_maps_go_into_no_data_set_of_raw_data(tmp_path, affine, leg):
    raw_data(tmp_path / "raw", affine)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MRFInputError) as caught:
        target(tmp_path / "raw").save(leg)
    assert caught.value.code == "not-a-derivative"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_description_that_is_there_stays(tmp_path, affine, leg):
    raw_data(tmp_path / "raw", affine)
    out = tmp_path / "out"
    out.mkdir()
    mine = {"Name": "mine", "DatasetType": "derivative", "DatasetLinks": {"raw": "elsewhere"}}
    (out / "dataset_description.json").write_text(json.dumps(mine))
    (out / ".bidsignore").write_text("notes.txt\n*_FFmap.*\n")
    source = tmp_path / "raw/sub-01/anat/sub-01_part-mag_MRF.nii.gz"
    ScanTarget.of(source, out, "bids").save(leg)
    described = json.loads((out / "dataset_description.json").read_text())
    assert described == {**mine, "DatasetLinks": {"raw": "elsewhere", "raw2": "../raw"}}
    lines = (out / ".bidsignore").read_text().splitlines()
    assert lines[:2] == ["notes.txt", "*_FFmap.*"]
    assert len(lines) == len(set(lines))
    said = json.loads((out / "sub-01/anat/sub-01_desc-water_T1map.json").read_text())
    assert said["Sources"] == ["bids:raw2:sub-01/anat/sub-01_part-mag_MRF.nii.gz"]


def test_plain_maps_are_read_as_before(tmp_path, leg):
    save_maps(leg, tmp_path / "sub-01")
    assert find_maps(tmp_path) == {"sub-01": tmp_path / "sub-01"}
    np.testing.assert_array_equal(load_maps(tmp_path / "sub-01")["FF"], leg["FF"])


def test_label_maps_stay_where_maps_are_written_again(tmp_path, leg):
    regions = Regions(np.ones(SHAPE, np.uint16), {1: Label(1, "leg")}, "a\n1\n")
    target(tmp_path).save(leg, regions)
    drawn = sorted(tmp_path.rglob("*_dseg.*"))
    before = [path.read_bytes() for path in drawn]
    target(tmp_path).save(leg, overwrite=True)
    assert [path.read_bytes() for path in drawn] == before
    assert not list(tmp_path.rglob("*_rois.tsv"))  # of the earlier maps
    for path in tmp_path.rglob("*_mrfmaps.json"):
        path.unlink()
    with pytest.raises(MRFInputError) as caught:
        target(tmp_path, sub="01").refuse_earlier(overwrite=False, with_regions=True)
    assert "desc-muscles_dseg" in str(caught.value)


@hypothesis.settings(max_examples=25)
@given(
    sidecar=st.binary(max_size=40) | st.sampled_from([b'{"Units": NaN}', b'{"Units": [1]}', b"[]"])
)
def test_any_sidecar_is_read_or_refused(tmp_path_factory, affine, sidecar):
    folder = tmp_path_factory.mktemp("maps")
    write(folder / "anat/sub-1_T2map.nii.gz", np.full(SHAPE[::-1], 0.04), affine)
    (folder / "anat/sub-1_T2map.json").write_bytes(sidecar)
    try:
        np.testing.assert_allclose(load_maps(folder)["T2"], 40, rtol=1e-6)
    except MRFInputError as error:
        assert error.code in {"bad-json", "bad-sidecar", "unit-unknown", "not-text"}
