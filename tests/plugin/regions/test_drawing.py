"""Drawing with the mouse in a real window: clicks on the canvas, keys, and the table."""

import numpy as np
import pytest
from drawing_cases import (
    RF,
    SHAPE,
    SQUARE,
    VI,
    VL,
    VM,
    canvas,
    click,
    draw_polygon,
    pick,
    press,
    stroke,
)
from gui_waits import wait_for_layers
from qtpy.QtCore import Qt

from napari_mrf.plugin.session import RegionChoice, session_of
from napari_mrf.rois.polygons import polygon_mask


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
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        stroke(qtbot, viewer, SQUARE[2], (50, 60))
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
    window = dock.bindings["rois"].statistics.tables._window.table
    assert window.model().rowCount() == 1
    center = window.visualRect(window.model().index(0, 0)).center()
    qtbot.mouseClick(window.viewport(), Qt.MouseButton.LeftButton, pos=center)
    assert session.chosen_region == RegionChoice(VL)
    assert table.selected_rows() == [0]
