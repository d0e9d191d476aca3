"""Who is who: series, maps, regions and pins of a session are kept by subject."""

import numpy as np
import pytest

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.data.label import Label
from napari_mrf.plugin.jobs import Job, JobState, Step
from napari_mrf.plugin.session import BySubject, MapsSet, RegionChoice, Regions, Session
from napari_mrf.plugin.subjects import UNTITLED, distinct_names, source_of

ZEROS, ONES = "0" * 64, "1" * 64
SHAPE = (1, 3, 4)


def scan(path="study/visit1/brain.nii.gz", sha256=ZEROS, shape=SHAPE, **metadata):
    return MRFSeries(np.ones((2, *shape), np.complex64), source_path=path, source_sha256=sha256,
                     metadata=metadata)  # fmt: skip


def maps_set(name="water-fat", shape=SHAPE, **provenance):
    return MapsSet(name, ParameterMaps({"FF": np.zeros(shape)}, provenance=provenance))


def regions():
    return Regions(np.ones(SHAPE, np.uint16), {1: Label(1, "VL_R")})


@pytest.fixture
def session(qapp):
    return Session()


def test_a_window_without_anything_has_no_subject_to_choose(session):
    assert session.subjects == ()
    assert session.subject.name == ""


def test_maps_regions_and_pins_belong_to_the_series_they_were_made_from(session):
    session.set_series(scan(), "brain")
    session.add_maps(maps_set())
    session.set_regions(regions())
    session.choose_region(RegionChoice(1))
    session.set_pins(((0, 1, 1),))
    first, kept = session.subject, dict(session.maps_sets)
    session.set_series(scan("study/visit2/brain.nii.gz", ONES), "brain [1]")
    assert not session.maps_sets
    assert (session.regions, session.chosen_region, session.pins) == (None, None, ())
    session.add_maps(maps_set())
    session.choose_subject(first.key)
    assert dict(session.maps_sets) == kept
    assert session.chosen_region == RegionChoice(1)
    assert session.pins == ((0, 1, 1),)


def test_every_signal_tells_of_another_subject_once_all_is_in_place(session):
    session.set_series(scan(), "brain")
    session.add_maps(maps_set())
    session.set_series(scan("leg.nii", ONES), "leg")
    heard = []
    for name in ("series_changed", "maps_changed", "voxel_changed", "pins_changed",
                 "regions_changed", "region_chosen"):  # fmt: skip
        getattr(session, name).connect(
            lambda *_, name=name: heard.append((name, session.series_name, len(session.maps_sets)))
        )
    session.subject_changing.connect(lambda: heard.append(("before", session.series_name, 0)))
    session.choose_subject(session.subjects[0].key)
    assert heard[0] == ("before", "leg", 0)
    assert [one[0] for one in heard[1:]] == ["series_changed", "maps_changed", "voxel_changed",
                                             "pins_changed", "regions_changed",
                                             "region_chosen"]  # fmt: skip
    assert {one[1:] for one in heard[1:]} == {("brain", 1)}


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (scan(), True),
        (scan(shape=(1, 2, 2)), True),  # averaged, or cut: the same scan
        (scan("study/visit1/../visit1/brain.nii.gz"), True),
        (scan(sha256=ONES), False),  # the file was replaced by another scan
        (scan("study/visit2/brain.nii.gz"), False),  # a copy is a subject of its own
        (scan(reading={"dataset": "rest"}), False),
        (scan(reading={"frames": "0-1"}), True),
        (MRFSeries(np.ones((2, *SHAPE), np.complex64)), False),
    ],
)
def test_the_same_file_is_the_same_subject(session, other, is_same):
    session.set_series(scan(), "brain")
    session.set_series(other, "again")
    assert (len(session.subjects) == 1) is is_same


def test_a_series_without_a_file_is_known_by_its_array(session):
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64))
    session.set_series(series, "made")
    session.set_series(series.with_sequence(sequences.t1ff()), "made")
    assert len(session.subjects) == 1
    session.set_series(MRFSeries(np.ones((175, *SHAPE), np.complex64)), "made too")
    assert [one.name for one in session.subjects] == ["made", "made too"]


def test_both_halves_of_a_pair_tell_a_scan_apart():
    pairs = [
        scan(sources=[{"path": "a/mag.nii", "sha256": ZEROS}, {"path": phase, "sha256": ONES}])
        for phase in ("a/phase.nii", "b/phase.nii")
    ]
    assert source_of(pairs[0]) != source_of(pairs[1])


def test_without_a_sum_size_and_time_tell_a_file_apart(tmp_path):
    path = tmp_path / "brain.nii"
    found = []
    for content in (b"one", b"another"):
        path.write_bytes(content)
        found.append(source_of(scan(str(path), None)))
    assert found[0] != found[1]
    assert found[1] == source_of(scan(str(path), None))


@pytest.mark.parametrize(
    ("titles", "paths", "expected"),
    [
        (["leg", "brain"], ["a/leg.nii", "a/brain.nii"], ["leg", "brain"]),
        (["brain", "brain"], ["s/v1/brain.nii", "s/v2/brain.nii"], ["brain (v1)", "brain (v2)"]),
        (["x", "x"], ["anna/mrf/x.nii", "bert/mrf/x.nii"], ["x (anna)", "x (bert)"]),
        (["x", "x"], ["v1/x.nii", "v1/x.nii"], ["x (1)", "x (2)"]),  # replaced on the disk
        (["x", "x", "leg"], ["v1/x.nii", "", ""], ["x (1)", "x (2)", "leg"]),
        (["", ""], ["", ""], [f"{UNTITLED} (1)", f"{UNTITLED} (2)"]),
    ],
)
def test_names_say_what_tells_subjects_apart(titles, paths, expected):
    sources = [((path, ZEROS),) if path else () for path in paths]
    assert distinct_names(titles, sources) == expected


def test_the_number_that_napari_gives_to_a_layer_is_no_part_of_a_name(session):
    session.set_series(scan(), "brain")
    session.set_series(scan("study/visit2/brain.nii.gz", ONES), "brain [1]")
    assert [one.name for one in session.subjects] == ["brain (visit1)", "brain (visit2)"]


def test_maps_that_were_there_first_are_those_of_the_series_that_suits(session):
    session.add_maps(maps_set())
    assert session.subject.name == UNTITLED
    session.set_series(scan(), "brain")
    assert list(session.maps_sets) == ["water-fat"]
    assert [one.name for one in session.subjects] == ["brain"]


@pytest.mark.parametrize(
    "earlier", [maps_set(shape=(1, 5, 5)), maps_set(input={"sha256": ONES})], ids=["grid", "file"]
)
def test_maps_that_were_there_first_and_do_not_suit_stay_apart(session, earlier):
    session.add_maps(earlier)
    session.set_series(scan(), "brain")
    assert not session.maps_sets
    assert [one.name for one in session.subjects] == [UNTITLED, "brain"]


def test_results_outlast_their_series(session):
    session.set_series(scan(), "brain")
    session.add_maps(maps_set())
    session.set_series(None)
    assert session.series is None
    assert list(session.maps_sets) == ["water-fat"]
    assert [one.name for one in session.subjects] == ["brain"]
    key = session.subject.key
    session.set_series(scan(), "brain")  # opened again
    assert session.subject.key == key


def test_a_subject_without_results_goes_with_its_series(session):
    session.set_series(scan(), "brain")
    session.set_series(scan("leg.nii", ONES), "leg")
    session.drop_series(session.subjects[0].key)
    assert [one.name for one in session.subjects] == ["leg"]


def test_removing_a_subject_leaves_the_others(session):
    for path, name in (("a.nii", "a"), ("b.nii", "b"), ("c.nii", "c")):
        session.set_series(scan(path), name)
        session.add_maps(maps_set(name))
    session.remove_subject(session.subjects[0].key)
    assert session.subject.name == "c"
    session.remove_subject(session.subject.key)
    assert session.subject.name == "b"
    assert list(session.maps_sets) == ["b"]
    session.remove_subject(session.subject.key)
    assert session.subjects == ()
    session.add_maps(maps_set("late"), "a key that is gone")
    assert not session.maps_sets


def waiting():
    yield Step()


def test_a_job_belongs_to_the_subject_it_was_started_for(qtbot, session):
    session.set_series(scan(), "brain")
    first, job = session.subject.key, session.reconstruction
    with qtbot.waitSignal(job.succeeded, timeout=10_000):
        job.start("water-fat", waiting)
        session.set_series(scan("leg.nii", ONES), "leg")
        assert session.owner_of(job) == first
    assert job.status.state is JobState.DONE
    assert session.owner_of(job) == first
    with qtbot.waitSignal(job.succeeded, timeout=10_000):
        job.start("water-fat", waiting)
    assert session.owner_of(job) == session.subject.key
    assert session.owner_of(Job()) == session.subject.key


def test_maps_of_another_subject_are_added_without_a_word(session):
    session.set_series(scan(), "brain")
    first = session.subject.key
    session.set_series(scan("leg.nii", ONES), "leg")
    heard = []
    session.maps_changed.connect(heard.append)
    session.add_maps(maps_set(), first)
    session.mark_maps_saved("water-fat", "somewhere", first)
    assert not heard
    assert not session.maps_sets
    assert session.maps_sets_of(first)["water-fat"].folder == "somewhere"


def test_what_else_is_remembered_goes_with_the_subject(session):
    session.set_series(scan(), "brain")
    memory = BySubject(session, list)
    memory.here.append("brain")
    session.set_series(scan("leg.nii", ONES), "leg")
    assert memory.here == []
    first = session.subjects[0].key
    assert memory.of(first) == ["brain"]
    session.remove_subject(first)
    assert memory.of(first) == []
