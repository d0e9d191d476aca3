"""Two scans in one window: nothing of either is lost or mixed up, one is shown at a time."""

import threading

import numpy as np
import pytest
from gui_waits import answer_next_question, wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps, methods
from napari_mrf.data import sequences
from napari_mrf.data.label import Label
from napari_mrf.io import save_maps, save_series
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import find_set, series_of, show_mask
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.panels.rois.panel import NEW_REGIONS
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.reconstruction.method import MethodInfo, ReconstructionUpdate

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])
FIRST, SECOND = "brain (visit1)", "brain (visit2)"
GRIDS = {"same grid": (2, 4, 5), "another grid": (3, 6, 4)}


class FakeMethod:
    """Gives a tenth of the magnitude as FF, when it is let."""

    def __init__(self, gate):
        self.gate = gate

    def iter_reconstruct(self, series, mask=None, b1=None):
        fraction = np.abs(np.asarray(series.signal[0])).astype(np.float32) / 10
        maps = ParameterMaps(
            {"FF": np.full_like(fraction, np.nan), "T1H2O": np.full_like(fraction, np.nan)},
            quality=np.ones_like(fraction), affine=series.affine,
            provenance={"method": {"name": "water-fat"},
                        "input": {"path": series.source_path, "sha256": series.source_sha256}},
        )  # fmt: skip
        yield ReconstructionUpdate(0, 2, ParameterMaps({}), stage="preparing")
        for z in range(len(fraction)):
            self.gate.acquire(timeout=10)
            maps["FF"][z], maps["T1H2O"][z] = fraction[z], 1000
            yield ReconstructionUpdate(z + 1, len(fraction), maps, z)
        yield ReconstructionUpdate(len(fraction), len(fraction), maps, stage="done")


class Window:
    """A window with the dock, and a user who opens scans, runs methods and picks subjects."""

    def __init__(self, qtbot, monkeypatch, folder):
        self.qtbot, self.monkeypatch, self.folder = qtbot, monkeypatch, folder
        self.gate = threading.Semaphore(1000)
        info = MethodInfo("water-fat", "a stand-in", "matcher", ("spoiled",), "nobody", ())
        other = MethodInfo("other", "another", "matcher", ("spoiled",), "nobody", ())
        monkeypatch.setattr(methods, "available", lambda sequence=None, **_: [info, other])
        monkeypatch.setattr(methods, "devices", lambda: [("cpu", "CPU")])
        monkeypatch.setattr(methods, "get", lambda name, **options: FakeMethod(self.gate))
        self.viewer = ViewerModel()
        self.session = session_of(self.viewer)
        self.dock = MRFDock(self.viewer)
        qtbot.addWidget(self.dock)
        self.dock.resize(340, 1400)
        self.dock.show()
        self.panels, self.bar = self.dock.panels, self.dock.subject_bar

    def file(self, visit, shape, level):
        """Write a scan whose FF will be a tenth of the level."""
        path = self.folder / visit / "brain.nii"
        path.parent.mkdir()
        signal = np.full((175, *shape), level, np.complex64)
        save_series(MRFSeries(signal, AFFINE, sequences.t1ff()), path)
        return path

    def open(self, path):
        self.monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        job = self.session.opening
        with self.qtbot.waitSignal(job.succeeded, timeout=30_000):
            self.click(self.panels["series"].open_button)
        wait_for_layers(self.qtbot, self.viewer)

    def click(self, button):
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def run(self, method="water-fat"):
        panel = self.panels["reconstruct"]
        self.qtbot.waitUntil(panel.run_button.isEnabled, timeout=30_000)
        at = panel.method_picker.findText(method, Qt.MatchFlag.MatchStartsWith)
        panel.method_picker.setCurrentIndex(at)
        panel.method_picker.activated.emit(at)
        with self.qtbot.waitSignal(self.session.reconstruction.succeeded, timeout=30_000):
            self.click(panel.run_button)
        wait_for_layers(self.qtbot, self.viewer)

    def choose(self, name):
        """Pick a subject with the keys, as in any list."""
        picker = self.bar.picker
        at = picker.findText(name)
        key = Qt.Key.Key_Up if at < picker.currentIndex() else Qt.Key.Key_Down
        while picker.currentIndex() != at:
            self.qtbot.keyClick(picker, key)
        wait_for_layers(self.qtbot, self.viewer)
        assert self.session.subject.name == name

    def names(self, *, visible=None):
        return [one.name for one in self.viewer.layers if visible in (None, one.visible)]

    def key_of(self, name):
        return next(one.key for one in self.session.subjects if one.name == name)


@pytest.fixture
def window(qtbot, qapp, monkeypatch, tmp_path):
    window = Window(qtbot, monkeypatch, tmp_path)
    yield window
    window.gate.release(1000)
    for job in (window.session.reconstruction, window.session.comparison):
        job.cancel()
    WorkerBase.await_workers(10_000)


@pytest.fixture
def two(window, request):
    """Return a window with a scan and its follow-up, both reconstructed; the second is shown."""
    shape = GRIDS[getattr(request, "param", "same grid")]
    window.open(window.file("visit1", GRIDS["same grid"], 2))
    window.run()
    assert not window.bar.isVisible()
    assert window.names() == ["brain", "water-fat · T1H2O", "water-fat · FF"]
    window.open(window.file("visit2", shape, 5))
    window.run()
    return window


@pytest.mark.parametrize("two", GRIDS, indirect=True)
def test_a_second_scan_replaces_nothing_of_the_first(two):
    session, viewer = two.session, two.viewer
    assert two.bar.isVisible()
    assert [two.bar.picker.itemText(at) for at in range(2)] == [FIRST, SECOND]
    assert two.names(visible=True) == [SECOND, f"{SECOND} · water-fat · FF"]
    assert {f"{FIRST} · water-fat · FF", f"{FIRST} · water-fat · T1H2O"} < set(two.names())
    np.testing.assert_allclose(session.maps_sets["water-fat"].maps["FF"], 0.5)
    np.testing.assert_allclose(find_set(viewer, "water-fat")["FF"].data, 0.5)
    two.choose(FIRST)
    assert two.names(visible=True) == [FIRST, f"{FIRST} · water-fat · FF"]
    assert session.series.spatial_shape == GRIDS["same grid"]
    np.testing.assert_allclose(session.maps_sets["water-fat"].maps["FF"], 0.2)
    layer = find_set(viewer, "water-fat")["FF"]
    assert layer.data.shape == GRIDS["same grid"]
    np.testing.assert_allclose(layer.data, 0.2)
    assert two.panels["series"].layer_picker.currentText() == FIRST


def test_the_view_of_each_subject_comes_back(two):
    viewer = two.viewer
    two.choose(FIRST)
    viewer.dims.set_point(0, 60)
    viewer.scene.camera.zoom = 17.0
    find_set(viewer, "water-fat")["FF"].visible = False
    find_set(viewer, "water-fat")["T1H2O"].visible = True
    two.choose(SECOND)
    viewer.dims.set_point(0, 3)
    viewer.scene.camera.zoom = 4.0
    two.choose(FIRST)
    assert (viewer.dims.point[0], viewer.scene.camera.zoom) == (60, 17.0)
    assert two.names(visible=True) == [FIRST, f"{FIRST} · water-fat · T1H2O"]
    # A brush must not paint on what is hidden.
    assert viewer.layers.selection.active.metadata[SUBJECT_KEY] == two.session.subject.key


def test_frames_beyond_the_end_of_a_shorter_series_are_not_shown(window):
    window.open(window.file("visit1", GRIDS["same grid"], 2))
    signal = np.full((30, *GRIDS["same grid"]), 5, np.complex64)
    path = window.folder / "visit2" / "brain.nii"
    path.parent.mkdir()
    save_series(MRFSeries(signal, AFFINE), path)
    window.open(path)
    viewer = window.viewer
    assert viewer.dims.range[0].stop == 174 and viewer.dims.current_step[0] < 30
    viewer.dims.set_current_step(0, 120)  # the slider
    assert viewer.dims.current_step[0] == 29
    window.choose(FIRST)
    viewer.dims.set_current_step(0, 120)
    assert viewer.dims.current_step[0] == 120


def test_a_name_that_the_user_gave_stays(two):
    find_set(two.viewer, "water-fat")["FF"].name = "mine"
    answered = answer_next_question(two.qtbot, "Remove")
    two.choose(FIRST)
    two.click(two.bar.remove_button)
    assert answered == [f"Remove {FIRST} with its maps and regions from this window?"]
    assert two.names() == ["brain", "water-fat · T1H2O", "mine"]


@pytest.mark.parametrize("two", GRIDS, indirect=True)
def test_a_run_that_ends_after_switching_gives_its_maps_to_its_subject(two):
    session, viewer, panel = two.session, two.viewer, two.panels["reconstruct"]
    two.gate = two.gate.__class__(0)
    at = panel.method_picker.findText("other", Qt.MatchFlag.MatchStartsWith)
    panel.method_picker.setCurrentIndex(at)
    panel.method_picker.activated.emit(at)
    two.click(panel.run_button)
    two.choose(FIRST)
    viewer.dims.set_point(0, 9)
    active, point = viewer.layers.selection.active, viewer.dims.point
    seen = two.names(visible=True)
    assert panel.needs.text() == "Wait for the run of the other subject, or cancel it."
    two.qtbot.waitUntil(lambda: SECOND in panel.progress_text.text(), timeout=10_000)
    with two.qtbot.waitSignal(session.reconstruction.succeeded, timeout=30_000):
        two.gate.release(1000)
    wait_for_layers(two.qtbot, viewer)
    assert list(session.maps_sets) == ["water-fat"]
    assert two.dock.sections["reconstruct"]._state.full_text().startswith("water-fat · ")
    assert (viewer.layers.selection.active, viewer.dims.point) == (active, point)
    assert two.names(visible=True) == seen
    two.choose(SECOND)
    assert list(session.maps_sets) == ["water-fat", "other"]
    np.testing.assert_allclose(session.maps_sets["other"].maps["FF"], 0.5)
    assert f"{SECOND} · other · FF" in two.names(visible=True)
    assert two.dock.sections["reconstruct"]._state.full_text().startswith("other · ")


def test_a_run_that_is_cancelled_after_switching_puts_back_the_maps_of_its_subject(two):
    session, viewer, panel = two.session, two.viewer, two.panels["reconstruct"]
    two.gate = two.gate.__class__(1)
    with two.qtbot.waitSignal(session.reconstruction.updated, timeout=30_000):
        two.click(panel.run_button)
    two.choose(FIRST)
    two.click(panel.cancel_button)
    wait_for_layers(two.qtbot, viewer)
    np.testing.assert_allclose(find_set(viewer, "water-fat")["FF"].data, 0.2)
    np.testing.assert_allclose(find_set(viewer, "water-fat", two.key_of(SECOND))["FF"].data, 0.5)


def test_a_series_that_is_renamed_names_its_subject(two):
    session, viewer = two.session, two.viewer
    layer = next(one for one in viewer.layers if one.name == FIRST)  # not the one that is shown
    layer.name = "Anna"
    assert [one.name for one in session.subjects] == ["Anna", "brain"]
    assert {"Anna · water-fat · FF", "brain · water-fat · FF"} < set(two.names())
    two.choose("Anna")
    assert (session.series_name, series_of(layer)) == ("Anna", session.series)
    assert two.panels["series"].layer_picker.currentText() == "Anna"
    # Its maps are still known as its own.
    assert session.has_been_named(session.maps_sets["water-fat"].series_name)


def test_the_same_file_opened_again_is_not_there_twice(two):
    two.open(two.folder / "visit1" / "brain.nii")
    assert two.session.subject.name == FIRST
    assert sum(series_of(layer) is not None for layer in two.viewer.layers) == 2
    assert two.panels["series"].notice.text() == f"{FIRST} is open already."
    assert list(two.session.maps_sets) == ["water-fat"]


def test_saving_proposes_the_place_of_the_series_and_marks_its_maps_alone(two, monkeypatch):
    session, results = two.session, two.dock.bindings["reconstruct"].results
    asked = []

    def answer(*arguments):
        asked.append(arguments[1:])
        return str(two.folder / "maps1")

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    two.choose(FIRST)
    with two.qtbot.waitSignal(results.saving.succeeded, timeout=30_000):
        two.click(two.panels["reconstruct"].results.save_button)
        two.choose(SECOND)
    assert asked == [(f"Save water-fat of {FIRST} to a folder", str(two.folder / "visit1"))]
    assert session.maps_sets["water-fat"].folder == ""
    saved = session.maps_sets_of(two.key_of(FIRST))["water-fat"]
    assert saved.folder == str(two.folder / "maps1")
    assert (two.folder / "maps1" / "FF.nii.gz").is_file()


def test_maps_of_another_series_are_named_when_opened_and_in_the_comparison(two, monkeypatch):
    session, panel = two.session, two.panels["compare"]
    folder, path = two.folder / "maps1", two.folder / "visit1" / "brain.nii"
    save_maps(session.maps_sets_of(two.key_of(FIRST))["water-fat"].maps, folder)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    two.dock.sections["compare"].set_open(True)

    def open_maps():
        picker = panel.pickers["test"]
        with two.qtbot.waitSignal(session.maps_changed, timeout=30_000):
            two.qtbot.keyClick(picker, Qt.Key.Key_End)  # from a folder…
        wait_for_layers(two.qtbot, two.viewer)

    def compare():
        with two.qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
            two.click(panel.run_button)
        return two.dock.bindings["compare"].results.compared.comparison

    open_maps()
    sentence = "maps1 was made from another series than that of this subject: "
    assert panel.notice.text().startswith(sentence)
    assert panel.notice.text().endswith(str(path) + ".")
    assert (panel.current("reference"), panel.current("test")) == ("water-fat", "maps1")
    found = compare()
    assert f"{sentence}{path}." in found.warnings
    assert "Reference and test were reconstructed from different series." in found.warnings
    assert sentence in panel.notice.text()
    two.choose(FIRST)  # these maps are its own
    open_maps()
    assert "another series" not in panel.notice.text()
    assert not any("series" in note for note in compare().warnings)


def test_the_header_tells_of_maps_that_were_made_where_others_were_opened(two, monkeypatch):
    two.choose(FIRST)
    two.run()
    state = two.dock.sections["reconstruct"].state
    made = state()
    assert made.startswith("water-fat · 40 voxels")
    opened = two.session.maps_sets["water-fat"].maps
    maps_display_of(two.viewer).add(MapsSet("last visit", opened, "brain"))
    wait_for_layers(two.qtbot, two.viewer)
    two.choose(SECOND)
    two.choose(FIRST)
    assert state() == made


def test_regions_of_a_comparison_are_offered_for_its_own_subject_alone(two):
    session, panel = two.session, two.panels["compare"]
    two.dock.sections["compare"].set_open(True)
    session.set_regions(regions(session.series.spatial_shape, 7))
    two.run("other")
    with two.qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        two.click(panel.run_button)
    assert panel.regions.isVisible()
    two.choose(FIRST)
    assert not panel.regions.isVisible()
    assert panel.regions.list.count() == 0
    two.choose(SECOND)
    assert panel.regions.isVisible()


def regions(shape, label):
    labels = np.zeros(shape, np.uint16)
    labels[:, :, :3] = label
    return Regions(labels, {label: Label(label, f"muscle {label}")}, affine=AFFINE)


def paint(window, label):
    """Paint a region in the whole volume with the tools of the layer."""
    layer = regions_editor_of(window.viewer).layer
    layer.data_setitem(tuple(np.indices(layer.data.shape).reshape(3, -1)), label)
    with window.qtbot.waitSignal(window.session.regions_changed, timeout=10_000):
        pass


@pytest.mark.parametrize("two", GRIDS, indirect=True)
def test_regions_are_drawn_and_kept_for_each_subject(two):
    session, editor = two.session, regions_editor_of(two.viewer)
    session.set_regions(regions(session.series.spatial_shape, 7))
    two.choose(FIRST)
    assert session.regions is None
    assert editor.layer is None
    session.set_regions(regions(session.series.spatial_shape, 9))
    two.choose(SECOND)
    # A stroke that is not counted yet when the picker moves on is one of its own subject.
    paint_layer = editor.layer
    paint_layer.data_setitem(tuple(np.indices(paint_layer.data.shape).reshape(3, -1)), 7)
    two.choose(FIRST)
    assert set(np.unique(session.regions.labels)) == {0, 9}
    assert set(session.regions.table) == {9}
    kept = session.regions
    two.choose(SECOND)
    assert (session.regions.labels == 7).all()
    two.choose(FIRST)
    assert session.regions is kept  # so that what was compared with them is not out of date
    assert [name for name in two.names(visible=True) if "ROIs" in name] == [f"{FIRST} · ROIs"]
    assert sum("ROIs" in name for name in two.names()) == 2


@pytest.mark.parametrize("two", ["another grid"], indirect=True)
def test_this_slice_is_one_of_the_series_that_is_shown(two):
    session, panel, viewer = two.session, two.panels["reconstruct"], two.viewer
    viewer.dims.set_point(1, 10)  # the third slice, which the first subject lacks
    two.choose(FIRST)
    viewer.dims.set_point(1, 10)
    two.click(panel.slice_button)
    assert panel.notice.text().startswith(f"The canvas shows no slice of {FIRST}.")
    viewer.dims.set_point(1, 5)
    viewer.dims.ndisplay = 3
    two.click(panel.slice_button)
    assert panel.notice.text().startswith(f"The canvas shows no slice of {FIRST}.")
    viewer.dims.ndisplay = 2
    with two.qtbot.waitSignal(session.reconstruction.succeeded, timeout=30_000):
        two.click(panel.slice_button)
    wait_for_layers(two.qtbot, viewer)
    assert list(session.maps_sets) == ["water-fat", "water-fat slice 1"]


def test_a_second_reader_gets_new_regions(two):
    session, viewer, panel = two.session, two.viewer, two.panels["rois"]
    editor = regions_editor_of(viewer)
    session.set_regions(regions(session.series.spatial_shape, 7))
    first, former = editor.layer, session.regions
    picker = panel.layer_picker
    assert picker.itemText(picker.count() - 1) == NEW_REGIONS
    two.dock.sections["rois"].set_open(True)
    two.qtbot.keyClick(picker, Qt.Key.Key_End)
    assert editor.layer is not first
    assert (picker.currentText(), first.visible) == (f"{SECOND} · ROIs 2", False)
    assert session.regions is None
    paint(two, 9)
    assert set(session.regions.table) == {9}
    assert set(np.unique(first.data)) == {0, 7}
    two.qtbot.keyClick(picker, Qt.Key.Key_Home)
    assert editor.layer is first
    assert first.visible
    np.testing.assert_array_equal(session.regions.labels, former.labels)


def compare(window):
    panel = window.panels["compare"]
    with window.qtbot.waitSignal(window.session.comparison.succeeded, timeout=60_000):
        window.click(panel.run_button)


@pytest.mark.parametrize("two", ["another grid"], indirect=True)
def test_a_comparison_is_of_one_subject_and_names_it(two):
    session, panel = two.session, two.panels["compare"]
    results = two.dock.bindings["compare"].results
    two.dock.sections["compare"].set_open(True)
    two.run("other")
    assert [panel.pickers[side].currentText() for side in panel.pickers] == ["water-fat", "other"]
    compare(two)
    own = results.compared
    assert own.comparison.subjects[0] == SECOND
    two.choose(FIRST)
    assert results.compared is None
    assert not panel.results.isVisible()
    assert not panel.run_button.isEnabled()  # there is one set of maps of this subject
    two.run("other")
    with two.qtbot.waitSignal(session.comparison.succeeded, timeout=60_000):
        two.click(panel.run_button)
        two.choose(SECOND)
    assert results.compared is own
    assert panel.notice.text() == ""
    two.choose(FIRST)
    assert results.compared.comparison.subjects[0] == FIRST
    assert panel.results.isVisible()


def test_a_series_that_is_removed_leaves_its_results_until_the_user_agrees(two):
    session, viewer, panel = two.session, two.viewer, two.panels["series"]
    key = session.subject.key
    viewer.layers.remove(next(one for one in viewer.layers if series_of(one) is session.series))
    wait_for_layers(two.qtbot, viewer)
    assert session.subject.key == key
    assert session.series is None
    assert list(session.maps_sets) == ["water-fat"]
    assert f"The series of {SECOND} was removed" in panel.notice.text()
    two.choose(FIRST)
    assert panel.notice.text() == ""
    two.choose(SECOND)
    asked = answer_next_question(two.qtbot, "Cancel")
    two.click(panel.notice.cure_button)
    assert len(asked) == 1
    assert len(session.subjects) == 2
    answer_next_question(two.qtbot, "Remove")
    two.click(panel.notice.cure_button)
    wait_for_layers(two.qtbot, viewer)
    assert [one.name for one in session.subjects] == ["brain"]
    assert two.names() == ["brain", "water-fat · T1H2O", "water-fat · FF"]
    assert two.names(visible=True) == ["brain", "water-fat · FF"]
    assert not two.bar.isVisible()


def test_the_series_of_another_subject_can_be_removed(two):
    session, viewer = two.session, two.viewer
    series = session.series_of(two.key_of(FIRST))
    viewer.layers.remove(next(one for one in viewer.layers if series_of(one) is series))
    assert session.subject.name == SECOND
    assert session.series_of(two.key_of(FIRST)) is None
    two.choose(FIRST)
    assert list(session.maps_sets) == ["water-fat"]
    assert two.panels["series"].layer_picker.currentText() == "none"


def test_a_series_that_is_hidden_says_so(two):
    panel, session = two.panels["series"], two.session
    layer = next(one for one in two.viewer.layers if series_of(one) is session.series)
    assert not panel.hidden.isVisible()
    layer.visible = False
    assert panel.hidden.text() == f"{SECOND} is hidden."
    two.click(panel.hidden.cure_button)
    assert layer.visible
    assert not panel.hidden.isVisible()


def test_a_mask_is_picked_for_one_subject(two):
    picker = two.panels["reconstruct"].mask_picker
    mask = show_mask(two.viewer, np.ones(GRIDS["same grid"], bool), two.session.series, "tissue")
    assert mask.name == f"{SECOND} · tissue"
    picker.setCurrentText(mask.name)
    two.choose(FIRST)
    assert picker.currentText() == "automatic"
    assert picker.findText(mask.name) < 0
    assert not mask.visible
    two.choose(SECOND)
    assert picker.currentText() == mask.name


def test_pins_are_those_of_the_subject(two):
    session, viewer = two.session, two.viewer
    session.set_pins(((0, 1, 1), (1, 2, 2)))
    two.choose(FIRST)
    assert session.pins == ()
    session.set_pins(((1, 3, 3),))
    two.choose(SECOND)
    assert session.pins == ((0, 1, 1), (1, 2, 2))
    layer = next(one for one in viewer.layers if one.name == "MRF pins")
    assert len(layer.data) == 2


def test_a_session_file_holds_one_subject_and_says_so(two, monkeypatch):
    binding, bar = two.dock.session_binding, two.dock.session_bar
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.save_to(two.folder / "second.mrf.json")
    assert f"It holds {SECOND} alone" in bar.notice.text()
    two.choose(FIRST)
    assert bar.title.full_text() == "Fingerprints to maps"
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName",
                        lambda *arguments: asked.append(arguments[2]) or ("", ""))  # fmt: skip
    bar.save_action.trigger()  # must not go to the file of the other subject
    assert asked == [str(two.folder / "visit1" / f"{FIRST}.mrf.json")]
    two.choose(SECOND)
    assert bar.title.full_text() == "second.mrf.json"


def test_a_session_takes_the_place_of_its_own_subject_alone(two):
    binding, first = two.dock.session_binding, two.key_of(FIRST)
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.save_to(two.folder / "second.mrf.json")
    unsaved = two.dock.session_bar.unsaved.toolTip()
    assert unsaved == f"Not saved:\nmaps water-fat ({FIRST})"
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.open_file(two.folder / "second.mrf.json")  # no question: nothing of it is lost
    wait_for_layers(two.qtbot, two.viewer)
    assert [one.name for one in two.session.subjects] == [FIRST, SECOND]
    assert two.session.subject.name == SECOND
    assert two.names(visible=True) == [SECOND, f"{SECOND} · water-fat · FF"]
    assert sorted(two.names()) == sorted([
        one for name in (FIRST, SECOND)
        for one in (name, f"{name} · water-fat · FF", f"{name} · water-fat · T1H2O")
    ])  # fmt: skip
    assert two.dock.session_bar.title.full_text() == "second.mrf.json"
    assert two.dock.session_bar.unsaved.toolTip() == unsaved
    # The other one is asked about where it would be lost.
    two.choose(FIRST)
    assert two.key_of(FIRST) == first
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.save_to(two.folder / "first.mrf.json")
    two.run("water-fat")
    before = two.session.maps_sets["water-fat"]
    asked = answer_next_question(two.qtbot, "Cancel")
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.open_file(two.folder / "first.mrf.json")
    two.qtbot.waitUntil(lambda: bool(asked))
    assert asked == [f"{FIRST} is open already, and some of its work is not saved yet. Open the "
                     "session in its place?"]  # fmt: skip
    wait_for_layers(two.qtbot, two.viewer)
    assert two.session.maps_sets["water-fat"] is before
    asked = answer_next_question(two.qtbot, "Open and lose it")
    with two.qtbot.waitSignal(binding.job.succeeded, timeout=30_000):
        binding.open_file(two.folder / "first.mrf.json")
    wait_for_layers(two.qtbot, two.viewer)
    assert len(asked) == 1
    assert two.session.maps_sets["water-fat"] is not before
    assert {one.name for one in two.session.subjects} == {FIRST, SECOND}
    assert two.session.subject.name == FIRST
    assert two.dock.session_bar.unsaved.isHidden()


def test_invalid_values_are_hidden_in_all_subjects(two):
    maps_display_of(two.viewer).set_hides_invalid(True)
    for key in (two.key_of(FIRST), two.key_of(SECOND)):
        assert np.isfinite(find_set(two.viewer, "water-fat", key)["T1H2O"].data).all()
    assert not layer_turns_of(two.viewer).owners


def test_the_dock_of_one_step_has_the_subjects_too(two, qtbot):
    from napari_mrf.plugin.dock import CompareDock

    dock = CompareDock(two.viewer)
    qtbot.addWidget(dock)
    dock.resize(300, 700)
    dock.show()
    assert dock.subject_bar.isVisible()
    assert dock.subject_bar.picker.currentText() == SECOND
    button = dock.subject_bar.remove_button
    assert button.mapTo(dock, QPoint(button.width(), 0)).x() <= 300
    assert button.width() >= button.sizeHint().width()
    assert two.session.reconstruction.status.state is JobState.DONE
