"""The inspector shows exactly what was measured and predicted where the mouse is."""

import gc
import sys
from collections import Counter

import dask.array
import numpy as np
import pandas as pd
import pytest
from gui_waits import delete, wait_for_layers
from inspect_cases import (
    AFFINE,
    EMPTY_VOXEL,
    NAN_VOXEL,
    SEQUENCE,
    SHAPE,
    SIGNAL,
    TRUTH,
    UNMASKED_VOXEL,
    maps,
)
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_mrf import MRFSeries
from napari_mrf.analysis.inspection.mean_fingerprint import mean_fingerprint
from napari_mrf.analysis.inspection.prediction import Prediction
from napari_mrf.data.label import Label
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plots.sequence_strip import range_text
from napari_mrf.plugin.dock import InspectDock
from napari_mrf.plugin.layers import pins_layer, series_layer_data
from napari_mrf.plugin.panels.inspect import controller, work
from napari_mrf.plugin.panels.inspect.values import InspectValues, ValueRow
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of


class Scene:
    """A viewer with a series, its dock, and a mouse."""

    def __init__(self, qtbot, viewer, signal=SIGNAL, affine=AFFINE):
        self.qtbot, self.viewer = qtbot, viewer
        self.session = session_of(viewer)
        self.series = MRFSeries(signal, affine=affine, sequence=SEQUENCE)
        data, attributes, _ = series_layer_data(self.series, "thigh", peak=100.0)
        self.layer = viewer.add_image(data, **attributes)
        self.session.set_series(self.series, "thigh")
        self.dock = InspectDock(viewer)
        qtbot.addWidget(self.dock)
        self.dock.resize(340, 700)
        with qtbot.waitExposed(self.dock):
            self.dock.show()
        self.panel, self.binding = self.dock.panels["inspect"], self.dock.bindings["inspect"]
        self.settle()

    def settle(self):
        readings = (self.binding.readings.of_voxel, self.binding.readings.of_pins,
                    self.binding.readings.of_regions)  # fmt: skip
        self.qtbot.waitUntil(lambda: not self.binding.pointer._timer.isActive(), timeout=20_000)
        self.qtbot.waitUntil(lambda: not any(r.is_busy for r in readings), timeout=20_000)
        wait_for_layers(self.qtbot, self.viewer)
        QApplication.processEvents()

    def world(self, voxel):
        orientation = DisplayOrientation.from_affine(self.series.affine)
        place = orientation.screen_index(voxel, self.series.spatial_shape)
        frame = self.viewer.dims.point[0]
        return tuple(self.layer.data_to_world((frame, *place)))

    def move_to(self, voxel):
        """Put the slider on the slice and the mouse on the voxel, as the canvas does."""
        position = self.world(voxel)
        for axis in range(self.viewer.dims.ndim):
            if axis not in self.viewer.dims.displayed and axis > 0:
                self.viewer.dims.set_point(axis, position[axis])
        self.viewer.cursor.position = tuple(one + 0.2 for one in position)  # on its way there
        self.viewer.cursor.position = position
        self.settle()

    def add(self, name, set_maps=None, series_name="thigh"):
        self.session.add_maps(MapsSet(name, set_maps or maps(), series_name))
        self.settle()

    def values(self, label):
        """Return a row of the table by column."""
        row = self.panel.values.labels().index(label)
        titles = self.panel.values.titles()
        return {title: self.panel.values.cell(row, at) for at, title in enumerate(titles)}


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def scene(qtbot, viewer):
    return Scene(qtbot, viewer)


def test_panel_says_what_it_needs(qtbot, viewer):
    dock = InspectDock(viewer)
    qtbot.addWidget(dock)
    panel = dock.panels["inspect"]
    assert panel.needs.text() == "Load or pick a series first." and panel.content.isHidden()
    dock.bindings["inspect"].pin()
    dock.bindings["inspect"].files.copy_values()


@pytest.mark.parametrize("voxel", [(0, 0, 0), (2, 3, 4), (1, 2, 3)])
def test_plot_holds_the_measured_values_of_the_voxel(scene, voxel):
    scene.move_to(voxel)
    measured = SIGNAL[(slice(None), *voxel)]
    for component, convert in (("magnitude", np.abs), ("real", np.real), ("imaginary", np.imag),
                               ("phase", np.angle)):  # fmt: skip
        scene.panel.component_picker.textActivated.emit(component)
        assert np.array_equal(scene.panel.plot.shown_values(), convert(measured))
    assert scene.panel.place.full_text() == f"Voxel ({voxel[0]}, {voxel[1]}, {voxel[2]})"
    assert scene.dock.sections["inspect"].state() == f"voxel {voxel}"


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1.0, 1.0, 3.0, 1.0]),
        np.array([[0, 0, 8.0, 0], [1.2, 0, 0, 0], [0, 1.2, 0, 0], [0, 0, 0, 1]]),  # sagittal
        np.array([[1.0, 0, 0, 0], [0, 0, 5.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]]),  # coronal
        np.array([[0, 2.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 4.0, 0], [0, 0, 0, 1]]),  # rows swapped
        None,
    ],
    ids=["axial", "sagittal", "coronal", "swapped", "no geometry"],
)
def test_every_orientation_finds_the_voxel(qtbot, viewer, affine):
    scene = Scene(qtbot, viewer, affine=affine)
    for voxel in ((0, 1, 4), (2, 3, 0)):
        scene.move_to(voxel)
        assert scene.binding.voxel == voxel
        expected = np.abs(SIGNAL[(slice(None), *voxel)])
        assert np.array_equal(scene.panel.plot.shown_values(), expected)


def test_other_views_of_the_axes_find_the_voxel(scene):
    for _ in range(4):
        scene.viewer.dims.roll()
        scene.move_to((2, 1, 3))
        assert scene.binding.voxel == (2, 1, 3)
        scene.move_to((0, 0, 3))
        assert scene.binding.voxel == (0, 0, 3)
    scene.viewer.dims.ndisplay = 3
    scene.move_to((1, 1, 1))
    assert scene.binding.voxel == (0, 0, 3)  # a line through the volume is no voxel


def test_scaled_and_shifted_layer_finds_the_voxel(scene):
    scene.layer.scale = (1.0, 3.0, 0.7, 2.5)
    scene.layer.translate = (0.0, -4.0, 11.0, 5.0)
    scene.move_to((1, 2, 3))
    assert scene.binding.voxel == (1, 2, 3)


def test_voxels_reach_to_their_borders(scene):
    scene.move_to((1, 2, 2))
    x = scene.layer.scale[-1]
    middle = scene.world((1, 2, 2))
    for shift, voxel in ((0.49, (1, 2, 2)), (-0.49, (1, 2, 2)), (0.51, None), (-0.51, None)):
        scene.viewer.cursor.position = (*middle[:3], middle[3] + shift * x)
        scene.settle()
        assert (scene.binding.voxel == (1, 2, 2)) == (voxel is not None)


def test_another_slice_comes_under_the_mouse_that_rests(scene):
    scene.move_to((0, 1, 1))
    scene.viewer.dims.set_point(1, scene.world((2, 1, 1))[1])
    scene.settle()
    assert scene.binding.voxel == (2, 1, 1)
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 2, 1, 1]))


def test_outside_the_image_the_last_voxel_stays(scene):
    scene.move_to((1, 2, 2))
    scene.viewer.cursor.position = (0.0, 8.0, -500.0, 4.0)
    scene.settle()
    assert scene.panel.place.full_text() == "Voxel (1, 2, 2), seen last"
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 1, 2, 2]))


def test_two_reconstructions_predict_and_have_a_row_each(scene):
    scene.add("water-fat")
    scene.add("other", maps(uncertainty=False, FF=TRUTH["FF"] * 0 + 0.5))
    scene.move_to((2, 1, 3))
    plot, measured = scene.panel.plot, np.abs(SIGNAL[:, 2, 1, 3])
    assert np.allclose(plot.shown_values(source=1), measured, rtol=1e-4, atol=1e-4)
    assert not np.allclose(plot.shown_values(source=2), measured, rtol=1e-2)
    assert scene.panel.values.titles() == [
        "", "FF", "T1H2O ms", "T1fat ms", "Df Hz", "B1", "fit"]  # fmt: skip
    row = scene.values("water-fat")
    assert row["T1H2O ms"] == f"{TRUTH['T1H2O'][2, 1, 3]:.0f}\n±0"
    assert row["FF"] == f"{TRUTH['FF'][2, 1, 3]:.3f}\n±0.010"
    assert row["fit"] == "1.000" and scene.values("other")["FF"].strip() == "0.500"
    labels = [entry.label for entry in scene.panel.legend.entries()]
    assert labels == ["measured", "water-fat", "other"]
    lines = {(entry.color, str(entry.dashes)) for entry in scene.panel.legend.entries()[1:]}
    assert len({color for color, _ in lines}) == len({dash for _, dash in lines}) == 2
    scene.panel.maps_button._menu.actions()[0].trigger()
    scene.settle()
    assert scene.panel.values.labels() == ["other"] and plot.shown_values(source=2) is None


def test_values_beyond_their_validity_stand_in_brackets(scene):
    scene.add("water-fat", maps(FF=np.full(SHAPE, 0.9, np.float32)))
    scene.move_to((2, 1, 3))
    row = scene.values("water-fat")
    assert row["T1H2O ms"].startswith("(") and not row["T1fat ms"].startswith("(")


@pytest.mark.parametrize(
    ("voxel", "words"),
    [
        (NAN_VOXEL, "the fingerprint is not finite"),
        (EMPTY_VOXEL, "no signal"),
        (UNMASKED_VOXEL, "no value: outside the mask"),
    ],
)
def test_voxels_without_value_say_so_and_keep_the_axes(scene, voxel, words):
    scene.add("water-fat")
    scene.move_to((1, 2, 2))
    limits = scene.panel.plot.figure.axes[0].get_ylim()
    scene.move_to(voxel)
    assert scene.panel.place.full_text() == f"Voxel ({', '.join(map(str, voxel))}); {words}"
    assert scene.panel.plot.figure.axes[0].get_ylim() == limits
    assert scene.panel.plot.shown_values(source=1) is None
    assert set(scene.values("water-fat").values()) <= {"water-fat", "–"}


def test_residual_has_its_own_axes(scene):
    scene.add("other", maps(FF=TRUTH["FF"] * 0 + 0.5))
    scene.move_to((2, 1, 3))
    names = [axes.get_label() for axes in scene.panel.plot.figure.axes]
    assert names == ["main", "residual", "FA (deg)", "TE (ms)", "TR (ms)"]
    (trace,) = scene.binding.readings.drawn.voxel
    drawn = scene.panel.plot.lines.by_key[("residual", 0, 1)].get_ydata()
    assert np.array_equal(drawn, np.abs(trace.measured - trace.predictions[0].signal))
    scene.qtbot.mouseClick(scene.panel.residual_box, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    names = [a.get_label() for a in scene.panel.plot.figure.axes if a.get_visible()]
    assert names == ["main", "FA (deg)", "TE (ms)", "TR (ms)"]


def test_value_axis_fits_dark_and_bright_voxels_without_a_full_redraw(scene):
    scene.move_to((1, 2, 2))
    redraws = []
    scene.panel.plot.redrawn.connect(lambda: redraws.append(1))
    axes = scene.panel.plot.figure.axes[0]
    for voxel in np.ndindex(SHAPE):
        if voxel in (NAN_VOXEL, EMPTY_VOXEL):
            continue
        scene.move_to(voxel)
        peak, (low, high) = np.abs(SIGNAL[(slice(None), *voxel)]).max(), axes.get_ylim()
        assert low == 0 and 0.35 * high <= peak <= high
        texts = [text.get_text() for text in scene.panel.plot.axes.ticks["main"].texts]
        assert float(texts[2]) == pytest.approx(high / 1.06) == pytest.approx(2 * float(texts[1]))
    assert redraws == []


def test_a_move_of_the_mouse_enters_the_binding_once_and_makes_no_color_anew(scene, monkeypatch):
    monkeypatch.setattr(work, "_SLOW_S", np.inf)  # the answer comes in one piece
    scene.add("water-fat")
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1:3, 1:4] = 4
    scene.session.set_regions(Regions(labels, {4: Label(4, "vastus", (250, 240, 10))}))
    scene.session.set_pins(((0, 1, 1), (1, 2, 2)))
    scene.binding._on_regions_chosen(("4",))
    scene.move_to((1, 1, 1))
    assert len(scene.binding.readings.drawn.traces) == 4
    colors = ("legend", "set_entries", "pin_color", "measured_style", "predicted_style")
    for voxel in ((1, 1, 2), (1, 2, 1), (1, 3, 3)):
        with Calls() as calls:
            scene.viewer.cursor.position = scene.world(voxel)
            scene.settle()
        assert scene.panel.place.full_text() == f"Voxel {voxel}"
        assert calls.entries == ["_show"]
        assert calls.made["show_traces"] == 1
        assert calls.made["_draw_row"] == 1  # that of the voxel; pins and regions stay
        assert not any(calls.made[name] for name in colors)
    with Calls() as calls:
        scene.viewer.theme = "light"
    assert calls.made["legend"] == 1 and calls.made["measured_style"] == 4
    with Calls() as calls:
        scene.session.set_pins(((0, 1, 1),))
        scene.settle()
    assert calls.made["legend"] == 1


class Calls:
    """Counts calls of functions by name, and calls into the binding from elsewhere."""

    def __enter__(self):
        self.made, self.entries = Counter(), []
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _count(self, frame, event, _):
        if event == "call":
            code = frame.f_code
            self.made[code.co_name] += 1
            if controller.__file__ == code.co_filename != frame.f_back.f_code.co_filename:
                self.entries.append(code.co_name)


def test_lazy_series_is_read_voxel_by_voxel(qtbot, viewer):
    lazy = dask.array.from_array(SIGNAL, chunks=(175, 1, 4, 5))
    scene = Scene(qtbot, viewer, signal=lazy)
    scene.move_to((2, 1, 3))
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 2, 1, 3]))


def test_frame_in_the_plot_and_slider_are_one(scene):
    plot = scene.panel.plot
    scene.viewer.dims.set_point(0, 120)
    assert scene.panel.frame_text.full_text() == "Frame 120: FA 5°, TE 3.45 ms, TR 5.08 ms"
    assert all(line.get_xdata()[0] == 120 for line in plot.axes.frame_lines)
    axes = plot.figure.axes[0]

    def place(frame):
        x, y = axes.transData.transform((frame, np.mean(axes.get_ylim())))
        return QPoint(round(x), plot.height() - round(y))

    scene.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=place(40))
    assert abs(scene.viewer.dims.current_step[0] - 40) <= 1
    scene.qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=place(80))
    scene.qtbot.mouseMove(plot, place(100))
    scene.qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=place(100))
    frame = scene.viewer.dims.current_step[0]
    assert frame in (79, 80, 81, 99, 100, 101)  # without a window system no drag arrives
    scene.qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert scene.viewer.dims.current_step[0] == frame + 1
    for x, expected in ((0, 0), (plot.width() - 1, 174)):
        scene.qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, 40))
        assert scene.viewer.dims.current_step[0] == expected
    scene.viewer.dims.roll()
    scene.viewer.dims.roll()
    assert 0 in scene.viewer.dims.displayed
    assert not any(line.get_visible() for line in plot.axes.frame_lines)


def test_before_the_mouse_has_moved_the_panel_invites_it(qtbot):
    scene = Scene(qtbot, ViewerModel())
    scene.viewer.mouse_over_canvas = True  # it lies there when the window opens
    scene.viewer.dims.set_point(0, 3)  # what a slider does is no mouse
    scene.settle()
    assert scene.dock.sections["inspect"].state() == "move the mouse over the image"
    assert scene.panel.place.full_text() == "Move the mouse over the image."
    scene.move_to((1, 2, 2))
    assert scene.dock.sections["inspect"].state() == "voxel (1, 2, 2)"


def test_pins_stay_in_the_plot_and_in_a_points_layer(scene):
    scene.add("water-fat")
    for voxel in ((0, 1, 1), (2, 3, 0)):
        scene.move_to(voxel)
        scene.qtbot.mouseClick(scene.panel.pin_button, Qt.MouseButton.LeftButton)
        scene.settle()
    assert scene.session.pins == ((0, 1, 1), (2, 3, 0))
    assert scene.session.selected_voxel == (2, 3, 0)
    layer = pins_layer(scene.viewer)
    orientation = DisplayOrientation.from_affine(AFFINE)
    expected = [orientation.screen_index(pin, SHAPE) for pin in scene.session.pins]
    assert np.array_equal(layer.data, expected)
    assert list(layer.features["number"]) == [1, 2]
    assert not np.allclose(layer.face_color[0], layer.face_color[1])
    assert np.array_equal(layer.scale, scene.layer.scale[1:])
    assert {f"{unit:~}" for unit in layer.units} == {"mm"}
    assert scene.viewer.layers.selection.active is not layer
    scene.move_to((1, 2, 2))
    for row, voxel in enumerate(((1, 2, 2), (0, 1, 1), (2, 3, 0))):
        expected = np.abs(SIGNAL[(slice(None), *voxel)])
        assert np.array_equal(scene.panel.plot.shown_values(row), expected)
    assert scene.panel.values.labels() == ["water-fat", "1\u00a0water-fat", "2\u00a0water-fat"]
    assert scene.dock.sections["inspect"].state() == "voxel (1, 2, 2) · 2 pinned"
    labels = [entry.label for entry in scene.panel.legend.entries()]
    assert labels[-2:] == ["1 (0, 1, 1)", "2 (2, 3, 0)"]
    scene.move_to((0, 1, 1))
    assert scene.panel.pin_button.text() == "Unpin"
    scene.binding.pin()
    scene.settle()
    assert scene.session.pins == ((2, 3, 0),)
    scene.qtbot.mouseClick(scene.panel.clear_button, Qt.MouseButton.LeftButton)
    scene.settle()
    assert scene.session.pins == ()
    assert not layer.visible and len(layer.data) == 0 and pins_layer(scene.viewer) is layer
    assert scene.panel.values.labels() == ["water-fat"]
    scene.session.set_pins(((1, 2, 2), (0, 1, 1)))
    scene.settle()
    layer.visible = False  # by the user, who then clears them
    scene.qtbot.mouseClick(scene.panel.clear_button, Qt.MouseButton.LeftButton)
    scene.session.set_pins(((1, 2, 2),))
    scene.settle()
    assert layer.visible and len(layer.data) == 1 and list(layer.features["number"]) == [1]


def test_pins_follow_the_tools_of_their_layer(scene):
    scene.session.set_pins(((0, 1, 1), (1, 2, 2)))
    scene.settle()
    layer = pins_layer(scene.viewer)
    layer.add([[1.3, 0.2, 3.9]])
    scene.qtbot.waitUntil(lambda: len(scene.session.pins) == 3)
    orientation = DisplayOrientation.from_affine(AFFINE)
    assert scene.session.pins[2] == orientation.file_index((1, 0, 4), SHAPE)
    assert np.array_equal(layer.data[2], [1, 0, 4])  # in the middle of its voxel
    layer.selected_data = {0}
    layer.remove_selected()
    scene.qtbot.waitUntil(lambda: len(scene.session.pins) == 2)
    assert scene.session.pins[0] == (1, 2, 2)
    assert list(layer.features["number"]) == [1, 2]
    scene.viewer.layers.remove(layer)
    assert scene.session.pins == ()


def test_regions_are_overlaid_by_their_mean(scene):
    scene.add("water-fat")
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1:3, 1:4], labels[2, 3], labels[2, 1, 1] = 4, 7, 4
    table = {0: Label(0, "nothing"), 4: Label(4, "vastus", (250, 240, 10)),
             7: Label(7, "=sartorius", (10, 20, 250))}  # fmt: skip
    scene.session.set_regions(Regions(labels, table))
    scene.settle()
    assert scene.panel.regions_button._labels == {
        "chosen": "the chosen region", "4": "vastus", "7": "=sartorius"}  # fmt: skip
    for action in scene.panel.regions_button._menu.actions()[1:]:
        action.trigger()
    scene.settle()
    names = [entry.label for entry in scene.panel.legend.entries()[-2:]]
    assert names == ["vastus, mean of 7 voxels", "=sartorius, mean of 5 voxels"]
    expected = mean_fingerprint(SIGNAL[:, labels == 4].T).signal
    trace = scene.binding.readings.drawn.resting.regions[0]
    assert np.allclose(trace.measured, expected, atol=1e-5)
    assert trace.predictions[0].correlation > 0.9999
    scene.binding._on_regions_chosen(("chosen",))
    scene.settle()
    assert scene.binding.readings.drawn.resting.regions == ()
    scene.session.choose_region(RegionChoice(4, z=2))
    scene.settle()
    (trace,) = scene.binding.readings.drawn.resting.regions
    assert trace.name == "vastus, slice 2, mean of 1 voxel"
    scene.session.set_regions(None)
    scene.settle()
    assert scene.binding.readings.drawn.resting.regions == ()


def test_export_writes_what_is_drawn(scene, tmp_path, monkeypatch):
    scene.add("=evil")
    scene.move_to((2, 1, 3))
    scene.binding.pin()
    scene.settle()
    for kind in ("csv", "svg", "pdf"):
        path = tmp_path / f"traces.{kind}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, p=path: (str(p), ""))
        (action,) = (a for a in scene.panel.export_button.menu().actions() if a.data() == kind)
        action.trigger()
        scene.qtbot.waitUntil(lambda: not scene.binding.files.job.status.is_running, timeout=20_000)
        assert path.stat().st_size > 1000
        assert scene.panel.notice.text() == "Export finished."
    table = pd.read_csv(tmp_path / "traces.csv")
    assert list(table)[:3] == ["series", "unit", "frame"] and set(table["unit"]) == {"a.u."}
    assert set(table["series"]) == {session_of(scene.viewer).series_name} != {""}
    assert list(table["frame"]) == list(range(175)) and table["TE (ms)"][174] == 4.63
    measured = table["voxel (2, 1, 3) measured real"] + 1j * table[
        "voxel (2, 1, 3) measured imaginary"]  # fmt: skip
    assert np.array_equal(measured.astype(np.complex64), SIGNAL[:, 2, 1, 3])
    name = "voxel (2, 1, 3) =evil"
    residual = table[f"{name} residual imaginary"] + table[f"{name} predicted imaginary"]
    assert np.allclose(residual, measured.to_numpy().imag)
    assert not (tmp_path / "traces.csv").read_text().startswith("=")
    assert "<svg" in (tmp_path / "traces.svg").read_text()
    assert (tmp_path / "traces.pdf").read_bytes().startswith(b"%PDF")
    scene.binding.files.export_to(tmp_path / "nowhere" / "a.csv", "csv")
    scene.qtbot.waitUntil(lambda: not scene.binding.files.job.status.is_running, timeout=20_000)
    assert "Export" not in scene.panel.notice.text() and scene.panel.notice.text()


def test_values_are_copied_with_their_units(scene):
    scene.add("water-fat")
    scene.move_to((2, 1, 3))
    scene.panel.context_menu().actions()[0].trigger()
    head, row = QApplication.clipboard().text().splitlines()
    values = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert values["trace"] == "voxel (2, 1, 3)" and values["maps"] == "water-fat"
    assert float(values["T1H2O (ms)"]) == TRUTH["T1H2O"][2, 1, 3]
    assert float(values["Df SD (Hz)"]) == pytest.approx(0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_changes_colors_and_keeps_the_traces(scene, theme):
    scene.add("water-fat")
    scene.move_to((2, 1, 3))
    scene.viewer.theme = theme
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 2, 1, 3]))
    assert scene.panel.plot.lines.by_key[("main", 0, 0)].get_color() == scene.panel.plot.colors.text


def test_panel_out_of_sight_computes_nothing_and_is_right_when_back(scene):
    scene.move_to((0, 1, 1))
    scene.dock.sections["inspect"].set_open(False)
    asked = []
    scene.binding.readings.of_voxel.answered.connect(asked.append)
    scene.move_to((2, 1, 3))
    scene.add("water-fat")
    assert asked == [] and scene.dock.sections["inspect"].state() == "voxel (2, 1, 3)"
    scene.dock.sections["inspect"].set_open(True)
    scene.settle()
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 2, 1, 3]))
    assert scene.panel.values.labels() == ["water-fat"]


def test_panel_can_be_closed_while_the_mouse_moves(qtbot, viewer):
    scene = Scene(qtbot, viewer)
    scene.add("water-fat")
    dock = InspectDock(viewer)
    with qtbot.waitExposed(dock):
        dock.show()
    scene.viewer.cursor.position = scene.world((2, 1, 3))
    delete(qtbot, dock)
    del dock
    gc.collect()
    scene.move_to((0, 1, 1))
    viewer.theme = "light"
    assert scene.binding.voxel == (0, 1, 1)


def test_series_may_go_and_another_come(scene):
    scene.add("water-fat")
    scene.move_to((2, 3, 4))
    scene.binding.pin()
    scene.settle()
    scene.viewer.layers.remove(scene.layer)
    scene.session.set_series(None)
    scene.settle()
    assert scene.panel.content.isHidden() and len(scene.session.pins) == 1  # for its return
    small = MRFSeries(SIGNAL[:60, :1, :2, :2], affine=AFFINE)
    data, attributes, _ = series_layer_data(small, "small", peak=100.0)
    layer = scene.viewer.add_image(data, **attributes)
    scene.session.set_series(small, "small")
    scene.layer, scene.series = layer, small
    assert scene.session.pins == () and not scene.session.maps_sets  # another subject
    scene.add("water-fat")
    scene.move_to((0, 1, 1))
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:60, 0, 1, 1]))
    assert [axes.get_label() for axes in scene.panel.plot.figure.axes] == ["main", "residual"]
    assert "another grid" in scene.panel.place.full_text()


def test_choices_go_into_a_session_file_and_back(scene):
    scene.add("water-fat")
    scene.add("other")
    scene.panel.component_picker.setCurrentText("phase")
    scene.panel.component_changed.emit("phase")
    scene.panel.maps_button._menu.actions()[0].trigger()
    scene.settle()
    state = scene.binding.state()
    assert state == {"component": "phase", "residual": True, "hidden_maps": ["water-fat"],
                     "regions": [], "voxel": None,
                     "closeup": {"kind": "distribution", "map": ""}}  # fmt: skip
    scene.binding.restore({"component": "real", "residual": False, "hidden_maps": []})
    scene.settle()
    assert scene.binding.state()["hidden_maps"] == [] and not scene.panel.residual_box.isChecked()
    for nonsense in ({}, {"component": 3, "residual": "x", "hidden_maps": 1, "regions": None}):
        scene.binding.restore(nonsense)
    scene.binding.restore(state)
    scene.settle()
    assert scene.binding.state() == state


def test_slow_predictions_follow_the_measured_fingerprint_and_the_last_one_wins(scene, monkeypatch):
    scene.add("water-fat")
    scene.move_to((0, 1, 1))
    slow = VoxelSimulatorAtItsLeisure(scene.binding.readings.predictors[0]._forward)
    monkeypatch.setitem(scene.binding.readings.predictors[0].__dict__, "_forward", slow)
    scene.move_to((0, 1, 2))  # learns that it is slow
    answers = []
    scene.binding.readings.of_voxel.answered.connect(answers.append)
    for voxel in ((1, 2, 1), (1, 2, 2), (1, 2, 3), (1, 2, 4)):
        scene.binding.readings.look_at(voxel)
    scene.settle()
    assert [(a.question.voxels[0], a.is_complete) for a in answers][-2:] == [
        ((1, 2, 4), False), ((1, 2, 4), True)]  # fmt: skip
    assert np.array_equal(scene.panel.plot.shown_values(), np.abs(SIGNAL[:, 1, 2, 4]))
    assert scene.panel.plot.shown_values(source=1) is not None


class VoxelSimulatorAtItsLeisure:
    def __init__(self, simulator):
        self._simulator = simulator

    def fingerprints(self, parameters):
        import threading

        threading.Event().wait(0.06)
        return self._simulator.fingerprints(parameters)


def test_numbers_of_fisp_fit_their_columns(qtbot):
    values = {"PD": 0.012346, "T1": 4321.0, "T2": 1112.3}
    deviations = {"PD": 0.024154, "T1": 1234.4, "T2": 210.7}
    table = InspectValues()
    qtbot.addWidget(table)
    table.resize(300, 200)
    table.show_rows([ValueRow("compressed", Prediction("compressed", values, deviations, None))])
    row = [table.cell(0, column) for column in (1, 2, 3)]
    assert row == ["0.01235\n±0.024", "4321\n±1234", "1112.3\n±210.7"]
    for column, text in enumerate(row, start=1):
        widest = max(map(table.fontMetrics().horizontalAdvance, text.splitlines()))
        assert widest + 4 <= table.columnWidth(column)


def test_range_of_a_strip_is_short():
    assert range_text(np.array([11.672, 14.331])) == "11.7-14.3"
    assert range_text(np.array([1.9083, 1.9083])) == "1.908"
    assert range_text(np.array([2.39, 4.63])) == "2.39-4.63"
    assert range_text(np.array([5.0, 1234.0])) == "5-1234"
