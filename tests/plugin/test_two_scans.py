"""Two scans in a real window: mouse and canvas are those of the subject that is shown."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.io import save_series
from napari_mrf.plugin.layers import layer_of_series
from napari_mrf.plugin.session import session_of

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])
SHAPES = {"visit1": (2, 24, 24), "visit2": (2, 20, 30)}


def write_scan(path, shape, seed):
    """Write a scan whose fingerprints all differ; return its signal."""
    random = np.random.default_rng(seed)
    signal = np.exp(1j * random.uniform(0, 6, shape)) * random.uniform(1, 9, (175, *shape))
    path.parent.mkdir()
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequences.t1ff()), path)
    return signal.astype(np.complex64)


class User:
    """Opens scans, looks at voxels and draws, with mouse and keys alone."""

    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer, self.session = qtbot, viewer, session_of(viewer)
        self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
        self.native = viewer.window._qt_viewer.canvas.native

    def open_section(self, key):
        section = self.dock.sections[key]
        if not section.is_open():
            self.qtbot.mouseClick(section._header, Qt.MouseButton.LeftButton, pos=QPoint(10, 9))
        QApplication.processEvents()

    def choose(self, name):
        picker = self.dock.subject_bar.picker
        up = picker.findText(name) < picker.currentIndex()
        self.qtbot.keyClick(picker, Qt.Key.Key_Up if up else Qt.Key.Key_Down)
        wait_for_layers(self.qtbot, self.viewer)
        assert self.session.subject.name == name

    def place(self, row, column):
        """Return the pixel of the canvas over a place of the series, in screen order."""
        layer = layer_of_series(self.viewer, self.session.series)
        world = layer.data_to_world((0, 0, row, column))
        camera = self.viewer.scene.camera
        size = np.array([self.native.width(), self.native.height()])
        offset = (np.array(world[-2:]) - np.array(camera.center)[-2:])[::-1] * camera.zoom
        x, y = size / 2 + offset
        return QPoint(round(x), round(y))

    def hover(self, *pixels):
        for pixel in pixels:
            self.qtbot.mouseMove(self.native, pixel)
            QApplication.processEvents()

    def sees(self, signal, row, column):
        """Return whether the plot shows the fingerprint under the mouse."""
        series = self.session.series
        z = int(np.clip(round(self.viewer.dims.point[1] / 5), 0, 1))
        orientation = DisplayOrientation.from_affine(series.affine)
        at = orientation.file_index((z, row, column), series.spatial_shape)
        expected = np.abs(signal[(slice(None), *at)])

        def is_shown():
            self.hover(self.place(2, 2), self.place(row, column))
            values = self.dock.panels["inspect"].plot.shown_values()
            return values is not None and np.allclose(values, expected)

        self.qtbot.waitUntil(is_shown, timeout=60_000)
        return True

    def draw(self, corners):
        """Draw a polygon around the picked region, corner by corner."""
        button = self.dock.panels["rois"].draw_button
        if button.text().startswith("Draw "):
            self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
            self.qtbot.waitUntil(self.dock.bindings["rois"].editor.is_drawing, timeout=60_000)
        for corner in corners:
            pixel = self.place(*corner)
            self.hover(pixel + QPoint(-9, -7), pixel + QPoint(-3, 2), pixel)
            self.qtbot.mouseClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        with self.qtbot.waitSignal(self.session.regions_changed, timeout=60_000):
            self.qtbot.mouseDClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        self.qtbot.waitUntil(lambda: self.session.regions is not None, timeout=60_000)


@pytest.fixture
def user(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1280, 800)
    yield User(qtbot, viewer)
    WorkerBase.await_workers(60_000)


def test_what_is_inspected_and_drawn_is_of_the_subject_that_is_shown(user, qtbot, tmp_path):
    signals = {}
    for seed, (visit, shape) in enumerate(SHAPES.items()):
        path = tmp_path / visit / "leg.nii"
        signals[visit] = write_scan(path, shape, seed)
        with qtbot.waitSignal(user.session.opening.succeeded, timeout=60_000):
            user.dock.bindings["series"].open_file(path)
        wait_for_layers(qtbot, user.viewer)
    assert user.session.subject.name == "leg (visit2)"
    user.open_section("inspect")
    assert user.sees(signals["visit2"], 10, 20)
    user.choose("leg (visit1)")
    assert user.sees(signals["visit1"], 10, 20)

    user.open_section("rois")
    user.draw([(4, 4), (4, 12), (12, 12), (12, 4)])
    n_first = np.count_nonzero(user.session.regions.labels)
    user.choose("leg (visit2)")  # while the polygons are still being drawn
    assert user.session.regions is None
    user.draw([(6, 6), (6, 22), (16, 22), (16, 6)])
    n_second = np.count_nonzero(user.session.regions.labels)
    assert user.session.regions.labels.shape == SHAPES["visit2"]
    user.choose("leg (visit1)")
    assert user.session.regions.labels.shape == SHAPES["visit1"]
    assert np.count_nonzero(user.session.regions.labels) == n_first
    assert n_first == pytest.approx(64, rel=0.3)
    assert n_second == pytest.approx(160, rel=0.3)
