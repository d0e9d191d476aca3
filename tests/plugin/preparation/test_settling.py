"""What is there when a dock has opened is not searched for garbage, and found all the same."""

import gc
import weakref

import numpy as np
import pytest

from napari_mrf.plugin.preparation.preparation import SWITCH
from napari_mrf.plugin.preparation.settling import SETTLING
from napari_mrf.plugin.readers import open_dock


@pytest.fixture
def settled(make_napari_viewer, qtbot, monkeypatch):
    """Return a viewer with a layer, in which a dock has opened."""
    gc.unfreeze()
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setattr("napari_mrf.plugin.preparation.row.PREPARATION.start", lambda: None)
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((8, 8)), name="before")
    dock = open_dock(viewer)
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0)
    yield viewer, dock
    SETTLING.end()


def test_a_search_goes_through_what_has_come_since(settled):
    assert gc.get_freeze_count() > 100_000  # the modules of napari and its libraries
    assert len(gc.get_objects()) < 0.1 * gc.get_freeze_count()


def test_a_layer_from_before_is_found_when_it_goes(settled):
    viewer, _ = settled
    layer = viewer.layers["before"]
    gone = weakref.ref(layer)
    layer.metadata["itself"] = layer
    del layer
    viewer.add_image(np.zeros((8, 8)), name="after")
    viewer.layers.remove("after")
    assert gc.get_freeze_count() > 0  # one from after is found without
    rare = gc.get_threshold()
    viewer.layers.remove("before")
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == (*rare[:2], rare[2] // 3)
    viewer.close()
    gc.collect()
    assert gone() is None


def test_a_window_that_is_closed_is_searched(settled, qtbot):
    viewer, dock = settled
    viewer.layers.clear()
    SETTLING.begin(dock)  # as of another dock
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0)
    dock.deleteLater()
    qtbot.waitUntil(lambda: gc.get_freeze_count() == 0)
