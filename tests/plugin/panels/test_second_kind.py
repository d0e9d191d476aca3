"""A scan of another kind beside the first: seen, with a method of its own, in no one's place."""

import numpy as np
import pytest
from gui_waits import answer_next_question, wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.panels.series.controller import FRAMES_FIRST
from napari_mrf.plugin.session import session_of

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])
LEFT = Qt.MouseButton.LeftButton


class Window:
    """A window with the dock, and a user with a mouse."""

    def __init__(self, qtbot, monkeypatch):
        self.qtbot, self.monkeypatch = qtbot, monkeypatch
        self.viewer = ViewerModel()
        self.session = session_of(self.viewer)
        self.dock = MRFDock(self.viewer)
        qtbot.addWidget(self.dock)
        self.dock.resize(340, 1400)
        self.dock.show()
        self.series = self.dock.panels["series"]

    def ask_for(self, path):
        self.monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        self.qtbot.mouseClick(self.series.open_button, LEFT)

    def open(self, path):
        with self.qtbot.waitSignal(self.session.opening.succeeded, timeout=60_000):
            self.ask_for(path)
        self.rest()

    def rest(self):
        wait_for_layers(self.qtbot, self.viewer)
        run = self.dock.panels["reconstruct"].run_button
        self.qtbot.waitUntil(run.isEnabled, timeout=60_000)

    def choose(self, name):
        picker = self.dock.subject_bar.picker
        up = picker.findText(name) < picker.currentIndex()
        while picker.currentText() != name:
            self.qtbot.keyClick(picker, Qt.Key.Key_Up if up else Qt.Key.Key_Down)
        self.rest()
        assert self.session.subject.name == name

    def pick_method(self, panel, name):
        """Pick a method with the keys, in the list of a panel."""
        picker = self.dock.panels[panel].method_picker
        picker.setFocus()
        for _ in range(picker.count()):
            if picker.currentData() == name:
                return
            self.qtbot.keyClick(picker, Qt.Key.Key_Down)
        raise AssertionError(f"no method {name}")

    def methods(self):
        panels = self.dock.panels
        return [panels[one].current_method() for one in ("reconstruct", "importance")]


def write(path, sequence, shape=(1, 4, 5)):
    rng = np.random.default_rng(len(path.name))
    signal = rng.normal(size=(sequence.n_frames, *shape, 2)).astype(np.float32)
    save_series(MRFSeries(signal.view(np.complex64)[..., 0], AFFINE, sequence), path)
    return path


@pytest.fixture
def window(qtbot, monkeypatch):
    window = Window(qtbot, monkeypatch)
    window.dock.sections["importance"].set_open(True)
    yield window
    WorkerBase.await_workers(60_000)


@pytest.fixture
def brain(tmp_path):
    return write(tmp_path / "brain.nii", sequences.fisp())


@pytest.fixture
def thigh(tmp_path):
    return write(tmp_path / "thigh.nii", sequences.t1ff())


def test_each_kind_of_sequence_has_the_method_that_was_picked_for_it(
    qtbot, window, brain, thigh, tmp_path
):
    window.open(brain)
    qtbot.waitUntil(lambda: window.methods() == ["compressed", "compressed"], timeout=60_000)
    window.open(thigh)
    qtbot.waitUntil(lambda: window.methods() == ["water-fat", "water-fat"], timeout=60_000)
    window.pick_method("reconstruct", "exhaustive")
    window.choose("brain")
    qtbot.waitUntil(lambda: window.methods() == ["compressed", "compressed"], timeout=60_000)
    window.choose("thigh")
    qtbot.waitUntil(lambda: window.methods() == ["exhaustive", "water-fat"], timeout=60_000)
    window.open(write(tmp_path / "other.nii", sequences.t1ff()))
    assert window.methods() == ["exhaustive", "water-fat"]


def test_a_shorter_series_is_seen_at_one_of_its_own_frames(window, brain, thigh):
    window.open(brain)
    window.viewer.dims.set_point(0, 700)
    window.open(thigh)
    layer = window.viewer.layers["thigh"]
    assert layer.world_to_data(window.viewer.dims.point)[0] == 87
    assert np.any(layer._data_view)  # the picture of the canvas is not empty
    window.viewer.dims.set_point(0, 20)
    window.choose("brain")
    assert window.viewer.dims.point[0] == 700
    window.choose("thigh")
    assert window.viewer.dims.point[0] == 20


def test_a_file_with_its_frames_first_takes_the_place_of_no_other_scan(
    qtbot, window, thigh, tmp_path
):
    window.open(thigh)
    before = window.session.series
    stored = np.random.default_rng(1).normal(size=(175, 1, 6, 7, 2)).astype(np.float32)
    np.save(tmp_path / "knee.npy", stored.view(np.complex64)[..., 0])
    window.ask_for(tmp_path / "knee.npy")
    qtbot.waitUntil(lambda: window.series.notice.cure_button.text() == FRAMES_FIRST)
    with qtbot.waitSignal(window.session.opening.succeeded, timeout=60_000):
        qtbot.mouseClick(window.series.notice.cure_button, LEFT)
    window.rest()
    assert {layer.name for layer in window.viewer.layers} == {"thigh", "knee"}
    assert window.session.subject.name == "knee"
    assert series_of(window.viewer.layers["knee"]).spatial_shape == (1, 6, 7)
    assert series_of(window.viewer.layers["thigh"]) is before


def test_what_another_subject_leaves_behind_is_no_number_in_a_name(qtbot, window, tmp_path):
    for visit in ("visit1", "visit2"):
        (tmp_path / visit).mkdir()
        window.open(write(tmp_path / visit / "leg.nii", sequences.t1ff()))
    window.viewer.layers["leg (visit2)"].name = "leg"
    asked = answer_next_question(qtbot, "Remove")
    qtbot.mouseClick(window.dock.subject_bar.remove_button, LEFT)
    qtbot.waitUntil(lambda: bool(asked))
    wait_for_layers(qtbot, window.viewer)
    assert [layer.name for layer in window.viewer.layers] == ["leg"]
