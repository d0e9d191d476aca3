"""A window with a series, its maps and the ROIs step."""

import numpy as np
import pytest
from drawing_cases import AFFINE, SHAPE
from napari.settings import get_settings
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, session_of


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
