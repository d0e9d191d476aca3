"""A window that was closed is freed, with its images: whatever was open in it and left to do."""

import gc
from weakref import ref

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent

from napari_mrf.plugin.panels.train.controller import training_of
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.session import one_per_viewer
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of


def test_object_that_refers_to_its_viewer_goes_with_it():
    of = one_per_viewer(lambda viewer: [viewer])
    viewer = ViewerModel()
    of(viewer)
    alive = ref(viewer)
    del viewer
    gc.collect()
    assert alive() is None


def test_objects_of_a_viewer_are_no_fields_of_it():
    of = one_per_viewer(lambda viewer: [viewer])
    viewer = ViewerModel()
    before = viewer.model_dump(exclude={"layers", "mouse_over_canvas"}), repr(viewer)
    assert of(viewer) is of(viewer)
    assert of(ViewerModel()) is not of(viewer)
    assert (viewer.model_dump(exclude={"layers", "mouse_over_canvas"}), repr(viewer)) == before


def open_training(viewer, dock):
    training_of(viewer).open(dock)


def leave_work(viewer, _):
    layer_turns_of(viewer).begin("test", (viewer.layers for _ in range(1000)))


@pytest.mark.parametrize("act", [lambda *_: None, open_training, leave_work])
def test_closed_window_is_freed(act, make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    act(viewer, open_dock(viewer))
    alive = ref(viewer)
    viewer.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer
    qtbot.waitUntil(lambda: gc.collect() >= 0 and alive() is None)
