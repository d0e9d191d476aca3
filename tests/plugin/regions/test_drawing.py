"""Drawing with the mouse in a real window: clicks on the canvas, keys, and the table."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, RegionChoice, session_of
from napari_mrf.rois.polygons import polygon_mask

SHAPE = (3, 60, 80)
AFFINE = np.diag([-1.0, -1.0, 8.0, 1.0])  # shown as in the file
VL, VI, VM, RF = 7, 8, 9, 10
SQUARE = [(10, 10), (10, 40), (35, 40), (35, 10)]


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1280, 900)
    series = MRFSeries(np.ones((3, *SHAPE), np.complex64), AFFINE)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "thigh")
    ff = np.linspace(0, 1, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    session.add_maps(MapsSet("water-fat", ParameterMaps({"FF": ff}, affine=AFFINE), "thigh"))
    viewer.dims.set_point(1, 8.0)
    yield viewer
    WorkerBase.await_workers(20_000)


@pytest.fixture
def dock(viewer, qtbot):
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF ROIs")[1]
    qtbot.waitUntil(dock.panels["rois"].draw_button.isEnabled)
    size = viewer.canvas.size

    def is_laid_out():
        nonlocal size
        before, size = size, viewer.canvas.size
        return before == size and size[1] < 700

    qtbot.waitUntil(is_laid_out)
    viewer.fit_to_view()
    shown = np.array(viewer.canvas.size) / viewer.scene.camera.zoom
    assert (shown >= SHAPE[1:]).all()
    return dock


def at(viewer, position):
    """Return the pixel of the canvas that shows (row, column) in mm."""
    camera = viewer.scene.camera
    size = np.array(viewer.canvas.size)
    y, x = (np.array(position, float) - camera.center[-2:]) * camera.zoom + size / 2
    return QPoint(round(x), round(y))


def canvas(viewer):
    return viewer.window._qt_viewer.canvas.native


def click(qtbot, viewer, position):
    native, pixel = canvas(viewer), at(viewer, position)
    qtbot.mouseMove(native, pixel)
    qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=pixel)


def draw_polygon(qtbot, viewer, corners):
    native = canvas(viewer)
    for corner in corners:
        pixel = at(viewer, corner)
        for step in (QPoint(-9, -7), QPoint(-3, 2), QPoint(0, 0)):  # a hand moves, it does not jump
            qtbot.mouseMove(native, pixel + step)
            qtbot.wait(5)
        qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=pixel)
    qtbot.mouseDClick(native, Qt.MouseButton.LeftButton, pos=pixel)


def drag_to(native, pixel):
    """Move the mouse with the button down, which QTest cannot."""
    where = QPointF(pixel), QPointF(native.mapToGlobal(pixel))
    left = Qt.MouseButton.LeftButton
    move = QMouseEvent(QEvent.Type.MouseMove, *where, Qt.MouseButton.NoButton, left,
                       Qt.KeyboardModifier.NoModifier)  # fmt: skip
    QApplication.sendEvent(native, move)


def pick(qtbot, panel, label):
    tree = panel.tree
    tree.scrollToItem(tree._rows[label])
    center = tree.visualItemRect(tree._rows[label]).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=center)


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, button.height() // 2))


def test_a_polygon_by_mouse_a_click_on_it_and_undo_by_key(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    assert panel.draw_button.text() == "Drawing VL_R"
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    inside = session.regions.labels[1] == VL
    outline = dock.bindings["rois"].editor.outlines_layer.data[0]
    assert np.array_equal(inside, polygon_mask(outline[:, 1:], SHAPE[1:]))
    # As exact as a mouse: the corners lie within a pixel of the screen of those aimed at.
    assert abs(int(inside.sum()) - 25 * 30) <= 56
    assert not session.regions.labels[[0, 2]].any()
    table = panel.statistics.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 1, timeout=10_000)
    ff = session.maps_sets["water-fat"].maps["FF"][1]
    assert table.table()["FF mean"].item() == pytest.approx(ff[inside].astype(float).mean())

    # A second polygon of another muscle, given up after two corners, names nothing.
    pick(qtbot, panel, RF)
    click(qtbot, viewer, (40, 50))
    press(qtbot, panel.draw_button)
    assert panel.draw_button.text() == "Draw RF_R"
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, [(45, 50), (45, 70), (55, 70), (55, 50)])
    assert list(session.regions.table) == [VL]
    editor = dock.bindings["rois"].editor
    assert editor.outlines_layer.features["name"].tolist() == ["VL_R", "VL_R"]
    press(qtbot, panel.draw_button)

    # A click on the region in the image selects its row.
    table.select_row(None)
    viewer.layers.selection.active = viewer.layers["thigh"]
    click(qtbot, viewer, (20, 20))
    assert session.chosen_region == RegionChoice(VL, 1)
    assert table.selected_rows() == [0]
    click(qtbot, viewer, (3, 3))
    assert session.chosen_region == RegionChoice(VL, 1)

    # Ctrl+Z over the canvas, whatever layer is picked.
    native = canvas(viewer)
    native.setFocus()
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        qtbot.keyClick(native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(session.regions.labels[1] == VL, inside)
    assert len(editor.outlines_layer.data) == 1
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        qtbot.keyClick(native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.regions is None
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        qtbot.keyClick(native, Qt.Key.Key_Z, both)
    assert np.array_equal(session.regions.labels[1] == VL, inside)


def test_a_polygon_that_draws_nothing_goes_at_once_and_undo_leaves_the_others(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor = dock.bindings["rois"].editor
    pick(qtbot, panel, RF)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, [(45, 50), (45, 70), (55, 70), (55, 50)])
    pick(qtbot, panel, VL)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    before = session.regions
    outlines = editor.outlines_layer
    pick(qtbot, panel, VI)
    beyond = [(10, 95), (10, 110), (35, 110), (35, 95)]
    tiny = [(20.2, 60.2), (20.2, 60.7), (20.7, 60.7)]
    for corners, sentence in (
        (SQUARE, "Nothing was drawn: all its voxels already belong to VL_R."),
        (beyond, "Nothing was drawn: the polygon lies outside the image."),
        (tiny, "Nothing was drawn: the polygon does not contain the center of any voxel."),
    ):
        draw_polygon(qtbot, viewer, corners)
        qtbot.waitUntil(lambda: len(outlines.data) == 2)
        qtbot.waitUntil(lambda sentence=sentence: panel.notice.text() == sentence)
        assert editor.is_drawing()
        assert outlines.features["label"].tolist() == [RF, VL]
        assert len(outlines.edge_color) == len(outlines.face_color) == 2
    assert session.regions is before
    press(qtbot, panel.draw_button)
    press(qtbot, panel.undo_button)
    assert list(session.regions.table) == [RF]
    assert outlines.features["label"].tolist() == [RF]
    press(qtbot, panel.redo_button)
    assert np.array_equal(session.regions.labels, before.labels)
    assert outlines.features["label"].tolist() == [RF, VL]


def test_a_stray_click_leaves_every_outline_in_its_own_color(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor = dock.bindings["rois"].editor
    squares = [[(y, x), (y, x + 12), (y + 12, x + 12), (y + 12, x)]
               for y, x in ((5, 5), (5, 45), (35, 5), (35, 45))]  # fmt: skip
    muscles = (VL, RF, VI, VM)
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    for label, corners, stray in zip(
        muscles, squares, ([], [(20, 95)], [], [(25, 30), (28, 40)]), strict=True
    ):
        for position in stray:
            click(qtbot, viewer, position)
        pick(qtbot, panel, label)
        with qtbot.waitSignal(session.regions_changed, timeout=5000):
            draw_polygon(qtbot, viewer, corners)
    layer = editor.outlines_layer
    assert layer.features["label"].tolist() == list(muscles)
    assert len(layer.edge_color) == len(layer.face_color) == len(layer.data) == 4
    for label, color in zip(muscles, layer.edge_color, strict=True):
        assert np.allclose(color[:3] * 255, editor.table[label].color)
        assert (session.regions.labels == label).any()

    # What went wrong before is put right with the colors of the table.
    layer._data_view._edge_color = np.vstack([np.ones(4), layer.edge_color])
    editor.set_table(editor.table)
    assert len(layer.edge_color) == 4
    for label, color in zip(muscles, layer.edge_color, strict=True):
        assert np.allclose(color[:3] * 255, editor.table[label].color)


def test_a_vertex_that_is_dragged_changes_what_is_counted(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor = dock.bindings["rois"].editor
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    press(qtbot, panel.draw_button)
    editor.outlines_layer.mode = "direct"
    editor.outlines_layer.selected_data = {0}
    before = session.regions.labels.copy()
    native = canvas(viewer)
    start, end = at(viewer, SQUARE[2]), at(viewer, (50, 60))
    qtbot.mouseMove(native, start)
    qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.3, 0.6, 1.0):
        drag_to(native, start + (end - start) * share)
        qtbot.wait(20)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=end)
    outline = editor.outlines_layer.data[0]
    inside = session.regions.labels[1] == VL
    assert np.array_equal(inside, polygon_mask(outline[:, 1:], SHAPE[1:]))
    assert inside.sum() > (before == VL).sum()
    press(qtbot, panel.undo_button)
    assert np.array_equal(session.regions.labels, before)


def test_the_table_opens_in_a_window_below_the_image(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    press(qtbot, panel.draw_button)
    table = panel.statistics.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 1, timeout=10_000)
    press(qtbot, panel.statistics.window_button)
    window = dock.bindings["rois"].statistics.tables._window
    assert window.model().rowCount() == 1
    center = window.visualRect(window.model().index(0, 0)).center()
    qtbot.mouseClick(window.viewport(), Qt.MouseButton.LeftButton, pos=center)
    assert session.chosen_region == RegionChoice(VL)
    assert table.selected_rows() == [0]
