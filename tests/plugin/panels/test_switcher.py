"""The Maps bar: one click, one map; what is seen is what the bar says."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.io import save_maps
from napari_mrf.plugin.layers import series_layer_data, show_pins
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.layers.outlines import add_outlines_layer
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.panels.compare.controller import CompareBinding
from napari_mrf.plugin.panels.compare.panel import ComparePanel
from napari_mrf.plugin.panels.shared.texts import KNOWN_TRUTH
from napari_mrf.plugin.panels.switcher.bar import SwitcherBar
from napari_mrf.plugin.panels.switcher.controller import SwitcherBinding
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.map_choice import map_choice_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

AFFINE = np.diag([-1.5, -2.0, 8.0, 1.0])
SHAPE = (2, 4, 5)
LEFT = Qt.MouseButton.LeftButton


def maps(*keys, shape=SHAPE):
    values = {key: np.full(shape, 0.5) for key in keys}
    return ParameterMaps(values, affine=AFFINE, quality=np.ones(shape, np.float32),
                         uncertainty={key: np.full(shape, 0.1) for key in keys})  # fmt: skip


@pytest.fixture
def scene(qtbot):
    viewer, bar = ViewerModel(), SwitcherBar()
    binding = SwitcherBinding(viewer, bar)
    qtbot.addWidget(bar)
    series = MRFSeries(np.ones((3, *SHAPE), np.complex64), AFFINE)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    scene = SimpleNamespace(viewer=viewer, bar=bar, binding=binding, series=series)

    def rest():
        wait_for_layers(qtbot, viewer)
        heard = []
        map_choice_of(viewer).changed.connect(lambda: heard.append(1))
        map_choice_of(viewer)._on_event()
        qtbot.waitUntil(lambda: bool(heard))
        wait_for_layers(qtbot, viewer)

    def add(name, *keys):
        maps_display_of(viewer).add(MapsSet(name, maps(*keys), "thigh"))
        rest()

    def click(button):
        qtbot.mouseClick(button, LEFT)
        rest()

    def pick(picker, text):
        at = picker.findText(text)
        assert at >= 0, [picker.itemText(one) for one in range(picker.count())]
        picker.setFocus()
        picker.setCurrentIndex(at)
        picker.activated.emit(at)
        picker.textActivated.emit(text)
        rest()

    def seen():
        return {layer.name for layer in viewer.layers if layer.visible} - {"thigh"}

    def pressed():
        return {key for key, button in bar.map_buttons.items() if button.isChecked()}

    bar.resize(300, 200)
    bar.show()
    scene.__dict__.update(rest=rest, add=add, click=click, pick=pick, seen=seen, pressed=pressed)
    return scene


def labels_of(scene):
    return [button.text() for button in scene.bar.map_buttons.values()]


def test_a_click_shows_one_map_of_all_sets_and_leaves_what_is_drawn(scene):
    scene.add("a", "FF", "T1H2O", "Df")
    scene.add("b", "FF", "T1H2O", "Df")
    assert scene.seen() == {"b · FF"}  # a new set is not seen through the one before
    grid, table = RegionGrid.of_series(scene.series), {7: Label(7, "VL_R", (0, 160, 0))}
    regions = add_regions_layer(scene.viewer, grid, table, np.ones(SHAPE), "ROIs")
    outlines = add_outlines_layer(scene.viewer, regions)
    pins = show_pins(scene.viewer, [(0, 1, 1)], scene.series)
    drawn = {regions.name, outlines.name, pins.name}
    for key in ("T1H2O", "Df", "FF"):
        scene.click(scene.bar.map_buttons[key])
        assert scene.seen() == {f"b · {key}"} | drawn
        assert scene.pressed() == {key}
        assert scene.viewer.layers.selection.active.name == f"b · {key}"
    scene.pick(scene.bar.set_picker, "a")
    assert scene.seen() == {"a · FF"} | drawn
    scene.click(scene.bar.map_buttons["FF"])  # again: the series alone
    assert scene.seen() == drawn and not scene.pressed()


def test_buttons_are_those_of_the_maps_and_fit_a_narrow_dock(scene):
    assert not scene.bar.map_buttons
    scene.add("knee", "FF", "T1H2O", "T1fat", "Df", "B1", "PD")
    assert labels_of(scene) == ["FF", "Water T1", "Fat T1", "Df", "B1", "PD", "Quality", "SD"]
    assert all(button.toolTip() for button in scene.bar.map_buttons.values())
    assert "Water T1 (ms)" in scene.bar.map_buttons["T1H2O"].toolTip()
    assert "Ctrl+2" in scene.bar.map_buttons["T1H2O"].toolTip()
    for button in (*scene.bar.map_buttons.values(), scene.bar.planes_button):
        assert button.isVisible()
        right = button.mapTo(scene.bar, button.rect().topRight()).x()
        assert right < 300 and button.width() >= button.sizeHint().width()
    scene.add("brain", "T1", "T2")
    assert labels_of(scene) == ["T1", "T2", "Quality", "SD"]
    assert scene.seen() == {"brain · T1"}


def test_uncertainty_is_that_of_the_map_that_is_seen_and_is_made_once(scene):
    scene.add("a", "FF", "T1H2O")
    scene.click(scene.bar.map_buttons["T1H2O"])
    scene.click(scene.bar.map_buttons["uncertainty"])
    assert scene.seen() == {"a · T1H2O SD (ms)"}
    assert scene.pressed() == {"T1H2O", "uncertainty"}
    n_layers = len(scene.viewer.layers)
    scene.click(scene.bar.map_buttons["FF"])
    assert scene.seen() == {"a · FF"}
    scene.click(scene.bar.map_buttons["uncertainty"])
    assert scene.seen() == {"a · FF SD"}
    scene.click(scene.bar.map_buttons["uncertainty"])  # again: the map
    assert scene.seen() == {"a · FF"}
    scene.click(scene.bar.map_buttons["quality"])
    assert scene.seen() == {"a · quality"} and scene.pressed() == {"quality"}
    assert len(scene.viewer.layers) == n_layers + 1
    scene.binding.show_uncertainty()
    scene.rest()
    assert scene.seen() == {"a · FF SD"}  # of the map that was seen last


def test_the_bar_follows_the_eyes_of_the_layers(scene):
    scene.add("a", "FF", "T1H2O")
    scene.add("b", "FF", "T1H2O")
    layers = scene.viewer.layers
    layers["a · T1H2O"].visible = True
    scene.rest()
    assert scene.bar.state.text() == "several" and not scene.pressed()
    layers["b · FF"].visible = False
    scene.rest()
    assert scene.bar.state.text() == "" and scene.pressed() == {"T1H2O"}
    assert scene.bar.set_picker.currentText() == "a"
    # The status bar tells of the active layer, which must not be one that is hidden.
    assert layers.selection.active is layers["a · T1H2O"]
    layers["a · T1H2O"].visible = False
    scene.rest()
    assert not scene.pressed() and scene.bar.set_picker.currentText() == "a"
    layers.clear()
    scene.rest()
    assert not scene.bar.map_buttons and not scene.bar.set_picker.isVisible()


def test_a_tool_in_hand_stays_in_hand(scene):
    scene.add("a", "FF", "T1H2O")
    regions = add_regions_layer(scene.viewer, RegionGrid.of_series(scene.series), {},
                                np.zeros(SHAPE), "ROIs")  # fmt: skip
    scene.viewer.layers.selection.active = regions
    regions.mode = "paint"
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert scene.viewer.layers.selection.active is regions and regions.mode == "paint"
    regions.mode = "pan_zoom"
    scene.click(scene.bar.map_buttons["FF"])
    assert scene.viewer.layers.selection.active.name == "a · FF"


def test_the_other_method_shows_the_same_map(scene):
    scene.add("a", "FF", "T1H2O", "Df")
    scene.add("b", "FF", "T1H2O")
    scene.add("brain", "T1")
    scene.pick(scene.bar.set_picker, "a")  # has no T1
    assert scene.seen() == {"a · FF"}
    scene.click(scene.bar.map_buttons["T1H2O"])
    for name in "bab":
        scene.binding.show_other_set()
        scene.rest()
        assert scene.seen() == {f"{name} · T1H2O"}
        assert scene.bar.set_picker.currentText() == name


def test_a_map_whose_layer_was_deleted_comes_back_at_a_click_and_not_before(scene):
    scene.add("a", "FF", "T1H2O")
    scene.add("b", "FF", "T1H2O")
    scene.viewer.layers.remove("b · T1H2O")
    scene.rest()
    assert "b · T1H2O" not in scene.viewer.layers
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert scene.seen() == {"b · T1H2O"}


def test_a_click_answers_within_a_tenth_of_a_second(qtbot, scene):
    large = (5, 350, 350)
    for name in "ab":
        values = maps("FF", "T1H2O", "T1fat", "Df", "B1", shape=large)
        maps_display_of(scene.viewer).add(MapsSet(name, values, "thigh"))
    scene.rest()
    worst = 0.0
    for key in ("T1H2O", "T1fat", "Df", "B1", "FF"):
        start = time.thread_time()
        qtbot.mouseClick(scene.bar.map_buttons[key], LEFT)
        worst = max(worst, time.thread_time() - start)
        assert scene.seen() == {f"b · {key}"}
    assert worst < 0.1


def test_flicker_alternates_and_ends_with_the_map_it_began_with(qtbot, scene):
    scene.add("a", "FF")
    assert not scene.bar.flicker_button.isEnabled()  # with itself
    scene.add("a", "FF", "T1H2O")
    assert scene.bar.flicker_button.isEnabled()
    scene.add("b", "FF", "T1H2O")
    assert scene.seen() == {"b · FF"}
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    assert scene.bar.other_set_picker.isVisible()
    for name in "abab":
        qtbot.waitUntil(lambda name=name: scene.seen() == {f"{name} · FF"})
        qtbot.waitUntil(lambda: scene.pressed() == {"FF"})
        assert scene.bar.set_picker.currentText() == "b"
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    assert scene.seen() == {"b · FF"}
    # A map that is chosen meanwhile ends it, and stays.
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    qtbot.waitUntil(lambda: scene.seen() == {"a · FF"})
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert scene.seen() == {"b · T1H2O"} and not scene.bar.flicker_button.isChecked()
    assert not scene.binding.flicker.is_on()
    # So does an eye.
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    qtbot.waitUntil(lambda: scene.seen() == {"a · T1H2O"})
    scene.viewer.layers["b · FF"].visible = True
    qtbot.waitUntil(lambda: not scene.bar.flicker_button.isChecked())
    assert scene.seen() == {"a · T1H2O", "b · FF"}


def test_a_layer_that_goes_ends_the_flicker(qtbot, scene):
    scene.add("a", "FF")
    scene.add("b", "FF")
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    qtbot.waitUntil(lambda: scene.seen() == {"a · FF"})
    scene.viewer.layers.remove("a · FF")
    qtbot.waitUntil(lambda: not scene.bar.flicker_button.isChecked())
    assert "a · FF" not in scene.viewer.layers


def test_the_other_side_can_be_any_map_of_any_set(qtbot, scene):
    scene.add("a", "FF", "T1H2O")
    right = scene.binding.layer_at_right
    scene.click(scene.bar.beside_button)  # no window, no dock: the row to pick from all the same
    assert right().name == "a · T1H2O"  # of one set, the map after it
    scene.add("b", "FF", "T1H2O")
    assert right().name == "a · FF"
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert right().name == "a · T1H2O"
    scene.pick(scene.bar.other_map_picker, "FF")
    assert right().name == "a · FF"
    scene.pick(scene.bar.other_set_picker, "b")
    assert right().name == "b · FF"
    scene.click(scene.bar.flicker_button)
    scene.click(scene.bar.flicker_button)
    scene.pick(scene.bar.other_map_picker, "FF SD")
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)  # its layer comes in the next turns
    qtbot.waitUntil(lambda: scene.seen() == {"b · FF SD"})
    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    scene.rest()
    assert scene.seen() == {"b · T1H2O"}


def test_the_known_truth_is_offered_beside_before_compare_has_opened_it(
    qtbot, scene, tmp_path, monkeypatch
):
    known = {"FF": np.full(SHAPE, 0.4), "T1H2O": np.full(SHAPE, 1300.0)}
    save_maps(ParameterMaps(known, affine=AFFINE), tmp_path / "truth")
    scene.add("a", "FF", "T1H2O")
    panel = ComparePanel()
    qtbot.addWidget(panel)
    scene.binding.offer_truth(CompareBinding(scene.viewer, panel).opening)
    monkeypatch.setattr(scene.binding._beside, "widget", True)  # as if it were open
    picker = scene.bar.other_set_picker
    assert picker.findText(KNOWN_TRUTH) < 0
    series = MRFSeries(scene.series.signal, AFFINE, source_path=str(tmp_path / "thigh.nii"))
    scene.viewer.layers["thigh"].metadata["mrf_series"] = series
    session_of(scene.viewer).set_series(series, "thigh")
    scene.add("a", "FF", "T1H2O")
    scene.click(scene.bar.map_buttons["T1H2O"])
    with qtbot.waitSignal(session_of(scene.viewer).maps_changed, timeout=10_000):
        scene.pick(picker, KNOWN_TRUTH)
    scene.rest()
    assert scene.seen() == {"a · T1H2O"}  # the canvas keeps its map
    assert scene.binding.layer_at_right().name == "truth · T1H2O"
    assert picker.currentText() == "truth" and picker.findText(KNOWN_TRUTH) < 0
    assert not {panel.current("reference"), panel.current("test")} & {"truth"}


def test_maps_of_two_visits_flicker_each_over_the_images_of_its_own(qtbot, scene):
    viewer, right = scene.viewer, scene.binding.layer_at_right
    scene.add("a", "FF", "T1H2O")
    scene.add("b", "FF", "T1H2O")
    data, attributes, _ = series_layer_data(scene.series, "first")
    first = viewer.add_image(data, **attributes)
    first.visible = False
    viewer.layers.move(len(viewer.layers) - 1, 0)  # below its maps, as a scan that was opened first
    here = viewer.layers["b · FF"].metadata.get(SUBJECT_KEY, "1")
    for layer in viewer.layers:
        is_first = layer is first or layer.name.startswith("a ")
        layer.metadata = {**layer.metadata, SUBJECT_KEY: "99" if is_first else here}
        if layer.name.startswith("a "):
            layer.name = f"visit 1 · {layer.name}"
    first.metadata = {**first.metadata, "mrf_shown": True}  # with its subject
    session_of(viewer).remove_maps("a")
    scene.rest()

    def all_seen():
        return {layer.name for layer in viewer.layers if layer.visible}

    def title():
        return viewer.canvas.overlays["mrf_title"].text

    qtbot.mouseClick(scene.bar.flicker_button, LEFT)
    assert scene.bar.other_set_picker.currentText() == "visit 1 · a"
    for _ in range(2):
        qtbot.waitUntil(lambda: all_seen() == {"first", "visit 1 · a · FF"})
        qtbot.waitUntil(lambda: title() == "Fat fraction\nvisit 1 · a")
        qtbot.waitUntil(lambda: all_seen() == {"thigh", "b · FF"})
        qtbot.waitUntil(lambda: title() == "Fat fraction\nb")
    qtbot.waitUntil(lambda: all_seen() == {"first", "visit 1 · a · FF"})
    viewer.layers["b · T1H2O"].visible = True  # an eye ends it, and the scan in hand comes back
    qtbot.waitUntil(lambda: not scene.bar.flicker_button.isChecked())
    assert {"thigh", "b · T1H2O"} <= all_seen() and "first" not in all_seen()
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert all_seen() == {"thigh", "b · T1H2O"}
    assert right().name == "visit 1 · a · T1H2O"


def test_another_subject_is_offered_beside_only_with_the_same_map(qtbot, scene):
    scene.add("matched", "T1", "T2")
    scene.add("a", "FF", "T1H2O")
    here = scene.viewer.layers["a · FF"].metadata.get(SUBJECT_KEY, "1")
    for layer in scene.viewer.layers:
        is_brain = layer.name.startswith("matched")
        layer.metadata = {**layer.metadata, SUBJECT_KEY: "99" if is_brain else here}
        if is_brain:
            layer.name = f"brain · {layer.name}"
    session_of(scene.viewer).remove_maps("matched")
    scene.rest()
    picker = scene.bar.other_set_picker
    assert picker.findText("brain · matched") >= 0
    assert picker.currentText() == "a"  # nothing of the brain is like the map on the canvas
    assert scene.binding.layer_at_right().name == "a · T1H2O"


def test_beside_says_which_map_is_not_there(qtbot, scene):
    scene.add("b", "FF")
    scene.add("a", "FF", "T1H2O")
    scene.click(scene.bar.map_buttons["T1H2O"])
    assert scene.bar.other_set_picker.currentText() == "b"
    beside = scene.binding._make_beside()
    qtbot.addWidget(beside)
    assert beside.picture.scene.message == "b has no Water T1. Pick another map."
    scene.click(scene.bar.map_buttons["uncertainty"])
    beside.refresh()
    assert beside.picture.scene.message == "b has no Water T1 SD. Pick another map."
    scene.click(scene.bar.map_buttons["FF"])
    beside.refresh()
    assert not beside.picture.scene.message
