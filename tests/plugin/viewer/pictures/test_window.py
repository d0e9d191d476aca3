"""Switching, side by side, flicker and planes in a real window, with its keys, wheel and mouse."""

import gc
from weakref import WeakSet

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QWheelEvent
from qtpy.QtWidgets import QApplication
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.session import MapsSet
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.pictures.canvas_cross import canvas_cross_of
from napari_mrf.plugin.viewer.pictures.picture import Picture
from napari_mrf.plugin.viewer.pictures.side_by_side import SideBySide

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])
SHAPE = (3, 20, 24)
LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


class Window:
    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer = qtbot, viewer
        self.series = MRFSeries(np.ones((3, *SHAPE), np.complex64), AFFINE)
        data, attributes, _ = series_layer_data(self.series, "thigh")
        viewer.add_image(data, **attributes)
        self.dock_widget, self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")
        self.bar, self.binding = self.dock.switcher, self.dock.switcher_binding
        self.canvas = viewer.window._qt_viewer.canvas.native
        for name, value in (("a", 0.25), ("b", 0.75)):
            values = {key: np.full(SHAPE, value) for key in ("FF", "T1H2O")}
            maps_display_of(viewer).add(MapsSet(name, ParameterMaps(values, affine=AFFINE)))
            wait_for_layers(qtbot, viewer)
        table = {7: Label(7, "VL_R", (0, 160, 0))}
        labels = np.zeros(SHAPE)
        labels[:, :10] = 7
        grid = RegionGrid.of_series(self.series)
        self.regions = add_regions_layer(viewer, grid, table, labels, "ROIs")
        self.regions.opacity = 1.0
        self.regions.contour = 0  # filled: told by its inside
        self.rest()

    def rest(self):
        wait_for_layers(self.qtbot, self.viewer)
        QApplication.processEvents()

    def seen(self):
        return {one.name for one in self.viewer.layers if one.visible} - {"thigh", "ROIs"}

    def expect(self, *names):
        self.qtbot.waitUntil(lambda: self.seen() == set(names))

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self.qtbot.keyClick(self.canvas, key, modifier)

    def click(self, button):
        self.qtbot.mouseClick(button, LEFT)
        self.rest()

    def pixel(self, widget, down, along):
        """Return where world coordinates are on the canvas or a picture of the same camera."""
        camera = self.viewer.scene.camera
        x = widget.width() / 2 + (along - camera.center[-1]) * camera.zoom
        y = widget.height() / 2 + (down - camera.center[-2]) * camera.zoom
        return QPoint(round(x), round(y))

    def beside(self):
        return self.dock.switcher_binding._beside.widget

    def wheel(self, widget, at, steps):
        event = QWheelEvent(
            QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120 * steps),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)


@pytest.fixture
def window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1300, 700)
    yield Window(qtbot, viewer)
    WorkerBase.await_workers(20_000)


def test_keys_switch_maps_a_held_key_shows_the_other_and_the_grid_names_each(window, qtbot):
    window.expect("b · FF")
    window.key(Qt.Key.Key_2, CTRL)
    window.expect("b · T1H2O")
    window.key(Qt.Key.Key_0, CTRL)
    window.expect("a · T1H2O")
    window.key(Qt.Key.Key_1, CTRL)
    window.expect("a · FF")
    window.rest()
    title = window.viewer.canvas.overlays["mrf_title"].text
    assert title == "Fat fraction\na"
    qtbot.keyPress(window.canvas, Qt.Key.Key_H)
    window.expect("b · FF")
    qtbot.keyRelease(window.canvas, Qt.Key.Key_H)
    window.expect("a · FF")
    window.viewer.layers.selection.active = window.regions  # the digits alone are its tools
    window.key(Qt.Key.Key_2)
    assert window.regions.mode == "paint" and window.seen() == {"a · FF"}
    window.regions.mode = "pan_zoom"

    # In the grid view each image has its own name and color bar.
    layers = window.viewer.layers

    def told():
        bars = {one.name for one in layers if one.name != "ROIs" and one.colorbar.visible}
        names = {one.name for one in layers if one.name_overlay.visible}
        texts = [window.viewer.canvas.overlays[one] for one in ("mrf_title", "mrf_units")]
        return bars, names, [one.text if one.visible else "" for one in texts]

    layers["b · FF"].visible = layers["a · T1H2O"].visible = True
    window.rest()
    layers["a · FF"].visible = False
    window.rest()
    assert told() == ({"b · FF"}, set(), ["Fat fraction\nb", ""])
    window.key(Qt.Key.Key_G, CTRL)
    window.rest()
    maps = {"b · FF", "a · T1H2O"}
    assert told() == (maps, {*maps, "thigh"}, ["", "T1H2O: ms"])
    layers["b · FF"].visible = False
    window.rest()
    assert told() == ({"a · T1H2O"}, {"a · T1H2O", "thigh"}, ["", "T1H2O: ms"])
    window.key(Qt.Key.Key_G, CTRL)
    window.rest()
    assert told() == ({"a · T1H2O"}, set(), ["Water T1 (ms)\na", ""])


def test_two_sides_have_one_slice_zoom_and_cursor_and_leave_nothing_behind(window, qtbot):
    viewer, camera, width = window.viewer, window.viewer.scene.camera, window.dock_widget.width()
    window.click(window.bar.beside_button)
    picture = window.beside().picture
    qtbot.waitUntil(lambda: abs(picture.width() - window.canvas.width()) < 60)
    assert [one.name for one in picture.scene.layers] == ["thigh", "a · FF", "ROIs"]
    viewer.reset_view()
    window.rest()
    shades = picture.grab().toImage()
    # Rows run down to posterior and columns to the left side of the patient, as in the file.
    assert shades.pixelColor(window.pixel(picture, 8.0, 24.0)) == QColor(0, 160, 0)
    below = viewer.layers["a · FF"].colormap.map(0.25)[0]
    found = shades.pixelColor(window.pixel(picture, 30.0, 24.0)).getRgbF()
    assert np.allclose(found, below, atol=0.02)
    for widget in (picture, window.canvas):
        zoom, at = camera.zoom, window.pixel(widget, 12.0, 20.0)
        window.wheel(widget, at, 1)
        qtbot.waitUntil(lambda zoom=zoom: camera.zoom > zoom)
        window.rest()
        assert picture.view.zoom == pytest.approx(camera.zoom)
        assert picture.view.center == pytest.approx(camera.center[-2:])
        moved = window.pixel(widget, 12.0, 20.0) - at  # what is under the mouse stays there
        assert abs(moved.x()) <= 1 and abs(moved.y()) <= 1
    # The mouse over either side is seen on the other.
    for place in ((20.0, 20.0), (24.0, 30.0)):
        qtbot.mouseMove(window.canvas, window.pixel(window.canvas, *place))
        qtbot.waitUntil(lambda place=place: picture.cross is not None
                        and np.allclose(picture.cross, place, atol=0.3))  # fmt: skip
    assert picture.reading == "0.25"
    sheet = canvas_cross_of(viewer).sheet
    assert not sheet.isVisible()
    place = (26.0, 14.0)
    qtbot.mouseMove(picture, window.pixel(picture, 20.0, 12.0))
    qtbot.mouseMove(picture, window.pixel(picture, *place))
    expected = window.pixel(window.canvas, *place)
    qtbot.waitUntil(lambda: sheet.isVisible() and (sheet.at - QPointF(expected)).manhattanLength()
                    <= 3)  # fmt: skip
    assert "a · FF: 0.25" in viewer.status and "b · FF: 0.75" in viewer.status
    QApplication.sendEvent(picture, QEvent(QEvent.Type.Leave))
    assert not sheet.isVisible()
    # A drag moves both.
    start, center = window.pixel(picture, 20.0, 20.0), camera.center
    qtbot.mousePress(picture, LEFT, pos=start)
    for step in (10, 20, 30):
        qtbot.mouseMove(picture, start + QPoint(step, 0))
    qtbot.mouseRelease(picture, LEFT, pos=start + QPoint(30, 0))
    assert camera.center[-1] == pytest.approx(center[-1] - 30 / camera.zoom, abs=0.2)
    # The sliders and what is painted are those of the canvas.
    viewer.dims.set_point(1, 10.0)
    assert picture.scene.plane.point[1] == 10.0
    viewer.layers["ROIs"].data[2, 15:18, 3:21] = 7
    viewer.layers["ROIs"].refresh()
    viewer.reset_view()
    green = picture.grab().toImage().pixelColor(window.pixel(picture, 32.0, 24.0))
    assert green == QColor(0, 160, 0)
    for theme in ("light", "dark"):
        viewer.theme = theme
        corner = picture.grab().toImage().pixelColor(40, 2)
        assert corner.lightnessF() == (1.0 if theme == "light" else 0.0)
    window.click(window.bar.beside_button)
    _open_and_close_twenty_times(window, width)


def _open_and_close_twenty_times(window, width):
    """Leave nothing behind, and let the fixture close the window with both docks open."""
    viewer, qtbot, made = window.viewer, window.qtbot, WeakSet()
    docks = set(viewer.window.dock_widgets)
    for _ in range(20):
        qtbot.mouseClick(window.bar.beside_button, LEFT)
        made.add(window.beside())
        made.add(window.beside().picture)
        assert len(viewer.window.dock_widgets) == len(docks) + 1
        qtbot.mouseClick(window.bar.beside_button, LEFT)
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert window.beside() is None
    window.rest()
    assert set(viewer.window.dock_widgets) == docks
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert not [one for one in made if _is_there(one)]
    assert not [one for one in QApplication.allWidgets() if isinstance(one, SideBySide | Picture)]
    qtbot.waitUntil(lambda: abs(window.dock_widget.width() - width) < 10)
    # The cross of the title closes it too, and the button comes up.
    window.click(window.bar.beside_button)
    window.click(window.bar.planes_button)
    window.beside().parentWidget().destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: not window.bar.beside_button.isChecked())
    window.click(window.bar.beside_button)
    assert window.beside() is not None and window.dock.switcher_binding._planes.widget is not None
    window.click(window.bar.flicker_button)  # the fixture closes the window amid all of it


def _is_there(widget):
    try:
        return bool(widget.objectName() or True)
    except RuntimeError:  # Qt has deleted it
        return False
