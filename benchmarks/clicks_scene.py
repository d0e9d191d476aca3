"""A window as in a study: 350 × 350 × 5 on disk, two sets of maps, 24 ROIs, every result."""

import time
from types import SimpleNamespace

import napari
import nibabel
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_mrf import ParameterMaps
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import Baseline, Importance
from napari_mrf.data import sequences
from napari_mrf.io import load_series
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.panels.importance.result import importance_store_of
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE, N_FRAMES = (5, 350, 350), 175
_LEFT = Qt.MouseButton.LeftButton
AFFINE = np.diag([-1.0, -1.0, 8.0, 1.0])
RANGES = {"FF": (0, 1), "T1H2O": (900, 1500), "T1fat": (250, 350), "Df": (-60, 60), "B1": (0.6, 1)}
LABELS = [*range(7, 19), *range(21, 33)]  # twelve muscles on both sides


def write_series(path):
    """Write a series that can be mapped into memory, without holding it in memory."""
    header = nibabel.Nifti1Header()
    shape = (*SHAPE[::-1], N_FRAMES)
    header.set_data_shape(shape)
    header.set_data_dtype(np.complex64)
    header.set_sform(AFFINE, code=1)
    header["magic"], header["vox_offset"] = b"n+1", 352
    with path.open("wb") as file:
        header.write_to(file)
    data = np.memmap(path, np.complex64, "r+", 352, shape, order="F")
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:350j, -1:1:350j]
    inside = (np.hypot((np.abs(x) - 0.48) / 0.4, y / 0.6) < 1).T[..., None]
    for frame in range(N_FRAMES):
        noise = random.standard_normal((*shape[:3], 2), np.float32).view(np.complex64)[..., 0]
        data[..., frame] = inside * (1 + 0.3 * np.cos(frame / 9)) + 0.03 * noise
    data.flush()


def make_maps(seed):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:350j, -1:1:350j]
    outside = np.broadcast_to(np.hypot((np.abs(x) - 0.48) / 0.4, y / 0.6) >= 1, SHAPE)
    values = {key: random.uniform(*ends, SHAPE).astype(np.float32) for key, ends in RANGES.items()}
    for one in values.values():
        one[outside] = np.nan
    return ParameterMaps(
        values,
        affine=AFFINE,
        quality=np.where(outside, np.nan, np.float32(0.98)).astype(np.float32),
        flags=outside.astype(np.uint8),
        uncertainty={key: np.abs(one) * np.float32(0.02) for key, one in values.items()},
    )


def make_importance():
    random = np.random.default_rng(5)
    maps = make_maps(0)
    places = np.array(np.nonzero(np.isfinite(maps["FF"])))
    n, groups = places.shape[1], np.repeat(np.arange(N_FRAMES), 2).reshape(-1, 2)
    return Importance(
        method="water-fat", sequence=sequences.t1ff(), sequence_frames=np.arange(N_FRAMES),
        options=ImportanceOptions(repeats=3), reference="itself", groups=groups, places=places,
        spatial_shape=SHAPE, affine=AFFINE,
        baseline={key: Baseline(0.0, hi - lo, n, "all") for key, (lo, hi) in RANGES.items()},
        values={key: maps[key][tuple(places)] for key in RANGES},
        change={key: random.uniform(0, 0.05, (3, N_FRAMES)) for key in RANGES},
        quartile_change={
            key: np.sort(random.uniform(0, (hi - lo) / 20, (3, N_FRAMES, 3)))
            for key, (lo, hi) in RANGES.items()
        },
        voxel_change={"T1H2O": random.exponential(20, (N_FRAMES, n)).astype(np.float32)},
        fisher={key: np.full(N_FRAMES, 1 / N_FRAMES) for key in RANGES},
    )  # fmt: skip


def make_viewer():
    viewer = napari.Viewer(show=False)
    viewer.window._qt_window.resize(1500, 980)
    viewer.window._qt_window.show()
    return viewer


def fill(viewer, path):
    """Open series, dock, maps, regions, comparison and importance; every section is open."""
    series = load_series(path, sequences.t1ff())
    assert series.is_lazy
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    dock = open_dock(viewer)
    session = session_of(viewer)
    for seed, name in enumerate(("water-fat", "cohen")):
        maps_display_of(viewer).add(MapsSet(name, make_maps(seed), "thigh", 12.0))
    for section in dock.sections.values():
        section.set_open(True)
    _draw_regions(dock.bindings["rois"].editor)
    rois, compare = dock.panels["rois"], dock.panels["compare"]
    wait(lambda: rois.statistics.table.model().rowCount() == len(LABELS))
    compare.run_requested.emit()
    wait(lambda: dock.bindings["compare"].results.compared is not None)
    importance_store_of(viewer).show(make_importance(), session.series)
    wait(lambda: dock.panels["reconstruct"].current_method() != "")
    return SimpleNamespace(viewer=viewer, dock=dock, session=session, **dock.panels)


def _draw_regions(editor):
    list(editor.start_by_turns(LABELS[0]))
    for at, label in enumerate(LABELS):
        editor.set_pen(label)
        y, x = 85 + 60 * (at // 6), 60 + 46 * (at % 6)
        circle = [(y + 26 * np.sin(t), x + 18 * np.cos(t)) for t in np.linspace(0, 6, 60)]
        for z in range(SHAPE[0]):
            editor.outlines_layer.add_polygons(np.array([(z, *point) for point in circle]))
    editor.stop_drawing()
    editor.flush()


def wait(until, seconds=120):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        QApplication.processEvents()
        time.sleep(0.005)


def press(widget, place=None):
    if place is None:
        place = widget.rect().center()
        place.setX(min(place.x(), 10))
    QTest.mouseClick(widget, _LEFT, pos=place)


def click_row(table, row):
    press(table.viewport(), table.visualRect(table.model().index(row, 0)).center())


def pick(combo, index):
    """Choose as the user does; the list that drops down belongs to Qt."""
    combo.setCurrentIndex(index % combo.count())
    combo.activated.emit(combo.currentIndex())
    combo.textActivated.emit(combo.currentText())


def place_of(viewer, row, column):
    """Return the pixel of the canvas that shows the voxel (row, column) of the slice in view."""
    camera, size = viewer.scene.camera, np.array(viewer.canvas.size)
    at = size / 2 + (np.array([row, column]) - np.array(camera.center[-2:])) * camera.zoom
    return QPoint(int(at[1]), int(at[0]))


def click_image(viewer, row, column):
    """Click the voxel (row, column) of the slice in view, on the canvas."""
    native, place = viewer.window._qt_viewer.canvas.native, place_of(viewer, row, column)
    QTest.mouseMove(native, place)
    QTest.mouseClick(native, _LEFT, pos=place)
