"""The Importance panel with real clicks: run, fill in, cancel, go to a frame, layer, save."""

import json
import threading

import numpy as np
import pytest
from gui_waits import wait_for_layers
from importance_cases import OneFrame, series_of, small_sequence
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox
from superqt.utils import WorkerBase

from napari_mrf import ParameterMaps, methods
from napari_mrf.compute.steps import result_of
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.importance import IMPORTANCE_KEY
from napari_mrf.plugin.panels.importance.controller import ImportanceBinding
from napari_mrf.plugin.panels.importance.panel import ImportancePanel
from napari_mrf.plugin.panels.importance.result import frame_sentence, importance_store_of
from napari_mrf.plugin.panels.importance.work import ImportanceParameters, measure
from napari_mrf.plugin.panels.session.work import Study, save_study
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.reconstruction.method import MethodInfo, MethodOption
from napari_mrf.reconstruction.provenance import options_of

WINDOW = MethodOption("window", "int", 1, "Window", "Frames averaged.", limits=(1, 75))
INFO = MethodInfo("one-frame", "a stand-in", "matcher", ("spoiled",), "nobody", (WINDOW,))
N_FRAMES = 12


class Gate:
    """Lets so many reconstructions pass."""

    def __init__(self):
        self.passed = threading.Semaphore(0)
        self.made = []

    def open(self, n=10_000):
        self.passed.release(n)


class GatedMethod(OneFrame):
    gate: Gate

    def match(self, signals):
        self.gate.passed.acquire(timeout=20)
        return super().match(signals)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()

    def get(name, *, sequence, device="auto", **options):
        method = GatedMethod(sequence, frame=5)
        method.gate = gate
        gate.made.append(options)
        return method

    monkeypatch.setattr(methods, "available", lambda sequence=None, **_: [INFO])
    monkeypatch.setattr(methods, "devices", lambda: [("cpu", "CPU (2 cores)")])
    monkeypatch.setattr(methods, "get", get)
    return gate


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    series = series_of(small_sequence(N_FRAMES))
    series = series.with_mask(np.ones(series.spatial_shape, bool))
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    return viewer


@pytest.fixture
def panel(qtbot, viewer, gate):
    panel = ImportancePanel()
    qtbot.addWidget(panel)
    panel.resize(340, 700)
    panel.show()
    panel.binding = ImportanceBinding(viewer, panel)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=10_000)
    panel.settings.set_value("repeats", 1)
    yield panel
    gate.open()
    session_of(viewer).importance.cancel()
    WorkerBase.await_workers(10_000)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def run_to_end(qtbot, viewer, panel, gate):
    gate.open()
    click(qtbot, panel.run_button)
    job = session_of(viewer).importance
    qtbot.waitUntil(lambda: job.status.state is JobState.DONE, timeout=20_000)


def known(result):
    return int(np.isfinite(result.mean("FF")).sum())


def click_frame(qtbot, panel, frame):
    """Click into the bars of the plot, at a frame."""
    plot = panel.plot
    bars = plot.figure.axes[0]
    x, y = bars.transData.transform((frame, np.mean(bars.get_ylim())))
    ratio = plot.device_pixel_ratio
    position = QPoint(round(x / ratio), round(plot.height() - y / ratio))
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=position)


def test_without_a_series_the_reason_is_said_in_gray(qtbot, gate):
    panel = ImportancePanel()
    qtbot.addWidget(panel)
    panel.binding = ImportanceBinding(ViewerModel(), panel)
    assert panel.needs.text() == "Load or pick a series first."
    assert not panel.run_button.isEnabled()
    assert panel.results.isHidden()


def test_run_shows_the_only_frame_that_matters(qtbot, viewer, panel, gate):
    states = []
    panel.state_changed.connect(states.append)
    run_to_end(qtbot, viewer, panel, gate)
    result = importance_store_of(viewer).result
    assert np.flatnonzero(result.mean("FF")).tolist() == [5]
    assert not panel.results.isHidden()
    assert panel.map_picker.currentText() == "FF"
    assert states[-1].startswith("one-frame · ")
    assert panel.progress_row.isHidden()
    viewer.dims.set_point(0, 5)
    assert panel.frame_text.text().startswith("Frame 5: FF changes by ")


def test_bars_fill_in_while_running_and_stay_after_cancel(qtbot, viewer, panel, gate):
    click(qtbot, panel.run_button)
    assert not panel.run_button.isEnabled()
    gate.open(1)  # the unchanged series
    store = importance_store_of(viewer)
    qtbot.waitUntil(lambda: store.result is not None, timeout=10_000)
    assert not panel.results.isHidden()
    for n_done in range(1, 5):
        gate.open(1)
        qtbot.waitUntil(lambda n=n_done: known(store.result) == n, timeout=10_000)
    assert panel.progress_row.bar.maximum() == N_FRAMES + 1  # the last part is the theory's
    assert "Importance, one-frame" in panel.progress_row.text.text()
    click(qtbot, panel.progress_row.cancel_button)
    assert session_of(viewer).importance.status.state is JobState.CANCELLED
    assert panel.run_button.isEnabled()
    assert not panel.results.isHidden()
    assert known(store.result) == 4
    viewer.dims.set_point(0, 7)
    assert panel.frame_text.text() == "Frame 7: not measured yet."


def test_click_on_a_bar_moves_the_slider_and_back(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    qtbot.waitUntil(lambda: panel.plot._background is not None, timeout=5000)
    click_frame(qtbot, panel, 9)
    assert viewer.dims.current_step[0] == 9
    assert {tuple(marker.get_xdata()) for marker in panel.plot._markers} == {(9, 9)}
    viewer.dims.set_point(0, 3)
    assert {tuple(marker.get_xdata()) for marker in panel.plot._markers} == {(3, 3)}
    assert panel.frame_text.text().startswith("Frame 3: FF changes by 0 ")


def test_the_words_about_a_frame_move_nothing(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    panel.set_frame_text("Frame 5: a long text. " * 20)
    qtbot.waitUntil(lambda: panel.frame_text.height() > 6 * panel.fontMetrics().height())

    def places():
        for _ in range(10):  # until all layouts have answered one another
            QApplication.processEvents()
        return panel.plot.geometry(), panel.layer_button.y()

    before = places()
    viewer.dims.set_point(0, 3)
    assert panel.frame_text.text().startswith("Frame 3: ")
    assert places() == before


def test_layer_moves_with_the_frames_of_the_series(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    result = importance_store_of(viewer).result
    click(qtbot, panel.layer_button)
    wait_for_layers(qtbot, viewer)
    layer = viewer.layers[-1]
    series_layer = viewer.layers["thigh"]
    assert layer.name == "one-frame · FF frame importance"
    assert layer.data.shape == series_layer.data.shape
    np.testing.assert_allclose(layer.scale, series_layer.scale)
    assert layer.units == series_layer.units
    assert layer.data.dtype == np.float32
    # Slices run to the feet in the file: the last one is shown first.
    shown = np.asarray(layer.data[5])
    expected = result.change_map("FF", 5)
    z, y, x = result.places[:, 7]
    index = panel.binding.view.series_layer().data
    assert index.shape[1:] == shown.shape
    from napari_mrf.data.orientation import DisplayOrientation

    orientation = DisplayOrientation.from_affine(result.affine)
    at = orientation.screen_index((int(z), int(y), int(x)), result.spatial_shape)
    assert shown[at] == expected[z, y, x] > 0
    assert np.all(np.asarray(layer.data[4])[np.isfinite(shown)] == 0)
    assert layer.contrast_limits[0] == 0
    assert layer.contrast_limits[1] == pytest.approx(np.percentile(result.voxel_change["FF"], 99))
    click(qtbot, panel.layer_button)
    wait_for_layers(qtbot, viewer)
    assert sum(IMPORTANCE_KEY in one.metadata for one in viewer.layers) == 1


def test_voxels_that_took_no_part_are_transparent(qtbot, viewer, panel, gate):
    panel.settings.set_value("voxels", 10)
    run_to_end(qtbot, viewer, panel, gate)
    click(qtbot, panel.layer_button)
    wait_for_layers(qtbot, viewer)
    assert np.isfinite(np.asarray(viewer.layers[-1].data[5])).sum() == 10


def test_another_run_replaces_bars_and_layer(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    click(qtbot, panel.layer_button)
    wait_for_layers(qtbot, viewer)
    first = importance_store_of(viewer).result
    panel.settings.set_value("seed", 3)
    run_to_end(qtbot, viewer, panel, gate)
    assert importance_store_of(viewer).result is not first
    click(qtbot, panel.layer_button)
    wait_for_layers(qtbot, viewer)
    second = importance_store_of(viewer).result
    shown = np.asarray(viewer.layers[-1].data[5])
    assert np.nansum(shown) == pytest.approx(np.nansum(second.change_map("FF", 5)))


def test_files_are_saved_and_replaced_only_after_a_question(
    qtbot, viewer, panel, gate, tmp_path, monkeypatch
):
    (tmp_path / "other").mkdir()
    run_to_end(qtbot, viewer, panel, gate)
    (result,) = unsaved_of(viewer).results_of(session_of(viewer).subject.key)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(qtbot, panel.save_button)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=20_000)
    assert unsaved_of(viewer).items() == ()
    # Beside a session lie the same numbers.
    study = Study(None, "", "magnitude", (), None, None, (), {}, {}, (result,))
    saved = result_of(save_study(study, tmp_path / "other" / "a.mrf.json"))
    (beside,) = saved.results
    for name in ("importance.csv", "importance_FF.nii.gz"):
        assert (beside / name).is_file()
    assert (beside / "importance.csv").read_text() == (tmp_path / "importance.csv").read_text()
    names = {path.name for path in tmp_path.iterdir()}
    assert {"importance.csv", "importance.svg", "importance.pdf", "importance_FF.nii.gz"} <= names
    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    click(qtbot, panel.save_button)
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    assert asked == ["The folder already contains importance results. Replace the earlier results?"]


def test_closed_panel_loses_nothing(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    other = ImportancePanel()
    qtbot.addWidget(other)
    other.binding = ImportanceBinding(viewer, other)
    assert not other.results.isHidden()
    assert other.map_picker.currentText() == "FF"


def test_failure_is_one_sentence(qtbot, viewer, panel, gate):
    panel.settings.set_value("group", 4)
    panel.settings.set_value("stride", 2)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=10_000)
    assert panel.notice.text().startswith("groups of frames overlap (expected a stride of at least")
    assert panel.run_button.isEnabled()


def test_labels_layer_is_the_mask_and_a_set_the_truth(qtbot, viewer, panel, gate):
    series = session_of(viewer).series
    labels = np.zeros(series.spatial_shape, np.uint8)
    labels[0, :2] = 1
    viewer.add_labels(labels, name="muscle", scale=viewer.layers[0].scale[1:])
    truth = ParameterMaps({"FF": series.signal[5].real + 0.1})
    session_of(viewer).add_maps(MapsSet("truth", truth))
    panel.mask_picker.setCurrentText("muscle")
    panel.truth_picker.setCurrentText("truth")
    run_to_end(qtbot, viewer, panel, gate)
    result = importance_store_of(viewer).result
    assert result.places.shape[1] == 12
    assert set(result.places[0]) == {1}  # the first on screen is the last of the file
    assert result.reference == "given"
    assert result.baseline["FF"].nrmse > 0


def test_options_come_from_the_youngest_maps_of_the_method(qtbot, viewer, panel, gate):
    provenance = {"method": {"name": "one-frame"}, "conditioning": {"window_frames": 25}}
    maps = ParameterMaps({"FF": np.ones((2, 4, 6))}, provenance=provenance)
    session_of(viewer).add_maps(MapsSet("one-frame", maps))
    assert panel.options.values() == {"window": 25}
    run_to_end(qtbot, viewer, panel, gate)
    assert gate.made[-1] == {"window": 25}


def test_provenance_of_a_matcher_tells_its_options(monkeypatch):
    from napari_mrf.data import sequences
    from napari_mrf.dictionary import grid
    from napari_mrf.matching.water_fat import matcher

    sequence = sequences.t1ff()
    few = grid.ParameterGrid(
        {"T1H2O": [800.0, 1400.0], "T1fat": [250.0, 350.0], "Df": [-20.0, 0.0, 20.0],
         "B1": [0.8, 1.0]}
    )  # fmt: skip
    for module in (grid, matcher):
        monkeypatch.setattr(module, "wide_grid", lambda _: few)
    series = series_of(sequence, n=4, snr=50)
    asked = {"grid": "wide", "refine": True, "prior": "range", "frames": "0-74, 100-174",
             "window": 5, "smooth": 0.5, "conjugate": True}  # fmt: skip
    maps = methods.get("water-fat", sequence=sequence, device="cpu", **asked).reconstruct(series)
    record = json.loads(json.dumps(maps.provenance))
    assert options_of(record, sequence) == asked


def test_state_is_json_and_comes_back(qtbot, viewer, panel, gate):
    panel.settings.set_value("voxels", 77)
    panel.settings.set_value("raw", True)
    panel.options.set_value("window", 9)
    panel.fisher_box.setChecked(False)
    state = json.loads(json.dumps(panel.binding.state()))
    other = ImportancePanel()
    qtbot.addWidget(other)
    other.binding = ImportanceBinding(viewer, other)
    other.binding.restore(state)
    qtbot.waitUntil(other.run_button.isEnabled, timeout=10_000)
    assert other.binding.state() == state
    other.binding.restore({"settings": 3, "options": {"window": "many"}, "map": None, "new": 1})
    assert other.settings.values()["voxels"] == 77


def test_settings_become_the_engines_arguments():
    settings = {
        "repeats": 2,
        "voxels": 0,
        "group": 5,
        "stride": 0,
        "seed": 1,
        "raw": True,
        "choice": "random",
    }
    arguments = ImportanceParameters("one-frame", settings=settings).as_core_arguments()
    assert arguments == {"repeats": 2, "voxels": None, "choice": "random", "group": 5,
                         "stride": None, "seed": 1, "intensities": "raw"}  # fmt: skip


def test_sentence_names_units_and_frames_left_out(qtbot, viewer, panel, gate):
    panel.settings.set_value("stride", 5)
    run_to_end(qtbot, viewer, panel, gate)
    result = importance_store_of(viewer).result
    assert frame_sentence(result, "FF", 6) == "Frame 6 was left out by the stride."
    assert "% of its range" in frame_sentence(result, "FF", 5)


def test_plot_is_drawn_in_both_themes(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    for theme in ("light", "dark"):
        with qtbot.waitSignal(panel.plot.redrawn, timeout=10_000):
            viewer.theme = theme
        pixels = np.asarray(panel.plot.buffer_rgba())
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 10
    assert not panel.fisher_box.isEnabled()  # a single map does not say what the tissue is


def test_a_result_is_that_of_its_subject(qtbot, viewer, panel, gate):
    run_to_end(qtbot, viewer, panel, gate)
    session, store = session_of(viewer), panel.binding.store
    first, result = session.subject.key, store.result
    with qtbot.waitSignal(viewer.layers.events.inserted):
        click(qtbot, panel.layer_button)
    other = series_of(small_sequence(N_FRAMES))
    data, attributes, _ = series_layer_data(other, "follow-up")
    viewer.add_image(data, **attributes)
    session.set_series(other, "follow-up")
    assert store.result is None
    assert panel.results.isHidden()
    session.choose_subject(first)
    assert store.result is result
    assert not panel.results.isHidden()
    click(qtbot, panel.run_button)  # it ends while the other subject is shown
    session.choose_subject(session.subjects[1].key)
    qtbot.waitUntil(lambda: session.importance.status.state is JobState.DONE, timeout=20_000)
    assert store.result is None
    assert panel.results.isHidden()
    session.choose_subject(first)
    assert store.result is not result


def test_the_theory_has_a_share_of_the_bar(monkeypatch):
    """It comes last, after twenty of twenty-one steps; the bar never runs back."""
    series = series_of(small_sequence())
    monkeypatch.setattr(methods, "get", lambda *_, **__: OneFrame(series.sequence, frame=5))
    parameters = ImportanceParameters("one-frame", settings={"repeats": 2})
    steps = [one for one in measure(series, None, None, None, parameters) if one.total]
    (total,) = {one.total for one in steps}
    permutations = 2 * series.n_frames
    assert total == permutations + -(-permutations // 20)
    assert [one.done for one in steps] == sorted(one.done for one in steps)
    theory = [one.done for one in steps if one.stage == "Fisher information"]
    assert theory and set(theory) == {permutations}
    assert steps[-1].done == total
