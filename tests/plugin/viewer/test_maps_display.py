"""The real plugin in a real window, driven as a user drives it."""

import sys
import threading

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from superqt.utils import WorkerBase

from napari_mrf import PARAMETERS
from napari_mrf.compute.steps import Steps
from napari_mrf.data import sequences
from napari_mrf.io import load_maps, load_series, save_series
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer import opening
from napari_mrf.plugin.viewer.opening import read_series

MAPS = ("FF", "T1H2O", "T1fat", "Df", "B1")


@pytest.fixture(scope="module", autouse=True)
def sample():
    """Make the sample before the clock of a test runs."""
    return sample_directory()


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1280, 800)
    yield viewer
    WorkerBase.await_workers(20_000)


def menu_action(menu, text):
    """Find an entry of a menu or its submenus, filled as they are when shown."""
    menu.aboutToShow.emit()
    for action in menu.actions():
        if action.menu() is not None:
            found = menu_action(action.menu(), text)
            if found is not None:
                return found
        elif action.text().startswith(text):
            return action
    return None


def open_dock(viewer):
    return viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]


def open_sample(qtbot, viewer):
    menu_action(viewer.window.file_menu, "Thigh (MRF T1-FF)").trigger()
    dock = open_dock(viewer)
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=30_000)
    return dock


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for(qtbot, viewer, state):
    job = session_of(viewer).reconstruction
    qtbot.waitUntil(lambda: not job.status.is_running, timeout=180_000)
    assert job.status.state is state, job.status.failure
    wait_for_layers(qtbot, viewer)


def test_sample_from_the_menu_fills_the_first_step(qtbot, viewer, sample):
    open_sample(qtbot, viewer)
    dock = open_dock(viewer)
    layer = viewer.layers[0]
    assert series_of(layer).sequence == sequences.t1ff()
    assert layer.data.shape == (175, 1, *load_series(sample / SERIES_NAME).spatial_shape[1:])
    assert dock.panels["series"].sequence_picker.currentText() == "MRF T1-FF"
    assert dock.width() <= 360
    letters = [viewer.canvas.overlays[f"mrf_{edge}"].text for edge in ("left", "right", "top")]
    assert letters == ["R", "L", "A"]
    viewer.dims.set_current_step(0, 100)
    assert viewer.dims.ndim == 4


@pytest.mark.slow
def test_run_cancel_and_run_again_by_mouse(qtbot, viewer, sample, tmp_path):
    dock = open_sample(qtbot, viewer)
    panel = dock.panels["reconstruct"]
    click(qtbot, panel.run_button)
    qtbot.waitUntil(panel.cancel_button.isVisible, timeout=60_000)
    click(qtbot, panel.cancel_button)
    assert session_of(viewer).reconstruction.status.state is JobState.CANCELLED
    assert len(viewer.layers) == 1

    click(qtbot, panel.run_button)
    wait_for(qtbot, viewer, JobState.DONE)
    assert {layer.name for layer in viewer.layers[1:]} == {f"water-fat · {key}" for key in MAPS}
    for key in MAPS:
        layer = viewer.layers[f"water-fat · {key}"]
        assert tuple(layer.contrast_limits) == PARAMETERS[key].display_limits
        assert layer.colorbar.visible == (key == "FF")
        assert {f"{unit:~}" for unit in layer.units} == {"mm"}
        assert np.array_equal(layer.scale, viewer.layers[0].scale[1:])
    assert viewer.canvas.overlays["mrf_title"].text == "Fat fraction"

    truth = load_maps(sample / "truth")
    maps = session_of(viewer).maps_sets["water-fat"].maps
    inside = np.isfinite(truth["FF"]) & np.isfinite(maps["FF"])
    assert np.median(np.abs(truth["FF"] - maps["FF"])[inside]) < 0.05
    # What was computed is written on the grid of the file that was read.
    dock.bindings["reconstruct"].results.save_to(str(tmp_path / "maps"))
    qtbot.waitUntil((tmp_path / "maps" / "maps.json").exists, timeout=20_000)
    qtbot.waitUntil(
        lambda: not dock.bindings["reconstruct"].results.saving.status.is_running, timeout=20_000
    )
    saved = load_maps(tmp_path / "maps")
    assert np.array_equal(saved["FF"], maps["FF"], equal_nan=True)
    assert np.allclose(saved.affine, session_of(viewer).series.affine)


def test_window_closed_during_a_run_ends_it_quietly(qtbot, viewer):
    dock = open_sample(qtbot, viewer)
    job = session_of(viewer).reconstruction
    click(qtbot, dock.panels["reconstruct"].run_button)
    qtbot.waitUntil(lambda: job.status.detail != "", timeout=60_000)
    assert job.status.is_running
    viewer.close()
    WorkerBase.await_workers(20_000)
    qtbot.wait(200)
    assert job.status.state is JobState.CANCELLED
    assert not WorkerBase._worker_set
    assert sys.exc_info() == (None, None, None)


def test_file_opened_in_the_window_is_read_in_the_background(
    qtbot, viewer, sample, tmp_path, monkeypatch
):
    series = load_series(sample / SERIES_NAME)
    save_series(series, tmp_path / "leg.nii.gz")
    may_end = threading.Event()

    def held(*arguments, **options):
        work = Steps(read_series(*arguments, **options))
        for step in work:
            yield step
            while not may_end.wait(0.02):
                yield step
        return work.result

    monkeypatch.setattr(opening, "read_series", held)
    assert viewer.open(tmp_path / "leg.nii.gz", plugin="napari-mrf") == []
    assert session_of(viewer).opening.status.is_running
    text = open_dock(viewer).panels["series"].progress_row.text
    qtbot.waitUntil(lambda: "unpacking it once into the cache" in text.text())
    assert not viewer.layers
    may_end.set()
    dock = open_dock(viewer)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=30_000)
    assert viewer.layers[0].name == "leg"
    assert session_of(viewer).series.sequence == sequences.t1ff()
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=30_000)


def test_keys_on_the_canvas_run_and_cancel(qtbot, viewer):
    dock = open_sample(qtbot, viewer)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    job = session_of(viewer).reconstruction
    assert job.status.is_running
    qtbot.keyClick(canvas, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert job.status.state is JobState.CANCELLED
    assert dock.sections["reconstruct"].state() == "water-fat cancelled"


def test_each_panel_opens_alone_and_shares_the_session(qtbot, viewer):
    open_sample(qtbot, viewer)
    _, series_dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Series")
    _, reconstruct_dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Reconstruct")
    assert series_dock.panels["series"].layer_picker.currentText() == "thigh_t1ff"
    panel = reconstruct_dock.panels["reconstruct"]
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=30_000)
    click(qtbot, panel.run_button)
    both = open_dock(viewer)
    assert not both.panels["reconstruct"].run_button.isEnabled()
    click(qtbot, both.panels["reconstruct"].cancel_button)
    assert panel.run_button.isEnabled()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_window_looks_like_something_in_both_themes(qtbot, viewer, theme):
    viewer.theme = theme
    dock = open_sample(qtbot, viewer)
    QApplication.processEvents()
    picture = viewer.screenshot(canvas_only=False, flash=False)
    assert picture.shape[0] >= 780
    assert picture.shape[1] >= 1200
    assert np.ptp(picture[..., :3]) > 100
    panel = dock.grab().toImage()
    corner = panel.pixelColor(5, panel.height() - 5).lightness()
    assert (corner < 80) == (theme == "dark")
    for widget in (dock.panels["series"].open_button, dock.panels["reconstruct"].run_button):
        right = widget.mapTo(dock, widget.rect().bottomRight()).x()
        assert right <= dock.width()


def test_launch_shows_a_series_with_its_maps(
    qtbot, make_napari_viewer, sample, monkeypatch, tmp_path
):
    import napari

    from napari_mrf.plugin.launch import open_viewer

    monkeypatch.setattr(napari, "Viewer", lambda title: make_napari_viewer(title=title))
    series = load_series(sample / SERIES_NAME)
    viewer = open_viewer(series, {"truth": load_maps(sample / "truth")}, name="leg", block=False)
    assert next(layer.name for layer in viewer.layers) == "leg"
    assert "truth · FF" in viewer.layers
    assert list(session_of(viewer).maps_sets) == ["truth"]
    panel = open_dock(viewer).panels["reconstruct"]
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=30_000)
    assert panel.results.maps_picker.currentText() == "truth"
    # File > Save Selected Layers… writes what is selected, on the grid of the file.
    viewer.layers.selection = [viewer.layers["truth · FF"], viewer.layers["truth · B1"]]
    path = tmp_path / "chosen.nii.gz"
    viewer.layers.save(str(path), selected=True, plugin="napari-mrf")
    saved = load_maps(tmp_path / "chosen")
    assert set(saved) == {"FF", "B1"}
    assert np.array_equal(saved["B1"], load_maps(sample / "truth")["B1"], equal_nan=True)
    WorkerBase.await_workers(20_000)
