"""The samples are made step by step, and making stops when nobody waits for it."""

import json
import socket
import threading

import nibabel
import numpy as np
import pytest
from gui_waits import wait_for_layers
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import methods
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.io import load_maps, load_series
from napari_mrf.matching.explicit import explicit_matcher
from napari_mrf.phantoms.samples import brain, thigh
from napari_mrf.plugin.jobs import JobState, in_steps
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.panels.compare.panel import TRUTH
from napari_mrf.plugin.samples import raw_thigh, read_brain
from napari_mrf.plugin.session import session_of


def test_progress_of_a_callback_becomes_steps():
    told, seen = threading.Event(), threading.Event()

    def work(progress):
        progress(3, 7)
        told.set()
        seen.wait(10)
        return "folder"

    steps = in_steps(work, "making it")
    next(steps)
    assert told.wait(10)
    step = next(steps)
    assert (step.done, step.total, step.detail) == (3, 7, "making it")
    seen.set()
    assert result_of(steps) == "folder"


def test_work_stops_at_its_next_report_when_cancelled():
    started, ended = threading.Event(), threading.Event()

    def work(progress):
        try:
            while True:
                progress(0, 1)
                started.set()
                threading.Event().wait(0.01)
        finally:
            ended.set()

    steps = in_steps(work, "endless")
    next(steps)
    started.wait(10)
    steps.close()
    assert ended.wait(10)


def test_failure_of_the_work_is_raised():
    def work(progress):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        result_of(in_steps(work, "failing"))


@pytest.fixture
def small_brain(monkeypatch, tmp_path):
    """The brain sample in large voxels, in a cache of its own."""
    monkeypatch.setattr(brain, "_SHAPE", (1, 32, 32))
    monkeypatch.setattr(brain, "cache_directory", lambda: tmp_path / "samples")
    return tmp_path / "samples"


def no_network(*_):
    raise AssertionError("the sample needs no network")


@pytest.mark.slow
def test_brain_from_the_menu_is_made_and_reconstructed_by_the_default_method(
    qtbot, make_napari_viewer, small_brain, monkeypatch
):
    monkeypatch.setattr(socket.socket, "connect", no_network)
    # The published pairs are many; so few are made in a moment.
    coarse = ParameterGrid({"T1": np.geomspace(200, 4000, 40), "T2": np.geomspace(20, 1500, 30)})
    monkeypatch.setattr(explicit_matcher, "default_grid", lambda _: coarse)
    viewer = make_napari_viewer(show=True)
    viewer.open_sample("napari-mrf", "brain")
    layer = viewer.layers[0]
    qtbot.waitUntil(lambda: session_of(viewer).regions is not None)
    assert viewer.layers.selection.active is layer
    series = series_of(layer)
    assert series.sequence == sequences.fisp()
    assert layer.data.shape == (1000, 1, 32, 32)
    (folder,) = small_brain.iterdir()  # nothing unfinished stays
    assert brain.brain_sample_directory() == folder

    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    panel = dock.panels["reconstruct"]
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=30_000)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    job = session_of(viewer).reconstruction
    qtbot.waitUntil(lambda: job.status.state is JobState.DONE, timeout=300_000)
    wait_for_layers(qtbot, viewer)
    (found,) = session_of(viewer).maps_sets.values()
    assert found.maps.provenance["method"]["name"] == methods.DEFAULTS["fisp"]
    truth = load_maps(folder / "truth")
    inside = np.isfinite(truth["T1"]) & np.isfinite(found.maps["T1"]) & (truth["T1"] < 2000)
    assert np.isfinite(found.maps["T1"])[np.isfinite(truth["T1"])].mean() > 0.95
    # Between the tissues, where a voxel of 7 mm holds several, nothing fits well.
    assert np.median(np.abs(found.maps["T1"] / truth["T1"] - 1)[inside]) < 0.15

    with pytest.raises(RuntimeError, match="open already"):
        viewer.open_sample("napari-mrf", "brain")
    assert sum(series_of(one) is not None for one in viewer.layers) == 1
    assert list(session_of(viewer).maps_sets) == [found.name]
    assert dock.panels["compare"].pickers["reference"].findText(TRUTH) > 0

    # Its tissues are the regions, so that a comparison has points to show.
    tissues = np.asarray(nibabel.load(folder / "rois.nii.gz").dataobj).T
    rois = dock.panels["rois"]
    assert np.array_equal(session_of(viewer).regions.labels, tissues)
    assert session_of(viewer).regions.path == str(folder / "rois.nii.gz")  # nothing to save
    names = [rois.tree._rows[label].text(0) for label in np.unique(tissues)[1:]]
    assert {"Grey matter", "White matter", "CSF"} < set(names)
    assert rois.set_picker.currentText() == "brain"
    assert not viewer.layers["brain tissues"].visible
    dock.sections["rois"].set_open(True)
    table = rois.statistics.table.model()
    qtbot.waitUntil(lambda: table.rowCount() == len(names), timeout=30_000)
    WorkerBase.await_workers(20_000)


def test_making_the_brain_can_be_cancelled_while_it_is_measured(small_brain):
    steps = read_brain()
    step = next(steps)
    while step.done < 5:  # the readouts come before the frames
        step = next(steps)
    assert step.total == 1 + 1000 + 1000
    steps.close()
    assert not small_brain.exists() or list(small_brain.iterdir()) == []


def test_brain_sample_tells_how_it_was_made_and_is_cleared_with_the_cache(small_brain):
    folder = brain.brain_sample_directory()
    record = json.loads((folder / "sample.json").read_text())
    assert record["acquisition"]["object"]["phantom"] == "brain"
    truth = load_maps(folder / "truth")
    assert set(truth) == {"PD", "T1", "T2"}
    assert np.allclose(truth.affine, load_series(folder / "brain_fisp.nii").affine, atol=1e-4)
    assert "white matter" in (folder / "rois.txt").read_text().lower()
    assert (folder / "README.md").read_text().count("brain_fisp.nii") == 2
    assert brain.clear_cache() > 8 * 1000 * 32 * 32
    assert not list(small_brain.iterdir())


@pytest.fixture
def small_raw(monkeypatch, tmp_path):
    """The raw sample in large voxels, in a cache of its own."""
    monkeypatch.setattr(thigh, "_RAW_SHAPE", (1, 32, 32))
    monkeypatch.setattr(thigh, "_VOXEL_SIZE_MM", 5.4)
    monkeypatch.setattr(thigh, "cache_folder", lambda name: tmp_path / name)
    return tmp_path / "samples" / "raw-thigh-1"


def test_raw_thigh_from_the_menu_is_made_shown_and_read_by_the_panel(
    qtbot, make_napari_viewer, small_raw
):
    viewer = make_napari_viewer(show=True)
    viewer.open_sample("napari-mrf", "raw_thigh")
    (look,) = viewer.layers
    assert look.name == "thigh_raw preview" and look.data.shape == (1, 32, 32)
    truth = load_maps(small_raw / "truth")
    tissue = np.isfinite(truth["FF"])
    in_file = DisplayOrientation.from_affine(truth.affine).to_file(look.data)
    assert np.median(in_file[tissue]) > 5 * np.median(in_file[~tissue])
    assert np.allclose(look.scale, np.linalg.norm(truth.affine[:3, :3], axis=0)[::-1])
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    panel = dock.panels["series"]
    qtbot.waitUntil(panel.raw.make_button.isEnabled)
    assert panel.layer_picker.currentText() == "thigh_raw.h5 (raw file)"
    qtbot.mouseClick(panel.raw.make_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session_of(viewer).series is not None, timeout=60_000)
    qtbot.waitUntil(lambda: [one.name for one in viewer.layers] == ["thigh_raw subspace"])
    assert dock.panels["compare"].pickers["reference"].findText(TRUTH) > 0
    WorkerBase.await_workers(20_000)


def test_raw_thigh_without_a_window_is_its_first_look(small_raw, qapp):
    ((data, attributes, kind),) = raw_thigh()
    assert kind == "image" and data.shape == (1, 32, 32)
    assert attributes["units"] == ("mm",) * 3
    again = small_raw / "thigh_raw.h5"
    again.write_bytes(again.read_bytes()[:1000])  # made anew where it is not whole
    assert raw_thigh()[0][0].shape == (1, 32, 32)
