"""The ROIs panel: what is drawn is counted, nothing that was drawn is lost, undo works."""

import gc
import json
import threading
from dataclasses import replace
from itertools import pairwise

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from gui_waits import answer_next_question, delete, wait_for_layers
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QApplication, QFileDialog, QInputDialog, QLineEdit
from skimage.draw import polygon2mask
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label, load_label_table, load_labels, save_label_table, save_labels
from napari_mrf.plugin.dock import RoisDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.panels.rois import drawing
from napari_mrf.plugin.panels.rois.drawing import prepare_drawing
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.rois.edits import fill_between

SHAPE = (4, 30, 40)
# Every axis runs the other way on the screen: file (z, y, x) = (3 - slice, 29 - row, 39 - column).
AFFINE = np.array([[1.5, 0, 0, 10.0], [0, 2.0, 0, -20.0], [0, 0, -8.0, 5.0], [0, 0, 0, 1.0]])
CORNERS = np.array([[4.2, 5.3], [3.1, 20.4], [14.7, 24.6], [17.2, 9.9]])
OTHER_CORNERS = CORNERS + np.array([0, 8])
LOW_CORNERS = OTHER_CORNERS + np.array([10, 0])
RNG = np.random.default_rng(7)
FF = RNG.uniform(0, 1, SHAPE).astype(np.float32)
T1 = RNG.uniform(900, 1500, SHAPE).astype(np.float32)
VL, RF = 7, 10


def thigh_maps(shape=SHAPE):
    return ParameterMaps(
        {"FF": FF[:, : shape[1]], "T1H2O": T1[:, : shape[1]]},
        uncertainty={"FF": np.full(shape, 0.02), "T1H2O": np.full(shape, 25.0)},
        affine=AFFINE,
    )


def filled(viewer):
    """Give a viewer a series and maps of it."""
    series = MRFSeries(np.ones((3, *SHAPE), np.complex64), AFFINE)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "thigh")
    session.add_maps(MapsSet("water-fat", thigh_maps(), "thigh"))
    return viewer


@pytest.fixture
def viewer(qapp):
    yield filled(ViewerModel())
    WorkerBase.await_workers(10_000)


@pytest.fixture
def binding(qtbot, viewer):
    return open_panel(qtbot, viewer)


def open_panel(qtbot, viewer):
    dock = RoisDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(340, 1000)
    with qtbot.waitExposed(dock):
        dock.show()
    binding = dock.bindings["rois"]
    binding.dock = dock  # nothing else keeps it
    return binding


def click(qtbot, button):
    assert button.isEnabled()
    at = QPoint(8, button.height() // 2)  # a check box may be wider than what can be clicked
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=at)


def pick(qtbot, binding, label):
    tree = binding.panel.tree
    row = tree._rows[label]
    tree.scrollToItem(row)
    at = tree.visualItemRect(row).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert tree.picked() == label


def draw(qtbot, binding, label, screen_slice, corners=CORNERS):
    """Pick, press Draw, and finish a polygon, as the layer tells it."""
    pick(qtbot, binding, label)
    if not binding.panel.draw_button.isChecked():
        click(qtbot, binding.panel.draw_button)
        assert binding.panel.draw_button.isChecked()  # at once, the layers come later
        qtbot.waitUntil(binding.editor.is_drawing)
    layer = binding.editor.outlines_layer
    layer.add_polygons(np.column_stack([np.full(len(corners), screen_slice), corners]))
    click(qtbot, binding.panel.draw_button)
    binding.editor.flush()


def fill(qtbot, binding):
    """Press *Fill between slices*, and *Apply* when it is shown."""
    bar = binding.panel.tools.fill_bar
    click(qtbot, binding.panel.fill_button)
    qtbot.waitUntil(bar.isVisible)
    click(qtbot, bar.apply_button)


def voxels(corners, screen_slice):
    """What an independent implementation puts into the file for a polygon on the screen."""
    screen = np.zeros(SHAPE, bool)
    screen[screen_slice] = polygon2mask(SHAPE[1:], corners)
    return screen[::-1, ::-1, ::-1]


def labels(binding):
    return binding.session.regions.labels


def wait_for_table(qtbot, binding, n_rows):
    table = binding.panel.statistics.table
    qtbot.waitUntil(lambda: table.model().rowCount() == n_rows, timeout=10_000)
    return table


def show_slice(viewer, screen_slice):
    viewer.dims.set_point(1, screen_slice * 8.0)


def test_without_a_series_nothing_can_be_drawn(qtbot):
    binding = open_panel(qtbot, ViewerModel())
    assert not binding.panel.draw_button.isEnabled()
    assert binding.panel.needs.text() == "Load or pick a series first."


def test_the_sequence_says_which_regions_are_listed_until_the_user_picks(qtbot, viewer, binding):
    panel, session = binding.panel, session_of(viewer)
    assert panel.set_picker.currentText() == "thigh"
    fisp = sequences.fisp()
    brain = MRFSeries(np.ones((fisp.n_frames, *SHAPE), np.complex64), AFFINE, fisp)
    session.set_series(brain, "head")
    assert panel.set_picker.currentText() == "brain"
    texts = {row.text(0) for row in panel.tree._rows.values()}
    assert {"White matter", "Grey matter", "CSF", "Thalamus", "Scalp fat"} <= texts
    assert "VL_R" not in texts
    assert panel.draw_button.text() == "Draw CSF"
    draw(qtbot, binding, panel.tree.picked(), 1)
    assert session.regions.table[panel.tree.picked()].name == "CSF"
    panel.set_picker.setCurrentText("leg")
    panel.set_picker.textActivated.emit("leg")
    session.set_series(replace(brain, metadata={}), "head")
    assert panel.set_picker.currentText() == "leg"


def test_erosion_is_written_with_its_unit(qtbot, binding):
    box = binding.panel.statistics.rules.erosion
    shown = []
    for value in (0, 1, 2):
        box.setValue(value)
        shown.append(box.text())
    assert shown == ["off", "1 voxel", "2 voxels"]
    box.selectAll()
    qtbot.keyClicks(box, "3")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert (box.value(), box.text()) == (3, "3 voxels")
    box.selectAll()
    qtbot.keyClicks(box, "off")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert (box.value(), box.text()) == (0, "off")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_quiet_texts_can_be_read_in_both_themes(qtbot, viewer, binding, theme):
    viewer.theme = theme
    label = binding.panel.statistics.state
    label.setText("of 12 voxels")
    color = label.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    background = get_theme(theme).background.as_rgb_tuple()

    def light(channels):
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
                  for c in (one / 255 for one in channels)]  # fmt: skip
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    lights = sorted((light(color.getRgb()[:3]), light(background)))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5  # what WCAG 2 asks of text
    assert not label.isEnabled()


def test_what_napari_compiles_to_draw_is_compiled_beside_the_window(qtbot, viewer, monkeypatch):
    threads, goes_on = [], threading.Event()

    def compile_slowly():
        goes_on.wait(20)
        threads.append(threading.get_ident())

    monkeypatch.setattr(drawing, "prepare_outlines", compile_slowly)
    prepare_drawing.cache_clear()
    binding = open_panel(qtbot, viewer)
    pick(qtbot, binding, VL)
    click(qtbot, binding.panel.draw_button)
    qtbot.waitUntil(lambda: binding.panel.notice.text().startswith("Preparing to draw"))
    assert binding.editor.outlines_layer is None
    goes_on.set()
    qtbot.waitUntil(binding.editor.is_drawing)
    assert not binding.panel.notice.text()
    assert threading.get_ident() not in threads


def test_a_polygon_is_counted_where_it_lies_in_the_file(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    inside = voxels(CORNERS, 1)
    assert np.array_equal(labels(binding) == VL, inside)
    regions = binding.session.regions
    assert {index: label.name for index, label in regions.table.items()} == {VL: "VL_R"}
    assert regions.labels.dtype == np.uint16
    layer = binding.editor.layer
    assert layer.name == "ROIs"
    for shown in (layer, binding.editor.outlines_layer):
        assert tuple(shown.scale) == (8.0, 2.0, 1.5)
        assert {f"{unit:~}" for unit in shown.units} == {"mm"}
        assert tuple(shown.axis_labels) == ("z", "y", "x")


def test_the_table_holds_what_numpy_computes(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    draw(qtbot, binding, VL, 2, OTHER_CORNERS)
    table = wait_for_table(qtbot, binding, 1)
    click(qtbot, binding.panel.statistics.per_slice)
    binding.panel.statistics.view_picker.setCurrentIndex(2)
    binding.panel.statistics.view_changed.emit()
    shown = wait_for_table(qtbot, binding, 3).table()
    inside = voxels(CORNERS, 1) | voxels(OTHER_CORNERS, 2)
    for row, z in enumerate((None, 1, 2)):
        where = inside if z is None else inside & (np.arange(4)[:, None, None] == z)
        values = T1[where & (FF < 0.7)].astype(np.float64)
        expected = {
            "n": len(values),
            "n_invalid": where.sum() - len(values),
            "mean": values.mean(),
            "sd": values.std(ddof=1),
            "median": np.median(values),
            "p05": np.percentile(values, 5),
            "p95": np.percentile(values, 95),
            "mean_uncertainty": 25.0,
            "volume_ml": where.sum() * 1.5 * 2.0 * 8.0 / 1000,
        }
        for column, value in expected.items():
            assert shown[column].iloc[row] == pytest.approx(value, rel=1e-12), column
    titles = [column.title for column in table.model().columns]
    assert titles[:5] == ["Region", "Slice", "n", "Left out", "Mean (ms)"]
    assert table.model().index(0, 1).data() == "all"


def test_zeros_outside_the_coverage_are_left_out_and_told(qtbot, binding):
    covered = np.broadcast_to(np.arange(SHAPE[2]) >= 20, SHAPE)
    cut = thigh_maps()
    for key in cut:
        cut[key] = np.where(covered, cut[key], 0)  # as other software writes what it did not fit
    binding.session.remove_maps("water-fat")
    binding.session.add_maps(MapsSet("other", cut, "thigh"))
    draw(qtbot, binding, VL, 1)
    table = wait_for_table(qtbot, binding, 1)
    where = voxels(CORNERS, 1)
    fitted = where & covered
    qtbot.waitUntil(lambda: not binding.statistics.job.status.is_running)
    assert table.table()["FF mean"].iloc[0] == pytest.approx(FF[fitted].astype(float).mean())
    n = int((where & ~fitted).sum())
    told = binding.panel.statistics.state.text()
    assert told.startswith(f"{n} voxels of other in the regions left out: T1H2O is exactly 0")
    assert n


def test_rules_and_erosion_change_the_numbers_and_are_exported(qtbot, binding, tmp_path):
    draw(qtbot, binding, VL, 1)
    wait_for_table(qtbot, binding, 1)
    panel = binding.panel.statistics
    click(qtbot, panel.validity)
    panel.rules.erosion.setValue(1)
    qtbot.waitUntil(lambda: not binding.statistics.job.status.is_running)
    panel.table.export(tmp_path / "rois.xlsx")
    sheets = pd.read_excel(tmp_path / "rois.xlsx", sheet_name=None)
    rows = sheets["ROIs"].query("scope == 'pooled' and map == 'T1H2O'")
    drawn = voxels(CORNERS, 1).sum()
    assert rows["n_drawn"].item() == drawn
    assert 0 < rows["n"].item() < drawn
    assert rows["validity"].item() == "not applied"
    assert rows["erosion_voxels"].item() == 1
    about = dict(sheets["About"].to_numpy())
    assert about["maps"] == "water-fat"
    assert about["validity"] == "not applied"
    assert about["erosion (voxels)"] in (1, "1")
    panel.table.export(tmp_path / "rois.csv")
    csv = pd.read_csv(tmp_path / "rois.csv")
    # A file of another visit has the same maps and regions: each row says whose it is.
    assert list(csv.columns[:4]) == ["series", "maps", "label", "name"]
    assert set(csv["series"]) == {binding.session.series_name}
    assert set(csv["erosion_voxels"]) == {1}


def type_number(qtbot, box, text):
    """Write another number into a spin box, as a user does."""
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def shown_why(table, row, column):
    """Return the tooltip of a cell, and whether it is gray."""
    at = table.model().index(row, column)
    return at.data(Qt.ItemDataRole.ToolTipRole), at.data(Qt.ItemDataRole.ForegroundRole) is not None


def test_regions_below_the_minima_stay_in_gray_with_their_reason(qtbot, binding, tmp_path):
    fraction = np.full(SHAPE, 0.9, np.float32)
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[1, 2:5, 2:6], drawn[2, 10:20, 10:20] = VL, RF
    fraction[1, 2, 2:5] = 0.2  # water T1 counts in 3 of 12 voxels
    fraction[2, 10:20, 10:20] = 0.2  # and in all of the other region
    maps = thigh_maps()
    maps["FF"] = fraction
    binding.session.remove_maps("water-fat")
    binding.session.add_maps(MapsSet("other", maps, "thigh"))
    names = {VL: Label(VL, "VL_R", (1, 2, 3)), RF: Label(RF, "RF_R", (4, 5, 6))}
    binding.session.set_regions(Regions(drawn, names))
    table = wait_for_table(qtbot, binding, 2)
    panel = binding.panel.statistics
    titles = [column.title for column in table.model().columns]
    water, volume = titles.index("T1H2O (ms)"), titles.index("Volume (ml)")
    mean = T1[1, 2, 2:5].astype(float).mean()
    assert table.table()["T1H2O mean"].iloc[0] == pytest.approx(mean, rel=1e-12)
    assert shown_why(table, 0, water) == ("", False)

    type_number(qtbot, panel.rules.min_valid_share, "25.5")
    assert panel.rules.min_valid_share.text() == "25.5 % of the region"
    qtbot.waitUntil(lambda: bool(np.isnan(table.table()["T1H2O mean"].iloc[0])))
    reason = "3 of 12 voxels have a valid value, less than the minimum of 25.5 %"
    assert shown_why(table, 0, water) == (reason, True)
    assert table.model().index(0, water).data() == "–"
    assert shown_why(table, 0, 0) == ("VL_R", False)  # its fat fraction counts
    assert not np.isnan(table.table()["FF mean"].iloc[0])

    type_number(qtbot, panel.rules.min_valid_share, "25")
    qtbot.waitUntil(lambda: not np.isnan(table.table()["T1H2O mean"].iloc[0]))
    type_number(qtbot, panel.rules.min_voxels, "13")
    qtbot.waitUntil(lambda: bool(np.isnan(table.table()["FF mean"].iloc[0])))
    why, is_gray = shown_why(table, 0, 0)
    assert is_gray
    assert why == ("FF: 12 voxels have a valid value, less than the minimum of 13\n"
                   "T1H2O: 3 voxels have a valid value, less than the minimum of 13")  # fmt: skip
    assert shown_why(table, 0, volume) == (why, True)
    assert shown_why(table, 1, 0) == ("RF_R", False)
    panel.view_picker.setCurrentIndex(2)
    panel.view_changed.emit()
    assert shown_why(table, 0, 1) == (why.split("T1H2O: ")[1], True)  # the whole row
    panel.table.export(tmp_path / "rois.xlsx")
    about = dict(pd.read_excel(tmp_path / "rois.xlsx", sheet_name="About", dtype=str).to_numpy())
    assert (about["fewest voxels"], about["least valid share"]) == ("13", "0.25")


def test_where_two_muscles_overlap_the_first_keeps_the_voxels_and_it_is_told(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    draw(qtbot, binding, RF, 1, OTHER_CORNERS)
    first, second = voxels(CORNERS, 1), voxels(OTHER_CORNERS, 1)
    assert np.array_equal(labels(binding) == VL, first)
    assert np.array_equal(labels(binding) == RF, second & ~first)
    n_shared = (first & second).sum()
    assert f"{n_shared:,} voxels belong to another region" in binding.panel.notice.text()
    assert "VL_R" in binding.panel.notice.text()


def test_painting_by_hand_is_counted_and_survives_moving_the_polygon(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    layer, outlines = binding.editor.layer, binding.editor.outlines_layer
    with qtbot.waitSignal(binding.session.regions_changed, timeout=2000):
        layer.data_setitem((np.array([1]), np.array([28]), np.array([2])), VL)
    assert labels(binding)[2, 1, 37] == VL
    moved = outlines.data[0] + [0, 2, 3]
    outlines.data = [moved]
    binding.editor.flush()
    expected = voxels(CORNERS + np.array([2, 3]), 1)
    expected[2, 1, 37] = True
    assert np.array_equal(labels(binding) == VL, expected)


def test_undo_takes_back_drawing_copying_filling_and_deleting_with_the_polygons(
    qtbot, viewer, binding
):
    editor, panel = binding.editor, binding.panel
    states = []

    def note():
        editor.flush()
        shown = [tuple(map(tuple, np.round(points, 6))) for points in editor.outlines_layer.data]
        states.append((editor.labels(), sorted(shown)))

    draw(qtbot, binding, VL, 1)
    note()
    show_slice(viewer, 1)
    click(qtbot, panel.copy_button)
    assert viewer.dims.point[1] == 16.0
    note()
    editor.delete(VL, 2)  # the drawn slice 1 of the screen
    note()
    draw(qtbot, binding, VL, 0, OTHER_CORNERS)
    note()
    fill(qtbot, binding)
    assert editor.slices == {VL: (1, 2, 3)}
    note()
    assert all(not np.array_equal(a[0], b[0]) for a, b in pairwise(states))

    def check(state):
        assert np.array_equal(editor.labels(), state[0])
        shown = [tuple(map(tuple, np.round(points, 6))) for points in editor.outlines_layer.data]
        assert sorted(shown) == state[1]
        assert list(editor.outlines_layer.features["label"]) == [VL] * len(state[1])

    for state in reversed(states[:-1]):
        click(qtbot, panel.undo_button)
        check(state)
    click(qtbot, panel.undo_button)
    assert binding.session.regions is None
    assert len(editor.outlines_layer.data) == 0
    for state in states:
        click(qtbot, panel.redo_button)
        check(state)


def test_undo_and_redo_say_when_there_is_nothing_to_take_back(qtbot, binding):
    panel = binding.panel
    click(qtbot, panel.undo_button)
    assert panel.notice.text() == "There is nothing to undo."
    draw(qtbot, binding, VL, 1)
    assert panel.notice.text() == ""
    click(qtbot, panel.redo_button)
    assert panel.notice.text() == "There is nothing to redo."
    click(qtbot, panel.undo_button)
    assert panel.notice.text() == "" and binding.session.regions is None


def test_undo_by_the_layer_itself_brings_the_polygons_back_too(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    binding.editor.layer.undo()
    qtbot.waitUntil(lambda: len(binding.editor.outlines_layer.data) == 0, timeout=2000)
    qtbot.waitUntil(lambda: binding.session.regions is None)


def test_copying_onto_a_drawn_muscle_and_at_the_last_slice_is_told(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 2)
    draw(qtbot, binding, VL, 3, OTHER_CORNERS)
    before = labels(binding).copy()
    show_slice(viewer, 2)
    click(qtbot, binding.panel.copy_button)
    assert "drawn in the next slice already" in binding.panel.notice.text()
    show_slice(viewer, 3)
    click(qtbot, binding.panel.copy_button)
    assert binding.panel.notice.text() == "This is the last slice."
    assert np.array_equal(labels(binding), before)


def test_a_region_is_copied_to_the_previous_slice_with_its_polygon(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 2)
    show_slice(viewer, 2)
    click(qtbot, binding.panel.previous_button)
    assert viewer.dims.point[1] == 8.0
    assert np.array_equal(labels(binding) == VL, voxels(CORNERS, 2) | voxels(CORNERS, 1))
    assert len(binding.editor.outlines_layer.data) == 2
    show_slice(viewer, 2)
    click(qtbot, binding.panel.previous_button)
    assert "drawn in the previous slice already" in binding.panel.notice.text()
    show_slice(viewer, 0)
    click(qtbot, binding.panel.previous_button)
    assert binding.panel.notice.text() == "This is the first slice."


def test_what_a_fill_will_draw_is_shown_before_it_is_drawn(qtbot, viewer, binding):
    panel, bar = binding.panel, binding.panel.tools.fill_bar
    draw(qtbot, binding, VL, 0)
    draw(qtbot, binding, VL, 3, OTHER_CORNERS)
    before, active = labels(binding).copy(), viewer.layers.selection.active
    expected = fill_between(before, [VL]).apply(before)
    show_slice(viewer, 0)
    click(qtbot, panel.fill_button)
    qtbot.waitUntil(bar.isVisible)
    wait_for_layers(qtbot, viewer)
    assert "slices 1–2 will be drawn" in bar.text()
    assert viewer.dims.point[1] == 8.0  # where there is something to see
    shown = viewer.layers["Fill between slices"]
    assert viewer.layers.selection.active is active
    seen = np.zeros(SHAPE, bool)
    for points in shown.data:  # on the screen every axis runs the other way
        seen[int(points[0, 0])] |= polygon2mask(SHAPE[1:], points[:, 1:])
    assert np.array_equal(seen[::-1, ::-1, ::-1], (expected == VL) & (before != VL))
    assert np.allclose(shown.edge_color[0][:3] * 255, binding.editor.table[VL].color)
    assert np.array_equal(labels(binding), before)
    assert "Fill between slices" not in panel.layer_picker.currentText()

    click(qtbot, bar.cancel_button)
    wait_for_layers(qtbot, viewer)
    assert not bar.isVisible()
    assert shown not in viewer.layers
    assert np.array_equal(labels(binding), before)

    fill(qtbot, binding)
    wait_for_layers(qtbot, viewer)
    assert np.array_equal(labels(binding), expected)
    assert not bar.isVisible()
    click(qtbot, panel.undo_button)
    assert np.array_equal(labels(binding), before)

    click(qtbot, panel.fill_button)
    qtbot.waitUntil(bar.isVisible)
    draw(qtbot, binding, VL, 1)  # so that something else would come
    wait_for_layers(qtbot, viewer)
    assert not bar.isVisible()
    assert "Fill between slices" not in viewer.layers
    draw(qtbot, binding, VL, 2)
    click(qtbot, panel.fill_button)
    told = "There is no empty slice between two drawn ones."
    qtbot.waitUntil(lambda: panel.notice.text() == told)
    assert not bar.isVisible()


def test_loading_is_a_step_and_clears_what_was_told_before(qtbot, viewer, binding, tmp_path):
    loaded = np.zeros(SHAPE, np.uint16)
    loaded[2, 3:9, 4:9] = RF
    save_labels(tmp_path / "a.nii.gz", loaded, AFFINE)
    save_label_table(tmp_path / "a.txt", [Label(RF, "mine", (9, 8, 7))])
    draw(qtbot, binding, VL, 1)
    drawn, former = labels(binding).copy(), binding.editor.layer
    binding.panel.notice.say("Something old.")
    binding.files.load(str(tmp_path / "a.nii.gz"))
    qtbot.waitUntil(lambda: viewer.layers[-1].name == "a", timeout=5000)
    qtbot.waitUntil(lambda: not binding.panel.notice.text())
    assert np.array_equal(labels(binding), loaded)
    names = {RF: binding.editor.table[RF].name}
    draw(qtbot, binding, VL, 0)

    click(qtbot, binding.panel.undo_button)
    assert np.array_equal(labels(binding), loaded)
    click(qtbot, binding.panel.undo_button)
    assert binding.editor.layer is former
    assert np.array_equal(labels(binding), drawn)
    assert (former.visible, viewer.layers["a"].visible) == (True, False)
    assert binding.editor.table[RF].name == "RF_R"
    assert len(binding.editor.outlines_layer.data) == 1
    click(qtbot, binding.panel.undo_button)
    assert binding.session.regions is None
    for _ in range(2):
        click(qtbot, binding.panel.redo_button)
    assert np.array_equal(labels(binding), loaded)
    assert {RF: binding.editor.table[RF].name} == names == {RF: "mine"}
    assert (former.visible, viewer.layers["a"].visible) == (False, True)
    # A layer that the user has removed meanwhile is not come back to.
    viewer.layers.remove(former)
    click(qtbot, binding.panel.undo_button)
    assert np.array_equal(labels(binding), loaded)


def test_the_first_labels_that_are_loaded_can_be_undone(qtbot, viewer, binding, tmp_path):
    save_labels(tmp_path / "a.nii.gz", np.full(SHAPE, RF, np.uint16), AFFINE)
    binding.files.load(str(tmp_path / "a.nii.gz"))
    qtbot.waitUntil(lambda: binding.session.regions is not None, timeout=5000)
    click(qtbot, binding.panel.undo_button)
    assert binding.session.regions is None
    assert not viewer.layers["a"].visible
    click(qtbot, binding.panel.redo_button)
    assert (labels(binding) == RF).all()
    assert viewer.layers["a"].visible


def test_labels_of_a_segmenter_are_recognized_and_read_as_ours_at_a_click(
    qtbot, viewer, binding, tmp_path
):
    drawn = np.zeros(SHAPE, np.int32)
    drawn[1, 2:5, 2:6], drawn[1, 8:9, 2:6] = 7102, 6122
    save_labels(tmp_path / "seg.nii.gz", drawn, AFFINE)
    binding.files.load(str(tmp_path / "seg.nii.gz"))
    notice = binding.panel.notice
    qtbot.waitUntil(lambda: "those of musclemap" in notice.text(), timeout=5000)
    click(qtbot, notice.cure_button)
    qtbot.waitUntil(lambda: viewer.layers[-1].name == "seg · ours", timeout=5000)
    assert np.array_equal(labels(binding) == VL, drawn == 7102)
    kept = int(labels(binding)[1, 8, 2])
    assert binding.editor.table[kept].name == "gluteus maximus, right"
    assert "gluteus maximus, right (6122)" in notice.text()
    click(qtbot, binding.panel.undo_button)  # as any step
    assert np.array_equal(labels(binding), drawn)


def test_who_drew_labels_with_ambiguous_numbers_is_asked(qtbot, viewer, binding, tmp_path):
    save_labels(tmp_path / "seg.nii.gz", np.full(SHAPE, 8, np.uint16), AFFINE)
    binding.files.load(str(tmp_path / "seg.nii.gz"))
    qtbot.waitUntil(lambda: "(Edit)" in binding.panel.notice.text(), timeout=5000)
    offered = []

    def choose():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QInputDialog):
            QTimer.singleShot(20, choose)
            return
        offered.extend(dialog.comboBoxItems())
        dialog.setTextValue("totalsegmentator-thigh-shoulder-mr")
        qtbot.keyClick(dialog, Qt.Key.Key_Return)

    QTimer.singleShot(0, choose)
    action = next(one for one in binding.panel.edit_menu.actions() if "segmenter" in one.text())
    action.trigger()
    qtbot.waitUntil(lambda: viewer.layers[-1].name == "seg · ours", timeout=5000)
    assert {binding.editor.table[one].name for one in binding.editor.slices} == {"SAR_R"}
    assert set(offered[:3]) == {
        "musclemap-thigh", "musclemap-leg", "totalsegmentator-thigh-shoulder-mr",
    }  # fmt: skip


@pytest.mark.parametrize("tool", ["draw", "smart", "edit"])
def test_nobody_draws_on_a_hidden_layer(qtbot, viewer, binding, tool):
    draw(qtbot, binding, VL, 1)
    layers = binding.editor.layers.present()
    show_slice(viewer, 1)
    for layer in layers:
        layer.visible = False
    tools = binding.panel.tools
    buttons = {"draw": binding.panel.draw_button, "smart": tools.smart_button,
               "edit": tools.vertex_buttons["edit"]}  # fmt: skip
    click(qtbot, buttons[tool])
    wait_for_layers(qtbot, viewer)
    assert all(layer.visible for layer in layers)
    assert buttons[tool].isChecked()
    mode = "direct" if tool == "edit" else "add_polygon"
    assert binding.editor.outlines_layer.mode == mode
    click(qtbot, buttons[tool])
    assert not buttons[tool].isChecked()
    assert binding.editor.outlines_layer.mode == "pan_zoom"


def test_all_muscles_are_copied_and_filled_at_once(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 0)
    draw(qtbot, binding, RF, 0, LOW_CORNERS)
    click(qtbot, binding.panel.for_all)
    show_slice(viewer, 0)
    click(qtbot, binding.panel.copy_button)
    assert binding.editor.slices == {VL: (2, 3), RF: (2, 3)}
    draw(qtbot, binding, VL, 3)
    draw(qtbot, binding, RF, 3, LOW_CORNERS)
    fill(qtbot, binding)
    assert binding.editor.slices == {VL: (0, 1, 2, 3), RF: (0, 1, 2, 3)}


def test_a_clicked_row_shows_its_slice_and_the_other_way_round(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 0)
    draw(qtbot, binding, RF, 3, OTHER_CORNERS)
    table = wait_for_table(qtbot, binding, 2)
    show_slice(viewer, 1)
    at = table.visualRect(table.model().index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert binding.session.chosen_region == RegionChoice(RF)
    assert viewer.dims.point[1] == 24.0
    assert binding.editor.layer.selected_label == RF
    assert binding.panel.tree.picked() == RF
    assert binding.editor.layer.show_selected_label
    qtbot.waitUntil(lambda: not binding.editor.layer.show_selected_label, timeout=3000)
    show_slice(viewer, 0)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert viewer.dims.point[1] == 24.0
    binding.session.choose_region(RegionChoice(VL, 3))
    assert table.selected_rows() == [0]
    assert viewer.dims.point[1] == 0.0


def test_a_region_out_of_view_is_brought_into_it(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 0)
    viewer.scene.camera.center = (0.0, 5000.0, 5000.0)
    binding.session.choose_region(RegionChoice(VL))
    y, x = viewer.scene.camera.center[-2:]
    assert 6 < y < 36
    assert 7 < x < 37
    viewer.scene.camera.zoom = 1.0
    viewer.scene.camera.center = (0.0, y + 5, x + 5)
    binding.session.choose_region(RegionChoice(VL, 3))
    assert viewer.scene.camera.center[-2:] == (y + 5, x + 5)


def test_labels_on_another_grid_are_blocked_and_resampled_at_a_click(qtbot, binding, tmp_path):
    draw(qtbot, binding, VL, 1)
    before = labels(binding).copy()
    fine = np.repeat(np.repeat(before, 2, axis=1), 2, axis=2) * 0 + RF
    affine = AFFINE @ np.diag([0.5, 0.5, 1.0, 1.0])
    affine[:3, 3] += AFFINE[:3, :3] @ [-0.25, -0.25, 0]
    path = tmp_path / "fine.nii.gz"
    save_labels(path, fine, affine)
    binding.files.load(str(path))
    notice = binding.panel.notice
    qtbot.waitUntil(lambda: "another grid" in notice.text(), timeout=5000)
    assert np.array_equal(labels(binding), before)
    click(qtbot, notice.cure_button)
    qtbot.waitUntil(lambda: (labels(binding) == RF).all(), timeout=5000)
    assert "nearest" in notice.text()
    assert binding.session.regions.path == ""
    # What was drawn before is still there, in its own layer.
    binding.panel.layer_picker.setCurrentText("ROIs")
    binding.panel.layer_changed.emit("ROIs")
    assert np.array_equal(labels(binding), before)
    assert len(binding.editor.outlines_layer.data) == 1


def test_saved_labels_come_back_in_place_with_their_names(
    qtbot, viewer, binding, tmp_path, monkeypatch
):
    draw(qtbot, binding, VL, 1)
    binding.labels.rename(VL, "outer thigh")
    saved = labels(binding).copy()
    path = tmp_path / "mine.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path)[:-7], ""))
    click(qtbot, binding.panel.save_button)
    qtbot.waitUntil(lambda: "Saved" in binding.panel.notice.text(), timeout=5000)
    assert binding.session.regions.path == str(path)
    image = nib.load(path)
    assert np.allclose(image.affine, AFFINE)
    assert image.get_data_dtype() == np.uint16
    assert np.array_equal(np.asarray(image.dataobj).T, saved)
    assert load_label_table(tmp_path / "mine.txt")[VL].name == "outer thigh"

    binding.editor.delete(VL)
    assert binding.session.regions is None
    binding.editor.set_table({k: v for k, v in binding.editor.table.items() if k != VL})
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    click(qtbot, binding.panel.load_button)
    qtbot.waitUntil(lambda: binding.session.regions is not None, timeout=5000)
    assert np.array_equal(labels(binding), saved)
    assert binding.session.regions.table[VL].name == "outer thigh"
    assert binding.session.regions.path == str(path)
    assert viewer.layers[-1].name == "mine"
    binding.editor.layer.data_setitem((np.array([0]), np.array([0]), np.array([0])), RF)
    binding.editor.flush()
    assert binding.session.regions.path == ""


@pytest.mark.parametrize("button", ["Cancel", "Replace"])
def test_earlier_labels_and_their_names_are_replaced_after_one_question(
    qtbot, binding, tmp_path, monkeypatch, button
):
    path, names = tmp_path / "mine.nii.gz", tmp_path / "mine.txt"
    save_labels(path, np.full(SHAPE, RF, np.uint16), AFFINE)
    names.write_text('7 255 0 0 1 1 1 "of a colleague"\n')
    before = {one: one.read_bytes() for one in (path, names)}
    draw(qtbot, binding, VL, 1)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    asked = answer_next_question(qtbot, button)
    click(qtbot, binding.panel.save_button)
    assert asked == ["mine.nii.gz and mine.txt already exist. Replace them?"]
    if button == "Cancel":
        assert not binding.files.saving.status.is_running
        assert {one: one.read_bytes() for one in (path, names)} == before
        return
    qtbot.waitUntil(lambda: "Saved to" in binding.panel.notice.text(), timeout=5000)
    assert "Names saved to mine.txt." in binding.panel.notice.text()
    assert load_label_table(names)[VL].name == binding.editor.table[VL].name
    assert (load_labels(path, SHAPE, AFFINE).values != RF).all()


def test_a_file_beside_the_labels_that_holds_no_names_is_kept(
    qtbot, binding, tmp_path, monkeypatch
):
    (tmp_path / "mine.txt").write_text("my notes")
    draw(qtbot, binding, VL, 1)
    path = tmp_path / "mine.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    click(qtbot, binding.panel.save_button)  # nothing is replaced, so nothing is asked
    qtbot.waitUntil(lambda: "Names not saved" in binding.panel.notice.text(), timeout=5000)
    assert (tmp_path / "mine.txt").read_text() == "my notes"
    assert load_labels(tmp_path / "mine.nii.gz", SHAPE, AFFINE).values.any()


def test_a_faulty_label_file_names_the_line_and_the_list_stays(
    qtbot, binding, tmp_path, monkeypatch
):
    path = tmp_path / "labels.txt"
    path.write_text('1 255 0 0 1 1 1 "one"\n2 255 0 0 1 1 "two"\n')
    before = dict(binding.editor.table)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    binding.panel.edit_menu.actions()[5].trigger()
    assert "line 2" in binding.panel.notice.text()
    assert binding.editor.table == before
    path.write_text('1 255 0 0 1 1 1 "one"\n9 0 255 0 1 1 1 "nine"\n')
    draw(qtbot, binding, VL, 1)
    binding.panel.edit_menu.actions()[5].trigger()
    assert {k: v.name for k, v in binding.editor.table.items()} == {
        1: "one",
        9: "nine",
        7: "Label 7",
    }
    assert "no names for the drawn labels 7" in binding.panel.notice.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), ""))
    binding.panel.edit_menu.actions()[6].trigger()
    assert load_label_table(tmp_path / "out.txt")[9].name == "nine"


def test_own_regions_are_added_named_recolored_and_removed(qtbot, binding, monkeypatch):
    edit = {action.data(): action for action in binding.panel.edit_menu.actions()}
    tree = binding.panel.tree
    edit["add"].trigger()
    editor = tree.findChild(QLineEdit)
    editor.setText("scar")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: binding.editor.table[101].name == "scar")
    assert tree.picked() == 101
    draw(qtbot, binding, 101, 1)
    assert binding.editor.outlines_layer.features["name"].tolist() == ["scar"]
    monkeypatch.setattr(
        "napari_mrf.plugin.panels.rois.labels.QColorDialog.getColor",
        lambda *_: __import__("qtpy.QtGui", fromlist=["QColor"]).QColor(1, 2, 3),
    )
    edit["recolor"].trigger()
    assert binding.session.regions.table[101].color == (1, 2, 3)
    assert np.allclose(binding.editor.outlines_layer.edge_color[0][:3] * 255, (1, 2, 3))
    edit["remove"].trigger()
    assert "is drawn in slice 2" in binding.panel.notice.text()
    assert 101 in binding.editor.table
    click(qtbot, binding.panel.undo_button)  # the color
    assert binding.session.regions.table[101].color != (1, 2, 3)
    click(qtbot, binding.panel.undo_button)  # the polygon
    edit["remove"].trigger()
    assert 101 not in binding.editor.table


def test_a_name_that_another_label_has_is_refused_and_the_old_one_stays(qtbot, binding):
    tree = binding.panel.tree
    pick(qtbot, binding, VL)
    tree.rename(VL)
    editor = tree.findChild(QLineEdit)
    editor.setText("VM_R")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "already has the name VM_R" in binding.panel.notice.text())
    assert tree._rows[VL].text(0) == "VL_R"


def test_a_layer_of_the_user_is_counted_under_its_own_names(qtbot, viewer, binding):
    mine = np.zeros(SHAPE, np.int32)
    mine[1, 5:9, 5:9], mine[1, 20:25, 20:25] = 7, 2
    spatial = {"scale": (8.0, 2.0, 1.5), "units": ("mm",) * 3}
    viewer.add_labels(mine, name="mine", features={"index": [0, 7], "name": ["", "patella"]},
                      **spatial)  # fmt: skip
    viewer.add_labels(np.zeros((2, 5, 5), int), name="other", **spatial)
    binding.panel.layer_changed.emit("mine")
    table = binding.session.regions.table
    assert {index: label.name for index, label in table.items()} == {2: "Label 2", 7: "patella"}
    assert (labels(binding) == 7).sum() == 16
    assert labels(binding)[2, 24, 34] == 7
    binding.panel.layer_changed.emit("other")
    assert "another grid" in binding.panel.notice.text()
    assert binding.editor.layer.name == "mine"
    assert binding.panel.layer_picker.currentText() == "mine"


def test_a_layer_that_is_shown_elsewhere_is_counted_as_it_is_seen_or_not_at_all(
    qtbot, viewer, binding
):
    mine = np.zeros(SHAPE, np.uint8)  # file order, in its place by its affine
    mine[1, 5:9, 5:12] = 7
    world = np.diag([-8.0, -2.0, -1.5, 1.0])
    world[:3, 3] = 8.0 * 3, 2.0 * 29, 1.5 * 39
    layer = viewer.add_labels(mine, name="mine", affine=world)
    binding.panel.layer_changed.emit("mine")
    assert "the layer mine lies elsewhere: it is shown up to" in binding.panel.notice.text()
    assert binding.session.regions is None
    click(qtbot, binding.panel.notice.cure_button)
    assert np.array_equal(labels(binding), mine)
    assert binding.editor.layer is not layer


def test_regions_that_are_moved_are_not_counted_until_they_are_back(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    drawn = labels(binding).copy()
    for layer in (binding.editor.layer, binding.editor.outlines_layer):
        layer.translate = (0, 4, 0)
        qtbot.waitUntil(lambda: binding.session.regions is None, timeout=2000)
        assert "No region is counted: the layer" in binding.panel.notice.text()
        layer.translate = (0, 0, 0)
        qtbot.waitUntil(lambda: binding.session.regions is not None, timeout=2000)
        assert np.array_equal(labels(binding), drawn)
        assert not binding.panel.notice.text()


def test_drawing_goes_on_while_the_panel_is_closed(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    dock = binding.dock
    delete(qtbot, dock)
    binding.dock = None
    del dock
    gc.collect()
    outlines = regions_editor_of(viewer).outlines_layer
    outlines.add_polygons(np.column_stack([np.full(4, 2), OTHER_CORNERS]))
    again = open_panel(qtbot, viewer)
    qtbot.waitUntil(lambda: again.editor.slices == {VL: (1, 2)}, timeout=2000)
    assert "✓ 1–2" in again.panel.tree._rows[VL].text(1)
    wait_for_table(qtbot, again, 1)


def test_regions_outlive_their_layer_and_are_shown_again_by_a_click(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    layer, outlines, panel = binding.editor.layer, binding.editor.outlines_layer, binding.panel
    layer.opacity = 0.3
    regions, record = binding.session.regions, binding.state()
    viewer.layers.remove(layer)
    assert panel.gone.text() == "The layer of the regions was deleted. They still count."
    assert binding.session.regions is regions
    assert "✓ 2" in panel.tree._rows[VL].text(1)  # slice 1 on the screen is 2 in the file
    qtbot.waitUntil(lambda: outlines not in viewer.layers)  # none without what it outlines
    click(qtbot, panel.gone.cure_button)
    wait_for_layers(qtbot, viewer)
    assert not panel.gone.text()
    assert list(viewer.layers)[-2:] == [layer, outlines]
    assert binding.editor.layer is layer and layer.opacity == 0.3
    assert binding.session.regions is regions  # no comparison with them is out of date
    assert binding.state() == record
    click(qtbot, panel.undo_button)  # the layer remembers its steps
    assert binding.session.regions is None


def test_what_is_done_to_deleted_regions_brings_their_layer_back(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    layer = binding.editor.layer
    viewer.layers.remove(layer)
    binding.editor.undo()  # Ctrl+Z undoes the deletion, and no more
    assert layer in viewer.layers and (labels(binding) == VL).any()
    viewer.layers.remove(layer)
    draw(qtbot, binding, RF, 2, LOW_CORNERS)
    assert binding.editor.slices == {VL: (2,), RF: (1,)}
    viewer.layers.remove(layer)
    show_slice(viewer, 1)
    pick(qtbot, binding, VL)
    click(qtbot, binding.panel.copy_button)
    assert binding.editor.slices[VL] == (1, 2)
    viewer.layers.remove(layer)
    binding.editor.set_table({**binding.editor.table, VL: Label(VL, "mine", (1, 2, 3))})
    assert layer in viewer.layers and binding.session.regions.table[VL].name == "mine"


def test_deleted_outlines_are_shown_again_as_far_as_they_fit(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    draw(qtbot, binding, RF, 2)
    outlines, record = binding.editor.outlines_layer, binding.state()["outlines"]
    viewer.layers.remove(outlines)
    assert binding.panel.gone.text() == "The outlines of the regions were deleted."
    assert binding.editor.slices == {VL: (2,), RF: (1,)}  # what they colored stays
    binding.editor.delete(VL)
    click(qtbot, binding.panel.gone.cure_button)
    wait_for_layers(qtbot, viewer)
    assert binding.state()["outlines"] == record[1:]
    assert binding.editor.outlines_layer is outlines and not binding.panel.gone.text()
    viewer.layers.remove(outlines)
    draw(qtbot, binding, RF, 1)
    assert binding.editor.slices == {RF: (1, 2)}
    assert sum("outlines" in layer.name for layer in viewer.layers) == 1


def test_layers_deleted_in_the_middle_of_a_polygon_lose_nothing(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    before = labels(binding)
    for name in ("layer", "outlines_layer"):
        pick(qtbot, binding, RF)
        click(qtbot, binding.panel.draw_button)
        qtbot.waitUntil(binding.editor.is_drawing)
        viewer.layers.remove(getattr(binding.editor, name))
        wait_for_layers(qtbot, viewer)
        assert not binding.panel.draw_button.isChecked()
        assert np.array_equal(labels(binding), before)
        click(qtbot, binding.panel.gone.cure_button)
        wait_for_layers(qtbot, viewer)
        assert np.array_equal(labels(binding), before)
        assert [one["label"] for one in binding.state()["outlines"]] == [VL]


def test_saved_labels_need_no_layer(qtbot, viewer, binding, tmp_path):
    draw(qtbot, binding, VL, 1)
    viewer.layers.remove(binding.editor.layer)
    binding.files.save(str(tmp_path / "rois.nii.gz"))
    qtbot.waitUntil(lambda: "Saved to" in binding.panel.notice.text())
    saved = load_labels(tmp_path / "rois.nii.gz", SHAPE, AFFINE).values
    assert np.array_equal(saved == VL, voxels(CORNERS, 1))


def test_regions_of_somebody_else_are_shown(qtbot, viewer, binding):
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[0, 3:9, 4:7] = RF
    table = {RF: binding.editor.table[RF], VL: binding.editor.table[VL]}
    given = Regions(drawn, table, "somewhere.nii.gz")
    binding.session.set_regions(given)
    binding.session.choose_region(RegionChoice(VL))  # named, though not drawn
    binding.editor.flush()
    assert binding.session.regions is given
    assert np.array_equal(binding.editor.labels(), drawn)
    binding.session.set_regions(None)
    assert binding.editor.layer is None
    assert not viewer.layers["ROIs"].visible


def test_equal_labels_at_another_place_are_not_the_saved_regions(viewer, binding):
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[0, 3:9, 4:7] = RF
    table = {RF: binding.editor.table[RF]}
    moved = AFFINE.copy()
    moved[2, 3] += 4.0
    binding.session.set_regions(Regions(drawn, table, "mine.nii.gz", AFFINE))
    for affine, path in ((AFFINE, "mine.nii.gz"), (moved, "")):
        grid = RegionGrid(SHAPE, affine, (8.0, 2.0, 1.5))
        binding.editor.use_layer(add_regions_layer(viewer, grid, table, drawn, "again"))
        assert np.array_equal(binding.session.regions.labels, drawn)
        assert np.array_equal(binding.session.regions.affine, affine)
        assert binding.session.regions.path == path


def test_maps_that_come_later_do_not_cover_the_regions(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    viewer.add_image(np.zeros(SHAPE), name="later", scale=(8, 2, 1.5), units=("mm",) * 3)
    qtbot.waitUntil(
        lambda: [layer.name for layer in viewer.layers[-2:]] == ["ROIs", "ROIs outlines"],
        timeout=2000,
    )


def test_shapes_that_are_no_polygons_of_one_slice_are_not_counted(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    before = labels(binding).copy()
    outlines = binding.editor.outlines_layer
    outlines.add_ellipses(np.column_stack([np.full(4, 2), CORNERS]))
    assert "Only polygons and rectangles" in binding.panel.notice.text()
    outlines.add_polygons(np.column_stack([[0, 0, 1, 1], CORNERS]))
    binding.editor.flush()
    assert np.array_equal(labels(binding), before)


def test_maps_on_another_grid_are_not_measured(qtbot, binding):
    draw(qtbot, binding, VL, 1)
    wait_for_table(qtbot, binding, 1)
    small = (4, 20, 40)
    binding.session.add_maps(MapsSet("small", thigh_maps(small)))
    panel = binding.panel.statistics
    panel.maps_picker.setCurrentText("small")
    panel.maps_changed.emit("small")
    assert "not on the grid of these maps" in panel.state.text()
    assert panel.table.model().rowCount() == 0
    assert not panel.csv_button.isEnabled()


def test_window_of_the_table_says_whose_numbers_it_has(qtbot, make_napari_viewer):
    viewer = make_napari_viewer()
    filled(viewer)
    binding = open_panel(qtbot, viewer)
    draw(qtbot, binding, VL, 1)
    wait_for_table(qtbot, binding, 1)
    click(qtbot, binding.panel.statistics.window_button)
    window = binding.statistics.tables._window
    assert window.caption.text() == "thigh · water-fat"
    assert window.table.model().rowCount() == 1
    binding.session.remove_maps("water-fat")
    missing = "Reconstruct the series, or load maps, to measure them."
    qtbot.waitUntil(lambda: window.caption.text() == missing)
    assert window.table.model().rowCount() == 0


def test_options_are_put_back_and_unknown_ones_left_alone(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    state = {"set": "leg", "label": 53, "maps": "water-fat", "view": "T1H2O", "per_slice": True,
             "validity": False, "erosion_voxels": 2, "min_voxels": 30, "min_valid_share": 0.125,
             "outlines": binding.state()["outlines"], "filled": True,
             "for_all": True}  # fmt: skip
    assert len(state["outlines"]) == 1
    binding.restore(state | {"from": "a later version"})
    assert binding.state() == state
    binding.restore({"erosion_voxels": "many", "view": "gone", "set": 3, "min_voxels": True,
                     "min_valid_share": "half", "filled": "no", "for_all": 1})  # fmt: skip
    assert binding.state() == state | {"view": "all"}
    for odd in (2**63, -1, float("nan"), float("inf"), None):
        binding.restore({"erosion_voxels": odd, "min_voxels": odd, "min_valid_share": odd,
                         "view": "all"})  # fmt: skip
        assert binding.state() == state | {"view": "all"}


def test_outlines_come_back_over_their_regions_without_drawing_them_again(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    draw(qtbot, binding, RF, 2, OTHER_CORNERS)
    editor, session = binding.editor, binding.session
    # A voxel erased by hand would come back if the polygon were drawn again.
    z, y, x = np.argwhere(editor.layer.data == VL)[20]
    editor.layer.data_setitem((np.array([z]), np.array([y]), np.array([x])), 0)
    editor.flush()
    state = json.loads(json.dumps(binding.state()))
    assert [(one["label"], one["z"]) for one in state["outlines"]] == [(VL, 2), (RF, 1)]
    y, x = state["outlines"][0]["vertices"][0]  # the other way round in the file
    assert (29 - y, 39 - x) == pytest.approx(tuple(CORNERS[0]))
    drawn = [np.array(points) for points in editor.outlines_layer.data]
    saved = Regions(labels(binding).copy(), session.regions.table, "mine.nii.gz")

    session.set_regions(None)
    session.set_regions(saved)
    assert editor.outlines_layer is None
    active = viewer.layers.selection.active
    binding.restore(state)
    editor.flush()
    assert session.regions is saved
    assert np.array_equal(editor.labels(), saved.labels)
    assert viewer.layers.selection.active is active
    outlines = editor.outlines_layer
    for points, expected in zip(outlines.data, drawn, strict=True):
        assert np.allclose(points, expected, atol=1e-9)
    assert outlines.features["name"].tolist() == ["VL_R", "RF_R"]
    for label, color in zip((VL, RF), outlines.edge_color, strict=True):
        assert np.allclose(color[:3] * 255, editor.table[label].color)
    assert binding.state()["outlines"] == state["outlines"]
    # They live: what is drawn next and taken back leaves them, one that is deleted counts.
    draw(qtbot, binding, RF, 0)
    click(qtbot, binding.panel.undo_button)
    assert binding.state()["outlines"] == state["outlines"]
    outlines.remove([1])
    editor.flush()
    assert editor.slices == {VL: (2,)}


def test_outlines_that_do_not_fit_the_regions_are_left_out(qtbot, viewer, binding):
    draw(qtbot, binding, VL, 1)
    before = binding.session.regions
    own = binding.state()["outlines"][0]
    viewer.layers.remove(binding.editor.outlines_layer)
    faulty = [None, 3, {}, own | {"z": 9}, own | {"z": 0}, own | {"label": RF}, own | {"label": 0},
              own | {"label": 999}, own | {"vertices": own["vertices"][:2]},
              own | {"vertices": [[1, 2], [3], [4, 5]]}, own | {"vertices": "none"},
              own | {"vertices": [[0.0, float("nan")], *own["vertices"]]},
              own | {"vertices": [[10**400, 0], *own["vertices"]]}]  # fmt: skip
    for garbage in ("some", None, {"label": VL}, faulty):
        binding.restore({"outlines": garbage})
        assert binding.state()["outlines"] == []
    binding.restore({"outlines": [*faulty, own]})
    assert binding.state()["outlines"] == [own]
    moved = own | {"vertices": [[y + 1, x] for y, x in own["vertices"]]}
    binding.restore({"outlines": [moved]})  # those that are drawn stay
    assert binding.state()["outlines"] == [own]
    assert binding.session.regions is before


def test_the_whole_panel_fits_a_narrow_dock(qtbot, binding):
    brush = binding.panel.tools.brush
    brush.map_picker.setCurrentText("water-fat · T1H2O")
    brush.map_picker.textActivated.emit("water-fat · T1H2O")
    assert (brush.low.text(), brush.high.text()) == ("from 500 ms", "to 2000 ms")
    binding.panel.tools.fill_bar.show_slices("1, 3–5")
    assert binding.panel.minimumSizeHint().width() <= 284
