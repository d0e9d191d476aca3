"""The figure holds what the canvas shows: map, slice, zoom, colors, regions and directions."""

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label
from napari_mrf.plugin.dock import ReconstructDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.error_maps import show_error
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.picture import picture_of_view

SHAPE = (3, 10, 14)
AFFINE = np.diag([-2.0, 3.0, 8.0, 1.0])  # rows run the other way on the screen
Z, Y, X = np.indices(SHAPE).astype(float)
TABLE = {3: Label(3, "VL", (200, 30, 30))}


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh", peak=1.0)
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    maps = ParameterMaps({"FF": 0.01 * X, "T1H2O": 1000 + 100 * Z + 10 * Y + X}, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("water-fat", maps, "thigh"))
    layer_turns_of(viewer).finish()
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 2:5, 6:9] = 3
    add_regions_layer(viewer, RegionGrid.of_maps(maps), TABLE, labels, "ROIs")
    viewer.canvas.size = (400, 400)
    viewer.reset_view()
    return viewer


def show(viewer, name):
    for layer in viewer.layers:
        if "·" in layer.name:
            layer.visible = layer.name == name


def test_the_map_in_front_in_the_slice_in_view(viewer):
    show(viewer, "water-fat · T1H2O")
    viewer.dims.set_point(1, 8.0)
    found = picture_of_view(viewer)
    assert np.allclose(found.values, (1100 + 10 * Y + X)[1, ::-1])
    assert found.title == "Water T1 (ms)" and found.limits == (500.0, 2000.0)
    assert found.pixel_mm == (3.0, 2.0) and found.letters == (("A", "P"), ("R", "L"))
    assert set(zip(*np.nonzero(found.labels), strict=True)) == {
        (9 - y, x) for y in range(2, 5) for x in range(6, 9)
    }
    assert found.region_colors[3] == "#c81e1e"
    viewer.layers["ROIs"].visible = False
    assert picture_of_view(viewer).labels is None
    viewer.layers["water-fat · T1H2O"].contrast_limits = (900, 1200)
    assert picture_of_view(viewer).limits == (900.0, 1200.0)


def test_zoom_cuts_the_picture(viewer):
    show(viewer, "water-fat · T1H2O")
    viewer.dims.set_point(1, 0.0)
    viewer.scene.camera.zoom = 400 / 12.0  # 12 mm of the canvas in both directions
    viewer.scene.camera.center = (0.0, 12.0, 14.0)
    found = picture_of_view(viewer)
    # Rows of 3 mm whose middles lie at 6 … 18 mm, columns of 2 mm at 8 … 20 mm.
    assert np.allclose(found.values, (1000 + 10 * Y + X)[0, ::-1][2:7, 4:11])


def test_turned_axes_a_series_and_an_error_map(viewer):
    show(viewer, "")
    assert picture_of_view(viewer).title == "Magnitude (a.u.)"
    show(viewer, "water-fat · FF")
    viewer.dims.order = (0, 2, 1, 3)  # slices go down, rows are leafed through
    viewer.reset_view()
    viewer.dims.set_point(2, 0.0)
    found = picture_of_view(viewer)
    assert found.values.shape == (3, 14) and found.pixel_mm == (8.0, 2.0)
    assert found.letters[0] == ("I", "S")
    viewer.dims.order = (0, 1, 2, 3)
    viewer.reset_view()
    errors = np.full(SHAPE, 7.0, np.float32)
    errors[:, 0] = np.nan
    maps = session_of(viewer).maps_sets["water-fat"].maps
    layer = show_error(viewer, errors, maps, ("a", "b", "T1H2O", "difference"))
    found = picture_of_view(viewer)
    assert found.title == "T1H2O difference (ms)" and found.no_value_note == "gray: not compared"
    # No color of the map itself: neither zero (light) nor the canvas.
    gray = layer.colormap.map(np.array([np.nan]))[0]
    assert gray[3] == 1 and np.ptp(gray[:3]) == 0
    assert np.abs(np.asarray(layer.colormap.colors)[:, :3] - gray[:3]).sum(axis=1).min() > 0.1
    assert "gray: not compared" in layer.metadata["mrf_title"]
    viewer.layers["ROIs"].contour = 0  # napari has none in 3D, and says so
    viewer.dims.ndisplay = 3
    assert picture_of_view(viewer) is None


def test_the_button_writes_all_three_formats(qtbot, viewer, tmp_path, monkeypatch):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(300, 900)
    with qtbot.waitExposed(dock):
        dock.show()
    show(viewer, "water-fat · T1H2O")
    panel, figures = dock.panels["reconstruct"], dock.bindings["reconstruct"].results.figures
    assert panel.minimumSizeHint().width() <= 300
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        path = tmp_path / f"figure.{kind}"
        proposed = []
        monkeypatch.setattr(
            QFileDialog,
            "getSaveFileName",
            lambda *said, to=path, seen=proposed: (seen.append(said[2]) or str(to), ""),
        )
        qtbot.mouseClick(panel.results.figure_button, Qt.MouseButton.LeftButton)
        dialog = figures.dialog
        assert dialog.outlines.isEnabled() == (viewer.dims.current_step[1] == 1)
        dialog.format_picker.setCurrentText(kind.upper())
        dialog.dpi_box.setValue(120)
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(path.exists)
        qtbot.waitUntil(lambda: not figures.job.status.is_running)
        assert path.read_bytes().startswith(magic)
        assert [Path(one).name for one in proposed] == [f"water-fat-T1H2O.{kind}"]
        assert panel.notice.text() == f"Saved figure.{kind}."
    show(viewer, "")
    viewer.layers["thigh"].visible = False
    qtbot.mouseClick(panel.results.figure_button, Qt.MouseButton.LeftButton)
    assert panel.notice.text().startswith("Nothing to draw")
