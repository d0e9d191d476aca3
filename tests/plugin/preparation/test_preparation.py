"""Code is compiled beside the window, once, and what needs it waits."""

import json
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

import napari_mrf
from napari_mrf import methods
from napari_mrf.data import sequences
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.imaging.images import make_images
from napari_mrf.kspace.trajectory import RadialTrajectory
from napari_mrf.matching.spatiotemporal.coefficient_similarity import CoefficientSimilarity
from napari_mrf.matching.spatiotemporal.matcher import SpatiotemporalMatcher
from napari_mrf.matching.spatiotemporal.mixture_similarity import MixtureSimilarity
from napari_mrf.matching.spatiotemporal.training_subjects import TrainingSubject
from napari_mrf.plugin.jobs import Job, JobState
from napari_mrf.plugin.panels.reconstruct.work import ReconstructParameters, reconstruct
from napari_mrf.plugin.preparation import kernels, preparation, record, row
from napari_mrf.plugin.preparation.kernels import DRAWING, IMAGES_OF_RAW, TASKS
from napari_mrf.plugin.preparation.preparation import SWITCH, Preparation
from napari_mrf.plugin.viewer.layer_turns import WAITING, layer_turns_of

ROOT = Path(napari_mrf.__file__).parents[1]


def test_every_kind_of_sequence_and_drawing_is_prepared():
    needs = {one for task in TASKS for one in task.needed_for}
    assert needs - set(methods.names()) == {*SIGNAL_KINDS, DRAWING, IMAGES_OF_RAW}


def kernels_of_package():
    """Functions that numba has compiled or will compile, by name."""
    from numba.core.dispatcher import Dispatcher

    found = {}
    for path in sorted((ROOT / "napari_mrf").rglob("*kernel.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name, one in vars(module).items():
            if isinstance(one, Dispatcher) and one.py_func.__module__ == module.__name__:
                found[f"{module.__name__}.{name}"] = one
    return found


def fisp_patches(generator):
    """A matcher of patches with a small dictionary, maps of a training subject, a series."""
    sequence = kernels._short_fisp("fisp")
    axes = {"T1": np.geomspace(300, 3000, 9), "T2": np.geomspace(20, 200, 7)}
    dictionary = Dictionary.build(sequence, ParameterGrid(axes))
    maps = {key: generator.choice(axis, (2, 5, 6)) for key, axis in axes.items()}
    return sequence, CoefficientSimilarity(sequence, dictionary=dictionary), maps


def water_fat_patches(generator):
    sequence, uniform = sequences.t1ff(), generator.uniform
    maps = {"FF": uniform(0, 1, (2, 5, 6)), "T1H2O": uniform(900, 1500, (2, 5, 6)),
            "T1fat": uniform(250, 420, (2, 5, 6))}  # fmt: skip
    return sequence, MixtureSimilarity(sequence), maps


def match_patches(sequence, similarity, maps, monkeypatch):
    """Match noise with one training subject that is as large."""
    maps = {key: one.astype(np.float32) for key, one in maps.items()}
    subject = TrainingSubject(0, maps, np.diag([-1.0, -1.0, 1.0, 1.0]))
    monkeypatch.setattr("napari_mrf.matching.spatiotemporal.matcher.training_subjects",
                        lambda *_: iter([subject]))  # fmt: skip
    shape = (2, sequence.n_frames, 2, 5, 6)
    signal = np.random.default_rng(4).standard_normal(shape).astype(np.float32)
    matcher = SpatiotemporalMatcher(sequence, similarity=similarity)
    matcher.reconstruct(napari_mrf.MRFSeries(signal[0] + 1j * signal[1], np.eye(4), sequence))


def make_images_of_noise(generator):
    """Two slices of another size in three coils with a noise scan."""
    places = RadialTrajectory(1400, 20).coordinates()
    parts = generator.standard_normal((2, 3, *places.shape[:2])).astype(np.float32)
    values = parts[0] + 1j * parts[1]
    raw = RawData(
        n_slices=2, n_coils=3, n_readouts=1400, n_samples=places.shape[1],
        read_slice=lambda z: values, numbers=np.arange(1400), n_planned=1400, matrix=(20, 20),
        trajectories=(places,), noise=values[:, :8].reshape(3, -1), source_path=Path("noise.h5"),
        source_sha256="",
    )  # fmt: skip
    return make_images(raw, sequences.t1ff(), device="cpu")


def test_tasks_compile_what_real_work_calls(monkeypatch):
    """Series of another size, mask and tissue meet no types that are new."""
    for task in TASKS:
        if DRAWING not in task.needed_for:
            task.work()
    before = {name: list(one.signatures) for name, one in kernels_of_package().items()}
    of_module = {}
    for name, types in before.items():
        of_module.setdefault(name.split(".")[-2], []).extend(types)
    left = {module for module, types in of_module.items() if not types}
    # Models of signals are compiled into the refinement.
    assert left <= {"water_fat_refine_kernel", "relaxation_kernel"}
    generator = np.random.default_rng(3)
    sequence = sequences.t1ff()
    signal = generator.standard_normal((2, 175, 2, 3, 5)).astype(np.float32)
    series = napari_mrf.MRFSeries(signal[0] + 1j * signal[1], np.eye(4), sequence)
    mask = np.ones((2, 3, 5), bool)
    for refine in (True, False):
        method = methods.get("water-fat", sequence=sequence, device="cpu", refine=refine)
        method.reconstruct(series, mask)
    images = make_images_of_noise(generator)
    assert images.subspace is not None
    method = methods.get("water-fat", sequence=sequence, device="cpu")
    method.reconstruct(images, np.ones(images.spatial_shape, bool))
    for of_kind in (fisp_patches(generator), water_fat_patches(generator)):
        match_patches(*of_kind, monkeypatch)
    after = {name: list(one.signatures) for name, one in kernels_of_package().items()}
    assert after == before


PRESSED = """
import sys, threading, time
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari.components import ViewerModel
from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.plugin.jobs import Job
from napari_mrf.plugin.panels.reconstruct.work import ReconstructParameters, reconstruct
from napari_mrf.plugin.preparation import preparation, record, row
from napari_mrf.plugin.preparation.kernels import TASKS
import napari_mrf.methods, torch, numba
from numba.core import event

compiled = []
class Listener(event.Listener):
    def on_start(self, event):
        compiled.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass
event.register("numba:compile", Listener())
preparation.PREPARATION.tasks = TASKS[:1]
preparation.PREPARATION._n_done = 1
assert not record.is_compiled()
line = row.PreparationRow()
assert not line.isHidden(), "the row shows"
turns, sentences, last = [], [], [time.perf_counter()]
def turn():
    now = time.perf_counter()
    turns.append(now - last[0])
    last[0] = now
timer = QTimer()
timer.setInterval(5)
timer.timeout.connect(turn)
signal = np.random.default_rng(0).standard_normal((2, 175, 1, 4, 5)).astype(np.float32)
series = MRFSeries(signal[0] + 1j * signal[1], np.eye(4), sequences.t1ff())
job = Job()
job.changed.connect(lambda status: sentences.append(status.detail))
job.changed.connect(lambda status: None if status.is_running else app.quit())
job.start("water-fat", reconstruct, series, np.ones((1, 4, 5), bool),
          ReconstructParameters("water-fat", "cpu"), "noise")
timer.start()
last[0] = time.perf_counter()
app.exec()
timer.stop()
line.look()
assert job.status.state == "done", job.status
assert any(s.startswith("Preparing the matcher of water and fat: 1 of 1") for s in sentences)
assert line.isHidden()
assert compiled == [], compiled
assert record.is_compiled()
print(len(turns), max(turns), sorted(turns)[int(0.99 * len(turns))])
"""


@pytest.mark.slow
def test_first_reconstruction_on_a_machine_waits_and_the_window_does_not(qapp, tmp_path):
    """In a process and with caches of their own: nothing is compiled in the window's process."""
    environment = os.environ | {
        SWITCH: "1", "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT),
        "LOCALAPPDATA": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", PRESSED], env=environment, text=True,
                          capture_output=True, check=False, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    n_turns, longest_s, usual_s = (float(word) for word in done.stdout.split())
    assert n_turns > 200
    assert usual_s < 0.1
    assert longest_s < 0.2 * slowness()


DRAWN = """
import threading
import numpy as np
from numba.core.dispatcher import Dispatcher
from napari.components import ViewerModel
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.preparation.kernels import TASKS
from napari_mrf.rois.muscles import default_labels

thread = threading.Thread(target=next(one for one in TASKS if "drawing" in one.needed_for).work)
thread.start()
thread.join()
from napari.layers.shapes import _accelerated_triangulate_numba as shapes
from napari.utils.colormaps import _accelerated_cmap as colors

def types():
    return {name: list(one.signatures) for module in (shapes, colors)
            for name, one in vars(module).items() if isinstance(one, Dispatcher)}

before = types()
viewer = ViewerModel()
labels = np.zeros((2, 9, 9), np.uint16)
layer = add_regions_layer(viewer, RegionGrid(labels.shape), default_labels(), labels, "ROIs")
layer.data_setitem((np.array([0]), np.array([2]), np.array([2])), 7)
outlines = viewer.add_shapes(ndim=3)
outlines.add_polygons([np.array([[0, 1, 1], [0, 1, 5], [0, 3, 2], [0, 5, 5.0]])])
assert any(before.values())
assert types() == before
"""


def test_first_polygon_compiles_nothing_more(qapp):
    done = subprocess.run([sys.executable, "-c", DRAWN], text=True, capture_output=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


def slowness():
    """How many others want each core, at least 1: they take turns too."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 1.0
    return max(busy / (os.cpu_count() or 1), 1.0) ** 2


class FakeChild:
    """Says line by line what a test lets it."""

    def __init__(self):
        self.lines, self.more = [], threading.Condition()
        self.stdout = self

    def say(self, line):
        with self.more:
            self.lines.append(line)
            self.more.notify()

    def __iter__(self):
        return self

    def __next__(self):
        with self.more:
            self.more.wait_for(lambda: self.lines, timeout=20)
            line = self.lines.pop(0)
        if line is None:
            raise StopIteration
        return line

    def kill(self):
        self.say(None)

    def wait(self):
        return 0


@pytest.fixture
def child(monkeypatch, tmp_path):
    """The child process of every preparation; nothing has been compiled before."""
    child = FakeChild()
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setattr(record, "cache_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(preparation.subprocess, "Popen", lambda *_, **__: child)
    yield child
    child.kill()


def test_progress_names_what_is_prepared_and_the_time_left(child, qtbot):
    prepared = Preparation()
    assert prepared.progress() is None
    prepared.start()
    progress = prepared.progress()
    assert progress.sentence == (
        "Preparing the matcher of water and fat: 1 of 6, about 65 s left; once on this machine"
    )
    assert progress.total_s == sum(task.seconds for task in TASKS)
    assert not prepared.is_ready_for("spoiled")
    for _ in range(2):
        child.say("done\n")
    qtbot.waitUntil(lambda: prepared.is_ready_for("spoiled"))
    assert not prepared.is_ready_for("fisp")
    assert not prepared.is_ready_for("spoiled", "spatiotemporal")
    assert prepared.is_ready_for("spoiled", "water-fat")
    assert "Preparing images of raw data: 3 of 6" in prepared.progress().sentence
    assert prepared.progress().done_s >= 12
    child.say(json.dumps({"kept": [], "sources": {}}))
    child.kill()
    qtbot.waitUntil(lambda: prepared.progress() is None)
    assert prepared.is_ready_for(DRAWING, "spatiotemporal")
    assert record.is_compiled()


def test_a_child_that_dies_holds_nobody_up(child, qtbot):
    prepared = Preparation()
    prepared.start()
    child.kill()
    qtbot.waitUntil(lambda: prepared.progress() is None)
    assert prepared.is_ready_for("fisp")
    assert not record.is_compiled()


def test_row_shows_bar_and_sentence_and_cancels(child, qtbot, monkeypatch):
    prepared = Preparation()
    monkeypatch.setattr(row, "PREPARATION", prepared)
    shown = row.PreparationRow()
    qtbot.addWidget(shown)
    assert not shown.isHidden()
    assert shown.text.text().startswith("Preparing the matcher of water and fat: 1 of 6")
    assert shown.bar.maximum() == 670
    child.say("done\n")
    qtbot.waitUntil(lambda: shown.bar.value() >= 90, timeout=5000)
    qtbot.mouseClick(shown.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(shown.isHidden, timeout=5000)


def test_waiting_reconstruction_is_cancelled_at_once(child, qtbot, monkeypatch):
    prepared = Preparation()
    prepared.start()
    monkeypatch.setattr("napari_mrf.plugin.panels.reconstruct.work.PREPARATION", prepared)
    signal = np.ones((175, 1, 2, 2), np.complex64)
    series = napari_mrf.MRFSeries(signal, np.eye(4), sequences.t1ff())
    job = Job()
    job.start("water-fat", reconstruct, series, None, ReconstructParameters("water-fat"), "x")
    qtbot.waitUntil(lambda: job.status.detail.startswith("Preparing the matcher"))
    job.cancel()
    assert job.status.state is JobState.CANCELLED


def test_what_is_gone_or_changed_is_prepared_again(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "cache_folder", lambda name: tmp_path / name)
    kept, source = tmp_path / "one.nbi", tmp_path / "kernel.py"
    for path in (kept, source):
        path.write_text("x")
    compiled = {"kept": [str(kept)], "sources": {str(source): record.stamp(str(source))}}
    assert not record.is_compiled()
    record.note_compiled(compiled)
    assert record.is_compiled()
    source.write_text("xy")
    assert not record.is_compiled()
    record.note_compiled({**compiled, "sources": {}})
    assert record.is_compiled()
    kept.unlink()
    assert not record.is_compiled()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    assert not record.is_compiled()
    (tmp_path / "kernels").rename(tmp_path / "old")
    (tmp_path / "kernels").write_text("no folder")
    record.note_compiled(compiled)
    assert not record.is_compiled()


def test_layers_of_others_come_while_one_waits(qtbot):
    from napari.components import ViewerModel

    viewer, made, is_open = ViewerModel(), [], threading.Event()
    turns = layer_turns_of(viewer)

    def drawing():
        while not is_open.is_set():
            yield WAITING
        made.append("drawing")

    def maps():
        for at in range(3):
            made.append(at)
            yield

    turns.begin("drawing", drawing())
    turns.begin("maps", maps())
    qtbot.waitUntil(lambda: len(made) == 3)
    is_open.set()
    qtbot.waitUntil(lambda: not turns.owners)
    assert made == [0, 1, 2, "drawing"]
