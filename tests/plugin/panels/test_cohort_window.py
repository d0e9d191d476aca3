"""The window of a cohort: subjects to maps, kept or refused, here or on workers."""

import pytest
from cohort_cases import run, write_regions, write_subjects
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QDesktopServices
from superqt.utils import WorkerBase

from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.panels.cohort.controller import cohort_run_of
from napari_mrf.plugin.panels.cohort.window import METHOD_OF_EACH, SEQUENCE_OF_EACH
from napari_mrf.plugin.panels.cohort.work import CLUSTER, HERE, PROCESSES, SCHEDULER
from napari_mrf.plugin.readers import open_dock

NAMES = ("a", "b", "c")


@pytest.fixture
def window(make_napari_viewer, qtbot, tmp_path):
    write_subjects(tmp_path / "in", NAMES)
    viewer = make_napari_viewer()
    dock = open_dock(viewer)
    cohort = cohort_run_of(viewer)
    press(qtbot, dock.panels["reconstruct"].cohort_button)
    qtbot.waitUntil(lambda: cohort.window is not None and cohort.window.isVisible())
    qtbot.waitUntil(lambda: not cohort.listing.status.is_running, timeout=60_000)
    yield cohort
    cohort.job.cancel()
    WorkerBase.await_workers(60_000)


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def check(qtbot, box):
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def enter(qtbot, edit, text):
    edit.clear()
    qtbot.keyClicks(edit, str(text))


def pick(qtbot, picker, text):
    """Pick an entry with the keys."""
    qtbot.mouseClick(picker, Qt.MouseButton.LeftButton)
    view = picker.view()
    qtbot.waitUntil(view.isVisible)
    view.setCurrentIndex(picker.model().index(picker.findText(text), 0))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not view.isVisible())


def go(qtbot, cohort, state=JobState.DONE):
    press(qtbot, cohort.window.run_button)
    qtbot.waitUntil(lambda: not cohort.job.status.is_running, timeout=120_000)
    assert cohort.job.status.state is state, cohort.job.status.failure
    table = cohort.window.table
    qtbot.waitUntil(lambda: len(table.table()) == len(cohort._outcomes))
    return dict(zip(table.table()["subject"], table.table()["state"], strict=True))


def test_what_is_missing_is_said_before_anything_is_done(qtbot, window):
    press(qtbot, window.window.run_button)
    assert window.window.notice.text() == (
        "Say which subjects: a table, or a folder of series. Pick a folder for the results."
    )
    assert window.job.status.state is JobState.IDLE
    assert window.window.sequence_picker.currentText() == SEQUENCE_OF_EACH
    assert window.window.method_picker.currentText() == METHOD_OF_EACH


def test_subjects_are_made_then_kept_and_one_fault_costs_no_other(qtbot, window, tmp_path):
    (tmp_path / "in" / "d.nii").write_bytes(b"no series")
    write_regions(tmp_path / "rois", NAMES)
    view = window.window
    enter(qtbot, view.subjects_edit, tmp_path / "in")
    enter(qtbot, view.edits["output"], tmp_path / "out")
    enter(qtbot, view.edits["rois"], tmp_path / "rois")
    assert go(qtbot, window) == {"a": "made", "b": "made", "c": "made", "d": "failed"}
    assert view.counts.text() == "4 subjects: 3 made, 1 failed."
    assert "d.nii" in view.notice.text()
    rows = view.table.table().set_index("subject")
    assert rows.loc["a", "voxels"] == 8 and "d.nii" in rows.loc["d", "told"]
    assert not (tmp_path / "out" / "cohort-rois").exists()  # not of a part
    (tmp_path / "in" / "d.nii").unlink()
    assert go(qtbot, window) == dict.fromkeys(NAMES, "kept")
    assert (tmp_path / "out" / "cohort-rois" / "rois.csv").is_file()
    # Just the maps of the command: it keeps them too.
    states, _ = run(tmp_path / "in", tmp_path / "out", ReconstructionOptions())
    assert states == dict.fromkeys(NAMES, "kept")


def test_maps_of_other_options_are_refused_until_they_may_be_replaced(qtbot, window, tmp_path):
    view = window.window
    enter(qtbot, view.subjects_edit, tmp_path / "in")
    enter(qtbot, view.edits["output"], tmp_path / "out")
    run(tmp_path / "in", tmp_path / "out", ReconstructionOptions(method="exhaustive"))
    assert set(go(qtbot, window).values()) == {"refused"}
    assert "option method: exhaustive, now not given" in view.notice.text()
    check(qtbot, view.overwrite_box)
    assert set(go(qtbot, window).values()) == {"made"}


def test_methods_and_options_are_those_of_the_sequence(qtbot, window):
    view = window.window
    assert view.method_picker.count() == 1 and not view.more.isVisible()
    pick(qtbot, view.sequence_picker, "fisp")
    qtbot.waitUntil(lambda: view.method_picker.findData("exhaustive") > 0, timeout=60_000)
    pick(qtbot, view.method_picker, view.method_picker.itemText(
        view.method_picker.findData("exhaustive")))  # fmt: skip
    assert view.more.isVisible()
    check(qtbot, view.options.editor("refine"))
    asked = view.parameters()
    assert (asked.sequence, asked.method, asked.options) == (
        "fisp", "exhaustive", {"refine": False})  # fmt: skip


def test_a_cancelled_run_is_taken_up(qtbot, window, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    view = window.window
    enter(qtbot, view.subjects_edit, tmp_path / "in")
    enter(qtbot, view.edits["output"], tmp_path / "out")
    with qtbot.waitSignal(window.job.updated, timeout=60_000):  # the first subject
        press(qtbot, view.run_button)
    assert not view.run_button.isEnabled() and not view.subjects_edit.isEnabled()
    press(qtbot, view.progress.cancel_button)
    assert window.job.status.state is JobState.CANCELLED
    assert view.notice.text() == "Stopped. Reconstruct takes up what is missing."
    WorkerBase.await_workers(60_000)
    view.close()  # and what was asked is there again
    press(qtbot, view.parent().panels["reconstruct"].cohort_button)
    qtbot.waitUntil(lambda: window.window is not view and window.window.isVisible())
    states = go(qtbot, window)
    assert states["a"] == "kept" and set(states) == set(NAMES)
    press(qtbot, window.window.summary_button)
    assert opened == [str(tmp_path / "out" / "cohort.html")]


def test_places_ask_for_what_they_need(qtbot, window, tmp_path):
    view = window.window
    enter(qtbot, view.subjects_edit, tmp_path / "in")
    enter(qtbot, view.edits["output"], tmp_path / "out")
    pick(qtbot, view.place_picker, SCHEDULER)
    assert view.address_edit.isVisible() and not view.workers_box.isVisible()
    press(qtbot, view.run_button)
    assert view.notice.text() == "Say the address of the scheduler."
    enter(qtbot, view.address_edit, "nonsense://here")
    go(qtbot, window, JobState.FAILED)
    assert "no scheduler answers at this address" in view.notice.text()
    pick(qtbot, view.place_picker, CLUSTER)
    assert view.job_file_edit.isVisible() and view.workers_box.isVisible()
    press(qtbot, view.run_button)
    assert view.notice.text() == "Pick the file that describes the jobs."
    pick(qtbot, view.place_picker, HERE)
    assert not view.workers_box.isVisible() and not view.job_file_edit.isVisible()


def test_processes_of_this_machine_give_the_same_and_a_dashboard(qtbot, window, tmp_path):
    pytest.importorskip("distributed")
    run(tmp_path / "in", tmp_path / "serial", ReconstructionOptions(naming="bids"))
    view = window.window
    enter(qtbot, view.subjects_edit, tmp_path / "in")
    enter(qtbot, view.edits["output"], tmp_path / "out")
    pick(qtbot, view.naming_picker, "BIDS data set")
    assert not view.form_picker.isEnabled()
    pick(qtbot, view.place_picker, PROCESSES)
    view.workers_box.setValue(1)
    links = []
    window.job.updated.connect(lambda news: links.append(news.dashboard))
    assert go(qtbot, window) == dict.fromkeys(("sub-a", "sub-b", "sub-c"), "made")
    assert any(link.startswith("http://127.0.0.1:") for link in links)
    found = {path.relative_to(tmp_path / "out"): path.read_bytes()
             for path in (tmp_path / "out").rglob("*.nii.gz")}  # fmt: skip
    assert len(found) > 12
    for path, content in found.items():
        assert (tmp_path / "serial" / path).read_bytes() == content
