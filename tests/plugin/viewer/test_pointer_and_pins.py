"""The inspector in a real window, with the mouse over the canvas and the keys of napari."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from inspect_cases import AFFINE, SEQUENCE, SHAPE, SIGNAL, maps
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers import pins_layer, series_layer_data
from napari_mrf.plugin.session import MapsSet, session_of


class Window:
    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer = qtbot, viewer
        series = MRFSeries(SIGNAL, affine=AFFINE, sequence=SEQUENCE)
        data, attributes, _ = series_layer_data(series, "thigh", peak=100.0)
        self.layer = viewer.add_image(data, **attributes)
        self.session = session_of(viewer)
        self.session.set_series(series, "thigh")
        self.session.add_maps(MapsSet("water-fat", maps(), "thigh"))
        self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Inspect")[1]
        self.binding, self.panel = self.dock.bindings["inspect"], self.dock.panels["inspect"]
        self.canvas = viewer.window._qt_viewer.canvas
        self.native = self.canvas.native
        qtbot.waitUntil(self.panel.isVisible)
        viewer.reset_view()
        QApplication.processEvents()

    def place(self, voxel):
        """Return the pixel of the canvas in the middle of a voxel, its slice in view."""
        orientation = DisplayOrientation.from_affine(AFFINE)
        world = self.layer.data_to_world((0, *orientation.screen_index(voxel, SHAPE)))
        self.viewer.dims.set_point(1, world[1])
        QApplication.processEvents()
        center = np.array(self.viewer.scene.camera.center)[-2:]
        size = np.array([self.native.width(), self.native.height()])
        offset = (np.array(world[-2:]) - center)[::-1] * self.viewer.scene.camera.zoom
        x, y = size / 2 + offset
        return QPoint(round(x), round(y))

    def hover(self, voxel):
        self.qtbot.mouseMove(self.native, self.place(voxel))
        self.qtbot.waitUntil(lambda: self.binding.voxel == voxel, timeout=5000)
        expected = np.abs(SIGNAL[(slice(None), *voxel)])
        self.qtbot.waitUntil(
            lambda: np.array_equal(self.panel.plot.shown_values(), expected), timeout=20_000
        )


@pytest.fixture
def window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1200, 800)
    yield Window(qtbot, viewer)
    WorkerBase.await_workers(20_000)


def test_mouse_shows_clicks_pin_and_keys_do(window):
    for voxel in ((1, 2, 2), (2, 1, 3), (0, 3, 4)):
        window.hover(voxel)
    window.viewer.scene.camera.zoom *= 1.5
    QApplication.processEvents()
    window.hover((0, 2, 2))
    left = Qt.MouseButton.LeftButton
    window.qtbot.mouseClick(window.native, left, pos=window.place((0, 2, 2)))
    window.qtbot.waitUntil(lambda: window.session.pins == ((0, 2, 2),), timeout=5000)
    assert window.session.selected_voxel == (0, 2, 2)
    window.hover((0, 1, 1))
    window.qtbot.keyClick(window.native, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    window.qtbot.waitUntil(lambda: len(window.session.pins) == 2, timeout=5000)

    # A drag moves the picture and pins nothing.
    start = window.place((0, 2, 3))
    window.qtbot.mousePress(window.native, left, pos=start)
    for step in range(1, 6):
        window.qtbot.mouseMove(window.native, start + QPoint(8 * step, 0))
    window.qtbot.mouseRelease(window.native, left, pos=start + QPoint(40, 0))
    QApplication.processEvents()
    assert len(window.session.pins) == 2
    window.viewer.reset_view()

    # Neither does painting.
    labels = window.viewer.add_labels(np.zeros((4, 5), np.uint8), scale=window.layer.scale[-2:])
    labels.mode = "paint"
    window.qtbot.mouseClick(window.native, left, pos=window.place((0, 2, 2)))
    QApplication.processEvents()
    assert len(window.session.pins) == 2 and labels.data.any()
    window.viewer.layers.remove(labels)

    # A double click zooms and leaves the pins as they were.
    zoom = window.viewer.scene.camera.zoom
    window.qtbot.mouseClick(window.native, left, pos=window.place((0, 3, 3)))
    window.qtbot.mouseDClick(window.native, left, pos=window.place((0, 3, 3)))
    QApplication.processEvents()
    assert window.viewer.scene.camera.zoom > zoom and len(window.session.pins) == 2

    # The plain key belongs to the layer of points.
    wait_for_layers(window.qtbot, window.viewer)
    layer = pins_layer(window.viewer)
    window.viewer.layers.selection.active = layer
    window.qtbot.keyClick(window.native, Qt.Key.Key_P)
    assert len(window.session.pins) == 2
    window.qtbot.mouseClick(window.panel.clear_button, left)
    wait_for_layers(window.qtbot, window.viewer)
    assert window.session.pins == ()
    assert not layer.visible and not len(layer.data)  # removing it would cost a search for garbage


def test_two_panels_pin_a_clicked_voxel_once(window):
    whole = window.viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    window.viewer.window._qt_window.removeDockWidget(whole.parent())
    window.viewer.window._qt_window.addDockWidget(
        Qt.DockWidgetArea.LeftDockWidgetArea, whole.parent()
    )
    whole.parent().show()
    whole.sections["inspect"].set_open(True)
    window.qtbot.waitUntil(lambda: whole.panels["inspect"].isVisible() and window.panel.isVisible())
    window.hover((1, 2, 2))
    window.qtbot.waitUntil(lambda: whole.bindings["inspect"].voxel == (1, 2, 2))
    left = Qt.MouseButton.LeftButton
    window.qtbot.mouseClick(window.native, left, pos=window.place((1, 2, 2)))
    window.qtbot.waitUntil(lambda: window.session.pins == ((1, 2, 2),), timeout=5000)
    assert window.panel.minimumSizeHint().width() <= 300
    assert window.panel.plot.height() >= 290
