"""Distribution, profile in Inspect: of the sets, map and regions that are chosen, and a line."""

import numpy as np
import pandas as pd
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io import Label
from napari_mrf.plugin.dock import InspectDock, MRFDock
from napari_mrf.plugin.layers import PARAMETER_KEY, series_layer_data
from napari_mrf.plugin.layers.closeup.profile_line import ends_of_profile, profile_layer
from napari_mrf.plugin.layers.maps import show_maps
from napari_mrf.plugin.panels.inspect.closeup_work import CloseupQuestion
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.map_choice import map_choice_of

SHAPE = (2, 12, 16)
AFFINE = np.diag([-2.0, 3.0, -8.0, 1.0])  # rows and slices are shown in reverse order
Z, Y, X = np.indices(SHAPE).astype(float)
LEFT = Qt.MouseButton.LeftButton


def maps(shift=0.0, **others):
    water = 1000 + 5 * X + 20 * Y + shift
    water[0, 0, 0] = np.nan
    return ParameterMaps({"FF": 0.01 * X, "T1H2O": water}, affine=AFFINE, **others)


def filled(viewer):
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh", peak=1.0)
    viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "thigh")
    deviations = {"T1H2O": np.full(SHAPE, 25.0)}
    session.add_maps(MapsSet("water-fat", maps(uncertainty=deviations), "thigh"))
    session.add_maps(MapsSet("cohen", maps(30.0), "thigh"))
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, :4, :4] = 7
    session.set_regions(Regions(labels, {7: Label(7, "VL")}, affine=AFFINE))
    return series


def wait_for(qtbot, binding, kind):
    qtbot.waitUntil(lambda: type(binding.found).__name__ == kind and not binding.latest.is_busy)


def open_closeup(qtbot, dock):
    panel = dock.panels["inspect"]
    qtbot.waitUntil(panel.isVisible)
    qtbot.mouseClick(panel.closeup_section._header, LEFT)
    return panel, dock.bindings["inspect"].closeup


@pytest.fixture
def scene(qtbot):
    viewer = ViewerModel()
    filled(viewer)
    dock = InspectDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(300, 900)
    with qtbot.waitExposed(dock):
        dock.show()
    yield (dock, *open_closeup(qtbot, dock))


def pick(picker, text):
    picker.setCurrentText(text)
    picker.textActivated.emit(text)


def test_pins_lie_over_the_line_over_regions_over_new_images(qtbot):
    viewer = ViewerModel()
    filled(viewer)
    dock = MRFDock(viewer)
    qtbot.addWidget(dock)
    with qtbot.waitExposed(dock):
        dock.show()
    dock.sections["inspect"].set_open(True)
    panel, _ = open_closeup(qtbot, dock)
    session_of(viewer).set_pins(((0, 1, 1),))
    qtbot.mouseClick(panel.closeup.draw_button, LEFT)
    viewer.layers["MRF profile line"].add_lines(np.array([[[0, 1, 1], [0, 8, 12]]]))
    regions_editor_of(viewer).ensure_shown()
    wait_for_layers(qtbot, viewer)
    helpers = [layer.name for layer in viewer.layers][1:]
    assert helpers[-2:] == ["MRF profile line", "MRF pins"] and len(helpers) >= 3
    for name in ("first", "second"):
        viewer.add_image(np.zeros(SHAPE), name=name, scale=(8, 3, 2), units="mm")
        qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers][-len(helpers) :] == helpers)
        assert viewer.layers[-len(helpers) - 1].name == name


def test_distribution_of_the_region_that_is_chosen(qtbot, scene):
    dock, panel, binding = scene
    wait_for(qtbot, binding, "Distribution")
    assert panel.closeup.map_picker.currentText() == "T1H2O"
    assert binding.found.n_voxels == np.prod(SHAPE)
    assert "All voxels" in panel.closeup.note.text()
    session_of(dock.viewer).choose_region(RegionChoice(7))
    qtbot.waitUntil(lambda: binding.found.n_voxels == 32)
    assert binding.found.n_without == {"water-fat": 1, "cohen": 1}
    assert panel.closeup.note.text() == ("VL: 32 voxels. Without a value that counts: "
                                         "water-fat 1, cohen 1.")  # fmt: skip
    (axes,) = panel.closeup.plot.figure.axes
    assert axes.get_xlabel() == "Water T1 (ms)" and axes.get_ylabel() == "Voxels"
    drawn = [patch.get_data() for patch in axes.patches]
    assert len(drawn) == 2 and all(np.array_equal(one.edges, binding.found.edges) for one in drawn)
    assert [one.values.sum() for one in drawn] == [31, 31]
    pick(panel.closeup.map_picker, "FF")
    qtbot.waitUntil(lambda: binding.found.key == "FF")
    assert panel.closeup.plot.figure.axes[0].get_xlabel() == "Fat fraction (%)"


def test_distribution_begins_with_the_map_that_is_seen(qtbot):
    viewer = ViewerModel()
    filled(viewer)
    show_maps(viewer, "water-fat", session_of(viewer).maps_sets["water-fat"].maps)
    dock = InspectDock(viewer)
    qtbot.addWidget(dock)
    with qtbot.waitExposed(dock):
        dock.show()
    for layer in viewer.layers:
        layer.visible = layer.metadata.get(PARAMETER_KEY) == "FF"
    qtbot.waitUntil(lambda: map_choice_of(viewer).parameter == "FF")
    panel, binding = open_closeup(qtbot, dock)
    wait_for(qtbot, binding, "Distribution")
    assert panel.closeup.map_picker.currentText() == binding.found.key == "FF"


def test_what_is_missing_is_said_and_nothing_is_wider_than_the_dock(qtbot, scene):
    _, panel, binding = scene
    wait_for(qtbot, binding, "Distribution")
    pick(panel.closeup.kind_picker, "profile")
    qtbot.waitUntil(lambda: binding.found is None)
    assert "Draw line" in panel.closeup.plot.figure.axes[0].texts[0].get_text()
    assert not panel.closeup.export_button.isEnabled()
    assert panel.closeup.minimumSizeHint().width() <= 280


def test_tables_and_figures_are_written_as_they_are_shown(qtbot, scene, tmp_path, monkeypatch):
    _, panel, binding = scene
    wait_for(qtbot, binding, "Distribution")
    for kind in ("csv", "svg", "pdf"):
        path = tmp_path / f"a.{kind}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName",
                            lambda *_, path=path: (str(path), ""))  # fmt: skip
        (action,) = (one for one in panel.closeup.export_button.menu().actions()
                     if one.data() == kind)  # fmt: skip
        action.trigger()
        qtbot.waitUntil(path.exists)
        qtbot.waitUntil(lambda: not binding.job.status.is_running)
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table) == [
        "series", "region", "slice", "map", "unit",
        "T1H2O (ms) from", "T1H2O (ms) to", "water-fat: voxels", "cohen: voxels",
    ]  # fmt: skip
    assert whose(table) == {("thigh", "all voxels", "all", "T1H2O", "ms")}
    assert table["cohen: voxels"].sum() == np.prod(SHAPE) - 1
    assert ">Water T1 (ms)</text>" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def whose(table):
    return set(zip(*(table[key] for key in ("series", "region", "slice", "map", "unit")),
                   strict=True))  # fmt: skip


def exported(qtbot, binding, path):
    binding.export_to(path, "csv")
    qtbot.waitUntil(lambda: path.exists() and not binding.job.status.is_running)
    return pd.read_csv(path, dtype={"slice": str, "unit": str})


def test_rows_of_a_table_tell_whose_numbers_they_are(qtbot, scene, tmp_path):
    dock, panel, binding = scene
    session = session_of(dock.viewer)
    wait_for(qtbot, binding, "Distribution")
    session.choose_region(RegionChoice(7, 1))
    qtbot.waitUntil(lambda: binding.found.n_voxels == 16)
    assert panel.closeup.note.text().startswith("VL in slice 1: 16 voxels.")
    assert whose(exported(qtbot, binding, tmp_path / "a.csv")) == {
        ("thigh", "VL", "1", "T1H2O", "ms")}  # fmt: skip
    pick(panel.closeup.map_picker, "FF")
    qtbot.waitUntil(lambda: binding.found.key == "FF")
    (ff,) = whose(exported(qtbot, binding, tmp_path / "b.csv"))
    assert ff[:4] == ("thigh", "VL", "1", "FF") and ff[4] == PARAMETERS["FF"].file_unit
    pick(panel.closeup.map_picker, "T1H2O")
    qtbot.mouseClick(panel.closeup.draw_button, LEFT)
    dock.viewer.layers["MRF profile line"].add_lines(np.array([[[0, 1, 1], [0, 8, 12]]]))
    wait_for(qtbot, binding, "Profile")
    # Rows and slices are shown in reverse order: the first on the screen is the last of the file.
    assert whose(exported(qtbot, binding, tmp_path / "c.csv")) == {
        ("thigh", "line (row, column) (10.0, 1.0) to (3.0, 12.0)", "1", "T1H2O", "ms")
    }


def test_slices_of_several_regions_stand_beside_their_names():
    table = {7: Label(7, "VL"), 8: Label(8, "RF")}
    regions = Regions(np.zeros(SHAPE, np.uint16), table, affine=AFFINE)

    def places(*choices):
        return CloseupQuestion({}, "FF", None, regions, choices, {}, "thigh").places

    assert places() == ("all voxels", "all")
    assert places(RegionChoice(7), RegionChoice(8)) == ("VL, RF", "all")
    assert places(RegionChoice(7, 1), RegionChoice(8, 1)) == ("VL, RF", "1")
    assert places(RegionChoice(7, 1), RegionChoice(8)) == ("VL in slice 1, RF", "1, all")


def test_a_line_that_is_dragged_on_the_canvas_gives_the_profile(qtbot, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    filled(viewer)
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Inspect")[1]
    panel, binding = open_closeup(qtbot, dock)
    viewer.reset_view()
    QApplication.processEvents()
    qtbot.mouseClick(panel.closeup.draw_button, LEFT)
    assert panel.closeup.draw_button.isChecked()
    native, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera

    def place(row, column):
        offset = (np.array([3.0 * row, 2.0 * column]) - camera.center[-2:])[::-1] * camera.zoom
        x, y = np.array([native.width(), native.height()]) / 2 + offset
        return QPoint(round(x), round(y))

    for start, end in (((5, 2), (5, 12)), ((2, 3), (9, 11))):  # the second line replaces the first
        if not panel.closeup.draw_button.isChecked():
            qtbot.mouseClick(panel.closeup.draw_button, LEFT)
        qtbot.mousePress(native, LEFT, pos=place(*start))
        for share in (0.3, 0.7, 1.0):
            between = np.array(start) + share * (np.array(end) - start)
            qtbot.mouseMove(native, place(*between))
            QApplication.processEvents()
        qtbot.mouseRelease(native, LEFT, pos=place(*end))
        wait_for(qtbot, binding, "Profile")
        qtbot.waitUntil(lambda: not panel.closeup.draw_button.isChecked())
        qtbot.waitUntil(lambda: not binding.latest.is_busy)
    layer = profile_layer(viewer)
    assert len(layer.data) == 1 and str(layer.mode) == "pan_zoom"
    first, last = np.array(ends_of_profile(layer))
    at = 1 - viewer.dims.current_step[1]
    assert np.allclose(first, (at, 11 - 2, 3), atol=0.2)  # rows run the other way in the file
    assert np.allclose(last, (at, 11 - 9, 11), atol=0.2)
    length = np.hypot(3 * (last - first)[1], 2 * (last - first)[2])
    qtbot.waitUntil(lambda: np.isclose(binding.found.distances[-1], length))
    expected = 1000 + 5 * first[2] + 20 * first[1]
    assert np.isclose(binding.found.values["water-fat"][0], expected, atol=0.1)
    assert np.isclose(binding.found.values["cohen"][0], expected + 30, atol=0.1)
    (axes,) = panel.closeup.plot.figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Distance (mm)", "Water T1 (ms)")
    assert len(axes.collections) == 1  # the band of the one set that has deviations
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: binding.found is None)
