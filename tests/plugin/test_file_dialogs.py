"""Every dialog for files begins in the folder of the user, and none is asked in another way."""

import ast
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.settings import get_settings
from napari.utils.history import get_open_history
from places import REPOSITORY
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QInputDialog, QWidget

from napari_mrf import MRFSeries
from napari_mrf.plugin.kit.files.dialogs import (
    ask_folder,
    ask_new_path,
    ask_open_path,
    offer_folder,
    start_folder,
)
from napari_mrf.plugin.panels.cohort.controller import cohort_run_of
from napari_mrf.plugin.panels.cohort.window import SEQUENCE_FROM_FILE
from napari_mrf.plugin.panels.compare.cohort_dialog import CohortDialog
from napari_mrf.plugin.panels.rois.segmenters import TABLE
from napari_mrf.plugin.panels.train.controller import training_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.user_folder import user_folder

PLUGIN = REPOSITORY / "napari_mrf" / "plugin"
ASKING = {"ask_open_path", "ask_folder", "ask_save_path", "ask_export_path"}
THE_PLACE = {PLUGIN / "kit" / "files" / "dialogs.py", PLUGIN / "kit" / "overwriting.py"}


@pytest.fixture
def asked(monkeypatch):
    """Cancel every dialog; return where each began, by the line of the plugin that asked."""
    found = {}

    def note(start, answer):
        frame = sys._getframe(2)
        while Path(frame.f_code.co_filename) in THE_PLACE:
            frame = frame.f_back
        found.setdefault((Path(frame.f_code.co_filename), frame.f_lineno), []).append(Path(start))
        return answer

    def one(_, __, start, *rest):
        return note(start, ("", ""))

    def folder(_, __, start):
        return note(start, "")

    monkeypatch.setattr(QFileDialog, "getOpenFileName", one)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", one)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", folder)
    return found


def calls_that_ask():
    """Return the file and the lines of every call in the plugin that asks for a file."""
    calls = []
    for path in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                path not in THE_PLACE and isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name) and node.func.id in ASKING
            ):  # fmt: skip
                calls.append((path, range(node.lineno, node.end_lineno + 1)))
    return calls


def test_no_other_module_opens_a_dialog_of_qt():
    naming = [path for path in PLUGIN.rglob("*.py") if "QFileDialog" in path.read_text("utf-8")]
    assert naming == [PLUGIN / "kit" / "files" / "dialogs.py"]
    assert len(calls_that_ask()) > 15


def series_at(path):
    return MRFSeries(np.ones((2, 1, 3, 4), np.complex64), source_path=str(path))


def ask_everywhere(qtbot, dock, monkeypatch):
    """Let every part of the dock ask once for each of its files."""
    panels, bindings = dock.panels, dock.bindings
    panels["series"].open_requested.emit()
    panels["series"].sequence_file_requested.emit()
    panels["series"].save_requested.emit()
    panels["series"].raw.trajectory_file_requested.emit()
    panels["reconstruct"].mask_file_requested.emit()
    panels["reconstruct"].weights_file_requested.emit()
    panels["reconstruct"].train_requested.emit()
    training = training_of(dock.viewer).window
    training.recipe_requested.emit()
    training.folder_button.click()
    training.reject()
    panels["reconstruct"].cohort_requested.emit()
    cohort = cohort_run_of(dock.viewer).window
    for button in (cohort.table_button, cohort.folder_button, cohort.job_file_button,
                   *cohort.browse_buttons.values()):  # fmt: skip
        button.click()
    cohort.sequence_picker.textActivated.emit(SEQUENCE_FROM_FILE)
    cohort.reject()
    panels["reconstruct"].results.save_requested.emit()
    monkeypatch.setattr(bindings["inspect"].readings, "drawn", SimpleNamespace(traces=[1]))
    panels["inspect"].export_requested.emit("csv")
    shown = SimpleNamespace(found=SimpleNamespace(key="FF"))
    monkeypatch.setattr(bindings["inspect"].closeup, "_answer", shown)
    bindings["inspect"].closeup.view.export_requested.emit("csv")
    bindings["reconstruct"].results.figures._on_wanted({"kind": "png"})
    for name in ("import", "export"):
        panels["rois"].edit_requested.emit(name)
    numbers = bindings["rois"].files.numbers
    monkeypatch.setattr(numbers, "editor", SimpleNamespace(slices={1}))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: (TABLE, True))
    panels["rois"].edit_requested.emit("numbers")
    bindings["rois"].carry.ask_files()
    panels["rois"].load_requested.emit()
    panels["rois"].save_requested.emit()
    panels["rois"].statistics.table.ask_and_export("CSV")
    panels["compare"].folder_requested.emit("test")
    for signal in ("report_requested", "csv_requested", "excel_requested"):
        getattr(panels["compare"].results, signal).emit()
    visits = bindings["compare"].visits
    visits.open()
    visits.window.save_requested.emit()
    visits.window.reject()
    panels["importance"].save_requested.emit()
    dock.session_bar.open_requested.emit()
    dock.session_bar.save_as_requested.emit()

    def browse():
        (dialog,) = panels["compare"].findChildren(CohortDialog)
        dialog.browse_buttons["reference"].click()
        dialog.reject()

    QTimer.singleShot(0, browse)
    panels["compare"].cohort_requested.emit()
    qtbot.waitUntil(lambda: not panels["compare"].findChildren(CohortDialog))


def test_all_dialogs_begin_in_the_folder_of_the_series(
    qtbot, make_napari_viewer, asked, tmp_path, monkeypatch
):
    viewer = make_napari_viewer()
    get_settings().application.confirm_close_window = False
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    study, used = tmp_path / "study", tmp_path / "used"
    study.mkdir()
    used.mkdir()
    session_of(viewer).set_series(series_at(study / "thigh.nii.gz"), "thigh")
    ask_everywhere(qtbot, dock, monkeypatch)
    unreached = [
        (path.name, lines.start)
        for path, lines in calls_that_ask()
        if not any(path == asking and line in lines for asking, line in asked)
    ]
    assert unreached == []
    starts = {start for several in asked.values() for start in several}
    assert {start if start.is_dir() else start.parent for start in starts} == {study}
    assert {start.name for start in starts if start != study} >= {
        "thigh.mrf.json", "thigh_rois.nii.gz", "report.html",
    }  # fmt: skip
    # The sample is nobody's own: the last folder that was used, wherever the process runs.
    asked.clear()
    get_settings().application.open_history = [str(used)]
    monkeypatch.chdir(tmp_path)
    sample = REPOSITORY / "sample_data" / "thigh.nii.gz"
    session_of(viewer).set_series(series_at(sample), "sample")
    ask_everywhere(qtbot, dock, monkeypatch)
    starts = {start for several in asked.values() for start in several}
    assert {start if start.is_dir() else start.parent for start in starts} == {used}


@pytest.mark.parametrize("place", ["data", "cache", "package"])
def test_files_of_the_software_are_in_no_folder_of_the_user(place, tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    root = PLUGIN.parent if place == "package" else tmp_path / place

    class Viewer:
        pass

    viewer = Viewer()
    assert user_folder(viewer) is None
    session_of(viewer).set_series(series_at(root / "sample-1" / "brain.nii.gz"), "brain")
    assert user_folder(viewer) is None
    session_of(viewer).set_series(series_at(tmp_path / "database" / "brain.nii.gz"), "brain")
    assert user_folder(viewer) == tmp_path / "database"


@pytest.fixture
def panel(qtbot):
    panel = QWidget()
    qtbot.addWidget(panel)
    return panel


def test_what_is_picked_is_where_the_next_dialog_begins(panel, tmp_path, monkeypatch):
    folders = {name: tmp_path / name for name in ("read", "written", "picked")}
    for folder in folders.values():
        folder.mkdir()
    answers = {
        "getOpenFileName": (str(folders["read"] / "a.nii"), ""),
        "getSaveFileName": (str(folders["written"] / "b.csv"), ""),
        "getExistingDirectory": str(folders["picked"]),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, lambda *_, answer=answer: answer)
    assert ask_open_path(panel, "Open", "All (*)") == answers["getOpenFileName"][0]
    assert start_folder(panel) == folders["read"]
    assert ask_new_path(panel, "Save", "b.csv", "All (*)") == answers["getSaveFileName"][0]
    assert start_folder(panel) == folders["written"]
    assert ask_folder(panel, "Pick") == str(folders["picked"])
    assert start_folder(panel) == folders["picked"]
    assert get_open_history()[0] == str(folders["picked"])  # napari's own dialogs know it too


def test_folder_that_is_gone_is_not_offered(panel, qtbot, tmp_path):
    inner = QWidget(panel)
    get_settings().application.open_history = [str(tmp_path / "gone"), str(tmp_path)]
    offer_folder(panel, lambda: tmp_path / "unplugged")
    assert start_folder(inner) == tmp_path
    (tmp_path / "unplugged").mkdir()
    assert start_folder(inner) == tmp_path / "unplugged"
