"""The mean over frames: right in every slice, computed in a thread, and only a picture."""

import threading

import dask.array
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.plugin.dock import SeriesDock
from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.layers.closeup import mean_view
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer import mean_display
from napari_mrf.plugin.viewer.opening import OpenedSeries, opener_of

SHAPE = (3, 5, 7)
AFFINE = np.diag([-1.5, 2.0, -8.0, 1.0])  # slices and rows are shown in reverse order
RANDOM = np.random.default_rng(2)
SIGNAL = (RANDOM.normal(size=(1000, *SHAPE)) + 1j * RANDOM.normal(size=(1000, *SHAPE))).astype(
    np.complex64
)
SIGNAL[:500, 0, 0, 0] = np.nan
SIGNAL[:, 1, 2, 3] = np.nan


def expected():
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(SIGNAL.astype(complex))
    count = np.isfinite(magnitude).sum(axis=0)
    return np.nansum(magnitude, axis=0) / np.where(count, count, np.nan)


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


def opened(qtbot, viewer, signal=SIGNAL, sequence=None):
    series = MRFSeries(signal, AFFINE, sequence or sequences.fisp())

    def read():
        yield Step()
        return OpenedSeries(series, "brain", 1.0)

    dock = SeriesDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    opener = opener_of(viewer)
    with qtbot.waitSignal(opener.job.succeeded):
        opener.start("Opening", read)
    return dock, viewer.layers[-1]


def click(qtbot, dock, component):
    (button,) = (
        one for one in dock.panels["series"].components.buttons() if one.text() == component
    )
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=button.rect().center() / 4)


def shown(dock):
    return [one.text() for one in dock.panels["series"].components.buttons() if one.isChecked()]


def wait_for_mean(qtbot, viewer, layer):
    qtbot.waitUntil(lambda: layer.data.mean.is_known.all()
                    and not mean_display.mean_display_of(viewer).job.status.is_running)  # fmt: skip


@pytest.mark.parametrize("is_lazy", [False, True])
def test_a_series_of_single_readouts_opens_as_its_mean(qtbot, viewer, is_lazy):
    signal = dask.array.from_array(SIGNAL, chunks=(100, 1, 5, 7)) if is_lazy else SIGNAL
    dock, layer = opened(qtbot, viewer, signal)
    assert shown(dock) == ["mean"]
    wait_for_mean(qtbot, viewer, layer)
    found = np.asarray(layer.data[0])
    assert layer.data.shape == SIGNAL.shape and layer.ndim == 4
    assert np.allclose(found, expected()[::-1, ::-1], rtol=1e-5, equal_nan=True)
    assert np.array_equal(found, np.asarray(layer.data[999]), equal_nan=True)
    # What is seen is what was computed, and the panels have the complex series still.
    assert np.array_equal(layer._slice.image.raw, found[viewer.dims.current_step[1]],
                          equal_nan=True)  # fmt: skip
    assert layer.contrast_limits[1] < 2.0
    assert session_of(viewer).series is series_of(layer)
    assert session_of(viewer).series.signal is signal


def test_frames_of_several_readouts_open_as_magnitude(qtbot, viewer):
    dock, layer = opened(qtbot, viewer, SIGNAL[:175], sequences.t1ff())
    assert shown(dock) == ["magnitude"]
    assert not mean_display.mean_display_of(viewer).job.status.is_running
    click(qtbot, dock, "mean")
    wait_for_mean(qtbot, viewer, layer)
    click(qtbot, dock, "magnitude")
    assert np.allclose(layer.data[3], np.abs(SIGNAL[3])[::-1, ::-1], equal_nan=True)


def test_a_sequence_that_is_found_by_its_frames_shows_the_mean_too(qtbot, viewer):
    series = MRFSeries(SIGNAL, AFFINE)
    dock = SeriesDock(viewer)
    qtbot.addWidget(dock)
    data, attributes, _ = OpenedSeries(series, "brain", 1.0).layer_data()
    layer = viewer.add_image(data, **attributes)
    assert session_of(viewer).series.sequence is not None
    assert shown(dock) == ["mean"]
    wait_for_mean(qtbot, viewer, layer)


def test_it_is_computed_in_a_thread_once_and_the_slice_in_view_comes_first(
    qtbot, viewer, monkeypatch
):
    threads, slices = set(), []
    compute = mean_view.slice_mean

    def watched(series, z):
        threads.add(threading.current_thread())
        slices.append(z)
        yield from compute(series, z)

    monkeypatch.setattr(mean_display, "slice_mean", watched)
    dock, layer = opened(qtbot, viewer)
    wait_for_mean(qtbot, viewer, layer)
    first = 2 - viewer.dims.current_step[1]
    assert threading.main_thread() not in threads
    assert slices[0] == first and sorted(slices) == [0, 1, 2]
    click(qtbot, dock, "phase")
    click(qtbot, dock, "mean")
    assert shown(dock) == ["mean"] and layer.data.mean.is_known.all()
    assert len(slices) == 3


def test_what_is_not_computed_yet_is_empty_and_a_removed_layer_ends_it(qtbot, viewer, monkeypatch):
    go_on = threading.Event()

    def waiting(series, z):
        go_on.wait(20)
        yield np.ones(SHAPE[1:], np.float32)

    monkeypatch.setattr(mean_display, "slice_mean", waiting)
    dock, layer = opened(qtbot, viewer)
    assert shown(dock) == ["mean"]
    display = mean_display.mean_display_of(viewer)
    assert display.job.status.is_running and np.isnan(layer.data[0]).all()
    viewer.layers.remove(layer)
    assert not display.job.status.is_running
    go_on.set()
