"""Cancel takes effect at once wherever a run is, and the thread follows soon."""

import threading
import time

import numpy as np
import pytest
from matching_cases import small_grid
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.io import load_series
from napari_mrf.matching.water_fat import matcher
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.plugin.dock import ReconstructDock
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.session import session_of

# The promise to the user, and the piece the thread is in; in processor time, as other programs may
# keep the computer busy.
CANCEL_S = 1.0
THREAD_S = 5.0


class SlowDisk:
    """A signal (T, Z, Y, X) whose n-th read waits until it is released."""

    def __init__(self, signal, blocked_read):
        self._signal = signal
        self.shape, self.dtype, self.ndim = signal.shape, signal.dtype, signal.ndim
        self.blocked_read, self.n_reads = blocked_read, 0
        self.waiting, self.release = threading.Event(), threading.Event()

    def __getitem__(self, key):
        self.n_reads += 1
        if self.n_reads == self.blocked_read:
            self.waiting.set()
            self.release.wait(30)
        return self._signal[key]


@pytest.fixture(scope="module")
def sample():
    return load_series(sample_directory() / SERIES_NAME)


@pytest.fixture
def open_panel(qtbot, qapp):
    docks = []  # a dock that nobody holds is gone

    def show(series):
        viewer = ViewerModel()
        session_of(viewer).set_series(series, "thigh")
        dock = ReconstructDock(viewer)
        docks.append(dock)
        qtbot.addWidget(dock)
        dock.show()
        qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=30_000)
        return viewer, dock.panels["reconstruct"]

    yield show
    WorkerBase.await_workers(30_000)


def press_cancel(qtbot, viewer, panel):
    """Press the button and check that it works at once, and that no half result stays."""
    started_s = time.thread_time()
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    assert session_of(viewer).reconstruction.status.state is JobState.CANCELLED
    assert panel.run_button.isEnabled()
    qtbot.waitUntil(lambda: len(viewer.layers) == 0)
    assert time.thread_time() - started_s < CANCEL_S


def thread_has_ended():
    return not WorkerBase._worker_set


# The mask takes 7 reads a slice, and either pass as many; there are two slices.
@pytest.mark.parametrize(
    ("blocked_read", "stage"), [(3, "mask"), (14 + 3, "matching"), (28 + 10, "refining")]
)
def test_read_that_hangs_is_cancelled_at_once_and_is_the_last(
    qtbot, open_panel, sample, blocked_read, stage, monkeypatch
):
    # How often the disk is read depends on the slices alone.
    monkeypatch.setattr(matcher, "reconstruction_grid", lambda _: small_grid())
    signal = np.tile(np.asarray(sample.signal)[:, :, 40:48, 40:50], (1, 2, 1, 1))
    disk = SlowDisk(signal, blocked_read)
    viewer, panel = open_panel(MRFSeries(disk, None, sample.sequence))
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(disk.waiting.is_set, timeout=60_000)
    # What the thread has told arrives a moment later.
    is_refining = stage == "refining"
    qtbot.waitUntil(lambda: ("refining" in panel.progress_text.text()) == is_refining)
    press_cancel(qtbot, viewer, panel)
    assert not thread_has_ended()
    disk.release.set()
    qtbot.waitUntil(thread_has_ended)
    assert disk.n_reads == blocked_read


def at_preparing(status):
    return status.detail.startswith("preparing")


def at_mask(status):
    return status.detail == "finding the foreground"


def at_matching(status):
    return status.done > 0 and not status.stage


def at_refining(status):
    return status.done > 0 and status.stage == "refining"


@pytest.mark.slow
@pytest.mark.parametrize("at", [at_preparing, at_mask, at_matching, at_refining])
def test_real_run_ends_soon_wherever_it_is_cancelled(qtbot, open_panel, sample, at):
    signal = np.tile(np.asarray(sample.signal), (1, 2, 1, 1))
    viewer, panel = open_panel(MRFSeries(signal, sample.affine, sample.sequence))
    job = session_of(viewer).reconstruction
    reached = []
    job.changed.connect(lambda status: reached.append(status) if at(status) else None)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(reached), timeout=120_000)
    press_cancel(qtbot, viewer, panel)
    n_seen, cancelled_s = len(reached), time.process_time()
    qtbot.waitUntil(thread_has_ended)
    # Compiling the kernels, once on a computer, is the one piece that takes longer.
    assert at is at_preparing or time.process_time() - cancelled_s < THREAD_S
    assert len(reached) == n_seen
    assert job.status.state is JobState.CANCELLED
    assert not session_of(viewer).maps_sets
