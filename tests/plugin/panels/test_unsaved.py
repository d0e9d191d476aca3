"""What is not saved is marked, and asked about before it is closed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from close_button import press_close_button
from gui_waits import answer_next_question, wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QFileDialog, QMessageBox
from superqt.utils import WorkerBase

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.io import Label
from napari_mrf.plugin.layers import find_set
from napari_mrf.plugin.panels.compare.controller import age_of
from napari_mrf.plugin.panels.compare.work import Compared
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.docks import docks_of
from napari_mrf.plugin.session import MapsSet, Regions, Session, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.unsaved import Result, in_short, unsaved_of

AFFINE = np.diag([-1.5, -1.5, 4.0, 1.0])
SHAPE = (2, 6, 8)
TABLE = {7: Label(7, "VL_R", (32, 103, 0))}


def some_maps(name="water-fat", fraction=0.25, **options):
    maps = ParameterMaps({"FF": np.full(SHAPE, fraction, np.float32)}, affine=AFFINE)
    return MapsSet(name, maps, "thigh", 1.0, **options)


def some_regions(number=7):
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 2:5, 3:6] = number
    return Regions(labels, TABLE, affine=AFFINE)


class Viewer:
    """Enough of a viewer to have a session."""


def test_what_is_in_no_file_is_told():
    viewer = Viewer()
    session, unsaved = session_of(viewer), unsaved_of(viewer)
    told = []
    unsaved.changed.connect(lambda: told.append(in_short(unsaved.items())))
    session.add_maps(some_maps())
    session.add_maps(some_maps("cohen"))
    session.add_maps(some_maps("truth", folder="/data/truth"))
    session.set_regions(some_regions())
    assert told[-1] == "2 maps, regions not saved"
    assert [str(one) for one in unsaved.items()] == [
        "maps water-fat", "maps cohen", "regions VL_R",
    ]  # fmt: skip
    session.mark_maps_saved("cohen", "/data/cohen")
    assert told[-1] == "maps, regions not saved"
    session.mark_regions_saved("/data/rois.nii.gz")
    assert told[-1] == "maps not saved"
    session.remove_maps("water-fat")
    assert told[-1] == ""


def test_result_that_was_replaced_while_it_was_written_is_still_unsaved():
    viewer = Viewer()
    unsaved, here = unsaved_of(viewer), session_of(viewer).subject.key
    first, second = object(), object()
    unsaved.note(Result("importance", "importance", "of cohen", first, print), here)
    unsaved.note(Result("importance", "importance", "of water-fat", second, print), here)
    unsaved.mark_saved("importance", first)
    assert [str(one) for one in unsaved.items()] == ["importance of water-fat"]
    unsaved.mark_saved("importance", second)
    assert unsaved.items() == ()


def test_saving_makes_no_comparison_old_and_new_voxels_do():
    session = Session()
    for name in ("water-fat", "cohen"):
        session.add_maps(some_maps(name))
    session.set_regions(some_regions())
    comparison = SimpleNamespace(options=ComparisonOptions(), maps=("FF",))
    compared = Compared(comparison, *session.maps_sets.values(), session.regions)
    session.mark_maps_saved("cohen", "/data/cohen")
    session.mark_regions_saved("/data/rois.nii.gz")
    assert age_of(compared, session) == ""
    session.add_maps(some_maps("cohen"))
    assert "maps cohen have changed" in age_of(compared, session)
    compared = Compared(comparison, *session.maps_sets.values(), session.regions)
    session.set_regions(some_regions())
    assert age_of(compared, session) == ""  # the same voxels give the same numbers
    regions = some_regions()
    regions.labels[0, 0, 0] = 7
    session.set_regions(regions)
    assert "regions have changed" in age_of(compared, session)


@pytest.fixture
def open_window(make_napari_viewer):
    """Return what makes a viewer and its dock."""

    def show():
        viewer = make_napari_viewer(show=True)
        get_settings().application.confirm_close_window = False
        # Closed, it stays for the end of the fixture, which closes it as a script does.
        viewer.window._qt_window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        return viewer, viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]

    yield show
    WorkerBase.await_workers(20_000)


def work(qtbot, viewer):
    """Let the window have maps and regions that are in no file."""
    maps_display_of(viewer).add(some_maps())
    wait_for_layers(qtbot, viewer)
    session_of(viewer).set_regions(some_regions())
    wait_for_layers(qtbot, viewer)


def marks(dock):
    return {key: section.mark() for key, section in dock.sections.items() if section.mark()}


def save_session(qtbot, dock, path):
    dock.session_binding.save_to(path)
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running)


def test_marks_come_with_the_work_and_go_with_saving(qtbot, open_window, tmp_path, monkeypatch):
    viewer, dock = open_window()
    bar = dock.session_bar
    assert marks(dock) == {}
    assert bar.unsaved.isHidden()
    work(qtbot, viewer)
    assert bar.unsaved.full_text() == "● maps, regions not saved"
    assert bar.unsaved.isVisible()
    assert bar.unsaved.toolTip() == "Not saved:\nmaps water-fat\nregions VL_R"
    assert marks(dock) == {
        "reconstruct": "Not saved: maps water-fat", "rois": "Not saved: regions VL_R",
    }  # fmt: skip
    # Saving one of them takes away its mark alone.
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine.nii.gz"), "")
    )
    dock.panels["rois"].save_requested.emit()
    qtbot.waitUntil(lambda: list(marks(dock)) == ["reconstruct"])
    # A new name is a change that the file does not have.
    editor = dock.bindings["rois"].editor
    editor.set_table({**editor.table, 7: Label(7, "mine", (32, 103, 0))})
    assert marks(dock)["rois"] == "Not saved: regions mine"
    # What changes while it is saved stays unsaved.
    dock.session_binding.save_to(tmp_path / "thigh.mrf.json")
    maps_display_of(viewer).add(some_maps(fraction=0.5))
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running)
    wait_for_layers(qtbot, viewer)
    qtbot.waitUntil(lambda: marks(dock) == {"reconstruct": "Not saved: maps water-fat"})

    # Results go beside the session, once.
    def write(folder):
        folder.mkdir()
        (folder / "importance.csv").write_text("1")

    result = Result("importance", "importance", "of water-fat", object(), write)
    unsaved_of(viewer).note(result, session_of(viewer).subject.key)
    assert dock.sections["importance"].mark() == "Not saved: importance of water-fat"
    for _ in range(2):
        save_session(qtbot, dock, tmp_path / "thigh.mrf.json")
    assert marks(dock) == {}
    assert bar.unsaved.isHidden()
    beside = tmp_path / "thigh_session"
    assert {one.name for one in beside.iterdir()} == {
        "water-fat", "water-fat_2", "regions.nii.gz", "importance_of_water-fat",
    }  # fmt: skip
    assert (beside / "importance_of_water-fat" / "importance.csv").read_text() == "1"


def is_open(viewer):
    return viewer.window._qt_window.isVisible()


def close_by_button(viewer):
    press_close_button(viewer.window._qt_window)


def quit_napari(viewer):
    (action,) = (one for one in viewer.window.file_menu.actions() if one.text() == "Exit")
    QTimer.singleShot(0, action.trigger)


def test_save_before_closing_saves_all_or_closes_nothing(qtbot, open_window, tmp_path, monkeypatch):
    viewer, dock = open_window()
    work(qtbot, viewer)
    for close in (close_by_button, quit_napari):
        asked = answer_next_question(qtbot, "Cancel")
        close(viewer)
        qtbot.waitUntil(lambda: bool(asked))  # noqa: B023
        assert asked == ["Save before closing?"]
        assert is_open(viewer)
    path = tmp_path / "thigh.mrf.json"
    answers = ["", str(tmp_path / "missing" / "a.mrf.json"), str(path)]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (answers.pop(0), ""))
    monkeypatch.setattr("napari_mrf.io.session.beside.make_folder", _no_folder)
    for left, said in ((2, ""), (1, "folder does not exist")):
        asked = answer_next_question(qtbot, "Save")
        close_by_button(viewer)
        qtbot.waitUntil(lambda: bool(asked) and len(answers) == left)  # noqa: B023
        qtbot.waitUntil(lambda: said in dock.session_bar.notice.text())  # noqa: B023
        assert is_open(viewer)
        assert len(marks(dock)) == 2
    monkeypatch.undo()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    # What comes while the rest is saved is asked about again.
    session, job, again = session_of(viewer), dock.session_binding.job, []

    def on_changed(status):
        if status.is_running and "cohen" not in session.maps_sets:
            session.add_maps(some_maps("cohen"))
            again.append(answer_next_question(qtbot, "Save"))

    job.changed.connect(on_changed)
    asked = answer_next_question(qtbot, "Save")
    close_by_button(viewer)
    qtbot.waitUntil(lambda: bool(again) and bool(again[0]))
    job.changed.disconnect(on_changed)
    # This closes this window alone, though to quit was wanted before.
    qtbot.waitUntil(lambda: not is_open(viewer))
    record = json.loads(path.read_text())
    assert [one["name"] for one in record["maps"]] == ["water-fat", "cohen"]
    assert [one["name"] for one in record["regions"]["table"]] == ["VL_R"]


def _no_folder(folder):
    raise MRFInputError("missing-folder", "the folder does not exist", path=folder)


def test_work_that_is_not_wanted_is_not_offered_again(qtbot, open_window, monkeypatch):
    viewer, dock = open_window()
    work(qtbot, viewer)
    autosave = autosave_of(viewer)
    autosave.keep()
    qtbot.waitUntil(lambda: not autosave.job.status.is_running)
    assert autosave.folder.is_dir()
    answer_next_question(qtbot, "Don't save")
    close_by_button(viewer)
    qtbot.waitUntil(lambda: not is_open(viewer))
    assert not autosave.folder.exists()
    # Nothing is asked where all is saved.
    viewer.window._qt_window.show()
    monkeypatch.setattr(QMessageBox, "exec", lambda *_: pytest.fail("a question"))
    session_of(viewer).mark_maps_saved("water-fat", "/data/maps")
    session_of(viewer).mark_regions_saved("/data/rois.nii.gz")
    assert marks(dock) == {}
    close_by_button(viewer)
    qtbot.waitUntil(lambda: not is_open(viewer))


def test_script_that_closes_unsaved_work_is_not_held_up(qtbot, open_window, monkeypatch):
    viewer, _ = open_window()
    monkeypatch.setattr(QMessageBox, "exec", lambda *_: pytest.fail("a question"))
    work(qtbot, viewer)
    autosave = autosave_of(viewer)
    autosave.keep()
    qtbot.waitUntil(lambda: not autosave.job.status.is_running)
    folder = autosave.folder
    viewer.close()
    assert (folder / "study.mrf.json").is_file()  # offered once this process is gone


def test_last_dock_asks_and_so_does_a_window_without_one(qtbot, open_window, tmp_path, monkeypatch):
    viewer, dock = open_window()
    work(qtbot, viewer)
    viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Inspect")

    def close(shown):
        holder = shown.parentWidget()
        while not hasattr(holder, "destroyOnClose"):
            holder = holder.parentWidget()
        QTimer.singleShot(0, lambda: qtbot.mouseClick(
            holder.title.close_button, Qt.MouseButton.LeftButton))  # fmt: skip

    docks = docks_of(viewer).open
    assert len(docks()) == 2
    close(dock)
    qtbot.waitUntil(lambda: len(docks()) == 1)
    asked = answer_next_question(qtbot, "Cancel")
    close(docks()[0])
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["Save before closing?"]
    assert len(docks()) == 1
    answer_next_question(qtbot, "Don't save")
    close(docks()[0])
    qtbot.waitUntil(lambda: not docks())
    assert find_set(viewer, "water-fat")
    dock.deleteLater()  # napari leaves that to whoever made it
    # Another window that quits napari asks for this one, too.
    other, _ = open_window()
    asked = answer_next_question(qtbot, "Cancel")
    quit_napari(other)
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["Save before closing?"]
    assert is_open(viewer)
    assert is_open(other)
    # Without a dock it can be saved all the same.
    path = tmp_path / "thigh.mrf.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    answer_next_question(qtbot, "Save")
    close_by_button(viewer)
    qtbot.waitUntil(lambda: not is_open(viewer))
    assert [one["name"] for one in json.loads(path.read_text())["maps"]] == ["water-fat"]
