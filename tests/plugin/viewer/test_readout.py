"""The status bar tells all maps of the voxel under the mouse, whatever layer is active."""

import time

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QApplication

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.readout import readout_of

SHAPE = (2, 6, 8)


def maps(shape=SHAPE):
    z, y, x = np.indices(shape)
    values = {"FF": 0.01 * x + 0.1 * y, "T1H2O": 1000.0 + 100 * z + 10 * y + x, "Df": x - 20.0}
    values["T1H2O"][0, 0, 0] = np.nan
    return ParameterMaps(values, uncertainty={"FF": np.full(shape, 0.011), "T1H2O": 20.0 + y})


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), None, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    readout_of(viewer)
    maps_display_of(viewer).add(MapsSet("water-fat", maps(), "thigh"))
    maps_display_of(viewer).add(MapsSet("cohen", ParameterMaps({"FF": np.full(SHAPE, 0.5)}), "x"))
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 2:4] = 7
    session_of(viewer).set_regions(Regions(labels, {7: Label(7, "VL")}))
    wait_for_layers(qtbot, viewer)
    viewer.reset_view()
    viewer.layers["water-fat · FF"].visible = True
    viewer.layers["cohen · FF"].visible = False
    return viewer


def move_to(qtbot, viewer, voxel):
    """Move the mouse over the canvas to a voxel, as the hand does."""
    native = viewer.window._qt_viewer.canvas.native
    viewer.dims.set_point(1, voxel[0])
    QApplication.processEvents()
    camera = viewer.scene.camera
    offset = (np.array(voxel[1:]) - camera.center[-2:])[::-1] * camera.zoom
    x, y = np.array([native.width(), native.height()]) / 2 + offset
    qtbot.mouseMove(native, QPoint(round(x), round(y)))
    qtbot.waitUntil(lambda: f" {voxel}" in readout_of(viewer).text)


def said(viewer):
    status = viewer.status
    return status["coordinates"] if isinstance(status, dict) else status


def test_values_with_their_deviations_units_region_and_subject(qtbot, viewer):
    text = "thigh (1, 3, 4) · VL · water-fat: FF 0.340 ± 0.011, T1H2O 1134 ± 23 ms, Df −16.0 Hz"
    bar = viewer.window._qt_window.statusBar()
    for activate in (
        lambda: None,
        lambda: viewer.add_shapes(ndim=4),
        lambda: viewer.add_labels(np.ones(SHAPE, int)),
        viewer.layers.selection.clear,
    ):
        activate()
        move_to(qtbot, viewer, (0, 1, 1))
        assert text not in said(viewer)
        move_to(qtbot, viewer, (1, 3, 4))
        assert text in said(viewer)
        viewer.update_status_from_cursor()  # what napari has to say comes after it
        assert text in said(viewer)
        assert text in bar._coordinates.text() + bar._status.text()


def test_brackets_where_a_value_is_not_valid_and_a_dash_where_there_is_none(qtbot, viewer):
    move_to(qtbot, viewer, (0, 0, 0))
    assert "T1H2O –, Df −20.0 Hz" in said(viewer)
    thirds = ParameterMaps({"FF": np.full(SHAPE, 0.9), "T1H2O": np.full(SHAPE, 700.0)})
    maps_display_of(viewer).add(MapsSet("water-fat", thirds, "thigh"))
    assert "FF 0.900, T1H2O (700) ms" in said(viewer)


def test_the_set_in_front_is_told_and_outside_napari_has_its_word(qtbot, viewer):
    viewer.layers["cohen · FF"].visible = True
    viewer.layers["water-fat · FF"].visible = False
    move_to(qtbot, viewer, (0, 3, 3))
    assert "cohen: FF 0.500" in said(viewer)
    viewer.cursor.position = (0, 0, -50, -50)
    qtbot.waitUntil(lambda: readout_of(viewer).text == "")
    assert "cohen:" not in said(viewer)


def test_a_move_costs_less_than_five_milliseconds(qapp):
    shape, viewer = (5, 350, 350), ViewerModel()
    signal = np.ones((2, *shape), np.complex64)  # how many frames there are makes no difference
    affine = np.diag([1.0, 1, 8, 1])
    series = MRFSeries(signal, affine)
    data, attributes, _ = series_layer_data(series, "thigh", peak=1.0)
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    found = {key: np.full(shape, 0.5, np.float32) for key in ("FF", "T1H2O", "T1fat", "Df", "B1")}
    made = ParameterMaps(found, uncertainty=found, affine=affine)
    maps_display_of(viewer).add(MapsSet("water-fat", made, "thigh"))
    labels = np.ones(shape, np.uint16)
    session_of(viewer).set_regions(Regions(labels, {1: Label(1, "VL")}, affine=affine))
    readout, seconds = readout_of(viewer), []
    for column in range(50):
        start = time.thread_time()
        readout._on_moved((2, 100, column))
        seconds.append(time.thread_time() - start)
    assert "VL" in readout.text and np.median(seconds) < 0.005


def test_another_set_that_comes_to_be_seen_is_told_while_the_mouse_rests(qtbot, viewer):
    move_to(qtbot, viewer, (0, 2, 5))
    assert "water-fat: FF 0.250" in said(viewer)
    viewer.layers["cohen · FF"].visible = True
    viewer.layers["water-fat · FF"].visible = False
    qtbot.waitUntil(lambda: "cohen: FF 0.500" in said(viewer), timeout=5_000)
    assert "water-fat" not in readout_of(viewer).text
