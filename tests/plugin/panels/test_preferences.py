"""What is changed in the preferences is seen at once: in the maps, the words and the numbers."""

import numpy as np
import pytest
from fit_cases import AFFINE, NAMES, SHAPE, filled_viewer
from gui_waits import wait_for_layers
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit
from superqt.utils import WorkerBase

from napari_mrf import ParameterMaps
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers import find_set
from napari_mrf.plugin.preferences import preferences
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
    validity.t1h2o_below = "0.4"
    assert shown() == (FF < 0.4).sum()
    qtbot.waitUntil(lambda: counted() == {"T1H2O": 0.4, "T1fat": 0.3}, timeout=20_000)
    box = dock.panels["reconstruct"].results.validity
    assert box.isChecked()
    validity.hide_invalid = False
    assert shown() == FF.size
    assert not box.isChecked()
    validity.t1h2o_below = "0.5"
    assert shown() == FF.size
    validity.hide_invalid = True
    assert shown() == (FF < 0.5).sum()
    assert set(session_of(viewer).regions.table) == set(NAMES)


def test_a_comparison_is_out_of_date_after_other_thresholds_until_it_is_run_again(qtbot, dock):
    session, compare = session_of(dock.viewer), dock.panels["compare"]
    section, binding = dock.sections["compare"], dock.bindings["compare"]
    validity = get_plugin_settings("napari-mrf").validity
    with qtbot.waitSignal(session.comparison.succeeded):
        binding.run()
    state = section.state()
    assert "against" in state and "out of date" not in state
    validity.hide_invalid = False  # of the display alone
    validity.t1fat_above = "0.25"  # of a map that one of the sets does not have
    assert section.state() == state
    validity.t1h2o_below = "0.25"
    assert section.state() == f"{state} · out of date"
    assert "thresholds of validity" in compare.notice.text()
    validity.t1h2o_below = "0.70"  # the same as before
    assert section.state() == state and not compare.notice.text()
    validity.t1h2o_below = "0.05"
    with qtbot.waitSignal(session.comparison.succeeded):
        qtbot.mouseClick(compare.notice.cure_button, Qt.MouseButton.LeftButton)
    assert section.state() == state
    rules = binding.results.compared.comparison.options.rois.thresholds
    assert rules == {"T1H2O": 0.05, "T1fat": 0.25}


@pytest.mark.filterwarnings("ignore:Could not resolve type hint:UserWarning")
@pytest.mark.parametrize(("typed", "counts"), [
    ("0.1", 0.1), ("0.05", 0.05), ("0.001", 0.001), ("1", 1.0), (".25", 0.25), ("0.70", 0.7),
    ("0,2", 0.2), ("", 0.7), ("1.5", 0.7), ("nan", 0.7), ("-0.1", 0.7), ("much", 0.7),
])  # fmt: skip
def test_what_is_typed_into_a_threshold_stays_and_counts(qtbot, dock, typed, counts, monkeypatch):
    told = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", told.append)
    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    (field,) = (one for one in dialog.findChildren(QLineEdit) if one.text() == "0.7")
    assert "Where this is none, 0.7 counts" in field.toolTip()
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, typed)
    assert field.text() == typed
    assert preferences().thresholds["T1H2O"] == counts
    is_none = typed in ("1.5", "nan", "-0.1", "much")
    last = told[-1:] if is_none else [one for one in told if one.startswith(f"{typed} is")]
    assert last == ([f"{typed} is no fat fraction from 0 to 1: 0.7 counts."] if is_none else [])
    shown = np.asarray(find_set(dock.viewer, "known")["T1H2O"].data)
    assert np.isfinite(shown).sum() == (np.float32(counts) > FF).sum()
    dialog.accept()
    assert get_plugin_settings("napari-mrf").validity.t1h2o_below == typed
