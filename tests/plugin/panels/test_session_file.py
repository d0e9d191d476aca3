"""A study saved to a session file and brought back, in a real window."""

import json

import numpy as np
import pytest
from gui_waits import answer_next_question, wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QFileDialog
from stored_cases import WARNING, subspace_series, subspace_signal
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import Label, save_series
from napari_mrf.plugin.layers import find_set, series_of
from napari_mrf.plugin.readers import get_reader
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

AFFINE = np.diag([-1.5, -1.5, 4.0, 1.0])
SHAPE = (2, 12, 16)


@pytest.fixture
def open_window(make_napari_viewer, qtbot):
    def show():
        viewer = make_napari_viewer(show=True)
        get_settings().application.confirm_close_window = False
        return viewer, viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]

    yield show
    WorkerBase.await_workers(20_000)


@pytest.fixture
def series_path(tmp_path):
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(175, *SHAPE)) + 1j * rng.normal(size=(175, *SHAPE))
    path = tmp_path / "thigh.nii.gz"
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequences.t1ff()), path)
    return path


def some_maps(fraction):
    return ParameterMaps({"FF": np.full(SHAPE, fraction, np.float32)}, affine=AFFINE)


def open_series(qtbot, dock, path):
    dock.bindings["series"].open_file(path)
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=60_000)


def pick(qtbot, bar, action):
    """Open the menu of the session button and click an entry in it."""

    def click_entry():
        qtbot.mouseClick(
            bar.menu, Qt.MouseButton.LeftButton, pos=bar.menu.actionGeometry(action).center()
        )

    QTimer.singleShot(0, lambda: qtbot.waitUntil(bar.menu.isVisible) or click_entry())
    bar.menu.popup(bar.menu_button.mapToGlobal(QPoint(0, 0)))
    qtbot.waitUntil(lambda: not bar.menu.isVisible())


def wait_for_job(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running, timeout=60_000)
    wait_for_layers(qtbot, dock.session_binding.viewer)


def fill(qtbot, viewer, dock, path):
    """Put a whole study into a window."""
    open_series(qtbot, dock, path)
    session = session_of(viewer)
    maps_display_of(viewer).add(MapsSet("water-fat", some_maps(0.25), "thigh", 7.9))
    wait_for_layers(qtbot, viewer)
    labels = np.zeros(SHAPE, np.uint16)
    labels[1, 2:5, 3:6] = 7
    session.set_regions(Regions(labels, {7: Label(7, "VL_R", (32, 103, 0))}))
    session.choose_region(RegionChoice(7))
    session.set_pins(((0, 3, 4), (1, 2, 3)))
    wait_for_layers(qtbot, viewer)
    dock.panels["reconstruct"].options.set_value("window", 25)
    for panel in (dock.panels["compare"], dock.panels["rois"].statistics):
        panel.rules.min_voxels.setValue(9)
        panel.rules.min_valid_share.setValue(33.3)
    viewer.dims.set_point(0, 60)


@pytest.mark.slow
def test_study_comes_back_in_another_window(qtbot, open_window, series_path, monkeypatch):
    viewer, dock = open_window()
    fill(qtbot, viewer, dock, series_path)
    path = series_path.with_name("thigh.mrf.json")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    pick(qtbot, dock.session_bar, dock.session_bar.save_action)
    wait_for_job(qtbot, dock)
    assert "Saved to" in dock.session_bar.notice.text()
    assert session_of(viewer).maps_sets["water-fat"].folder.endswith("water-fat")
    assert json.loads(path.read_text())["pins"] == [[0, 3, 4], [1, 2, 3]]

    other, its_dock = open_window()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    pick(qtbot, its_dock.session_bar, its_dock.session_bar.open_action)
    wait_for_job(qtbot, its_dock)
    session = session_of(other)
    assert its_dock.session_bar.notice.text() == ""
    assert its_dock.session_bar.title.full_text() == "thigh.mrf.json"
    assert session.series_name == "thigh"
    assert session.series.sequence == sequences.t1ff()
    assert session.pins == ((0, 3, 4), (1, 2, 3))
    assert session.maps_sets["water-fat"].seconds == 7.9
    np.testing.assert_array_equal(session.maps_sets["water-fat"].maps["FF"], np.float32(0.25))
    assert session.regions.table[7].name == "VL_R"
    assert np.count_nonzero(session.regions.labels == 7) == 9
    assert session.chosen_region.label == 7
    qtbot.waitUntil(
        lambda: its_dock.panels["reconstruct"].options.values().get("window") == 25, timeout=30_000
    )
    assert other.dims.point[0] == 60
    for panel in (its_dock.panels["compare"], its_dock.panels["rois"].statistics):
        assert panel.rules.chosen() == {
            "erosion_voxels": 0, "min_voxels": 9, "min_valid_share": 0.333,
        }  # fmt: skip
    assert "water-fat · FF" in [layer.name for layer in other.layers]


def test_study_of_images_kept_as_hdf5_comes_back(qtbot, open_window, tmp_path):
    """Dropped on the window, saved as a session, and opened again: coefficients and all."""
    series_path, path = tmp_path / "leg.h5", tmp_path / "leg.mrf.json"
    save_series(subspace_series(subspace_signal(shape=SHAPE)), series_path)
    viewer, dock = open_window()
    viewer.open(str(series_path), plugin="napari-mrf")
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=60_000)
    assert session_of(viewer).series.subspace is not None
    assert WARNING in session_of(viewer).series.warnings
    dock.session_binding.save_to(path)
    wait_for_job(qtbot, dock)
    assert json.loads(path.read_text())["series"]["files"][0]["relative"] == "leg.h5"
    other, its_dock = open_window()
    its_dock.session_binding.open_file(str(path))
    wait_for_job(qtbot, its_dock)
    assert its_dock.session_bar.notice.text() == ""
    assert session_of(other).series.subspace is not None
    assert session_of(other).series.sequence == sequences.t1ff()


@pytest.mark.slow
def test_second_save_writes_no_second_copy(qtbot, open_window, series_path):
    viewer, dock = open_window()
    fill(qtbot, viewer, dock, series_path)
    path = series_path.with_name("a.mrf.json")
    dock.session_binding.save_to(path)
    wait_for_job(qtbot, dock)
    written = sorted(one.name for one in path.with_name("a_session").iterdir())
    pick(qtbot, dock.session_bar, dock.session_bar.save_action)
    wait_for_job(qtbot, dock)
    assert sorted(one.name for one in path.with_name("a_session").iterdir()) == written
    # A run again is other maps: they go beside the earlier ones.
    maps_display_of(viewer).add(MapsSet("water-fat", some_maps(0.5), "thigh", 1.0))
    pick(qtbot, dock.session_bar, dock.session_bar.save_action)
    wait_for_job(qtbot, dock)
    assert "water-fat_2" in [one.name for one in path.with_name("a_session").iterdir()]


@pytest.mark.slow
def test_opening_again_leaves_no_layers_of_the_former_study(qtbot, open_window, series_path):
    viewer, dock = open_window()
    fill(qtbot, viewer, dock, series_path)
    viewer.add_image(np.zeros((4, 4)), name="not ours")
    path = series_path.with_name("a.mrf.json")
    dock.session_binding.save_to(path)
    wait_for_job(qtbot, dock)
    names = sorted(layer.name for layer in viewer.layers)
    for _ in range(2):
        dock.session_binding.open_file(path)
        wait_for_job(qtbot, dock)
        assert sorted(layer.name for layer in viewer.layers) == names


@pytest.mark.slow
def test_what_changed_on_the_disk_is_said(qtbot, open_window, series_path):
    viewer, dock = open_window()
    fill(qtbot, viewer, dock, series_path)
    path = series_path.with_name("a.mrf.json")
    dock.session_binding.save_to(path)
    wait_for_job(qtbot, dock)
    series_path.unlink()
    dock.session_binding.open_file(path)
    wait_for_job(qtbot, dock)
    assert "The series thigh could not be found" in dock.session_bar.notice.text()
    assert session_of(viewer).subject.name == "thigh"  # whose maps these are is still known
    assert list(session_of(viewer).maps_sets) == ["water-fat"]
    assert not [layer for layer in viewer.layers if series_of(layer) is not None]


@pytest.mark.slow
def test_unsaved_work_is_not_lost_without_a_question(qtbot, open_window, series_path, tmp_path):
    viewer, dock = open_window()
    fill(qtbot, viewer, dock, series_path)
    empty, path = tmp_path / "empty.mrf.json", tmp_path / "thigh.mrf.json"
    empty.write_text(json.dumps({"format": "napari-mrf session", "version": 1}))
    dock.session_binding.save_to(path)
    wait_for_job(qtbot, dock)
    session = session_of(viewer)
    session.add_maps(MapsSet("third", some_maps(0.5), "thigh"))
    asked = answer_next_question(qtbot, "Cancel")
    assert get_reader(str(path))(str(path)) == [(None,)]
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["thigh is open already, and some of its work is not saved yet. Open the "
                     "session in its place?"]  # fmt: skip
    wait_for_job(qtbot, dock)
    assert list(session.maps_sets) == ["water-fat", "third"]
    assert find_set(viewer, "water-fat")
    # What is another subject's is lost to nothing, so nothing is asked.
    thigh = session.subject.key
    assert get_reader(str(empty))(str(empty)) == [(None,)]
    qtbot.waitUntil(lambda: session.subject.key != thigh)
    wait_for_job(qtbot, dock)
    assert list(session.maps_sets_of(thigh)) == ["water-fat", "third"]


@pytest.mark.slow
def test_file_that_is_no_session_is_told_in_one_sentence(qtbot, open_window, tmp_path):
    _, dock = open_window()
    path = tmp_path / "a.mrf.json"
    path.write_text('{"format": "something else"}')
    dock.session_binding.open_file(path)
    wait_for_job(qtbot, dock)
    assert "session file is not valid" in dock.session_bar.notice.text()


@pytest.mark.slow
def test_series_in_no_file_is_told_and_nothing_is_written(qtbot, open_window, tmp_path):
    viewer, dock = open_window()
    session_of(viewer).set_series(MRFSeries(np.ones((175, *SHAPE), np.complex64)), "made")
    dock.session_binding.save_to(tmp_path / "a.mrf.json")
    wait_for_job(qtbot, dock)
    assert "not in a file" in dock.session_bar.notice.text()
    assert list(tmp_path.iterdir()) == []
