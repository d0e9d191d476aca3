"""Regions of two readers of one scan: neither's are lost, mixed up or forgotten."""

import numpy as np
import pytest
from drawing_cases import AFFINE, RF, SHAPE, SQUARE, VL, draw_polygon, pick, press
from gui_waits import answer_next_question, wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of

OTHER_SQUARE = [(40, 50), (40, 70), (55, 70), (55, 50)]


@pytest.fixture
def open_window(make_napari_viewer):
    def show():
        viewer = make_napari_viewer(show=True)
        get_settings().application.confirm_close_window = False
        viewer.window._qt_window.resize(1280, 900)
        return viewer, viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]

    yield show
    WorkerBase.await_workers(20_000)


def write_scan(path, level=1):
    signal = np.full((175, *SHAPE), level, np.complex64)
    path.parent.mkdir(exist_ok=True)
    save_series(MRFSeries(signal, AFFINE, sequences.t1ff()), path)
    return path


def open_scan(qtbot, dock, path):
    with qtbot.waitSignal(session_of(dock.viewer).opening.succeeded, timeout=30_000):
        dock.bindings["series"].open_file(path)
    wait_for_layers(qtbot, dock.viewer)


def draw(qtbot, viewer, panel, label, corners):
    pick(qtbot, panel, label)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session_of(viewer).regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, corners)
    press(qtbot, panel.draw_button)


def readers(viewer):
    """Return what is seen of regions: name, whether visible, labels or names of polygons."""
    found = {}
    for layer in viewer.layers:
        name = layer.name.split(" · ")[-1]
        if "ROIs" in name:
            outlines = "outlines" in name
            what = layer.features["name"].tolist() if outlines else np.unique(layer.data).tolist()
            found[name] = (layer.visible, what)
    return found


def test_what_two_readers_drew_is_marked_kept_and_restored(qtbot, open_window, tmp_path):
    viewer, dock = open_window()
    panel, bar, section = dock.panels["rois"], dock.session_bar, dock.sections["rois"]
    open_scan(qtbot, dock, write_scan(tmp_path / "visit1" / "leg.nii"))
    for key in ("series", "reconstruct"):
        dock.sections[key].set_open(False)
    section.set_open(True)
    qtbot.waitUntil(panel.draw_button.isVisible)
    viewer.fit_to_view()
    draw(qtbot, viewer, panel, VL, SQUARE)
    qtbot.keyClick(panel.layer_picker, Qt.Key.Key_End)  # New regions…, for the second reader
    wait_for_layers(qtbot, viewer)
    assert session_of(viewer).regions is None
    # What the first one drew is in no file, nor in the regions of the session.
    assert bar.unsaved.full_text() == "● regions not saved"
    assert section.mark() == "Not saved: regions in the layer ROIs"
    autosave = autosave_of(viewer)
    autosave.keep()
    qtbot.waitUntil(lambda: not autosave.job.status.is_running)
    assert (autosave.folder / "study.mrf.json").is_file()
    asked = answer_next_question(qtbot, "Cancel")
    viewer.window._qt_window.close()
    assert asked == ["Save before closing?"]

    draw(qtbot, viewer, panel, RF, OTHER_SQUARE)
    assert bar.unsaved.full_text() == "● 2 regions not saved"
    before = readers(viewer)
    assert before == {
        "ROIs": (False, [0, VL]), "ROIs outlines": (False, ["VL_R"]),
        "ROIs 2": (True, [0, RF]), "ROIs 2 outlines": (True, ["RF_R"]),
    }  # fmt: skip
    path = tmp_path / "visit1" / "study.mrf.json"
    dock.session_binding.save_to(path)
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running)
    assert bar.unsaved.full_text() == ""
    # One more polygon of the first reader is not in the session, whoever's layer is in use.
    qtbot.keyClick(panel.layer_picker, Qt.Key.Key_Home)
    draw(qtbot, viewer, panel, VL, OTHER_SQUARE)
    qtbot.keyClick(panel.layer_picker, Qt.Key.Key_Down)
    wait_for_layers(qtbot, viewer)
    assert "regions in the layer ROIs" in bar.unsaved.toolTip()

    other, dock = open_window()
    open_scan(qtbot, dock, write_scan(tmp_path / "visit2" / "leg.nii", 2))
    dock.session_binding.open_file(path)
    qtbot.waitUntil(lambda: session_of(other).subject.name == "leg (visit1)", timeout=20_000)
    wait_for_layers(qtbot, other)
    assert dock.session_bar.notice.text() == ""
    assert readers(other) == before
    names = [one.name for one in other.layers if "ROIs" in one.name]
    assert all(one.startswith("leg (visit1) · ") for one in names)
    assert regions_editor_of(other).layer.name == "leg (visit1) · ROIs 2"
    assert set(session_of(other).regions.table) == {RF}
    assert dock.session_bar.unsaved.full_text() == ""
