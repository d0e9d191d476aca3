"""The session file: what comes back, and what it says of a disk that changed meanwhile."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_cases import subspace_series

from napari_mrf import MRFInputError, MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import load_series, save_labels, save_maps, save_series
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.io.session.file import (
    FileRecord,
    GridRecord,
    LabelRecord,
    LimitRecord,
    MapsRecord,
    RegionsRecord,
    SeriesRecord,
    SessionFile,
    ViewsRecord,
    load_session,
    save_session,
)

FORMAT = "napari-mrf session"
AFFINE = np.diag([-1.5, -1.5, 4.0, 1.0])

VIEWS = ViewsRecord(
    sections={"rois": True, "inspect/Distribution, profile": False},
    grid=GridRecord(enabled=True, shape=(1, -1), stride=2, spacing=0.1),
    spares_others=False,
    limit=LimitRecord(maps="water-fat", parameter="FF", low=0.0, high=0.5),
    profile=((0.0, 1.5, 2.0), (0.0, 2.0, 3.25)),
)


def contents_of(path):
    work = iter_contents(path)
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


def file_record(path, session_path):
    return FileRecord.of(path, sha256_of(path), session_path)


@pytest.fixture
def study(tmp_path):
    """A series, a set of maps and a label map in a folder, and the session that names them."""
    folder = tmp_path / "study"
    folder.mkdir()
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(175, 2, 3, 4)) + 1j * rng.normal(size=(175, 2, 3, 4))
    sequence = sequences.t1ff()
    series_path = folder / "thigh.nii.gz"
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequence), series_path)
    maps = ParameterMaps({"FF": np.full((2, 3, 4), 0.25, np.float32)}, affine=AFFINE)
    save_maps(maps, folder / "maps")
    labels = np.zeros((2, 3, 4), np.uint16)
    labels[0, 1, 2] = 7
    save_labels(folder / "muscles.nii.gz", labels, AFFINE)
    path = folder / "thigh.mrf.json"
    sources = load_series(series_path).metadata["sources"]
    session = SessionFile(
        format=FORMAT,
        saved_at="2026-11-21T10:00:00+00:00",
        series=SeriesRecord(
            name="thigh",
            files=[FileRecord.of(one["path"], one["sha256"], path) for one in sources],
            sequence=json.loads(sequence.to_json()),
        ),
        maps=[
            MapsRecord(
                name="water-fat",
                files=[file_record(one, path) for one in sorted((folder / "maps").iterdir())],
            )
        ],
        regions=RegionsRecord(
            file=file_record(folder / "muscles.nii.gz", path),
            table=[LabelRecord(index=7, name="VL_R", color=[32, 103, 0])],
            chosen=7,
        ),
        pins=[(0, 1, 2)],
        view={"point_0": 60.0},
        views=VIEWS,
        panels={"rois": {"erosion": 1}},
    )
    save_session(session, path)
    return path


def test_images_kept_as_hdf5_come_back_with_their_coefficients(tmp_path):
    series_path, path = tmp_path / "leg.h5", tmp_path / "leg.mrf.json"
    save_series(subspace_series(), series_path)
    loaded = load_series(series_path)
    record = SeriesRecord(
        name="leg",
        files=[file_record(series_path, path)],
        reading=loaded.metadata["reading"],
        sequence=json.loads(loaded.sequence.to_json()),
    )
    saved = "2026-11-21T10:00:00+00:00"
    save_session(SessionFile(format=FORMAT, saved_at=saved, series=record), path)
    contents = contents_of(path)
    assert contents.remarks == []
    again = contents.series
    assert again.warnings == loaded.warnings and again.sequence == loaded.sequence
    np.testing.assert_array_equal(again.subspace.coefficients[:, 1],
                                  loaded.subspace.coefficients[:, 1])  # fmt: skip


def test_everything_comes_back_and_nothing_is_remarked(study):
    contents = contents_of(study)
    assert contents.remarks == []
    assert contents.series.sequence == sequences.t1ff()
    assert contents.series.signal.shape == (175, 2, 3, 4)
    assert contents.maps["water-fat"]["FF"][0, 0, 0] == 0.25
    assert contents.labels[0, 1, 2] == 7
    assert contents.table[7].name == "VL_R"
    assert contents.file.pins == [(0, 1, 2)]
    assert contents.file.panels == {"rois": {"erosion": 1}}


def test_no_pixel_data_is_in_the_file(study):
    record = json.loads(study.read_text())
    assert set(record["series"]) == {"name", "files", "reading", "sequence", "component"}
    assert set(record["maps"][0]) == {"name", "files", "series_name", "seconds"}
    assert set(record["regions"]) == {"file", "table", "chosen"}


def test_whole_folder_may_move(study, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.move(study.parent, moved)
    contents = contents_of(moved / study.name)
    assert contents.remarks == []
    assert contents.folders["water-fat"] == moved / "maps"


def test_session_file_alone_may_move(study, tmp_path):
    moved = tmp_path / "thigh.mrf.json"
    shutil.move(study, moved)
    assert contents_of(moved).remarks == []


def test_file_taken_from_its_former_place_is_named(study, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(study.parent, copy)
    (copy / "muscles.nii.gz").unlink()
    contents = contents_of(copy / study.name)
    assert contents.labels is not None
    (remark,) = contents.remarks
    assert "muscles.nii.gz was not found beside the moved session" in remark
    assert str(study.parent) in remark


def test_changed_files_are_loaded_and_named(study):
    folder = study.parent
    other = ParameterMaps({"FF": np.full((2, 3, 4), 0.5, np.float32)}, affine=AFFINE)
    save_maps(other, folder / "maps", overwrite=True)
    contents = contents_of(study)
    assert contents.maps["water-fat"]["FF"][0, 0, 0] == 0.5
    (remark,) = contents.remarks
    assert "maps water-fat changed since the session was saved on 2026-11-21" in remark
    assert "FF.nii.gz" in remark


def test_missing_series_leaves_the_rest(study):
    (study.parent / "thigh.nii.gz").unlink()
    contents = contents_of(study)
    assert contents.series is None
    assert list(contents.maps) == ["water-fat"]
    assert contents.labels is not None
    (remark,) = contents.remarks
    assert "The series thigh could not be found" in remark
    assert str(study.parent) in remark


def test_maps_that_do_not_fit_their_record_are_left_out(study):
    path = study.parent / "maps" / "FF.nii.gz"
    path.write_bytes(path.read_bytes()[:-4])
    contents = contents_of(study)
    assert contents.maps == {}
    assert any("left out" in remark for remark in contents.remarks)


def test_missing_maps_and_labels_are_named(study):
    shutil.rmtree(study.parent / "maps")
    (study.parent / "muscles.nii.gz").unlink()
    contents = contents_of(study)
    assert contents.series is not None
    assert len(contents.remarks) == 2
    assert "maps water-fat" in contents.remarks[0]
    assert "regions" in contents.remarks[1]


def test_labels_on_another_grid_are_left_out(study):
    path = study.parent / "muscles.nii.gz"
    save_labels(path, np.ones((2, 3, 5), np.uint16), AFFINE, overwrite=True)
    contents = contents_of(study)
    assert contents.labels is None
    assert any("regions were left out" in remark for remark in contents.remarks)


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda record: record.pop("format"), "format"),
        (lambda record: record.update(version=2), "version"),
        (lambda record: record.update(code="os.system"), "code"),
        (lambda record: record["maps"][0].update(files=[]), "maps.0.files"),
        (lambda record: record["maps"][0]["files"][0].update(sha256="0"), "sha256"),
        (lambda record: record.update(pins=[[1, 2]]), "pins"),
        (lambda record: record["views"].update(sections={"rois": 1}), "views.sections.rois"),
        (lambda record: record["views"].update(sections=["rois"]), "views.sections"),
        (lambda record: record["views"].update(spares_others="yes"), "views.spares_others"),
        (lambda record: record["views"]["grid"].update(shape=[2]), "views.grid.shape"),
        (lambda record: record["views"]["grid"].update(stride=1.5), "views.grid.stride"),
        (lambda record: record["views"]["grid"].update(spacing=-1), "views.grid.spacing"),
        (lambda record: record["views"]["limit"].update(low="0"), "views.limit.low"),
        (lambda record: record["views"]["limit"].pop("parameter"), "views.limit.parameter"),
        (lambda record: record["views"].update(profile=[[0, 1, 2]]), "views.profile"),
        (lambda record: record["views"].update(profile=[[0, 1, 2], [0, 1, "2"]]), "views.profile"),
        (lambda record: record["views"].update(cameras=2), "views.cameras"),
    ],
)
def test_foreign_or_edited_file_is_refused_and_the_place_is_named(study, edit, found):
    record = json.loads(study.read_text())
    edit(record)
    study.write_text(json.dumps(record))
    with pytest.raises(MRFInputError) as caught:
        load_session(study)
    assert caught.value.code == "bad-session"
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("name", "number"), [("low", "NaN"), ("high", "Infinity"), ("low", "-1e999")]
)
def test_a_range_that_is_no_number_is_refused(study, name, number):
    record = json.loads(study.read_text())
    record["views"]["limit"][name] = "HERE"
    study.write_text(json.dumps(record).replace('"HERE"', number))
    with pytest.raises(MRFInputError) as caught:
        load_session(study)
    assert caught.value.code in ("bad-json", "bad-session")


def test_a_file_without_views_as_it_was_written_before_is_read():
    session = load_session(Path(__file__).with_name("session_without_views.mrf.json"))
    assert session.views is None
    assert session.maps[0].name == "water-fat"
    assert session.panels["rois"]["label"] == 7


def test_names_that_are_not_utf8_are_refused_with_a_word(tmp_path):
    path, odd = tmp_path / "a.mrf.json", os.fsdecode(b"leg\xff")
    with pytest.raises(MRFInputError, match=r"valid UTF-8.*leg.*udcff.*Rename it") as caught:
        FileRecord.of(tmp_path / odd / "thigh.nii.gz", "0" * 64, path)
    assert caught.value.code == "not-unicode"
    files = [FileRecord.of(tmp_path / "thigh.nii.gz", "0" * 64, path)]
    for named in (
        {"series": SeriesRecord(name=odd, files=files)},
        {"maps": [MapsRecord(name=odd, files=files)]},
        {"panels": {"Compare": {"reference": odd}}},
    ):
        with pytest.raises(MRFInputError, match="valid UTF-8") as caught:
            save_session(SessionFile(format=FORMAT, **named), path)
        assert caught.value.code == "not-unicode"
        assert not path.exists()


def test_file_that_is_no_json_or_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.mrf.json"
    path.write_text("{")
    with pytest.raises(MRFInputError, match="not valid JSON"):
        load_session(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(MRFInputError, match="UTF-8"):
        load_session(path)
    monkeypatch.setattr("napari_mrf.io.session.file._LARGEST_BYTES", 1)
    with pytest.raises(MRFInputError, match="too large for a session file"):
        load_session(path)
    with pytest.raises(MRFInputError) as caught:
        load_session(tmp_path / "none.mrf.json")
    assert caught.value.code == "missing-file"


def test_earlier_session_is_kept_unless_asked(study):
    with pytest.raises(MRFInputError) as caught:
        save_session(SessionFile(format=FORMAT), study)
    assert caught.value.code == "exists"
    save_session(SessionFile(format=FORMAT), study, overwrite=True)
    assert load_session(study).series is None
    with pytest.raises(MRFInputError) as caught:
        save_session(SessionFile(format=FORMAT), study.with_name("a.json"))
    assert caught.value.code == "bad-name"


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
_INDICES = st.integers(0, 400)


@given(
    name=_TEXTS,
    pins=st.lists(st.tuples(_INDICES, _INDICES, _INDICES), max_size=4),
    view=st.dictionaries(_TEXTS, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
)
def test_saved_and_loaded_is_the_same(tmp_path_factory, name, pins, view):
    path = tmp_path_factory.mktemp("session") / "a.mrf.json"
    record = FileRecord.of(path.with_name("thigh.nii.gz"), "0" * 64, path)
    session = SessionFile(
        format=FORMAT, series=SeriesRecord(name=name, files=[record]), pins=pins, view=view
    )
    save_session(session, path)
    assert load_session(path) == session
