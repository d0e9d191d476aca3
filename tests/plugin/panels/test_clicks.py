"""Clicks answer at once: what they must not do, and bounds on the time of the window's thread."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import Baseline, Importance
from napari_mrf.data import sequences
from napari_mrf.plugin.dock import SeriesDock
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.plot_colors import PlotColors
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.importance import importance_limits
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

RANGES = {"FF": (0, 1), "T1H2O": (900, 1500), "T1fat": (250, 350), "Df": (-60, 60), "B1": (0.6, 1)}
GENEROUS_S = 1.0


@pytest.fixture
def scene(qapp):
    viewer = ViewerModel()
    random = np.random.default_rng(0)
    values = {key: random.uniform(*ends, (5, 350, 350)) for key, ends in RANGES.items()}
    deviations = {key: np.abs(one) * 0.02 for key, one in values.items()}
    maps = ParameterMaps(values, uncertainty=deviations, affine=np.diag([1.0, 1.0, 8.0, 1.0]))
    maps_display_of(viewer).add(MapsSet("water-fat", maps, "thigh"))
    return SimpleNamespace(viewer=viewer, display=maps_display_of(viewer), maps=maps)


def names(viewer):
    return [layer.name.removeprefix("water-fat · ") for layer in viewer.layers]


def test_maps_come_one_a_turn_and_the_one_to_see_first(scene, qtbot):
    viewer, seen = scene.viewer, []
    assert session_of(viewer).maps_sets["water-fat"].maps is scene.maps
    viewer.layers.events.inserted.connect(lambda event: seen.append(len(seen)))
    while layer_turns_of(viewer).owners:
        before = len(seen)
        qtbot.waitUntil(lambda before=before: len(seen) != before
                        or not layer_turns_of(viewer).owners)  # fmt: skip
        assert len(seen) <= before + 1
        assert viewer.layers.selection.active.name == "water-fat · FF"
    assert names(viewer) == ["B1", "Df", "T1fat", "T1H2O", "FF"]
    assert [layer.visible for layer in viewer.layers] == [False] * 4 + [True]
    fraction, water = viewer.layers[4].data, viewer.layers[3].data
    assert np.array_equal(np.isnan(water), ~(fraction < 0.7))  # by the rule of validity


def test_maps_of_a_set_that_the_user_removes_stop_coming(scene, qtbot):
    viewer = scene.viewer
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    viewer.layers.clear()
    assert "water-fat" not in layer_turns_of(viewer).owners
    assert not session_of(viewer).maps_sets


def test_uncertainty_comes_by_turns_and_then_only_hides(scene, qtbot):
    viewer, turns = scene.viewer, layer_turns_of(scene.viewer)
    turns.finish()
    moved = []
    viewer.layers.events.removed.connect(moved.append)
    viewer.layers.events.reordered.connect(moved.append)
    before, active = len(viewer.layers), viewer.layers.selection.active
    start = time.thread_time()
    scene.display.set_companion("water-fat", "uncertainty", True)
    assert len(viewer.layers) == before
    turns.finish()
    assert len(viewer.layers) == before + 5 and viewer.layers.selection.active is active
    assert [layer.visible for layer in viewer.layers[-5:]] == [False] * 4 + [True]
    scene.display.set_companion("water-fat", "uncertainty", False)
    assert not any(layer.visible for layer in viewer.layers[-5:])
    assert turns.owners == ("canvas texts",)
    scene.display.set_companion("water-fat", "uncertainty", True)
    turns.finish()
    assert len(viewer.layers) == before + 5 and viewer.layers.selection.active is active
    assert viewer.layers[-1].visible
    assert not moved  # napari searches everything for garbage when a layer goes
    assert time.thread_time() - start < GENEROUS_S


def test_the_color_bar_follows_once_the_layers_are_at_rest(scene, qtbot):
    viewer = scene.viewer
    layer_turns_of(viewer).finish()
    show_canvas_texts(viewer)
    bars = []
    for layer in viewer.layers:
        layer.colorbar.events.visible.connect(lambda event, one=layer: bars.append(one.name))
    for layer in reversed(viewer.layers):
        layer.visible = layer.name == "water-fat · T1H2O"
    assert not bars
    wait_for_layers(qtbot, viewer)
    assert sorted(bars) == ["water-fat · FF", "water-fat · T1H2O"]
    assert viewer.canvas.overlays["mrf_title"].text == "Water T1 (ms)"


def test_another_run_reuses_the_layers_that_are_shown(scene):
    viewer, display, turns = scene.viewer, scene.display, layer_turns_of(scene.viewer)
    turns.finish()
    display.set_companion("water-fat", "uncertainty", True)
    turns.finish()
    before, gone = [*viewer.layers], []
    viewer.layers.events.removed.connect(gone.append)
    doubled = {key: 2 * one for key, one in scene.maps.uncertainty.items()}
    again = ParameterMaps(dict(scene.maps), uncertainty=doubled, affine=scene.maps.affine)
    display.add(MapsSet("water-fat", again, "thigh"))
    turns.finish()
    assert [*viewer.layers] == before and not gone
    layer = viewer.layers["water-fat · FF SD"]
    assert layer.visible and np.nanmax(layer.data) == np.nanmax(doubled["FF"])
    plain = ParameterMaps(dict(scene.maps), affine=scene.maps.affine)
    display.add(MapsSet("water-fat", plain, "thigh"))
    turns.finish()
    assert names(viewer) == ["B1", "Df", "T1fat", "T1H2O", "FF"]  # it tells of no uncertainty


def test_a_companion_switched_to_and_fro_is_there_as_it_was_asked_for_last(scene):
    viewer, turns = scene.viewer, layer_turns_of(scene.viewer)
    turns.finish()
    for wanted in ((True, False), (True, False, True), (True, False, True, False)):
        for is_shown in wanted:
            scene.display.set_companion("water-fat", "mask", is_shown)
        turns.finish()
        shown = [name for name, layer in zip(names(viewer), viewer.layers, strict=True)
                 if layer.visible]  # fmt: skip
        assert ("mask" in shown) == wanted[-1]


def test_work_takes_turns_in_order_and_an_error_ends_only_its_own(qtbot):
    turns, done = layer_turns_of(ViewerModel()), []

    def pieces(name):
        for number in range(2):
            done.append((name, number))
            yield

    def broken():
        yield
        raise KeyError("broken")

    turns.begin("a", pieces("a"))
    turns.begin("b", pieces("b"))
    assert not done and turns.owners == ("a", "b")
    turns.begin("a", pieces("again"))  # what was begun is finished first
    assert done == [("a", 0), ("a", 1)]
    turns.begin("broken", broken())
    turns.begin("c", pieces("c"))
    turns.drop("b")
    with qtbot.capture_exceptions() as raised:
        qtbot.waitUntil(lambda: not turns.owners)
    assert [kind for kind, *_ in raised] == [KeyError]
    assert done[2:] == [("again", 0), ("again", 1), ("c", 0), ("c", 1)]


def test_work_ends_with_the_panel_that_it_touches(qtbot):
    turns, panel, done = layer_turns_of(ViewerModel()), QWidget(), []

    def pieces():
        for number in range(3):
            done.append(number)
            panel.deleteLater()
            yield

    turns.begin("a", pieces(), panel)
    qtbot.waitUntil(lambda: not turns.owners)
    assert done == [0]


@pytest.mark.parametrize("n_selected", [0, 1, 2])
def test_what_is_selected_stays_selected_and_nobody_hears_of_it(n_selected):
    viewer = ViewerModel()
    first = [viewer.add_image(np.zeros((4, 4)), name=name) for name in "abc"]
    selection = viewer.layers.selection
    selection.clear()
    selection.update(first[:n_selected])
    active, heard = selection.active, []
    selection.events.changed.connect(heard.append)
    selection.events.active.connect(heard.append)
    with keeping_selection(viewer):
        viewer.add_image(np.zeros((4, 4)), name="d")
        viewer.add_labels(np.zeros((4, 4), int), name="e")
    assert set(selection) == set(first[:n_selected]) and selection.active is active
    assert not heard
    viewer.add_points([(1, 1)])
    assert heard and selection.active is viewer.layers[-1]


def test_an_error_leaves_the_selection_as_it_was():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((4, 4)))
    with pytest.raises(KeyError), keeping_selection(viewer):
        viewer.add_image(np.zeros((4, 4)))
        raise KeyError
    assert viewer.layers.selection.active is image
    viewer.add_image(np.zeros((4, 4)))
    assert viewer.layers.selection.active is viewer.layers[-1]


def test_limits_of_a_large_importance_are_those_of_all_values():
    random, shape = np.random.default_rng(3), (175, 60_000)
    spread = random.uniform(1, 40, shape[1])  # voxels and frames differ
    change = (random.exponential(1, shape) * spread * np.linspace(0.2, 3, 175)[:, None]).astype(
        "f4"
    )
    change[:, :5000] = np.nan
    places = np.zeros((3, shape[1]), int)
    importance = Importance(
        "water-fat", sequences.t1ff(), np.arange(175), ImportanceOptions(), "itself",
        np.repeat(np.arange(175), 2).reshape(-1, 2), places, (5, 350, 350), None,
        {"T1H2O": Baseline(0.0, 600.0, shape[1], "all")}, {}, {}, {}, {"T1H2O": change},
    )  # fmt: skip
    start = time.thread_time()
    low, high = importance_limits(importance, "T1H2O")
    assert time.thread_time() - start < GENEROUS_S / 2
    assert low == 0
    assert high == pytest.approx(np.nanpercentile(change, 99), rel=0.02)


def test_axes_are_styled_once_a_theme(qtbot, monkeypatch):
    canvas = PlotCanvas()
    qtbot.addWidget(canvas)
    axes = canvas.figure.add_subplot()
    calls = []
    monkeypatch.setattr(axes, "tick_params", lambda **options: calls.append(options["colors"]))
    canvas.draw()
    axes.set_xlim(0, 5)
    canvas.draw()
    assert calls == [canvas.colors.text]
    canvas.set_colors(PlotColors.of_theme("light"))
    canvas.draw()
    assert calls == [PlotColors.of_theme("dark").text, PlotColors.of_theme("light").text]
    canvas.figure.clear()
    fresh = canvas.figure.add_subplot()
    canvas.draw()
    assert fresh.get_facecolor() == axes.get_facecolor()


def test_the_sequence_that_is_in_force_picked_again_begins_nothing_anew(qtbot):
    viewer = ViewerModel()
    dock = SeriesDock(viewer)
    qtbot.addWidget(dock)
    sequence = sequences.t1ff()
    series = MRFSeries(np.ones((175, 1, 4, 4), np.complex64), np.eye(4), sequence)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session, panel, heard = session_of(viewer), dock.panels["series"], []
    session.series_changed.connect(heard.append)
    panel.set_problem("earlier")
    panel.sequence_picker.textActivated.emit(sequence.name)
    assert session.series is series and not heard
    assert panel.notice.isHidden()
