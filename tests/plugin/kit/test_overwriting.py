"""Nothing is lost without a question, and one kind of question is asked everywhere."""

import numpy as np
import pytest
from gui_waits import answer_next_question
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.io import save_maps
from napari_mrf.plugin.jobs import Job, Step
from napari_mrf.plugin.kit.overwriting import (
    ask_save_path,
    asks_to_overwrite,
    is_confirmed,
)
from napari_mrf.report.comparison.save import report_paths

QUESTION = "The folder already contains maps. Replace the earlier results?"


@pytest.fixture
def panel(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    return widget


class Saving:
    """A panel's way of writing maps."""

    def __init__(self, panel, folder):
        self.panel, self.folder, self.job, self.told = panel, folder, Job(), []
        self.job.changed.connect(self._on_changed)

    def save(self, value, *, overwrite=False):
        self.value = value
        self.job.start("Saving maps", self._write, overwrite)

    def _write(self, overwrite):
        yield Step(detail="writing")
        maps = ParameterMaps({"FF": np.full((1, 2, 2), self.value, np.float32)})
        return save_maps(maps, self.folder, overwrite=overwrite)

    def _on_changed(self, status):
        if status.failure is not None and not asks_to_overwrite(
            self.panel, status, lambda: self.save(self.value, overwrite=True)
        ):
            self.told.append(status.failure.sentence)


@pytest.mark.parametrize("button", ["Replace", "Cancel"])
def test_job_is_repeated_only_when_the_user_says_so(qtbot, panel, tmp_path, button):
    saving = Saving(panel, tmp_path)
    with qtbot.waitSignal(saving.job.succeeded, timeout=10_000):
        saving.save(0.25)
    before = (tmp_path / "FF.nii.gz").read_bytes()
    asked = answer_next_question(qtbot, button)
    saving.save(0.75)
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not saving.job.status.is_running, timeout=10_000)
    assert asked == [QUESTION]
    assert saving.told == []
    is_replaced = (tmp_path / "FF.nii.gz").read_bytes() != before
    assert is_replaced is (button == "Replace")


def test_other_failures_are_told_without_a_question(qtbot, panel, tmp_path):
    (tmp_path / "file").write_text("mine")
    saving = Saving(panel, tmp_path / "file")
    asked = answer_next_question(qtbot, "Cancel", tries=5)
    saving.save(0.5)
    qtbot.waitUntil(lambda: bool(saving.told), timeout=10_000)
    qtbot.wait(300)
    assert asked == []
    assert "there is a file where the folder should be" in saving.told[0]


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_escape_and_return_keep_what_is_there(qtbot, panel, key):
    def press():
        qtbot.keyClick(QApplication.activeModalWidget(), key)

    QTimer.singleShot(100, press)
    assert not is_confirmed(panel, "Open", "Lose it?", action="Lose it")


def ask(panel, monkeypatch, chosen, **options):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(chosen), ""))
    return ask_save_path(panel, "Export", "proposal", "Files (*)", **options)


def test_earlier_file_is_asked_about_once_however_its_name_was_typed(
    qtbot, panel, tmp_path, monkeypatch
):
    def with_ending(path):
        return path if path.endswith(".csv") else f"{path}.csv"

    table = tmp_path / "table.csv"
    assert ask(panel, monkeypatch, tmp_path / "table", complete=with_ending) == str(table)
    table.write_text("mine")
    for typed in (table, tmp_path / "table"):
        for button, expected in (("Cancel", ""), ("Replace", str(table))):
            asked = answer_next_question(qtbot, button)
            assert ask(panel, monkeypatch, typed, complete=with_ending) == expected
            assert asked == ["table.csv already exists. Replace it?"]
    assert ask(panel, monkeypatch, "", complete=with_ending) == ""


def test_dialog_leaves_the_question_to_us(panel, monkeypatch):
    given = []

    def choose(*arguments):
        given.extend(arguments)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    ask_save_path(panel, "Export", "proposal", "Files (*)")
    assert given[-1] == QFileDialog.Option.DontConfirmOverwrite


def test_all_files_of_a_report_are_in_one_question(qtbot, panel, tmp_path, monkeypatch):
    (tmp_path / "report.pdf").write_text("mine")
    asked = answer_next_question(qtbot, "Cancel")
    assert ask(panel, monkeypatch, tmp_path / "report.html", written=report_paths) == ""
    assert asked == ["report.pdf already exists. Replace it?"]
    (tmp_path / "report.html").write_text("mine")
    asked = answer_next_question(qtbot, "Cancel")
    assert ask(panel, monkeypatch, tmp_path / "report.html", written=report_paths) == ""
    assert asked == ["report.html and report.pdf already exist. Replace them?"]
