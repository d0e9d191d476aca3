"""A session brings everything back: results, layers and how they look, views, what is picked."""

import json
from contextlib import contextmanager
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from gui_waits import wait_for_layers
from importance_cases import OneFrame
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.comparison import compare as comparing
from napari_mrf.analysis.comparison.subjects import find_study
from napari_mrf.analysis.importance import measure as measuring
from napari_mrf.analysis.importance.measure import iter_importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.io import Label, save_labels, save_maps, save_series
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers import find_errors, find_set, show_b1, show_mask
from napari_mrf.plugin.layers.importance import IMPORTANCE_KEY
from napari_mrf.plugin.layers.metadata import SET_KEY
from napari_mrf.plugin.layers.subjects import is_here, name_alone
from napari_mrf.plugin.panels.compare.cohort import state_of
from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.importance.result import importance_store_of
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.kept import LeftWork
from napari_mrf.plugin.panels.session.study import studies_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import Outline

AFFINE = np.diag([-1.5, -1.5, -4.0, 1.0])  # slices run to the feet: shown in reverse order
SHAPE = (2, 12, 16)
VL, RF = 7, 10
SQUARES = [Outline(VL, 1, ((1.5, 1.5), (1.5, 6.5), (7.5, 6.5), (7.5, 1.5))),
           Outline(RF, 0, ((2.5, 8.5), (2.5, 14.5), (9.5, 14.5), (9.5, 8.5)))]  # fmt: skip
LOOKS = ("name", "visible", "opacity", "blending", "gamma", "contrast_limits", "contour",
         "contrast_limits_range")  # fmt: skip


def some_maps(seed):
    rng = np.random.default_rng(seed)
    maps = {"FF": rng.uniform(0, 0.6, SHAPE), "T1H2O": rng.uniform(900, 1500, SHAPE)}
    maps = {key: values.astype(np.float32) for key, values in maps.items()}
    maps["FF"][0, 0, :3] = np.nan
    return ParameterMaps(
        maps, quality=rng.uniform(0.8, 1, SHAPE).astype(np.float32),
        uncertainty={key: np.full(SHAPE, 0.02, np.float32) for key in maps}, affine=AFFINE,
    )  # fmt: skip


@contextmanager
def window(qtbot):
    dock = MRFDock(ViewerModel())
    qtbot.addWidget(dock)
    dock.resize(340, 1000)
    with qtbot.waitExposed(dock):
        dock.show()
    for section in dock.sections.values():
        section.set_open(True)
    yield dock
    WorkerBase.await_workers(60_000)


def press(qtbot, dock, button):
    dock._scroll.ensureWidgetVisible(button)
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(qtbot, dock):
    """Wait until what was asked for is there."""
    binding = dock.session_binding
    qtbot.waitUntil(lambda: not binding.job.status.is_running)
    wait_for_layers(qtbot, dock.viewer)
    panels = dock.panels
    qtbot.waitUntil(panels["reconstruct"].run_button.isEnabled)
    qtbot.waitUntil(lambda: panels["importance"].current_method() != "")
    qtbot.waitUntil(lambda: not dock.bindings["rois"].statistics.job.status.is_running)


@pytest.fixture
def path(tmp_path):
    """Return a series file."""
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(175, *SHAPE)) + 1j * rng.normal(size=(175, *SHAPE))
    path = tmp_path / "thigh.nii.gz"
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequences.t1ff()), path)
    return path


def fill(qtbot, dock, path):
    """Make a study of everything that a session can hold, none of it as it is by default."""
    viewer, session, panels = dock.viewer, session_of(dock.viewer), dock.panels
    dock.bindings["series"].open_file(path)
    qtbot.waitUntil(panels["reconstruct"].run_button.isEnabled)
    for seed, name in enumerate(("water-fat", "cohen")):
        maps_display_of(viewer).add(MapsSet(name, some_maps(seed), "thigh", 2.5))
    wait_for_layers(qtbot, viewer)
    labels = np.zeros(SHAPE, np.uint16)
    for square in SQUARES:
        labels[square.z][square.mask(SHAPE[1:])] = square.label
    table = {VL: Label(VL, "mine", (1, 2, 3)), RF: Label(RF, "RF_R", (32, 103, 0))}
    session.set_regions(Regions(labels, table, "", AFFINE))
    regions_editor_of(viewer).put_back_outlines(SQUARES)
    session.set_pins(((0, 3, 4), (1, 2, 3)))
    wait_for_layers(qtbot, viewer)
    compare(qtbot, dock)
    importance(qtbot, dock)
    choose(qtbot, dock)
    regions_editor_of(viewer).flush()  # regions come to the front before they are put elsewhere
    show(dock)
    settle(qtbot, dock)


def compare(qtbot, dock):
    panel, session = dock.panels["compare"], session_of(dock.viewer)
    panel.rules.min_voxels.setValue(3)
    with qtbot.waitSignal(session.comparison.succeeded):
        press(qtbot, dock, panel.run_button)
    dock.bindings["compare"].results.show_map("T1H2O")
    panel.results.set_tab("bland-altman")
    panel.regions.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    panel.results.error_picker.setCurrentIndex(1)
    panel.results.regions_only.setChecked(True)
    dock.bindings["compare"].results._on_error_requested()
    wait_for_layers(qtbot, dock.viewer)


def importance(qtbot, dock):
    series = session_of(dock.viewer).series
    options = ImportanceOptions(repeats=2, group=25, voxels=40)
    method = OneFrame(series.sequence, 30)
    last = result_of(iter_importance(method, series, options=options, keep="FF"))
    result = getattr(last, "importance", last)
    importance_store_of(dock.viewer).show(result, series)
    press(qtbot, dock, dock.panels["importance"].layer_button)
    wait_for_layers(qtbot, dock.viewer)


def choose(qtbot, dock):
    viewer, session, panels = dock.viewer, session_of(dock.viewer), dock.panels
    reconstruct, inspect, rois = panels["reconstruct"], panels["inspect"], panels["rois"]
    mask = np.zeros(SHAPE, bool)
    mask[:, 2:9] = True
    show_mask(viewer, mask, session.series, "muscle")
    file = {"path": "b1.nii.gz", "sha256": "0" * 64, "warnings": ()}
    show_b1(viewer, np.full(SHAPE, 90.0), session.series, "measured B1", file)
    viewer.add_labels(mask[::-1, ::-1].astype(int), name="by hand", scale=(4.0, 1.5, 1.5))
    reconstruct.mask_picker.setCurrentText("by hand")
    reconstruct.b1_picker.setCurrentText("measured B1")
    reconstruct.b1_unit_picker.setCurrentIndex(1)
    reconstruct.options.set_value("window", 25)
    panels["importance"].mask_picker.setCurrentText("muscle")
    panels["importance"].truth_picker.setCurrentText("cohen")
    panels["importance"].settings.set_value("repeats", 2)
    reconstruct.results.maps_picker.setCurrentText("water-fat")
    dock.bindings["reconstruct"].results.panel.maps_changed.emit("water-fat")
    press(qtbot, dock, reconstruct.results.companions["uncertainty"])
    wait_for_layers(qtbot, viewer)
    inspect.component_picker.setCurrentText("phase")
    dock.bindings["inspect"]._on_maps_chosen(("cohen",))
    dock.bindings["inspect"]._on_regions_chosen((str(VL),))
    dock.bindings["inspect"].readings.look_at((1, 4, 5))
    rois.tree.select(RF)
    session.choose_region(RegionChoice(VL))
    rois.statistics.per_slice.setChecked(True)


def show(dock):
    """Change how layers look, their order, and where one looks."""
    viewer = dock.viewer
    viewer.layers.remove(find_set(viewer, "cohen")["T1H2O"])  # by hand
    fraction = find_set(viewer, "water-fat")["FF"]
    fraction.contrast_limits, fraction.colormap, fraction.gamma = (0.1, 0.4), "viridis", 0.7
    fraction.opacity, fraction.blending, fraction.visible = 0.6, "additive", True
    editor = regions_editor_of(viewer)
    editor.layer.name, editor.layer.contour = "my regions", 1
    editor.outlines_layer.visible = False
    viewer.layers.move(viewer.layers.index(fraction), 1)
    viewer.layers.selection = {fraction, editor.layer}
    viewer.layers.selection.active = fraction
    viewer.dims.set_point(0, 60)
    viewer.dims.set_point(1, 4.0)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0.0, 7.5, 9.25), 3.5


def layers_of(viewer):
    return [
        {
            **{name: getattr(layer, name) for name in LOOKS if hasattr(layer, name)},
            "kind": type(layer).__name__,
            "data": [np.asarray(one) for one in layer.data]
            if isinstance(layer.data, list) else np.asarray(layer.data),
            "colormap": getattr(getattr(layer, "colormap", None), "name", None),
            "features": layer.features.to_dict() if hasattr(layer, "features") else None,
            "is_selected": layer in viewer.layers.selection,
        }
        for layer in viewer.layers
    ]  # fmt: skip


def content(dock):
    """Return every number, layer, view and choice of a window."""
    viewer, session = dock.viewer, session_of(dock.viewer)
    compared = compare_memory_of(viewer).here.compared
    found = importance_store_of(viewer).result
    points = dock.bindings["compare"].results
    return {
        "layers": layers_of(viewer),
        "active": viewer.layers.selection.active.name,
        "view": (viewer.dims.point, viewer.scene.camera.center, viewer.scene.camera.zoom),
        "maps": {name: {**one.maps} for name, one in session.maps_sets.items()},
        "regions": (session.regions.labels, dict(session.regions.table)),
        "chosen": session.chosen_region,
        "pins": session.pins,
        "voxel": dock.bindings["inspect"].voxel,
        "panels": {
            key: one.state() for key, one in dock.bindings.items() if hasattr(one, "state")
        },
        "comparison": None if compared is None else {
            name: getattr(compared.comparison, name)
            for name in ("metrics", "pairs", "blurriness", "agreement", "inclusion", "outliers",
                         "regression", "options", "warnings", "inputs", "left_out", "labels")
        },
        "pictures": None if compared is None else [vars(one) for one in
                                                   compared.comparison.pictures],
        "metrics shown": dock.panels["compare"].results.maps.table(),
        "points shown": points._points,
        "plot": points.view.tab(),
        "errors": sorted(find_errors(viewer)),
        "masked": sorted(compare_memory_of(viewer).here.masked),
        "importance": None if found is None else {
            key: value for key, value in vars(found).items() if key != "sequence"
        },
        "measured": None if found is None else found.sequence,
        "sentences": [dock.panels[key].notice.text() for key in ("compare", "importance")],
    }  # fmt: skip


def assert_same(one, other, where=""):
    """Compare to the last bit, whatever is in whatever."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where} {key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), (where, one, other)
        for at, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where} {at}")
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    else:
        assert one == other or (one != one and other != other), (where, one, other)


def save(qtbot, dock, path):
    dock.session_binding.save_to(path)
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running)
    assert "Saved to" in dock.session_bar.notice.text()


def reopen(qtbot, dock, path):
    dock.session_binding.open_file(path)
    settle(qtbot, dock)
    return dock.session_bar.notice.text()


def test_everything_is_restored_without_computing_it_again(qtbot, path, monkeypatch):
    session_path = path.with_name("thigh.mrf.json")
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        before = content(dock)
        save(qtbot, dock, session_path)
        assert_same(content(dock), before)  # saving changes nothing, nothing is out of date
        written = sorted(one.name for one in path.with_name("thigh_session").iterdir())
        save(qtbot, dock, session_path)
        assert sorted(one.name for one in path.with_name("thigh_session").iterdir()) == written

    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(comparing, "iter_compare", refuse)
    monkeypatch.setattr(measuring, "iter_importance", refuse)
    with window(qtbot) as other:
        assert reopen(qtbot, other, session_path) == ""
        assert_same(content(other), before)
        assert maps_display_of(other.viewer).missing("cohen") == ["T1H2O"]
        record = json.loads(session_path.read_text())
        assert {one["kind"] for one in record["items"]} == {
            "comparison", "importance", "error", "mask", "b1",
        }  # fmt: skip


def test_results_of_other_maps_than_those_of_now_are_refused_with_the_cure(qtbot, path):
    session_path = path.with_name("thigh.mrf.json")
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        save(qtbot, dock, session_path)
    save_maps(some_maps(9), path.with_name("thigh_session") / "cohen", overwrite=True)
    with window(qtbot) as dock:
        said = reopen(qtbot, dock, session_path).replace("\u200b", "")
        assert (
            "The comparison of cohen against water-fat was left out: it came from FF.nii.gz, "
            "T1H2O.nii.gz, maps.json, quality.nii.gz, which changed since the session was saved"
        ) in said
        assert "Compare again." in said
        assert "The error map water-fat − cohen · T1H2O (%) was left out: it came from" in said
        assert compare_memory_of(dock.viewer).here.compared is None and not find_errors(dock.viewer)
        # What came from other files is there.
        assert importance_store_of(dock.viewer).result is not None
        assert any(IMPORTANCE_KEY in layer.metadata for layer in dock.viewer.layers)
        maps = session_of(dock.viewer).maps_sets["cohen"].maps["FF"]
        np.testing.assert_array_equal(maps, some_maps(9)["FF"])


def test_results_of_another_series_and_damaged_ones_are_refused(qtbot, path):
    session_path = path.with_name("thigh.mrf.json")
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        save(qtbot, dock, session_path)
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), AFFINE, sequences.t1ff())
    save_series(series, path, overwrite=True)
    beside = path.with_name("thigh_session")
    (comparison,) = beside.glob("comparison_*.npz")
    comparison.write_bytes(comparison.read_bytes()[:-1])
    (mask, _) = sorted(beside.glob("mask_*.npz"))
    mask.unlink()
    with window(qtbot) as dock:
        said = reopen(qtbot, dock, session_path).replace("\u200b", "")
        assert "The importance of the frames was left out: it came from thigh.nii.gz" in said
        assert "Measure it again." in said
        assert f"was left out: its file {comparison.name} changed since" in said
        assert "could not be found: no mask_" in said
        assert importance_store_of(dock.viewer).result is None


def test_what_is_out_of_date_is_not_stored_and_that_is_said(qtbot, path):
    session_path = path.with_name("thigh.mrf.json")
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        maps_display_of(dock.viewer).add(MapsSet("cohen", some_maps(7), "thigh", 1.0))
        wait_for_layers(qtbot, dock.viewer)
        save(qtbot, dock, session_path)
        said = dock.session_bar.notice.text()
        assert "The comparison is out of date: the session will not bring it back." in said
        kinds = {one["kind"] for one in json.loads(session_path.read_text())["items"]}
        assert "comparison" not in kinds


def test_nothing_of_another_study_is_shown_with_a_session(qtbot, path):
    session_path, empty = path.with_name("thigh.mrf.json"), path.with_name("empty.mrf.json")
    empty.write_text(json.dumps({"format": "napari-mrf session", "version": 1}))
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        save(qtbot, dock, session_path)
        session, panels = session_of(dock.viewer), dock.panels
        thigh = session.subject.key
        maps = dict(session.maps_sets)
        dock.session_binding.open_file(empty)
        qtbot.waitUntil(lambda: dock.session_bar.title.full_text() == "empty.mrf.json")
        wait_for_layers(qtbot, dock.viewer)
        assert [layer.name for layer in dock.viewer.layers if layer.visible] == ["by hand"]
        assert not session.maps_sets and session.regions is None and session.pins == ()
        assert dict(session.maps_sets_of(thigh)) == maps
        assert not panels["compare"].results.isVisible()
        assert not panels["importance"].results.isVisible()
        assert not any(panels[key].notice.isVisible() for key in ("compare", "importance"))
        assert {dock.sections[key].state() for key in ("compare", "importance")} == {"not run"}


def test_a_session_of_before_still_opens(qtbot, path):
    session_path = path.with_name("thigh.mrf.json")
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        save(qtbot, dock, session_path)
    record = json.loads(session_path.read_text())
    for key in ("items", "layers", "views"):
        del record[key]
    record["view"] = {"point_0": 60.0, "zoom": 3.5}
    for key in ("mask", "b1", "b1_unit", "maps", "hides_invalid"):
        del record["panels"]["reconstruct"][key]
    session_path.write_text(json.dumps(record))
    with window(qtbot) as dock:
        assert reopen(qtbot, dock, session_path) == ""
        assert list(session_of(dock.viewer).maps_sets) == ["water-fat", "cohen"]
        assert sorted(find_set(dock.viewer, "cohen")) == ["FF", "T1H2O"]
        assert dock.viewer.scene.camera.zoom == 3.5


def test_a_comparison_of_several_subjects_comes_back_or_is_refused(qtbot, tmp_path):
    (tmp_path / "rois").mkdir()
    for at, subject in enumerate(("a", "b", "c")):
        for side in ("one", "two"):
            save_maps(some_maps(2 * at + (side == "two")), tmp_path / side / subject)
        labels = np.zeros(SHAPE, np.uint16)
        labels[1, 2:7, 3:9], labels[0, 1:5, 1:6] = VL, RF
        save_labels(tmp_path / "rois" / f"{subject}.nii.gz", labels, AFFINE)
    study = find_study(tmp_path / "one", tmp_path / "two", rois=tmp_path / "rois")
    found = comparing.compare([study.load(name) for name in study.folders])
    before = ComparedCohort(found, {VL: Label(VL, "VL_R", (1, 2, 3))}, str(tmp_path / "out"))
    session_path = tmp_path / "study.mrf.json"
    with window(qtbot) as dock:
        session_of(dock.viewer).comparison.succeeded.emit(before)
        shown = dock.panels["compare"].results.maps.table()
        save(qtbot, dock, session_path)
    with window(qtbot) as dock:
        dock.session_binding.open_file(session_path)
        qtbot.waitUntil(lambda: compare_memory_of(dock.viewer).here.compared is not None)
        wait_for_layers(qtbot, dock.viewer)
        after = compare_memory_of(dock.viewer).here.compared
        for name in ("metrics", "pairs", "agreement", "by_region", "inclusion", "inputs"):
            assert_same(getattr(after.comparison, name), getattr(before.comparison, name), name)
        assert (after.output, dict(after.table)) == (before.output, dict(before.table))
        assert_same(dock.panels["compare"].results.maps.table(), shown)
        assert dock.sections["compare"].state() == state_of(before)
    save_maps(some_maps(9), tmp_path / "two" / "b", overwrite=True)
    with window(qtbot) as dock:
        dock.session_binding.open_file(session_path)
        qtbot.waitUntil(lambda: "Compare again." in dock.session_bar.notice.text())
        assert compare_memory_of(dock.viewer).here.compared is None


def test_a_crash_brings_back_what_a_session_does(qtbot, path, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_MRF_AUTOSAVE", str(tmp_path / "kept"))
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        before, autosave = content(dock), autosave_of(dock.viewer)
        autosave.keep()
        assert autosave.job.status.is_running
        qtbot.waitUntil(lambda: not autosave.job.status.is_running)
        autosave.keep()
        assert not autosave.job.status.is_running  # as it was
        mask = dock.viewer.layers["muscle"]
        mask.data[0, 0, 0] = 1
        autosave.keep()
        assert autosave.job.status.is_running
        qtbot.waitUntil(lambda: not autosave.job.status.is_running)
        mask.data[0, 0, 0] = 0
        autosave.keep()
        qtbot.waitUntil(lambda: not autosave.job.status.is_running)
        left = LeftWork(autosave.folder, datetime.now(), "thigh")
    with window(qtbot) as other:
        assert other.session_binding.restore_left(left)
        settle(qtbot, other)
        assert other.session_bar.notice.text() == f"{left} It is back; save the session to keep it."
        assert_same(content(other), before)
        kinds = [one.kind for one in unsaved_of(other.viewer).items()]
        assert kinds == ["maps", "maps", "regions", "comparison", "importance"]
        save(qtbot, other, path.with_name("thigh.mrf.json"))
        assert unsaved_of(other.viewer).items() == ()
    with window(qtbot) as third:
        assert reopen(qtbot, third, path.with_name("thigh.mrf.json")) == ""
        assert_same(content(third), before)
        assert unsaved_of(third.viewer).items() == ()


def test_a_session_holds_the_results_of_its_own_subject(qtbot, path, tmp_path):
    sessions = {name: path.with_name(f"{name}.mrf.json") for name in ("thigh", "calf")}
    signal = np.random.default_rng(8).normal(size=(175, *SHAPE)).astype(np.complex64)
    calf = tmp_path / "calf.nii.gz"
    save_series(MRFSeries(signal + 1j, AFFINE, sequences.t1ff()), calf)
    with window(qtbot) as dock:
        fill(qtbot, dock, path)
        session, before = session_of(dock.viewer), content(dock)
        first = session.subject.key
        dock.bindings["series"].open_file(calf)
        qtbot.waitUntil(lambda: session.subject.key != first)
        maps_display_of(dock.viewer).add(MapsSet("water-fat", some_maps(5), "calf", 2.5))
        settle(qtbot, dock)
        kept = studies_of(dock.viewer).of(first)
        assert sorted(one.kind for one in kept.items) == [
            "b1", "comparison", "error", "importance", "mask", "mask",
        ]  # fmt: skip
        save(qtbot, dock, sessions["calf"])
        session.choose_subject(first)
        settle(qtbot, dock)
        save(qtbot, dock, sessions["thigh"])
        assert unsaved_of(dock.viewer).items() == ()
    with window(qtbot) as other:
        assert reopen(qtbot, other, sessions["calf"]) == ""
        assert compare_memory_of(other.viewer).here.compared is None
        assert importance_store_of(other.viewer).result is None
        assert {one.metadata.get(SET_KEY) for one in other.viewer.layers} == {None, "water-fat"}
        assert reopen(qtbot, other, sessions["thigh"]) == ""
        after = content(other)
        for name in ("maps", "regions", "pins", "comparison", "importance", "errors", "masked"):
            assert_same(after[name], before[name], name)
        here = [one for one in other.viewer.layers if is_here(other.viewer, one)]
        assert [name_alone(one) for one in here] == [one["name"] for one in before["layers"]]
        assert [one.visible for one in here] == [one["visible"] for one in before["layers"]]
        assert len(session_of(other.viewer).subjects) == 2
        others = [one for one in other.viewer.layers if one not in here]
        assert len(others) == 3 and not any(one.visible for one in others)
