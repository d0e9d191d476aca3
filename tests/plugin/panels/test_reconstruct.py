"""The Reconstruct panel runs, stops, replaces, puts back and saves; with a method that can wait."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox
from superqt.utils import WorkerBase

from napari_mrf import MRFInputError, MRFSeries, ParameterMaps, methods
from napari_mrf.data import sequences
from napari_mrf.data.maps import FLAGS
from napari_mrf.io.formats import nifti_write
from napari_mrf.io.maps.writer import maps_names
from napari_mrf.plugin.dock import MRFDock, ReconstructDock
from napari_mrf.plugin.jobs import JobState, JobStatus
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.layers import find_set, series_layer_data
from napari_mrf.plugin.panels.reconstruct.panel import FROM_FILE
from napari_mrf.plugin.panels.shared.texts import duration, progress_sentence
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.method import MethodInfo, MethodOption, ReconstructionUpdate

AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])  # slices run to the feet: shown in reverse order
SHAPE = (175, 3, 4, 5)
SIGNAL = np.ones(SHAPE, np.complex64) * np.arange(1, 4)[None, :, None, None]
OPTIONS = (
    MethodOption("refine", "bool", True, "Refine", "Fine steps after the grid."),
    MethodOption("rank", "int", 9, "Rank", "Of the basis.", limits=(1, 20)),
    MethodOption("prior", "choice", "series", "Prior", "Where from.", choices=("series", "range")),
    MethodOption("weight", "float", 0.5, "Weight", "Of the prior.", limits=(0.0, 1.0)),
    MethodOption("frames", "text", "all", "Frames", "Such as 0-149."),
)
INFO = MethodInfo("water-fat", "a stand-in", "matcher", ("spoiled",), "nobody, 2020", OPTIONS)


class FakeMethod:
    """Gives the slice number as FF, slice by slice, at the pace of a gate."""

    def __init__(self, gate, calls, device, options):
        self.gate, self.calls = gate, calls
        self.device, self.options = device, options

    def iter_reconstruct(self, series, mask=None, b1=None):
        self.calls.append({"device": self.device, "mask": mask, **self.options})
        if len(self.calls) in self.gate.failures:
            raise self.gate.failures[len(self.calls)]
        full = {key: np.full(series.spatial_shape, np.nan, np.float32) for key in ("FF", "T1H2O")}
        maps = ParameterMaps(full, quality=np.ones(series.spatial_shape), affine=series.affine,
                             provenance={"method": "water-fat"})  # fmt: skip
        n_slices, total = series.spatial_shape[0], int(np.prod(series.spatial_shape))
        yield ReconstructionUpdate(0, total, ParameterMaps({}), stage="preparing")
        for z in range(n_slices):
            self.gate.passed.acquire(timeout=10)
            inside = np.ones(series.spatial_shape[1:], bool) if mask is None else mask[z]
            maps["FF"][z][inside] = (z + len(self.calls)) / 10
            maps["T1H2O"][z][inside] = 1000
            yield ReconstructionUpdate((z + 1) * total // n_slices, total, maps, z)
        yield ReconstructionUpdate(total, total, maps, stage="done")


class Gate:
    def __init__(self):
        self.passed = threading.Semaphore(0)
        self.failures = {}

    def open(self, n=1000):
        self.passed.release(n)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    gate.calls = []
    other = replace(INFO, name="other", title="another one", options=())
    monkeypatch.setattr(methods, "available", lambda sequence=None, **_: [INFO, other])
    monkeypatch.setattr(methods, "devices", lambda: [("cpu", "CPU (2 cores)")])
    monkeypatch.setattr(methods, "get", lambda name, *, sequence, device="auto", **options:
                        FakeMethod(gate, gate.calls, device, options))  # fmt: skip
    return gate


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    series = MRFSeries(SIGNAL, AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    return viewer


@pytest.fixture
def dock(qtbot, viewer, gate):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=10_000)
    yield dock
    gate.open()
    session_of(viewer).reconstruction.cancel()
    WorkerBase.await_workers(10_000)


@pytest.fixture
def panel(dock):
    return dock.panels["reconstruct"]


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def run_to_end(qtbot, viewer, panel, gate, button=None):
    gate.open(3)
    with qtbot.waitSignal(panel.state_changed, timeout=10_000):
        click(qtbot, button or panel.run_button)
    qtbot.waitUntil(
        lambda: session_of(viewer).reconstruction.status.state is JobState.DONE, timeout=10_000
    )
    wait_for_layers(qtbot, viewer)


def test_without_a_series_the_reason_is_said_in_gray(qtbot, gate):
    dock = MRFDock(ViewerModel())
    qtbot.addWidget(dock)
    panel = dock.panels["reconstruct"]
    assert panel.needs.text() == "Load or pick a series first."
    assert not panel.needs.isEnabled()
    assert not panel.run_button.isEnabled()
    assert panel.run_button.toolTip() == "Load or pick a series first."


def test_methods_devices_and_options_are_offered(panel):
    assert panel.method_picker.currentText() == "water-fat — a stand-in"
    assert [panel.device_picker.itemText(i) for i in range(2)] == ["automatic", "CPU (2 cores)"]
    assert not panel.more.is_open()
    assert panel.options.values() == {
        "refine": True, "rank": 9, "prior": "series", "weight": 0.5, "frames": "all"}  # fmt: skip
    panel.method_picker.setCurrentIndex(1)
    panel.method_picker.activated.emit(1)
    assert panel.options.values() == {}
    assert panel.more.isHidden()


def test_options_left_at_their_defaults_are_left_to_the_engine(qtbot):
    form = OptionForm()
    qtbot.addWidget(form)
    for info in methods.available():
        form.set_options(info.options)
        assert form.values() == {option.name: option.default for option in info.options}
        assert form.chosen() == {}


def test_panel_becomes_the_engines_arguments(qtbot, dock, panel, viewer, gate):
    panel.options.editor("refine").setChecked(False)
    panel.options.editor("rank").setValue(4)
    panel.device_picker.setCurrentIndex(1)
    parameters = dock.bindings["reconstruct"].parameters()
    assert parameters.as_core_arguments() == {
        "device": "cpu",
        "refine": False,
        "rank": 4,
    }  # defaults are left to the engine
    run_to_end(qtbot, viewer, panel, gate)
    assert gate.calls[0]["rank"] == 4
    assert gate.calls[0]["mask"] is None


def test_maps_fill_in_slice_by_slice_while_the_bar_moves(qtbot, dock, panel, viewer, gate):
    click(qtbot, panel.run_button)
    assert not panel.run_button.isEnabled()
    assert panel.needs.text() == "Wait for this run, or cancel it."
    gate.open(1)
    qtbot.waitUntil(lambda: "water-fat · FF" in viewer.layers, timeout=10_000)
    shown = viewer.layers["water-fat · FF"].data
    assert np.allclose(shown[2], 0.1)  # file slice 0 is the last on screen
    assert np.isnan(shown[:2]).all()
    assert not session_of(viewer).maps_sets
    gate.open(1)
    qtbot.waitUntil(lambda: panel.progress.value() == 40, timeout=10_000)
    assert panel.progress_text.text().startswith("water-fat: 40 of 60 voxels")
    gate.open(1)
    qtbot.waitUntil(lambda: bool(session_of(viewer).maps_sets), timeout=10_000)
    wait_for_layers(qtbot, viewer)
    assert np.allclose(viewer.layers["water-fat · FF"].data[:, 0, 0], [0.3, 0.2, 0.1])
    assert dock.sections["reconstruct"].state().startswith("water-fat · 60 voxels · ")
    assert panel.progress_row.isHidden()
    assert panel.run_button.isEnabled()


def test_cancel_removes_what_was_half_done(qtbot, dock, panel, viewer, gate):
    click(qtbot, panel.run_button)
    gate.open(1)
    qtbot.waitUntil(lambda: "water-fat · FF" in viewer.layers, timeout=10_000)
    click(qtbot, panel.cancel_button)
    assert not any(layer.visible for layer in viewer.layers if layer.name != "thigh")
    wait_for_layers(qtbot, viewer)
    assert [layer.name for layer in viewer.layers] == ["thigh"]
    assert dock.sections["reconstruct"].state() == "water-fat cancelled"
    assert panel.run_button.isEnabled()


def test_cancelled_second_run_puts_the_first_maps_back(qtbot, dock, panel, viewer, gate):
    run_to_end(qtbot, viewer, panel, gate)
    first = session_of(viewer).maps_sets["water-fat"].maps
    click(qtbot, panel.run_button)
    gate.open(1)
    qtbot.waitUntil(lambda: np.isnan(viewer.layers["water-fat · FF"].data).any(), timeout=10_000)
    click(qtbot, panel.cancel_button)
    wait_for_layers(qtbot, viewer)
    assert np.allclose(viewer.layers["water-fat · FF"].data[:, 0, 0], [0.3, 0.2, 0.1])
    assert session_of(viewer).maps_sets["water-fat"].maps is first
    assert dock.sections["reconstruct"].state() == "water-fat cancelled · earlier maps kept"


@pytest.mark.parametrize("ends", ["done", "cancelled"])
def test_layers_deleted_during_a_run_cost_no_maps(qtbot, panel, viewer, gate, ends):
    session = session_of(viewer)

    def start_and_delete():
        click(qtbot, panel.run_button)
        gate.open(1)
        name = "water-fat · FF"
        qtbot.waitUntil(lambda: name in viewer.layers and np.isnan(viewer.layers[name].data).any())
        wait_for_layers(qtbot, viewer)
        viewer.layers.selection = set(find_set(viewer, "water-fat").values())
        viewer.layers.remove_selected()
        qtbot.waitUntil(lambda: removed_layers_of(viewer).sentence == "2 layers were deleted.")

    def end():
        gate.open(2) if ends == "done" else click(qtbot, panel.cancel_button)
        qtbot.waitUntil(lambda: not session.reconstruction.status.is_running)
        wait_for_layers(qtbot, viewer)

    start_and_delete()  # the first run, without earlier maps
    end()
    shown = sorted(find_set(viewer, "water-fat"))
    assert shown == (["FF", "T1H2O"] if ends == "done" else [])
    removed_layers_of(viewer).undo()
    wait_for_layers(qtbot, viewer)
    assert sorted(find_set(viewer, "water-fat")) == shown  # nothing twice, nothing half done
    if ends == "cancelled":
        return
    first = session.maps_sets["water-fat"]
    start_and_delete()
    assert session.maps_sets["water-fat"] is first
    click(qtbot, panel.cancel_button)
    wait_for_layers(qtbot, viewer)
    assert session.maps_sets["water-fat"] is first
    assert np.isfinite(find_set(viewer, "water-fat")["FF"].data).all()


def test_second_run_replaces_the_first(qtbot, panel, viewer, gate):
    run_to_end(qtbot, viewer, panel, gate)
    run_to_end(qtbot, viewer, panel, gate)
    assert len(viewer.layers) == 3
    assert np.allclose(viewer.layers["water-fat · FF"].data[:, 0, 0], [0.4, 0.3, 0.2])


def test_this_slice_runs_the_slice_in_view_and_leaves_the_whole_run(qtbot, panel, viewer, gate):
    run_to_end(qtbot, viewer, panel, gate)
    viewer.dims.set_current_step(1, 2)  # last on screen, first in the file
    run_to_end(qtbot, viewer, panel, gate, panel.slice_button)
    mask = gate.calls[1]["mask"]
    assert mask[0].any()
    assert not mask[1:].any()
    assert list(session_of(viewer).maps_sets) == ["water-fat", "water-fat slice 0"]
    assert panel.results.maps_picker.currentText() == "water-fat slice 0"


def test_slice_without_a_voxel_to_reconstruct_says_so(qtbot, panel, viewer, gate):
    labels = np.zeros(SHAPE[1:], np.uint8)
    labels[0] = 1
    viewer.add_labels(labels, name="muscle", scale=(8, 2, 1.5))
    panel.mask_picker.setCurrentText("muscle")
    viewer.dims.set_point(1, 16)
    click(qtbot, panel.slice_button)
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=10_000)
    assert "nothing to reconstruct in this slice" in panel.notice.text()
    assert not gate.calls


def test_labels_layer_is_the_mask_in_file_order(qtbot, panel, viewer, gate):
    labels = np.zeros(SHAPE[1:], np.uint8)
    labels[2, 0, 0] = 1
    viewer.add_labels(labels, name="muscle", scale=(8, 2, 1.5))
    panel.mask_picker.setCurrentText("muscle")
    run_to_end(qtbot, viewer, panel, gate)
    assert np.argwhere(gate.calls[0]["mask"]).tolist() == [[0, 0, 0]]


def test_renamed_mask_stays_usable(qtbot, panel, viewer, gate):
    labels = viewer.add_labels(np.ones(SHAPE[1:], np.uint8), name="muscle")
    panel.mask_picker.setCurrentText("muscle")
    labels.name = "thigh muscle"
    assert panel.mask_picker.currentText() == "thigh muscle"
    offered = [panel.mask_picker.itemText(i) for i in range(panel.mask_picker.count())]
    assert offered == ["automatic", "thigh muscle", FROM_FILE]


def test_unusable_mask_is_one_sentence_and_nothing_runs(qtbot, panel, viewer, gate):
    viewer.add_labels(np.zeros((3, 9, 9), np.uint8), name="other grid")
    panel.mask_picker.setCurrentText("other grid")
    click(qtbot, panel.run_button)
    assert "lies on another grid" in panel.notice.text()
    assert not gate.calls


def test_mask_of_a_file_becomes_a_layer_and_is_picked(
    qtbot, dock, panel, viewer, gate, tmp_path, monkeypatch
):
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[0, 1, 2] = 1
    np.save(tmp_path / "muscle.npy", mask)
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "muscle.npy"), "")
    )
    panel.mask_picker.textActivated.emit(FROM_FILE)
    qtbot.waitUntil(lambda: "muscle" in viewer.layers, timeout=10_000)
    assert panel.mask_picker.currentText() == "muscle"
    assert viewer.layers["muscle"].data[2, 1, 2] == 1  # slices are shown in reverse order
    run_to_end(qtbot, viewer, panel, gate)
    assert np.array_equal(gate.calls[0]["mask"], mask != 0)


def test_voxels_left_out_are_counted(qtbot, panel, viewer, gate):
    flags = np.zeros(SHAPE[1:], np.uint8)
    flags[0, 0, :2] = FLAGS["not-finite"]
    maps = ParameterMaps({"FF": np.ones(SHAPE[1:])}, flags=flags, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("water-fat", maps))
    assert panel.notice.text() == "2 voxels are not finite and were left out. See the flags layer."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "RuntimeError: mat1 and mat2"),
     (MRFInputError("no-device", "the device is gone", hint="Use the CPU."),
      "the device is gone. Use the CPU.")],
)  # fmt: skip
def test_failure_is_one_sentence_and_keeps_earlier_maps(
    qtbot, dock, panel, viewer, gate, error, sentence
):
    run_to_end(qtbot, viewer, panel, gate)
    gate.failures[2] = error
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=10_000)
    assert panel.notice.text().startswith(sentence)
    assert dock.sections["reconstruct"].state() == "water-fat failed"
    assert np.isfinite(viewer.layers["water-fat · FF"].data).all()
    assert panel.run_button.isEnabled()


def test_text_option_is_typed_and_refused_by_the_engine_in_the_section(qtbot, panel, viewer, gate):
    line = panel.options.editor("frames")
    line.clear()
    qtbot.keyClicks(line, " 0-74, x")
    assert panel.options.values()["frames"] == "0-74, x"
    with pytest.raises(MRFInputError) as engine:
        Conditioning(frames="0-74, x")
    gate.failures[1] = engine.value
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=10_000)
    assert panel.notice.text() == engine.value.sentence()
    assert "'x' is not a range of frames" in panel.notice.text()
    assert gate.calls[0]["frames"] == "0-74, x"
    assert line.text() == " 0-74, x"


def test_magnitude_alone_disables_the_run_with_a_reason(panel, viewer):
    series = session_of(viewer).series
    session_of(viewer).set_series(replace(series, metadata={"magnitude_only": True}), "thigh")
    assert not panel.run_button.isEnabled()
    assert not panel.slice_button.isEnabled()
    assert panel.needs.text().startswith(
        "The series has only the magnitude, but the phase is needed"
    )
    assert not panel.needs.isEnabled()
    session_of(viewer).set_series(series, "thigh")
    assert panel.run_button.isEnabled()


def test_uncertainty_is_one_click_away_and_saved(qtbot, dock, panel, viewer, gate, tmp_path):
    run_to_end(qtbot, viewer, panel, gate)
    box = panel.results.companions["uncertainty"]
    assert not box.isEnabled()
    assert "Refine" in box.toolTip()
    deviations = {"FF": np.full(SHAPE[1:], 0.02), "T1H2O": np.full(SHAPE[1:], 30.0)}
    values = {"FF": np.linspace(0, 1, 60).reshape(SHAPE[1:]), "T1H2O": np.ones(SHAPE[1:])}
    maps = ParameterMaps(values, uncertainty=deviations, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("refined", maps))
    click(qtbot, box)
    wait_for_layers(qtbot, viewer)
    names = ["refined · T1H2O SD (ms)", "refined · FF SD"]
    assert [layer.name for layer in viewer.layers if "SD" in layer.name] == names
    hidden = np.isnan(viewer.layers["refined · T1H2O SD (ms)"].data)
    assert np.array_equal(hidden, np.isnan(viewer.layers["refined · T1H2O"].data))
    assert hidden.any()
    viewer.layers.remove("refined · FF SD")
    assert not box.isChecked()  # the one that was in sight has gone
    viewer.layers["refined · T1H2O SD (ms)"].visible = True
    assert box.isChecked()
    box.click()
    assert not [layer for layer in viewer.layers if "SD" in layer.name and layer.visible]
    box.click()
    wait_for_layers(qtbot, viewer)
    assert [layer.name for layer in viewer.layers if "SD" in layer.name] == names
    dock.bindings["reconstruct"].results.save_to(str(tmp_path / "out"))
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert (tmp_path / "out" / "T1H2O_std.nii.gz").exists()
    qtbot.waitUntil(
        lambda: not dock.bindings["reconstruct"].results.saving.status.is_running, timeout=10_000
    )


def test_extra_layers_are_one_click_away(qtbot, panel, viewer, gate):
    run_to_end(qtbot, viewer, panel, gate)
    assert not panel.results.companions["flags"].isEnabled()
    map_layer = viewer.layers["water-fat · FF"]
    assert map_layer.visible
    panel.results.companions["quality"].click()
    wait_for_layers(qtbot, viewer)
    # Alone: a map that shines through would be read by a color bar that is not its own.
    assert viewer.layers["water-fat · quality"].visible and not map_layer.visible
    panel.results.companions["quality"].click()
    assert not viewer.layers["water-fat · quality"].visible and map_layer.visible
    viewer.layers["water-fat · quality"].visible = True  # by its eye
    assert panel.results.companions["quality"].isChecked()
    panel.results.companions["mask"].click()
    wait_for_layers(qtbot, viewer)
    viewer.layers.remove("water-fat · mask")
    assert not panel.results.companions["mask"].isChecked()


def test_invalid_values_are_hidden_until_asked_for(qtbot, panel, viewer, gate):
    gate.calls.extend([{}] * 5)  # FF 0.6, 0.7, 0.8 by slice
    run_to_end(qtbot, viewer, panel, gate)
    water_t1 = viewer.layers["water-fat · T1H2O"]
    assert np.isfinite(water_t1.data[:, 0, 0]).tolist() == [False, False, True]
    assert "FF < 0.7" in panel.results.validity.toolTip()
    panel.results.validity.click()
    assert np.isfinite(water_t1.data).all()
    assert np.isfinite(session_of(viewer).maps_sets["water-fat"].maps["T1H2O"]).all()


def test_set_is_forgotten_when_its_layers_are_removed(qtbot, panel, viewer, gate):
    run_to_end(qtbot, viewer, panel, gate)
    for name in ("water-fat · FF", "water-fat · T1H2O"):
        viewer.layers.remove(name)
    assert not session_of(viewer).maps_sets
    assert panel.results.isHidden()


def test_saving_of_maps_shows_a_bar_and_is_cancelled_with_a_click(
    qtbot, dock, panel, viewer, gate, tmp_path, monkeypatch
):
    """Nothing is left on the disk, the set is unsaved as before, and it can be saved again."""
    run_to_end(qtbot, viewer, panel, gate)
    at_second, goes_on = threading.Event(), threading.Event()
    write = nifti_write.write_volume

    def write_slowly(path, *rest):
        if at_second.is_set():
            goes_on.wait(20)
        write(path, *rest)
        at_second.set()

    monkeypatch.setattr(nifti_write, "write_volume", write_slowly)
    monkeypatch.setattr("napari_mrf.plugin.jobs.worker._SHORTEST_INTERVAL_S", 0.0)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    row, saving = panel.results.saving_row, dock.bindings["reconstruct"].results.saving
    qtbot.mouseClick(panel.results.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row.bar.value() == 1, timeout=10_000)
    assert row.isVisibleTo(panel)
    assert row.bar.maximum() == len(maps_names(session_of(viewer).maps_sets["water-fat"].maps))
    assert row.text.text().startswith("Saving maps: ")
    assert not panel.results.save_button.isEnabled()
    with qtbot.waitSignal(saving.changed, timeout=1000):
        qtbot.mouseClick(row.cancel_button, Qt.MouseButton.LeftButton)
    assert row.isHidden()
    assert panel.results.save_button.isEnabled()
    assert panel.notice.text() == "Saving maps: cancelled."
    goes_on.set()
    qtbot.waitUntil(lambda: not WorkerBase._worker_set, timeout=10_000)
    assert not list(tmp_path.rglob("*.nii.gz"))
    assert not session_of(viewer).maps_sets["water-fat"].folder
    qtbot.mouseClick(panel.results.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert (tmp_path / "out" / "maps.json").exists()


def test_maps_are_saved_and_overwritten_only_after_a_question(
    qtbot, dock, panel, viewer, gate, tmp_path, monkeypatch
):
    run_to_end(qtbot, viewer, panel, gate)
    binding = dock.bindings["reconstruct"].results
    binding.save_to(str(tmp_path / "out"))
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert (tmp_path / "out" / "maps.json").exists()
    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    binding.save_to(str(tmp_path / "out"))
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    assert asked == ["The folder already contains maps. Replace the earlier results?"]
    before = (tmp_path / "out" / "FF.nii.gz").stat().st_mtime_ns
    binding.save_to(str(tmp_path / "out"), overwrite=True)
    qtbot.waitUntil(
        lambda: (tmp_path / "out" / "FF.nii.gz").stat().st_mtime_ns > before, timeout=10_000
    )
    qtbot.waitUntil(lambda: not binding.saving.status.is_running, timeout=10_000)


def test_maps_that_are_opened_to_compare_with_are_not_the_ones_to_be_saved(
    qtbot, panel, viewer, gate, tmp_path, monkeypatch
):
    run_to_end(qtbot, viewer, panel, gate)
    truth = ParameterMaps({"FF": np.full(SHAPE[1:], 0.9)}, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("truth", truth, folder=str(tmp_path / "truth")))
    wait_for_layers(qtbot, viewer)
    assert panel.results.maps_picker.findText("truth") >= 0
    assert panel.results.current_maps() == "water-fat"
    asked = []

    def answer(_, title, *__):
        asked.append(title)
        return str(tmp_path / "out")

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    click(qtbot, panel.results.save_button)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert asked[0].startswith("Save water-fat of")
    assert (tmp_path / "out" / "T1H2O.nii.gz").exists()  # the truth has none


def test_keys_run_and_cancel(qtbot, dock, panel, viewer, gate):
    with qtbot.waitActive(dock):
        dock.activateWindow()
    panel.mask_picker.setFocus()
    qtbot.keyClick(panel.mask_picker, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert session_of(viewer).reconstruction.status.is_running
    qtbot.keyClick(panel.mask_picker, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert session_of(viewer).reconstruction.status.state is JobState.CANCELLED


def test_section_opens_and_closes_at_a_click_on_its_header(qtbot, dock):
    section = dock.sections["reconstruct"]
    click(qtbot, section._header)
    assert not section.is_open()
    assert section.state() == "not run"
    click(qtbot, section._header)
    assert section.is_open()


def test_progress_reads_like_a_sentence():
    status = JobStatus(JobState.RUNNING, "water-fat", 12_400, 34_800, "voxels", seconds_left=6.2)
    assert progress_sentence(status) == "water-fat: 12,400 of 34,800 voxels, 6 s left"
    assert progress_sentence(replace(status, done=0, detail="preparing")) == "water-fat: preparing…"
    second = replace(status, stage="refining", seconds_left=3.4)
    assert progress_sentence(second) == (
        "water-fat, refining: 12,400 of 34,800 voxels, 3 s left"
    )  # fmt: skip
    assert [duration(s) for s in (0.04, 0.4, 6.2, 99, 200)] == [
        "0.1 s", "0.4 s", "6 s", "99 s", "3 min 20 s"]  # fmt: skip
