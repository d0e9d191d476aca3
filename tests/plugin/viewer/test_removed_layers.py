"""Layers that the user deletes, by key, button and menu: nothing is lost, nothing is left over."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers import find_errors, find_set, pins_layer, show_error, show_mask
from napari_mrf.plugin.layers.outlines import OUTLINES_KEY
from napari_mrf.plugin.layers.regions import REGIONS_KEY
from napari_mrf.plugin.layers.series import series_layer_data
from napari_mrf.plugin.panels.session.removed_bar import RemovedBar
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of
from napari_mrf.rois.polygons import Outline

SHAPE = (2, 6, 8)
AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])
VL = 7


def some_maps(fraction):
    return ParameterMaps(
        {"FF": np.full(SHAPE, fraction, np.float32), "T1H2O": np.full(SHAPE, 1000, np.float32)},
        quality=np.ones(SHAPE, np.float32), affine=AFFINE,
    )  # fmt: skip


def fill(qtbot, viewer):
    """Put a series, two sets of maps, regions with an outline, and pins into a viewer."""
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "thigh")
    for name, fraction in (("water-fat", 0.25), ("cohen", 0.5)):
        maps_display_of(viewer).add(MapsSet(name, some_maps(fraction), "thigh", 1.0))
    wait_for_layers(qtbot, viewer)
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 1:5, 2:6] = VL
    session.set_regions(Regions(labels, {VL: Label(VL, "VL_R", (32, 103, 0))}, "", AFFINE))
    square = ((0.5, 1.5), (0.5, 5.5), (4.5, 5.5), (4.5, 1.5))
    regions_editor_of(viewer).put_back_outlines([Outline(VL, 1, square)])
    session.set_pins(((0, 1, 2), (1, 2, 3)))
    wait_for_layers(qtbot, viewer)


@pytest.fixture
def dock(qtbot):
    viewer = ViewerModel()
    fill(qtbot, viewer)
    dock = MRFDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(340, 900)
    with qtbot.waitExposed(dock):
        dock.show()
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled)
    yield dock
    WorkerBase.await_workers(20_000)


def bar_of(dock):
    return dock.findChild(RemovedBar)


def press(qtbot, button):
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def delete(qtbot, dock, layers):
    """Delete layers as the bin button does, and let everybody hear of it."""
    dock.viewer.layers.selection = set(layers)
    with qtbot.waitSignal(removed_layers_of(dock.viewer).changed):
        dock.viewer.layers.remove_selected()
    wait_for_layers(qtbot, dock.viewer)
    return bar_of(dock).notice.text()


def undo(qtbot, dock):
    press(qtbot, bar_of(dock).notice.cure_button)
    wait_for_layers(qtbot, dock.viewer)


def content(viewer):
    """Return everything that must be as before after an undo."""
    session = session_of(viewer)
    return {
        "layers": list(viewer.layers),
        "shown": [layer.visible for layer in viewer.layers],
        "series": (session.series, session.series_name),
        "sets": list(session.maps_sets.values()),
        "regions": session.regions,
        "pins": session.pins,
        "outlines": regions_editor_of(viewer).layers.outlines,
    }


def with_key(key):
    return lambda viewer: [layer for layer in viewer.layers if key in layer.metadata]


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        (with_key("mrf_series"), "The series thigh was deleted. Its results stay."),
        (with_key(REGIONS_KEY), "The layer ROIs was deleted. Its regions still count."),
        (with_key(OUTLINES_KEY), "The layer ROIs outlines was deleted. What was drawn stays."),
        (with_key("mrf_pins"), "2 pins were deleted."),
        (lambda viewer: [find_set(viewer, "cohen")["FF"]], "The layer cohen · FF was deleted."),
        (lambda viewer: find_set(viewer, "water-fat").values(), "Maps of water-fat were removed."),
        (lambda viewer: list(viewer.layers), "8 layers were deleted."),
        (
            lambda viewer: [one for one in viewer.layers if REGIONS_KEY not in one.metadata],
            "7 layers were deleted.",
        ),
    ],
    ids=["series", "regions", "outlines", "pins", "a map", "a set", "everything", "no regions"],
)
def test_every_deletion_is_told_and_undone(qtbot, dock, which, sentence):
    viewer = dock.viewer
    pinned = pins_layer(viewer)
    before = content(viewer)
    for _ in range(2):  # what came back can go again
        assert delete(qtbot, dock, which(viewer)) == sentence
        after = content(viewer)
        assert after["regions"] is before["regions"]
        undo(qtbot, dock)
        back = content(viewer)
        if pinned not in back["layers"]:  # pins make a layer of their own
            back["layers"] = [pinned if one is pins_layer(viewer) else one
                              for one in back["layers"]]  # fmt: skip
        assert back == before
        assert not bar_of(dock).isVisible()
        pinned, before = pins_layer(viewer), content(viewer)


def test_a_deleted_map_is_shown_again_from_the_list_of_results(qtbot, dock):
    viewer, results = dock.viewer, dock.panels["reconstruct"].results
    layer = find_set(viewer, "cohen")["T1H2O"]
    layer.contrast_limits = (500, 900)
    assert not results.missing_button.isVisible()
    delete(qtbot, dock, [layer])
    assert "cohen" in session_of(viewer).maps_sets and results.current_maps() == "cohen"
    assert results.missing_button.text() == "Show T1H2O again"
    press(qtbot, results.missing_button)
    wait_for_layers(qtbot, viewer)
    assert find_set(viewer, "cohen")["T1H2O"] is layer
    assert not results.missing_button.isVisible() and not bar_of(dock).isVisible()
    # Also after it was let go for good.
    delete(qtbot, dock, [layer])
    press(qtbot, bar_of(dock).dismiss_button)
    assert not bar_of(dock).isVisible()
    press(qtbot, results.missing_button)
    wait_for_layers(qtbot, viewer)
    again = find_set(viewer, "cohen")["T1H2O"]
    assert again is not layer and np.array_equal(again.data, layer.data)


def test_layers_of_maps_that_were_made_anew_stay_away(qtbot, dock):
    viewer, display = dock.viewer, maps_display_of(dock.viewer)
    display.set_companion("cohen", "quality", True)
    wait_for_layers(qtbot, viewer)
    for keys in (["FF", "T1H2O", "quality"], ["quality", "T1H2O"]):
        layers = find_set(viewer, "cohen")
        delete(qtbot, dock, [layers[key] for key in keys])
        display.add(MapsSet("cohen", some_maps(0.75), "thigh", 1.0))
        wait_for_layers(qtbot, viewer)
        undo(qtbot, dock)
        again = find_set(viewer, "cohen")
        assert sorted(again) == ["FF", "T1H2O"]
        assert np.all(again["FF"].data == np.float32(0.75))
        assert len(session_of(viewer).maps_sets) == 2
        display.set_companion("cohen", "quality", True)
        wait_for_layers(qtbot, viewer)
    delete(qtbot, dock, [find_set(viewer, "cohen")["FF"]])
    display.add(MapsSet("cohen", some_maps(0.5), "thigh", 1.0))
    wait_for_layers(qtbot, viewer)
    assert not bar_of(dock).isVisible()  # shown again by another layer


def test_nothing_is_offered_to_be_undone_once_it_is_back(qtbot, dock):
    viewer, session = dock.viewer, session_of(dock.viewer)
    delete(qtbot, dock, with_key(REGIONS_KEY)(viewer))
    press_in_step(qtbot, dock, "rois", dock.panels["rois"].gone.cure_button)
    assert not bar_of(dock).isVisible()
    assert len([one for one in viewer.layers if OUTLINES_KEY in one.metadata]) == 1
    # Other pins than those that were deleted do not stand for them.
    before = session.pins
    delete(qtbot, dock, [pins_layer(viewer)])
    session.set_pins(((0, 0, 0),))
    wait_for_layers(qtbot, viewer)
    undo(qtbot, dock)
    assert session.pins == (*before, (0, 0, 0))


def press_in_step(qtbot, dock, step, button):
    def is_in_view():
        dock._scroll.ensureWidgetVisible(button)
        return button.visibleRegion().contains(button.rect().center())

    dock.sections[step].set_open(True)
    qtbot.waitUntil(is_in_view)
    press(qtbot, button)
    wait_for_layers(qtbot, dock.viewer)


def test_errors_go_and_come_with_their_maps(qtbot, dock):
    viewer, of = dock.viewer, ("water-fat", "cohen", "FF", "difference")
    error = show_error(viewer, np.zeros(SHAPE, np.float32), some_maps(0.5), of)
    assert delete(qtbot, dock, [error]) == "The layer water-fat − cohen · FF was deleted."
    undo(qtbot, dock)
    assert find_errors(viewer) == {of: error}
    delete(qtbot, dock, find_set(viewer, "cohen").values())
    assert not find_errors(viewer)
    undo(qtbot, dock)
    assert find_errors(viewer) == {of: error} and "cohen" in session_of(viewer).maps_sets


def test_a_mask_that_was_picked_is_picked_again(qtbot, dock):
    viewer, picker = dock.viewer, dock.panels["reconstruct"].mask_picker
    series = session_of(viewer).series
    made = [show_mask(viewer, np.ones(SHAPE, bool), series, "muscle"),
            viewer.add_labels(np.ones(SHAPE, int), name="by hand")]  # fmt: skip
    for layer in made:
        picker.setCurrentText(layer.name)
        assert delete(qtbot, dock, [layer]) == f"The layer {layer.name} was deleted."
        assert picker.currentText() != layer.name
        undo(qtbot, dock)
        assert picker.currentText() == layer.name
    # What is nobody's business stays napari's.
    viewer.layers.remove(viewer.add_image(np.zeros((4, 4)), name="not ours"))
    qtbot.wait(1)
    assert not removed_layers_of(viewer).sentence


def test_deletions_are_undone_one_after_the_other(qtbot, dock):
    viewer, session = dock.viewer, session_of(dock.viewer)
    before = content(viewer)
    for which in (find_set(viewer, "cohen").values(), find_set(viewer, "water-fat").values()):
        delete(qtbot, dock, which)
    assert not session.maps_sets and dock.panels["reconstruct"].results.isHidden()
    undo(qtbot, dock)
    assert list(session.maps_sets) == ["water-fat"]
    assert bar_of(dock).notice.text() == "Maps of cohen were removed."
    undo(qtbot, dock)
    assert content(viewer) == before


@pytest.mark.slow
def test_keys_and_the_bin_of_a_real_window(qtbot, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    fill(qtbot, viewer)
    before = content(viewer)
    listed, bin_button = (viewer.window._qt_viewer.layers,
                          viewer.window._qt_viewer.layerButtons.deleteButton)  # fmt: skip
    for way, which in (
        (lambda: qtbot.keyClick(listed, Qt.Key.Key_Delete), with_key(REGIONS_KEY)),
        (
            lambda: qtbot.mouseClick(bin_button, Qt.MouseButton.LeftButton),
            lambda viewer: find_set(viewer, "cohen").values(),
        ),
    ):
        viewer.layers.selection = set(which(viewer))
        with qtbot.waitSignal(removed_layers_of(viewer).changed):
            way()
        wait_for_layers(qtbot, viewer)
        assert not which(viewer)
        undo(qtbot, dock)
        assert content(viewer) == before
    WorkerBase.await_workers(20_000)


@pytest.fixture
def second(qtbot, dock):
    """Return the key of a second subject, which is shown and has maps of the same name."""
    viewer = dock.viewer
    series = MRFSeries(np.full((175, *SHAPE), 2, np.complex64), AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "other")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "other")
    maps_display_of(viewer).add(MapsSet("cohen", some_maps(0.75), "other", 1.0))
    wait_for_layers(qtbot, viewer)
    return session_of(viewer).subject.key


def first_of(viewer, second):
    return next(one.key for one in session_of(viewer).subjects if one.key != second)


def test_a_layer_comes_back_to_its_subject_hidden_while_another_is_shown(qtbot, dock, second):
    viewer, session = dock.viewer, session_of(dock.viewer)
    first = first_of(viewer, second)
    session.choose_subject(first)
    wait_for_layers(qtbot, viewer)
    before = content(viewer)
    session.choose_subject(second)
    wait_for_layers(qtbot, viewer)
    regions = next(one for one in viewer.layers if REGIONS_KEY in one.metadata)
    fraction = find_set(viewer, "cohen", first)["FF"]
    shown, layers = content(viewer), list(viewer.layers)
    for layer in (fraction, regions):
        assert delete(qtbot, dock, [layer]).startswith("thigh: The layer ")
        undo(qtbot, dock)
        assert not layer.visible
        assert session.subject.key == second
    assert content(viewer) == shown
    assert set(find_set(viewer, "cohen").values()).isdisjoint([fraction])
    assert delete(qtbot, dock, [regions])
    session.choose_subject(first)  # its regions count while their layer is gone
    wait_for_layers(qtbot, viewer)
    assert session.regions is before["regions"]
    assert regions not in viewer.layers
    undo(qtbot, dock)
    assert regions_editor_of(viewer).layer is regions
    assert content(viewer) == {**before, "layers": layers, "shown": content(viewer)["shown"]}
    assert [one.visible for one in before["layers"]] == before["shown"]


def test_a_subject_of_which_all_is_deleted_comes_back_with_all(qtbot, dock, second):
    viewer, session = dock.viewer, session_of(dock.viewer)
    first = first_of(viewer, second)
    session.set_regions(None, first)
    sets, series = dict(session.maps_sets_of(first)), session.series_of(first)
    pins = session.state_of(first).pins
    mine = [one for one in viewer.layers if one.metadata.get("mrf_subject") == first]
    delete(qtbot, dock, mine)
    assert [one.key for one in session.subjects] == [second]
    undo(qtbot, dock)
    assert session.subject.key == second
    assert {one.key for one in session.subjects} == {first, second}
    assert session.maps_sets_of(first) == sets
    assert session.series_of(first) is series
    assert session.state_of(first).pins == pins
    assert set(mine) <= set(viewer.layers)
    assert not any(one.visible for one in mine)


def test_what_was_deleted_of_a_subject_that_is_removed_is_offered_no_more(qtbot, dock, second):
    viewer = dock.viewer
    first = first_of(viewer, second)
    delete(qtbot, dock, [find_set(viewer, "cohen", first)["FF"]])
    subjects_display_of(viewer).remove(first)
    wait_for_layers(qtbot, viewer)
    assert removed_layers_of(viewer).sentence == ""
