"""Unsaved work is kept every minute, and comes back after a crash."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gui_waits import answer_next_question, wait_for_layers
from kills import ended, in_child, killed_at_step
from napari.settings import get_settings
from places import REPOSITORY
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.compute.steps import result_of
from napari_mrf.data.label import Label
from napari_mrf.io import load_series, save_series
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.panels.session import kept as keeping
from napari_mrf.plugin.panels.session.autosave import INTERVAL_MS, autosave_of
from napari_mrf.plugin.panels.session.kept import (
    STUDY_NAME,
    Kept,
    kept_root,
    left_folders,
    new_kept_folder,
    read_left,
)
from napari_mrf.plugin.panels.session.work import Study
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE = (2, 4, 5)
DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Keep the work of each test by itself."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("NAPARI_MRF_AUTOSAVE", str(folder))
    return folder


def some_maps(fraction):
    return ParameterMaps({"FF": np.full(SHAPE, fraction, np.float32)}, affine=np.eye(4))


def some_study(*fractions, number=1):
    sets = tuple(MapsSet(f"run {i}", some_maps(one), "thigh", 1.0)
                 for i, one in enumerate(fractions))  # fmt: skip
    regions = Regions(np.full(SHAPE, number, np.uint16), {number: Label(number, "VL_R", (1, 2, 3))})
    return Study(None, "", "magnitude", sets, regions, None, ((0, 1, 2),), {}, {})


def contents(folder):
    found = result_of(iter_contents(folder / STUDY_NAME))
    assert found.remarks == []
    return found


def test_folder_of_the_user_is_where_the_system_keeps_data(monkeypatch, tmp_path):
    monkeypatch.delenv("NAPARI_MRF_AUTOSAVE")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    assert kept_root() == tmp_path / "data" / "autosave"
    assert INTERVAL_MS == 60_000


def test_only_what_has_changed_is_written_again(root):
    kept, study = Kept(), some_study(0.25, 0.5)
    result_of(kept.keep(study))
    beside = kept.folder / "study_session"
    first = {path: path.stat().st_ino for path in beside.rglob("*.nii.gz")}
    assert {path.parent.name for path in first} == {"run_0", "run_1", "study_session"}
    if os.name == "posix":  # patients are nobody else's to read
        assert kept.folder.stat().st_mode & 0o077 == 0
    # Another reconstruction, the same regions: one set is new, and the former one of it goes.
    changed = replace(study, maps_sets=(study.maps_sets[0], replace(
        study.maps_sets[1], maps=some_maps(0.75))))  # fmt: skip
    result_of(kept.keep(changed))
    second = {path: path.stat().st_ino for path in beside.rglob("*.nii.gz")}
    stays = {path: one for path, one in first.items() if path.parent.name != "run_1"}
    assert stays.items() <= second.items()
    assert {path.parent.name for path in second} == {"run_0", "run_1_2", "study_session"}
    found = contents(kept.folder)
    assert [float(one["FF"].flat[0]) for one in found.maps.values()] == [0.25, 0.75]
    assert found.labels.all()
    assert found.file.pins == [(0, 1, 2)]
    # What is saved elsewhere by now is only named.
    elsewhere = root / "elsewhere"
    shutil.copytree(beside / "run_0", elsewhere)
    saved = replace(study, maps_sets=(replace(study.maps_sets[0], folder=str(elsewhere)),))
    result_of(kept.keep(saved))
    assert {path.name for path in beside.iterdir()} == {"regions.nii.gz"}
    assert contents(kept.folder).folders == {"run 0": elsewhere}


def test_series_in_no_file_does_not_stop_the_rest(root):
    kept = Kept()
    series = MRFSeries(np.ones((3, *SHAPE), np.complex64))
    result_of(kept.keep(replace(some_study(0.25), series=series, series_name="made")))
    assert list(contents(kept.folder).maps) == ["run 0"]
    result_of(kept.keep(replace(some_study(), series=series, series_name="made")))
    assert (kept.folder / "study_session" / "regions_2.nii.gz").is_file()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_kill_at_any_step_leaves_the_state_before_or_after(root, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for step in range(1, 1000, 7):
        kept, study = Kept(), some_study(0.25)
        result_of(kept.keep(study))
        later = replace(some_study(0.5, number=2), panels={"rois": {"outlines": [1]}})
        was_killed = killed_at_step(lambda: result_of(kept.keep(later)), root, step)  # noqa: B023
        found = contents(kept.folder)
        state = (float(found.maps["run 0"]["FF"].flat[0]), int(found.labels.flat[0]),
                 bool(found.file.panels))  # fmt: skip
        assert state in ((0.25, 1, False), (0.5, 2, True))
        if not was_killed:
            break
        result_of(Kept(kept.folder).keep(later))
        assert float(contents(kept.folder).maps["run 0"]["FF"].flat[0]) == 0.5
        assert len(list((kept.folder / "study_session").iterdir())) == 2
    assert step > 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_work_of_windows_that_are_gone_is_found_and_that_of_others_is_not():
    mine = Kept()
    result_of(mine.keep(some_study(0.25)))
    assert left_folders() == []
    assert ended(in_child(lambda: result_of(Kept().keep(some_study(0.5))))) == 0
    (folder,) = left_folders()
    (left,) = result_of(read_left([folder]))
    assert left.folder == folder
    assert str(left).startswith(f"Work of {time.strftime('%Y-%m-%d')} ")
    # Of two windows that want it one gets it, and then it is that one's.
    assert left.take_over() is not None
    assert left.take_over() is None
    assert left_folders() == []


@pytest.fixture
def left_at(monkeypatch):
    """Return what makes the folder of a window that is gone, touched some days ago."""

    def make(days, text=None, series=None):
        folder = new_kept_folder()
        host = folder.name.split("-")[1]
        folder = folder.with_name(f"mrf-{host}-999999999-0-{'a' * 11}{days % 10}.work")
        study = some_study(0.25)
        if series is not None:
            study = replace(study, series=series, series_name="leg")
        result_of(Kept(folder).keep(study))
        if text is not None:
            (folder / STUDY_NAME).write_text(text)
        then = time.time() - days * DAY_S
        os.utime(folder / STUDY_NAME, (then, then))
        return folder

    return make


def test_work_is_kept_for_thirty_days(left_at):
    old, younger, youngest = left_at(31), left_at(29), left_at(2)
    assert set(left_folders()) == {old, younger, youngest}
    assert [one.folder for one in result_of(read_left(left_folders()))] == [youngest, younger]
    assert not old.exists()


def test_left_work_on_two_visits_with_files_of_one_name_is_told_apart(left_at, tmp_path):
    for days, visit in ((5, "baseline"), (2, "followup"), (3, "followup")):
        path = tmp_path / visit / "leg.nii"
        path.parent.mkdir(exist_ok=True)
        save_series(MRFSeries(np.ones((3, *SHAPE), np.complex64)), path, overwrite=True)
        left_at(days, series=load_series(path))
    said = [str(one) for one in result_of(read_left(left_folders()))]
    assert [one.split(" on ")[1] for one in said] == [
        f"leg ({visit}) was not saved." for visit in ("followup", "followup", "baseline")
    ]


def test_work_of_another_version_is_neither_offered_nor_deleted(left_at):
    folder = left_at(3, '{"format": "napari-mrf session", "version": 2}')
    assert result_of(read_left(left_folders())) == []
    assert folder.exists()


@pytest.fixture
def window(make_napari_viewer, qtbot):
    def show(**options):
        viewer = make_napari_viewer(**options)
        get_settings().application.confirm_close_window = False
        return viewer, viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]

    yield show
    WorkerBase.await_workers(20_000)


def wait_for(qtbot, autosave):
    qtbot.waitUntil(lambda: not autosave.job.status.is_running)


def test_window_is_kept_when_it_has_changed_and_until_it_is_saved(qtbot, window, root, monkeypatch):
    viewer, dock = window()
    autosave, session = autosave_of(viewer), session_of(viewer)
    autosave.keep()
    assert not autosave.job.status.is_running  # nothing is there to keep
    maps_display_of(viewer).add(MapsSet("water-fat", some_maps(0.25), "thigh", 1.0))
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(autosave.job.succeeded):
        autosave.timer.start(0)
    autosave.timer.setInterval(INTERVAL_MS)
    wait_for(qtbot, autosave)
    assert list(contents(autosave.folder).maps) == ["water-fat"]
    autosave.keep()
    assert not autosave.job.status.is_running  # as it was
    viewer.dims.set_point(0, 1)
    autosave.keep()
    assert not autosave.job.status.is_running  # to look elsewhere is no work
    session.set_regions(Regions(np.ones(SHAPE, np.uint16), {1: Label(1, "VL_R", (1, 2, 3))},
                                affine=np.eye(4)))  # fmt: skip
    wait_for_layers(qtbot, viewer)
    autosave.keep()
    assert autosave.job.status.is_running
    wait_for(qtbot, autosave)
    assert contents(autosave.folder).labels.all()
    assert str(root) in dock.session_bar.folder_action.toolTip()
    # A disk that is full is told once.
    monkeypatch.setattr(keeping, "save_study", _full)
    session.set_pins(())
    session.choose_region(None)
    for number in (2, 3):
        session.set_regions(
            Regions(
                np.full(SHAPE, number, np.uint16),
                {number: Label(number, "VI_R", (1, 2, 3))},
                affine=np.eye(4),
            )
        )
        wait_for_layers(qtbot, viewer)
        autosave.keep()
        wait_for(qtbot, autosave)
        assert ("the disk is full" in dock.session_bar.notice.text()) == (number == 2)
        dock.session_bar.notice.clear()
    monkeypatch.undo()
    monkeypatch.setenv("NAPARI_MRF_AUTOSAVE", str(root))
    dock.session_binding.save_to(root.parent / "mine.mrf.json")
    qtbot.waitUntil(lambda: not autosave.folder.exists())


def _full(*_):
    from napari_mrf import MRFInputError

    raise MRFInputError("disk-full", "the disk is full")
    yield


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process")
def test_polygons_come_back_after_the_process_was_killed(qtbot, window, root, tmp_path):
    path = tmp_path / "thigh.nii.gz"
    save_series(MRFSeries(np.ones((3, 1, 40, 50), np.complex64), np.diag([-1, -1, 4, 1])), path)
    child = subprocess.Popen(
        [sys.executable, REPOSITORY / "tests" / "crashing_window.py", path],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "drawing\n"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    (folder,) = root.iterdir()

    viewer, dock = window(show=True)
    bar, session = dock.session_bar, session_of(viewer)
    qtbot.waitUntil(bar.offer.isVisible)
    assert " on thigh was not saved." in bar.offer.text()
    assert [bar.offer.cure_button.text(), bar.offer.discard_button.text()] == [
        "Restore", "Discard",
    ]  # fmt: skip
    # To discard it asks first.
    asked = answer_next_question(qtbot, "Cancel")
    qtbot.mouseClick(bar.offer.discard_button, Qt.MouseButton.LeftButton)
    assert "Delete it?" in asked[0]
    assert folder.exists()
    qtbot.mouseClick(bar.offer.cure_button, Qt.MouseButton.LeftButton)
    assert bar.offer.isHidden()
    qtbot.waitUntil(lambda: session.regions is not None)
    wait_for_layers(qtbot, viewer)
    (outline,) = regions_editor_of(viewer).layers.outlines
    corners = np.array(outline.vertices)
    expected = np.array([(8, 8), (8, 30), (26, 30), (26, 8)])
    assert np.abs(corners - expected).max() < 1
    assert np.count_nonzero(session.regions.labels == outline.label) > 300
    assert session.series.source_path == str(path)
    # It is back, and still not saved: neither in a file nor forgotten.
    assert "It is back" in bar.notice.text()
    assert bar.unsaved.full_text() == "● regions not saved"
    assert dock.session_binding.place.path is None
    autosave = autosave_of(viewer)
    assert not folder.exists()
    autosave.keep()
    wait_for(qtbot, autosave)
    assert contents(autosave.folder).file.panels["rois"]["outlines"] == [
        {"label": outline.label, "z": 0, "vertices": [list(one) for one in outline.vertices]}
    ]
    assert [Path(one) for one in root.iterdir()] == [autosave.folder]


def test_two_crashes_are_offered_one_after_the_other(qtbot, window, left_at):
    older, younger = left_at(5), left_at(2)
    viewer, dock = window()
    offer = dock.session_bar.offer
    qtbot.waitUntil(lambda: bool(offer.text()))
    assert "1 older one will follow" in offer.text()
    answer_next_question(qtbot, "Delete")
    offer.discard_button.click()
    assert not younger.exists()
    assert older.exists()
    assert "older" not in offer.text()
    # A dock that is opened later in this window does not ask again.
    inspect = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Inspect")[1]
    assert inspect.session_bar.offer.isHidden()


def test_restoring_that_is_cancelled_keeps_the_work(qtbot, window, left_at, root):
    left_at(2)
    viewer, dock = window()
    bar = dock.session_bar
    qtbot.waitUntil(lambda: bool(bar.offer.text()))
    qtbot.mouseClick(bar.offer.cure_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(bar.progress_row.cancel_button, Qt.MouseButton.LeftButton)
    assert dock.session_binding.job.status.state is JobState.CANCELLED
    assert "is kept, and offered again" in bar.notice.text()
    assert bar.progress_row.isHidden()
    assert not session_of(viewer).maps_sets
    (kept,) = root.iterdir()
    assert (kept / STUDY_NAME).is_file()
