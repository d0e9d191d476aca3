"""Regions are outlines at first; one key or a button fills them, and each has its own opacity."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.io import Label
from napari_mrf.plugin.dock import RoisDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.closeup.region_look import show_outlined
from napari_mrf.plugin.layers.outlines import (
    add_outlines_layer,
    recolor_outlines,
    show_outlines,
)
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer, show_table
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import Regions, session_of
from napari_mrf.rois.label_set import with_opacity
from napari_mrf.rois.polygons import Outline

SHAPE = (1, 9, 12)
TABLE = {3: Label(3, "VL", (200, 40, 40)), 5: Label(5, "RF", (40, 200, 40), opacity=0.5)}


@pytest.fixture
def dock(qtbot):
    viewer = ViewerModel()
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), None, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1:6, 1:6] = 3
    labels[0, 2:8, 7:11] = 5
    session_of(viewer).set_regions(Regions(labels, TABLE))
    dock = RoisDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(300, 900)
    with qtbot.waitExposed(dock):
        dock.show()
    yield dock


def seen(dock):
    """Return the colors (rows, columns, RGBA) of the regions as they are drawn."""
    layer = regions_editor_of(dock.viewer).layer
    labels = layer.data[0]
    if layer.contour:
        labels = layer._calculate_contour(labels, (slice(0, 9), slice(0, 12)))
    return layer.colormap.map(labels)


def test_only_the_edges_of_regions_are_colored_until_they_are_filled(qtbot, dock):
    layer, button = regions_editor_of(dock.viewer).layer, dock.panels["rois"].look.outlines_button
    assert button.isChecked() and layer.contour == 1 and layer.opacity == 1
    colored = seen(dock)[..., 3] > 0
    assert colored[1, 3] and not colored[3, 3]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.isChecked() and layer.contour == 0 and layer.opacity == 0.5
    assert (seen(dock)[..., 3] > 0)[3, 3]
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow)
    qtbot.keyClick(
        dock.panels["rois"].set_picker, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier
    )
    assert button.isChecked() and layer.contour == 1 and "Ctrl+B" in button.toolTip()
    layer.contour = 0  # with the control of napari
    assert not button.isChecked()


def test_opacity_belongs_to_the_region_that_is_picked(qtbot, dock):
    rois, session = dock.panels["rois"], session_of(dock.viewer)
    box, layer = rois.look.opacity_box, regions_editor_of(dock.viewer).layer
    rois.tree.select(5)
    rois.tree.label_picked.emit(5)
    assert box.value() == 50 and "RF" in box.toolTip()
    assert np.isclose(layer.colormap.map(np.array([5]))[0, 3], 0.5, atol=0.01)
    rois.tree.select(3)
    rois.tree.label_picked.emit(3)
    assert box.value() == 100
    box.selectAll()
    qtbot.keyClicks(box, "20")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert np.allclose(layer.colormap.map(np.array([3, 5]))[:, 3], [0.2, 0.5], atol=0.01)
    assert session.regions.table[3].opacity == 0.2
    assert np.array_equal(session.regions.labels[0, 3], [0, 3, 3, 3, 3, 3, 0, 5, 5, 5, 5, 0])


def test_the_look_comes_back_with_a_session(dock):
    binding = dock.bindings["rois"]
    state = binding.state()
    assert state["filled"] is False
    binding.restore({**state, "filled": True})
    assert not dock.panels["rois"].look.outlines_button.isChecked()
    binding.restore(state)
    assert dock.panels["rois"].look.outlines_button.isChecked()


def test_one_region_is_filled_while_another_keeps_the_outline_that_it_was_drawn_with():
    viewer, grid = ViewerModel(), RegionGrid(SHAPE)
    regions = add_regions_layer(viewer, grid, TABLE, np.zeros(SHAPE, np.uint16), "ROIs")
    outlines = add_outlines_layer(viewer, regions)
    drawn = Outline(3, 0, ((1.0, 1.0), (1.0, 5.0), (5.0, 5.0), (5.0, 1.0)))
    show_outlines(outlines, [drawn], TABLE)
    table = with_opacity(TABLE, 3, 0.0)
    show_table(regions, table)
    recolor_outlines(outlines, table)
    show_outlined(regions, False)
    alpha = regions.colormap.map(np.array([3, 5]))[:, 3]
    np.testing.assert_allclose(alpha, [0, 0.5], atol=0.01)
    assert outlines.visible and outlines.edge_color[0, 3] == 1
