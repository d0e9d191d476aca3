"""A session file that this window has not written is replaced only when the user agrees."""

import json

import numpy as np
import pytest
from gui_waits import answer_next_question
from napari.settings import get_settings
from qtpy.QtWidgets import QFileDialog, QMessageBox
from superqt.utils import WorkerBase

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.compute.steps import result_of
from napari_mrf.plugin.panels.session.place import SessionPlace
from napari_mrf.plugin.panels.session.work import Study, save_study
from napari_mrf.plugin.session import MapsSet

EMPTY = json.dumps({"format": "napari-mrf session", "version": 1})


def study():
    maps = ParameterMaps({"FF": np.zeros((1, 2, 3), np.float32)}, affine=np.eye(4))
    return Study(None, "", "magnitude", (MapsSet("water-fat", maps),), None, None, (), {}, {})


def test_file_that_appears_while_the_session_is_saved_stays(tmp_path):
    path = tmp_path / "leg.mrf.json"
    steps = save_study(study(), path, known="")
    next(steps)
    path.write_text(EMPTY)
    with pytest.raises(MRFInputError, match="a session file of this name exists") as caught:
        result_of(steps)
    assert caught.value.code == "exists"
    assert path.read_text() == EMPTY
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_known_file_is_replaced_and_a_changed_one_is_not(tmp_path):
    path = tmp_path / "leg.mrf.json"
    saved = result_of(save_study(study(), path, known=""))
    result_of(save_study(study(), path, known=saved.sha256))
    with pytest.raises(MRFInputError, match="has changed since this window read it"):
        result_of(save_study(study(), path, known=saved.sha256[::-1]))
    path.unlink()
    result_of(save_study(study(), path, known=saved.sha256))  # nothing is there to be lost
    result_of(save_study(study(), path))


def test_a_copy_under_another_name_is_another_file(tmp_path):
    place = SessionPlace(tmp_path / "leg.mrf.json", "ab")
    assert place.known_at(tmp_path / "leg.mrf.json") == "ab"
    assert place.known_at(tmp_path / "copy.mrf.json") == ""
    assert SessionPlace().known_at(tmp_path / "leg.mrf.json") == ""


@pytest.fixture
def dock(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    get_settings().application.confirm_close_window = False
    yield viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    WorkerBase.await_workers(20_000)


def wait_for_job(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running)


def test_window_asks_before_it_replaces_what_it_has_not_written(qtbot, dock, tmp_path, monkeypatch):
    binding, path = dock.session_binding, tmp_path / "leg.mrf.json"
    path.write_text(EMPTY)
    # By a script, where the ending is added.
    for button, is_kept in (("Cancel", True), ("Replace", False)):
        asked = answer_next_question(qtbot, button)
        binding.save_to(tmp_path / "leg")
        qtbot.waitUntil(lambda: bool(asked))  # noqa: B023
        assert asked == ["A session file of this name exists. Replace it?"]
        wait_for_job(qtbot, dock)
        qtbot.waitUntil(lambda: (path.read_text() == EMPTY) is is_kept)  # noqa: B023
        wait_for_job(qtbot, dock)
    # Its own file is saved again without a word, until somebody else has changed it.
    with monkeypatch.context() as patch:
        patch.setattr(QMessageBox, "exec", lambda *_: pytest.fail("a question"))
        dock.session_bar.save_requested.emit()
        wait_for_job(qtbot, dock)
    path.write_text(EMPTY)
    asked = answer_next_question(qtbot, "Cancel")
    dock.session_bar.save_requested.emit()
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["The session file has changed since this window read it. Replace it?"]
    assert path.read_text() == EMPTY
    # What was opened is known, too, and may change afterwards.
    binding.open_file(path)
    wait_for_job(qtbot, dock)
    # Of a session that is only half there nothing is saved.
    binding.save_to(path)
    assert "still being opened" in dock.session_bar.notice.text()
    qtbot.waitUntil(lambda: not binding.opening.restoring.is_going_on)
    with monkeypatch.context() as patch:
        patch.setattr(QMessageBox, "exec", lambda *_: pytest.fail("a question"))
        dock.session_bar.save_requested.emit()
        wait_for_job(qtbot, dock)
    assert path.read_text() != EMPTY
    # In the dialog the question comes once, also for the ending that was not typed.
    other = tmp_path / "other.mrf.json"
    other.write_text(EMPTY)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "other"), ""))
    asked = answer_next_question(qtbot, "Replace")
    dock.session_bar.save_as_requested.emit()
    wait_for_job(qtbot, dock)
    assert asked == ["other.mrf.json already exists. Replace it?"]
    assert other.read_text() != EMPTY
    assert dock.session_bar.title.full_text() == "other.mrf.json"
