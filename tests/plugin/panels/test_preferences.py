"""What is changed in the preferences is seen at once: in the maps, the words and the numbers."""

import numpy as np
import pytest
from fit_cases import AFFINE, NAMES, SHAPE, filled_viewer
from gui_waits import wait_for_layers
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from superqt.utils import WorkerBase

from napari_mrf import ParameterMaps
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers import find_set
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

FF = np.linspace(0, 1, int(np.prod(SHAPE)), dtype=np.float32).reshape(SHAPE)


@pytest.fixture
def dock(qtbot, plugin_settings, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-mrf"))
    viewer = filled_viewer()
    maps = ParameterMaps({"FF": FF, "T1H2O": 1000 + FF}, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("known", maps, "thigh"))
    dock = MRFDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    wait_for_layers(qtbot, viewer)
    yield dock
    WorkerBase.await_workers(20_000)


def test_other_thresholds_change_maps_words_and_numbers_at_once(qtbot, dock):
    viewer = dock.viewer
    validity = get_plugin_settings("napari-mrf").validity
    statistics = dock.bindings["rois"].statistics
    dock.panels["rois"].statistics.maps_picker.setCurrentText("known")
    statistics.update()

    def shown():
        return np.isfinite(np.asarray(find_set(viewer, "known")["T1H2O"].data)).sum()

    def counted():
        return statistics._measured is not None and statistics._measured.options.thresholds

    assert shown() == (FF < 0.7).sum()
    qtbot.waitUntil(lambda: counted() == {"T1H2O": 0.7, "T1fat": 0.3}, timeout=20_000)
    validity.t1h2o_below = 0.4
    assert shown() == (FF < 0.4).sum()
    qtbot.waitUntil(lambda: counted() == {"T1H2O": 0.4, "T1fat": 0.3}, timeout=20_000)
    box = dock.panels["reconstruct"].results.validity
    assert box.isChecked()
    validity.hide_invalid = False
    assert shown() == FF.size
    assert not box.isChecked()
    validity.t1h2o_below = 0.5
    assert shown() == FF.size
    validity.hide_invalid = True
    assert shown() == (FF < 0.5).sum()
    assert set(session_of(viewer).regions.table) == set(NAMES)
