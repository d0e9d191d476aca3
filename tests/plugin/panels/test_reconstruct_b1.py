"""The Reconstruct panel takes a measured B1 map: from a layer, from a file, in either unit."""

import hashlib

import nibabel
import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

import napari_mrf as mrf
from napari_mrf.plugin.dock import ReconstructDock
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.panels.reconstruct.panel import FROM_FILE
from napari_mrf.plugin.panels.shared.texts import FITTED_B1
from napari_mrf.plugin.session import session_of

AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])  # slices run to the feet: shown in reverse order
SHAPE = (2, 2, 3)
B1 = np.linspace(0.7, 0.9, 12).reshape(SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def series():
    sequence = mrf.sequences.t1ff()
    tissue = {"FF": np.full(12, 0.3), "T1H2O": 1300.0, "T1fat": 300.0, "B1": B1.reshape(-1)}
    signal = mrf.simulate(sequence, tissue).T.reshape(175, *SHAPE)
    mask = np.ones(SHAPE, bool)
    return mrf.MRFSeries(signal.astype(np.complex64), AFFINE, sequence, mask)


@pytest.fixture
def viewer(qapp, series):
    viewer = ViewerModel()
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    return viewer


@pytest.fixture
def panel(qtbot, viewer):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    panel = dock.panels["reconstruct"]
    qtbot.waitUntil(panel.run_button.isEnabled)
    pick_method(qtbot, panel, "water-fat")
    yield panel
    session_of(viewer).reconstruction.cancel()
    WorkerBase.await_workers(10_000)


def pick_method(qtbot, panel, name):
    picker = panel.method_picker
    picker.setCurrentIndex(picker.findData(name))
    picker.activated.emit(picker.currentIndex())


def entries(picker):
    return [picker.itemText(i) for i in range(picker.count())]


def choose(qtbot, picker, text):
    """Pick an entry with the keyboard, as a user does."""
    picker.setFocus()
    while picker.currentIndex() > 0:
        qtbot.keyClick(picker, Qt.Key.Key_Up)
    for _ in range(entries(picker).index(text)):
        qtbot.keyClick(picker, Qt.Key.Key_Down)
    assert picker.currentText() == text


def run_to_end(qtbot, viewer, panel):
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    run = session_of(viewer).reconstruction
    qtbot.waitUntil(lambda: run.status.state in (JobState.DONE, JobState.FAILED))
    assert run.status.failure is None, run.status.failure
    wait_for_layers(qtbot, viewer)


def test_layer_in_screen_order_is_held_in_file_order(qtbot, viewer, panel):
    viewer.add_image(B1[::-1].copy(), name="measured", scale=viewer.layers[0].scale[1:])
    assert entries(panel.b1_picker) == [FITTED_B1, "measured", FROM_FILE]
    assert not panel.b1_unit_picker.isVisible()
    choose(qtbot, panel.b1_picker, "measured")
    assert panel.b1_unit_picker.isVisible()
    run_to_end(qtbot, viewer, panel)
    maps = session_of(viewer).maps_sets["water-fat at given B1"].maps
    np.testing.assert_array_equal(maps["B1"], B1)
    np.testing.assert_allclose(maps["FF"], 0.3, atol=1e-3)
    assert maps.provenance["b1"]["voxels"]["held"] == 12


def test_file_in_percent_becomes_a_layer_and_is_converted_when_asked(
    qtbot, viewer, panel, tmp_path, monkeypatch
):
    path = tmp_path / "b1 map.npy"
    np.save(path, 100 * B1)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choose_file(qtbot, panel)
    qtbot.waitUntil(lambda: "b1 map" in viewer.layers)
    assert panel.b1_picker.currentText() == "b1 map"
    np.testing.assert_array_equal(viewer.layers["b1 map"].data, 100 * B1[::-1])
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    assert "choose that unit: percent beside the map" in panel.notice.text()
    assert not session_of(viewer).reconstruction.status.is_running
    choose(qtbot, panel.b1_unit_picker, "percent")
    run_to_end(qtbot, viewer, panel)
    maps = session_of(viewer).maps_sets["water-fat at given B1"].maps
    np.testing.assert_allclose(maps["B1"], B1, rtol=1e-6)
    record = maps.provenance["b1"]
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (record["path"], record["unit"]) == (str(path), "percent")


def test_odd_header_of_a_b1_file_is_told_and_recorded(qtbot, viewer, panel, tmp_path, monkeypatch):
    path = tmp_path / "b1.nii"
    image = nibabel.Nifti1Image(B1.T.astype(np.float32), AFFINE)
    image.set_qform(np.diag([1.5, -2.0, -8.0, 1.0]), 1)
    nibabel.save(image, path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    choose_file(qtbot, panel)
    qtbot.waitUntil(lambda: "b1" in viewer.layers)
    assert "b1.nii: The header gives two places" in panel.notice.text()
    run_to_end(qtbot, viewer, panel)
    maps = session_of(viewer).maps_sets["water-fat at given B1"].maps
    (told,) = (one for one in maps.warnings if one.code == "b1-header")
    assert "left and right run the other way" in told.message


def choose_file(qtbot, panel):
    panel.b1_picker.setCurrentText(FROM_FILE)
    panel.b1_picker.textActivated.emit(FROM_FILE)
    assert panel.b1_picker.currentText() == FITTED_B1


def test_file_on_another_grid_is_refused_in_a_sentence(qtbot, viewer, panel, tmp_path, monkeypatch):
    np.save(tmp_path / "other.npy", np.ones((2, 5, 5)))
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "other.npy"), "")
    )
    choose_file(qtbot, panel)
    qtbot.waitUntil(lambda: "lies on another grid" in panel.notice.text())
    assert "other" not in viewer.layers


def test_layer_on_another_grid_is_refused_and_nothing_runs(qtbot, viewer, panel):
    viewer.add_image(np.ones((2, 5, 5)), name="elsewhere")
    choose(qtbot, panel.b1_picker, "elsewhere")
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    assert "elsewhere lies on another grid" in panel.notice.text()
    assert not session_of(viewer).reconstruction.status.is_running


def test_choice_is_there_for_methods_that_take_a_map_only(qtbot, viewer, panel):
    assert panel.b1_row.isVisible()
    viewer.add_image(B1[::-1].copy(), name="measured", scale=viewer.layers[0].scale[1:])
    choose(qtbot, panel.b1_picker, "measured")
    pick_method(qtbot, panel, "spatiotemporal")
    assert not panel.b1_row.isVisible()
    assert panel.takes_b1 is False
    pick_method(qtbot, panel, "compressed")
    assert panel.b1_row.isVisible()


def test_only_volumes_that_may_be_b1_are_offered(viewer, panel):
    viewer.add_image(B1, name="volume")
    viewer.add_image(np.ones((4, 4)), name="flat")
    viewer.add_image(np.ones((4, 4, 3)), name="colored", rgb=True)
    viewer.add_labels(np.ones(SHAPE, int), name="labels")
    assert entries(panel.b1_picker) == [FITTED_B1, "volume", FROM_FILE]
    viewer.layers["volume"].name = "renamed"
    assert entries(panel.b1_picker) == [FITTED_B1, "renamed", FROM_FILE]
