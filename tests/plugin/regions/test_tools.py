"""Tools of the ROIs step in a real window: smart polygon, vertices, brush, keys."""

import numpy as np
import pytest
from drawing_cases import (
    AFFINE,
    RF,
    SHAPE,
    SQUARE,
    VI,
    VL,
    at,
    canvas,
    click,
    draw_polygon,
    pick,
    press,
    stroke,
)
from gui_waits import wait_for_layers
from qtpy.QtCore import Qt

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.plugin.layers import find_set, series_layer_data
from napari_mrf.plugin.regions.seen import SeenPicture
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.rois.polygons import polygon_mask

Y, X = np.mgrid[: SHAPE[1], : SHAPE[2]]
DISC = np.hypot(Y - 30.3, X - 38.7) < 18.4


def show_disc(qtbot, viewer, set_name="truth"):
    """Show a fat fraction with a disc of fat in every slice."""
    fraction = np.broadcast_to(np.where(DISC, 0.9, 0.1), SHAPE).astype(np.float32)
    maps = ParameterMaps({"FF": fraction}, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet(set_name, maps, "thigh"))
    wait_for_layers(qtbot, viewer)


def around_disc(angle, off=0.0):
    turn = np.deg2rad(angle)
    return 30.3 + (18.4 + off) * np.sin(turn), 38.7 + (18.4 + off) * np.cos(turn)


def start_smart(qtbot, viewer, panel, label=VL):
    pick(qtbot, panel, label)
    press(qtbot, panel.tools.smart_button)
    wait_for_layers(qtbot, viewer)
    assert panel.tools.smart_button.isChecked()
    assert not panel.draw_button.isChecked()


def key(qtbot, viewer, name, modifiers=Qt.KeyboardModifier.NoModifier):
    native = canvas(viewer)
    native.setFocus()
    qtbot.keyClick(native, name, modifiers)


def drawn(session, label, screen_slice=1):
    return session.regions.labels[screen_slice] == label


def test_a_smart_polygon_follows_the_edge_of_the_map(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, smart = dock.bindings["rois"].editor, dock.bindings["rois"].drawing.smart
    show_disc(qtbot, viewer)
    start_smart(qtbot, viewer, panel)
    for angle, off in ((5, 0.6), (95, -0.5), (50, 4.0)):
        click(qtbot, viewer, around_disc(angle, off))
    assert len(smart.anchors) == 3
    key(qtbot, viewer, Qt.Key.Key_Backspace)  # the last was a slip
    assert len(smart.anchors) == 2
    press(qtbot, panel.undo_button)  # takes back an anchor as well
    assert len(smart.anchors) == 1
    for angle, off in ((95, -0.5), (185, 0.7), (275, -0.4)):
        click(qtbot, viewer, around_disc(angle, off))
    qtbot.mouseMove(canvas(viewer), at(viewer, around_disc(330)))
    preview = viewer.layers["Smart polygon"]
    qtbot.waitUntil(lambda: len(preview.data) == 1)
    line = preview.data[0][:, 1:]
    assert np.abs(np.hypot(line[:, 0] - 30.3, line[:, 1] - 38.7) - 18.4).max() < 1.5
    assert viewer.layers.selection.active is editor.outlines_layer
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        key(qtbot, viewer, Qt.Key.Key_Return)
    ring = np.abs(np.hypot(Y - 30.3, X - 38.7) - 18.4) < 1.0
    assert not ((drawn(session, VL) != DISC) & ~ring).any()
    outline = editor.outlines_layer.data[0][:, 1:]
    assert len(outline) < 70
    assert np.array_equal(polygon_mask(outline, SHAPE[1:]), drawn(session, VL))
    assert editor.outlines_layer.features["name"].tolist() == ["VL_R"]
    assert smart.is_on  # the next one can follow

    # Esc gives up, and the tool goes on with the region that is picked next.
    click(qtbot, viewer, (5, 5))
    key(qtbot, viewer, Qt.Key.Key_Escape)
    assert not smart.anchors
    pick(qtbot, panel, RF)
    wait_for_layers(qtbot, viewer)
    assert panel.tools.smart_button.isChecked()
    for corner in ((3, 3), (3, 15), (12, 15)):
        click(qtbot, viewer, corner)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        qtbot.mouseDClick(canvas(viewer), Qt.MouseButton.LeftButton, pos=at(viewer, (12, 3)))
    assert set(np.unique(session.regions.labels)) == {0, VL, RF}
    press(qtbot, panel.tools.smart_button)
    wait_for_layers(qtbot, viewer)
    assert "Smart polygon" not in viewer.layers
    assert not panel.tools.smart_button.isChecked()
    assert editor.outlines_layer.mode == "pan_zoom"
    press(qtbot, panel.undo_button)
    assert set(np.unique(session.regions.labels)) == {0, VL}


def test_clicks_at_once_after_another_region_was_picked_are_those_of_the_smart_polygon(
    qtbot, viewer, dock
):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, smart = dock.bindings["rois"].editor, dock.bindings["rois"].drawing.smart
    show_disc(qtbot, viewer)
    start_smart(qtbot, viewer, panel)
    for corner in ((3, 3), (3, 15), (12, 15)):
        click(qtbot, viewer, corner)
    pick(qtbot, panel, RF)  # what is half drawn is finished with its own name
    assert panel.tools.smart_button.isChecked()
    for corner in ((40, 40), (40, 60), (50, 60)):
        click(qtbot, viewer, corner)
    assert len(smart.anchors) == 3
    assert len(editor.outlines_layer.data) == 1  # and no stray line of two corners
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        key(qtbot, viewer, Qt.Key.Key_Return)
    assert editor.outlines_layer.features["name"].tolist() == ["VL_R", "RF_R"]
    assert set(np.unique(session.regions.labels)) == {0, VL, RF}


def test_a_region_that_is_picked_while_drawing_begins_is_the_one_that_is_drawn(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)  # the layers are still to be made
    pick(qtbot, panel, RF)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    assert set(np.unique(session.regions.labels)) == {0, RF}


def test_the_picture_that_is_seen_is_the_map_in_front_or_the_mean_of_the_series(
    qtbot, viewer, dock
):
    session, grid = session_of(viewer), dock.bindings["rois"].editor.layers.grid()
    seen = SeenPicture(viewer)
    rng = np.random.default_rng(2)
    signal = (rng.normal(size=(3, *SHAPE)) + 1j * rng.normal(size=(3, *SHAPE))).astype(np.complex64)
    series = MRFSeries(signal, AFFINE)
    data, attributes, _ = series_layer_data(series, "other")
    session.set_series(series, "other")
    layer = viewer.add_image(data, **attributes)
    assert not seen.of_slice(2, grid).any()  # it takes a moment
    with qtbot.waitSignal(seen.arrived, timeout=5000):
        pass
    expected = grid.orientation.to_screen(np.abs(signal).mean(axis=0))[2]
    assert np.allclose(seen.of_slice(2, grid), expected, rtol=1e-5)
    show_disc(qtbot, viewer)
    fraction = find_set(viewer, "truth")["FF"]
    fraction.contrast_limits = (0.0, 0.5)
    assert np.unique(seen.of_slice(0, grid)).tolist() == pytest.approx([0.1, 0.5])
    assert np.array_equal(seen.of_slice(0, grid) > 0.3, DISC)
    fraction.visible = False
    assert np.allclose(seen.of_slice(2, grid), expected, rtol=1e-5)
    assert layer.visible


def test_vertices_of_a_painted_region_are_moved_added_and_removed(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, tools = dock.bindings["rois"].editor, dock.panels["rois"].tools
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 10:31, 20:51] = VL
    labels[1, 40:50, 20:51], labels[0, 40:50, 20:51] = RF, RF
    session.set_regions(Regions(labels, {VL: editor.table[VL], RF: editor.table[RF]}))
    editor.layer.visible = False
    pick(qtbot, panel, VL)
    press(qtbot, tools.vertex_buttons["edit"])
    wait_for_layers(qtbot, viewer)
    outlines = editor.outlines_layer
    assert editor.layer.visible  # nobody edits what is hidden
    assert viewer.layers.selection.active is outlines
    assert (outlines.mode, list(outlines.selected_data)) == ("direct", [0])
    assert tools.vertex_buttons["edit"].isChecked()
    assert np.array_equal(session.regions.labels, labels)
    assert len(outlines.data) == 1  # of this region in this slice

    press(qtbot, tools.vertex_buttons["add"])
    wait_for_layers(qtbot, viewer)
    n = len(outlines.data[0])
    assert tools.vertex_buttons["add"].isChecked()
    assert not tools.vertex_buttons["edit"].isChecked()
    click(qtbot, viewer, (20, 51))
    qtbot.waitUntil(lambda: len(outlines.data[0]) == n + 1)
    press(qtbot, tools.vertex_buttons["edit"])
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        stroke(qtbot, viewer, (20, 51), (20, 60))
    held = polygon_mask(outlines.data[0][:, 1:], SHAPE[1:])
    assert np.array_equal(drawn(session, VL), held)
    assert held[20, 55]

    press(qtbot, tools.vertex_buttons["remove"])
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        click(qtbot, viewer, (20, 60))
    assert not drawn(session, VL)[20, 55]
    for _ in range(3):
        press(qtbot, panel.undo_button)
    assert np.array_equal(session.regions.labels, labels)
    press(qtbot, panel.undo_button)
    assert len(outlines.data) == 0

    pick(qtbot, panel, VI)
    assert not tools.vertex_buttons["edit"].isEnabled()
    pick(qtbot, panel, RF)
    viewer.dims.set_point(1, 16.0)
    press(qtbot, tools.vertex_buttons["edit"])
    wait_for_layers(qtbot, viewer)
    assert panel.notice.text() == "RF_R is not drawn in this slice."


def test_a_triangle_without_a_vertex_goes_and_the_others_keep_their_names(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, tools = dock.bindings["rois"].editor, dock.panels["rois"].tools
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    outlines = editor.outlines_layer
    triangle = np.array([(5.0, 5.0), (5.0, 25.0), (25.0, 5.0)])
    for label, move in ((VL, (0, 0)), (RF, (0, 30)), (VI, (28, 0))):
        pick(qtbot, panel, label)
        outlines.add_polygons(np.column_stack([np.ones(3), triangle + move]))
    editor.flush()
    pick(qtbot, panel, RF)
    press(qtbot, tools.vertex_buttons["remove"])
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        click(qtbot, viewer, (25, 35))
    assert outlines.features["label"].tolist() == [VL, VI]
    assert list(session.regions.table) == [VL, VI]
    for label, color in zip((VL, VI), outlines.edge_color, strict=True):
        assert np.allclose(color[:3] * 255, editor.table[label].color)
    press(qtbot, panel.undo_button)
    assert sorted(outlines.features["label"]) == sorted([VL, VI, RF])
    assert drawn(session, RF).any()


def type_number(qtbot, box, text):
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_the_brush_spares_other_regions_and_stays_in_the_range_of_a_map(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, brush = dock.bindings["rois"].editor, dock.panels["rois"].tools.brush
    show_disc(qtbot, viewer)
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, :, :12] = RF
    session.set_regions(Regions(labels, {RF: editor.table[RF]}))
    layer = editor.layer
    viewer.layers.selection.active = layer
    layer.mode, layer.brush_size = "paint", 9
    pick(qtbot, panel, VL)
    assert brush.spare.isChecked()
    assert layer.preserve_labels
    stroke(qtbot, viewer, (30, 5), (30, 75))
    editor.flush()
    assert np.array_equal(drawn(session, RF), labels[1] == RF)
    painted = drawn(session, VL)
    assert painted[30, 12:75].all()
    press(qtbot, panel.undo_button)  # a stroke is a step
    assert np.array_equal(session.regions.labels, labels)

    brush.map_picker.setCurrentText("truth · FF")
    brush.map_picker.textActivated.emit("truth · FF")
    assert (brush.low.text(), brush.high.text()) == ("from 0", "to 1")
    type_number(qtbot, brush.high, "0.5")
    seen = []
    layer.events.labels_update.connect(lambda _: seen.append(bool((layer.data[1][DISC]).any())))
    stroke(qtbot, viewer, (30, 5), (30, 75))
    editor.flush()
    assert seen
    assert not seen[-1]
    expected = painted & ~DISC
    assert np.array_equal(drawn(session, VL), expected)
    press(qtbot, panel.undo_button)
    assert np.array_equal(session.regions.labels, labels)

    press(qtbot, brush.spare)  # and take from others
    assert not layer.preserve_labels
    stroke(qtbot, viewer, (30, 5), (30, 75))
    editor.flush()
    assert (drawn(session, VL)[30] == ~DISC[30])[5:75].all()
    layer.mode = "erase"  # which no range limits
    before = drawn(session, VL).sum()
    type_number(qtbot, brush.low, "0.3")
    stroke(qtbot, viewer, (30, 5), (30, 10))
    editor.flush()
    assert drawn(session, VL).sum() < before
    layer.preserve_labels = True  # by B, or in the controls of the layer
    assert brush.spare.isChecked()

    # The fill bucket and polygons keep to the range too: 0.3 to 0.5, where there is nothing.
    layer.mode = "fill"
    before = session.regions
    click(qtbot, viewer, (55, 70))
    editor.flush()
    assert session.regions is before
    type_number(qtbot, brush.low, "0")
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        click(qtbot, viewer, (55, 70))
    assert np.array_equal(drawn(session, VL)[40:], ((labels[1] == 0) & ~DISC)[40:])
    press(qtbot, panel.undo_button)
    pick(qtbot, panel, VI)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, [(38, 20), (38, 60), (52, 60), (52, 20)])
    assert drawn(session, VI).any()
    assert not (drawn(session, VI) & DISC).any()
    assert "outside Fat fraction 0 to 0.5 and stayed free" in panel.notice.text()
    session.remove_maps("truth")
    assert brush.map_picker.currentText() == "anywhere"
    assert editor.rules.allowed() is None
    assert "not limited any more" in panel.notice.text()


def test_delete_here_takes_what_is_selected_on_the_image_or_the_region(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor = dock.bindings["rois"].editor
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    outlines = editor.outlines_layer
    square = np.array(SQUARE, float)
    for label, move in ((VL, (0, 0)), (VL, (0, 35)), (RF, (28, 0))):
        pick(qtbot, panel, label)
        outlines.add_polygons(np.column_stack([np.ones(4), square * [0.5, 0.8] + move]))
    press(qtbot, panel.draw_button)
    editor.flush()
    before = session.regions.labels.copy()
    pick(qtbot, panel, RF)
    outlines.mode = "select"
    click(qtbot, viewer, (12, 55))  # the second polygon of VL
    assert list(outlines.selected_data) == [1]
    press(qtbot, panel.delete_button)
    assert panel.notice.text().startswith("Deleted the outline of VL_R in slice 1 (")
    assert (drawn(session, VL) == ((before[1] == VL) & (X < 40))).all()
    assert drawn(session, RF).any()
    assert outlines.features["label"].tolist() == [VL, RF]
    press(qtbot, panel.undo_button)
    assert np.array_equal(session.regions.labels, before)
    assert sorted(outlines.features["label"]) == [VL, VL, RF]
    outlines.selected_data = set()
    press(qtbot, panel.delete_button)
    n = (before == RF).sum()
    assert panel.notice.text().startswith(f"Deleted RF_R in slice 1 ({n:,} voxels).")
    assert list(session.regions.table) == [VL]
    press(qtbot, panel.delete_button)
    assert panel.notice.text() == "RF_R is not drawn in slice 1, and no outline is selected."


def test_keys_over_the_image_pick_the_next_region_and_the_one_before(qtbot, viewer, dock):
    panel = dock.panels["rois"]
    pick(qtbot, panel, VL)
    labels = list(panel.tree._rows)
    at_first = labels.index(VL)
    for name, expected in ((Qt.Key.Key_Period, 1), (Qt.Key.Key_Period, 2), (Qt.Key.Key_Comma, 1)):
        key(qtbot, viewer, name)
        assert panel.tree.picked() == labels[at_first + expected]
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    key(qtbot, viewer, Qt.Key.Key_Period)  # while drawing too
    assert panel.draw_button.text() == f"Drawing {panel.tree._rows[labels[at_first + 2]].text(0)}"
    assert "." in panel.draw_button.toolTip()
    press(qtbot, panel.draw_button)
    panel.tree.select(labels[-1])
    key(qtbot, viewer, Qt.Key.Key_Period)
    assert panel.tree.picked() == labels[0]
    key(qtbot, viewer, Qt.Key.Key_Comma)
    assert panel.tree.picked() == labels[-1]


def test_a_step_of_any_kind_is_undone_by_ctrl_z_over_any_layer(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, binding = dock.bindings["rois"].editor, dock.bindings["rois"]
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    panel.set_picker.setCurrentText("all")
    panel.set_picker.textActivated.emit("all")
    binding.labels.rename(VL, "lateral")  # before anything is drawn
    pick(qtbot, panel, VL)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    press(qtbot, panel.draw_button)
    layer = editor.layer
    viewer.layers.selection.active = layer  # napari has keys of its own here
    layer.mode, layer.brush_size = "paint", 3
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        stroke(qtbot, viewer, (50, 10), (50, 40))
    binding.labels.rename(VL, "wide")

    def state():
        editor.flush()
        regions = session.regions
        if regions is None:
            return editor.table[VL].name, 0, 0
        return editor.table[VL].name, int((regions.labels == VL).sum()), len(
            editor.outlines_layer.data
        )  # fmt: skip

    polygon = int(polygon_mask(editor.outlines_layer.data[0][:, 1:], SHAPE[1:]).sum())
    states = [state()]
    for _ in range(4):
        key(qtbot, viewer, Qt.Key.Key_Z, control)
        states.append(state())
    assert [name for name, _, _ in states] == ["wide", "lateral", "lateral", "lateral", "VL_R"]
    assert states[0][1] == states[1][1] > states[2][1] == polygon > states[3][1] == 0
    assert [n for _, _, n in states] == [1, 1, 1, 0, 0]
    key(qtbot, viewer, Qt.Key.Key_Z, control)
    assert state() == states[-1]  # nothing is left
    for expected in states[-2::-1]:
        key(qtbot, viewer, Qt.Key.Key_Z, control | shift)
        assert state() == expected
    assert editor.layer is layer


def test_names_of_loaded_labels_are_told_under_the_mouse(qtbot, viewer, dock):
    session, editor = session_of(viewer), dock.bindings["rois"].editor
    panel = dock.panels["rois"]
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 20:40, 20:60] = VL
    labels[1, 50:55, 70:75] = VL
    session.set_regions(Regions(labels, {VL: editor.table[VL]}))
    viewer.layers.selection.active = editor.layer
    qtbot.mouseMove(canvas(viewer), at(viewer, (30, 30)))
    qtbot.waitUntil(lambda: tuple(np.round(viewer.cursor.position[-2:])) == (30, 30))
    status = str(editor.layer.get_status(viewer.cursor.position, world=True))
    assert "name: VL_R" in status
    assert "Vastus lateralis, right" in status
    pick(qtbot, panel, VL)
    press(qtbot, panel.tools.outline_button)
    wait_for_layers(qtbot, viewer)
    text = editor.outlines_layer.text
    assert list(text.values) == ["VL_R", ""]  # once in a slice, on the largest part
    centers = text.compute_text_coords(
        [points[:, 1:] for points in editor.outlines_layer.data], 2, None
    )[0]
    assert np.allclose(centers[0], (29.5, 39.5), atol=0.6)
    assert np.array_equal(session.regions.labels, labels)


def draw_another_and_pick(qtbot, viewer, panel):
    """Draw a region beside the square, then pick the one that is drawn next."""
    pick(qtbot, panel, RF)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session_of(viewer).regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, np.array(SQUARE) + np.array([15, 35]))
    pick(qtbot, panel, VL)


def test_undo_takes_the_last_corner_of_a_half_drawn_polygon_back(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor, control = dock.bindings["rois"].editor, Qt.KeyboardModifier.ControlModifier
    draw_another_and_pick(qtbot, viewer, panel)
    outlines = editor.outlines_layer
    for corner in (*SQUARE[:2], (58, 5)):
        click(qtbot, viewer, corner)
    assert len(outlines.data[1]) == 4  # the last follows the mouse
    key(qtbot, viewer, Qt.Key.Key_Z, control)
    assert len(outlines.data[1]) == 3 and panel.draw_button.isChecked()
    click(qtbot, viewer, (58, 5))  # the same slip again, taken back by the button
    assert len(outlines.data[1]) == 4
    press(qtbot, panel.redo_button)  # nothing was undone: the polygon goes on
    assert panel.notice.text() == "There is nothing to redo." and len(outlines.data[1]) == 4
    press(qtbot, panel.undo_button)
    press(qtbot, panel.undo_button)
    press(qtbot, panel.undo_button)  # all corners
    assert len(outlines.data) == 1 and editor.is_drawing()
    assert set(np.unique(session.regions.labels)) == {0, RF}
    for corner in (*SQUARE[:3], (58, 5)):
        click(qtbot, viewer, corner)
    press(qtbot, panel.undo_button)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE[3:])
    pixel = 0.6 / viewer.scene.camera.zoom
    assert np.allclose(outlines.data[1], [(1, *one) for one in SQUARE], atol=pixel)
    editor.flush()
    mask = polygon_mask(outlines.data[1][:, 1:], SHAPE[1:])
    assert np.array_equal(drawn(session, VL), mask)
    press(qtbot, panel.draw_button)
    press(qtbot, panel.undo_button)  # then the whole polygon
    assert outlines.features["label"].tolist() == [RF]
    assert set(np.unique(session.regions.labels)) == {0, RF}
    press(qtbot, panel.redo_button)
    assert drawn(session, VL).any()


def test_picking_a_region_of_another_slice_stays_to_draw_it_here(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    editor = dock.bindings["rois"].editor
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 10:30, 10:30], labels[2, 10:30, 40:60] = VL, RF
    session.set_regions(Regions(labels, {one: editor.table[one] for one in (VL, RF)}))
    viewer.dims.set_point(1, 8.0)
    pick(qtbot, panel, VL)
    assert session.chosen_region.label == VL  # for the mean fingerprint, say
    assert viewer.dims.point[1] == 8.0
    pick(qtbot, panel, VI)
    key(qtbot, viewer, Qt.Key.Key_Comma)
    assert panel.tree.picked() == VL and viewer.dims.point[1] == 8.0
    pick(qtbot, panel, RF)
    press(qtbot, panel.draw_button)
    wait_for_layers(qtbot, viewer)
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    assert editor.slices[RF] == (1, 2)
    viewer.dims.set_point(1, 16.0)
    press(qtbot, panel.draw_button)
    pick(qtbot, panel, VL)
    pick(qtbot, panel, RF)
    assert editor.layer.show_selected_label  # it lights up where it is in view


def test_a_region_that_was_renamed_stays_in_the_list_of_a_second_reader(qtbot, viewer, dock):
    panel, binding = dock.panels["rois"], dock.bindings["rois"]
    binding.labels.rename(VL, "VL lateral")
    assert panel.set_picker.currentText() == "thigh"
    panel.layer_picker.textActivated.emit("New regions…")
    wait_for_layers(qtbot, viewer)
    assert binding.editor.table[VL].name == "VL lateral"
    pick(qtbot, panel, VL)
    assert panel.tree.picked() == VL
    binding.labels.add()
    assert panel.set_picker.currentText() == "thigh"
    assert binding.editor.table[panel.tree.picked()].name not in ("", "VL lateral")
    panel.set_picker.setCurrentText("own")
    panel.set_picker.textActivated.emit("own")
    assert RF not in panel.tree._rows


def test_a_polygon_of_one_click_does_not_change_the_region_that_is_drawn_next(qtbot, viewer, dock):
    panel, session = dock.panels["rois"], session_of(viewer)
    draw_another_and_pick(qtbot, viewer, panel)
    draw_polygon(qtbot, viewer, [(58, 5)])  # a double click beside it
    with qtbot.waitSignal(session.regions_changed, timeout=5000):
        draw_polygon(qtbot, viewer, SQUARE)
    outlines = dock.bindings["rois"].editor.outlines_layer
    assert panel.draw_button.text() == "Drawing VL_R"
    assert outlines.features["name"].tolist() == ["RF_R", "VL_R"]
    assert np.array_equal(drawn(session, VL), polygon_mask(outlines.data[1][:, 1:], SHAPE[1:]))
