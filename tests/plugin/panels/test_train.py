"""Training in the window: recipes that fit, the course, stopping and going on, the new method."""

import json

import numpy as np
import pytest
from gui_waits import wait_for_layers
from network_cases import N_FRAMES, RANGES, T1FF, install, noisy_slices, tissues
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

import napari_mrf as mrf
from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.networks import weights
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.panels.shared.methods import TRAIN
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS
from napari_mrf.plugin.panels.train.controller import training_of
from napari_mrf.plugin.panels.train.window import FROM_RECIPE_FILE
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.opening import opener_of

SHAPE = (1, 20, 18)
RECIPE = """
network = "cohen"
sequence = "t1ff"
{extra}
[maps]
{maps}
[data]
tissues = 2000
validation_tissues = 200
[optimisation]
epochs = {epochs}
batch = 100
"""


@pytest.fixture
def window(make_napari_viewer, qtbot, tmp_path, monkeypatch):
    """Return the window of a training over a series that is in a file, and its viewer."""
    installed = tmp_path / "installed"
    install(installed, ["cohen"])
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([installed]))
    monkeypatch.setattr(OWN_WEIGHTS, "_cards", {})
    series = MRFSeries(noisy_slices(SHAPE), np.diag([2.0, 2, 8, 1]), T1FF)
    mrf.save_series(series, tmp_path / "scan.h5")
    viewer = make_napari_viewer()
    dock = open_dock(viewer)
    opener_of(viewer).open(tmp_path / "scan.h5")
    panel, session = dock.panels["reconstruct"], session_of(viewer)
    qtbot.waitUntil(lambda: session.series is not None, timeout=60_000)
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=60_000)
    wait_for_layers(qtbot, viewer)
    training = training_of(viewer)
    pick(qtbot, panel.method_picker, panel.method_picker.findData(TRAIN))
    qtbot.waitUntil(lambda: training.window is not None and training.window.isVisible())
    picker = training.window.recipe_picker
    qtbot.waitUntil(lambda: picker.findText("t1ff-cohen") >= 0, timeout=60_000)
    yield viewer, training.window, training, panel
    training.job.cancel()
    WorkerBase.await_workers(60_000)


def pick(qtbot, picker, at):
    """Pick an entry with the keys: open the list, go there, take it."""
    qtbot.mouseClick(picker, Qt.MouseButton.LeftButton)
    view = picker.view()
    qtbot.waitUntil(view.isVisible)
    view.setCurrentIndex(picker.model().index(at, 0))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not view.isVisible())


def write_recipe(folder, epochs, extra=""):
    maps = "\n".join(f"{k} = {{ lower = {a}, upper = {b} }}" for k, (a, b) in RANGES.items())
    path = folder / "mine.toml"
    path.write_text(RECIPE.format(maps=maps, epochs=epochs, extra=extra))
    return path


def pick_recipe(qtbot, window, monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    pick(qtbot, window.recipe_picker, window.recipe_picker.findText(FROM_RECIPE_FILE))
    assert window.recipe_picker.currentText() == str(path)


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def texts(picker):
    return [picker.itemText(at) for at in range(picker.count())]


def test_recipes_of_the_sequence_and_weights_to_begin_with_are_offered(window):
    _, window, _, _ = window
    offered = texts(window.recipe_picker)
    assert "t1ff-cohen" in offered and not [one for one in offered if one.startswith("fisp")]
    assert window.recipe_picker.currentText() == "t1ff-cohen"
    assert texts(window.init_picker) == ["random weights", "cohen"]
    assert window.folder_edit.text().endswith("weights t1ff-cohen")


def test_training_shows_its_course_and_its_weights_become_a_method(
    qtbot, window, tmp_path, monkeypatch
):
    viewer, window, training, panel = window
    pick_recipe(qtbot, window, monkeypatch, write_recipe(tmp_path, epochs=3))
    folder = tmp_path / "out"
    window.folder_edit.setText(str(folder))
    press(qtbot, window.start_button)
    assert not window.start_button.isEnabled() and window.progress.isVisible()
    qtbot.waitUntil(lambda: not training.job.status.is_running, timeout=120_000)
    assert training.job.status.state is JobState.DONE, training.job.status.failure
    course = training._course
    assert [row["epoch"] for row in course.history] == [1, 2, 3]
    assert set(course.maps) == set(RANGES) and course.maps["FF"].shape == SHAPE[1:]
    assert window.course_plot.isVisible() and window.maps_plot.isVisible()
    card = folder / "cohen.json"
    assert json.loads(card.read_text())["n_epochs"] >= 1
    picker = panel.method_picker
    qtbot.waitUntil(lambda: picker.findData(str(card)) >= 0, timeout=60_000)
    assert panel.current_method() == "water-fat"  # what is picked stays picked
    pick(qtbot, picker, picker.findData(str(card)))
    assert panel.current_method() == str(card)
    press(qtbot, panel.run_button)
    session = session_of(viewer)
    qtbot.waitUntil(lambda: "cohen (out)" in session.maps_sets, timeout=60_000)
    press(qtbot, window.start_button)  # finished weights are not replaced
    qtbot.waitUntil(lambda: not training.job.status.is_running, timeout=60_000)
    assert training.job.status.state is JobState.FAILED
    assert "weights of this network" in window.notice.text()


def test_stopped_training_goes_on(qtbot, window, tmp_path, monkeypatch):
    _, window, training, _ = window
    pick_recipe(qtbot, window, monkeypatch, write_recipe(tmp_path, epochs=400))
    folder = tmp_path / "out"
    window.folder_edit.setText(str(folder))
    press(qtbot, window.start_button)
    qtbot.waitUntil(lambda: training._course is not None and len(training._course.history) > 1,
                    timeout=120_000)  # fmt: skip
    press(qtbot, window.progress.cancel_button)
    assert "goes on" in window.notice.text()
    WorkerBase.await_workers(60_000)
    n_epochs = len((folder / "cohen.metrics.csv").read_text().splitlines()) - 1
    assert n_epochs >= 2 and not (folder / "cohen.json").exists()
    press(qtbot, window.start_button)
    qtbot.waitUntil(lambda: training._course is not None or not training.job.status.is_running)
    assert training.job.status.is_running, window.notice.text()
    qtbot.waitUntil(lambda: bool(training._course.history), timeout=120_000)
    assert len(training._course.history) >= n_epochs


def test_fine_tuning_learns_from_the_series_and_its_maps(qtbot, window, tmp_path, monkeypatch):
    viewer, window, training, _ = window
    session = session_of(viewer)
    n = int(np.prod(SHAPE))
    values = {key: one.reshape(SHAPE).astype(np.float32) for key, one in tissues(n).items()}
    session.add_maps(
        MapsSet("mine", ParameterMaps(values, affine=session.series.affine), "scan", 1.0)
    )
    qtbot.waitUntil(lambda: "this series with mine" in texts(window.data_picker))
    pick_recipe(qtbot, window, monkeypatch, write_recipe(tmp_path, epochs=2))
    pick(qtbot, window.data_picker, 1)
    window.folder_edit.setText(str(tmp_path / "out"))
    press(qtbot, window.start_button)
    qtbot.waitUntil(lambda: not training.job.status.is_running, timeout=120_000)
    assert training.job.status.state is JobState.DONE, training.job.status.failure
    recipe = json.loads((tmp_path / "out" / "cohen.json").read_text())["recipe"]
    subject = recipe["data"]["subjects"][0]
    assert recipe["data"]["kind"] == "series" and subject["series"].endswith("scan.h5")
    learned = mrf.load_maps(subject["maps"])
    np.testing.assert_array_equal(learned["FF"], values["FF"])
    np.testing.assert_array_equal(training._course.reference["FF"].shape, SHAPE[1:])
    assert session.series.n_frames == N_FRAMES


def test_a_broken_recipe_is_one_sentence(qtbot, window, tmp_path, monkeypatch):
    _, window, training, _ = window
    pick_recipe(qtbot, window, monkeypatch, write_recipe(tmp_path, 2, extra="networks = 3"))
    window.folder_edit.setText(str(tmp_path / "out"))
    press(qtbot, window.start_button)
    qtbot.waitUntil(lambda: not training.job.status.is_running, timeout=60_000)
    assert "recipe is not valid" in window.notice.text()
    assert window.start_button.isEnabled()
