"""Time what the inspector costs the window while the mouse moves.

Run ``python benchmarks/bench_inspector.py`` (needs a display, or ``xvfb-run -a``); it prints a
table and judges nothing. A series of 175 frames of 350 x 350 voxels, in memory and read on demand
from disk, with one and two reconstructions; 200 moves of the mouse to voxels at random. An update
is everything between a move of the mouse and the finished paint, counted as processor time of the
main thread; fingerprints are read and predicted in another. The budget is 8 ms; a full draw of the
same figure by matplotlib is the peer. Work on the other cores slows this one down: a loop is timed
before and after every move, and times are given at the pace of its fastest round (see `pace`).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from napari.components import ViewerModel
from pace import Pace
from qtpy.QtWidgets import QApplication

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import load_series, save_series
from napari_mrf.plugin.dock import InspectDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, session_of

BUDGET_MS = 8.0
SHAPE = (1, 350, 350)
N_MOVES = 200
INTERVAL_S = 0.035


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=N_MOVES)
    arguments = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(175, *SHAPE, 2)).astype(np.float32).view(np.complex64)[..., 0]
    in_memory = MRFSeries(signal, sequence=sequences.t1ff(), affine=np.eye(4))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"175 x {SHAPE[1]} x {SHAPE[2]}, {arguments.moves} moves, budget {BUDGET_MS:g} ms\n")
    print(f"{'series':10} {'maps':>4} {'median ms':>10} {'p95 ms':>8} {'full draw ms':>13} "
          f"{'ratio':>6} {'to the answer ms':>17}")  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "series.nii"
        save_series(in_memory, path)
        lazy = load_series(path)
        assert lazy.is_lazy
        for name, series in (("in memory", in_memory), ("lazy", lazy)):
            for n_sets in (1, 2):
                row = measure(application, series, n_sets, arguments.moves, rng)
                update, slowest, full, latency, load = row
                print(f"{name:10} {n_sets:4d} {update:10.2f} {slowest:8.2f} {full:13.1f} "
                      f"{full / update:6.1f} {latency:17.1f}  {load}")  # fmt: skip


def measure(application, series, n_sets, n_moves, rng):
    """Return median and 95th percentile of an update, a full draw, median latency, and the load."""
    viewer = ViewerModel()
    data, attributes, _ = series_layer_data(series, "series", peak=1.0)
    layer = viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "series")
    for number in range(n_sets):
        session.add_maps(MapsSet(f"method {number}", maps(rng, series.affine), "series"))
    dock = InspectDock(viewer)
    dock.resize(340, 700)
    dock.show()
    binding, plot = dock.bindings["inspect"], dock.panels["inspect"].plot
    answers = []
    binding.readings.of_voxel.answered.connect(answers.append)
    costs, latencies, pace = [], [], Pace()
    for move in range(n_moves + 5):
        row, column = rng.integers(0, SHAPE[1]), rng.integers(0, SHAPE[2])
        application.processEvents()
        before = pace.now()
        n_before, begun, start = len(answers), time.perf_counter(), time.thread_time()
        viewer.cursor.position = tuple(layer.data_to_world((0, 0, row, column)))
        spent = time.thread_time() - start
        while len(answers) == n_before and time.perf_counter() - begun < 5.0:
            time.sleep(0.0005)
            start = time.thread_time()
            application.processEvents()
            spent += time.thread_time() - start
        latency = time.perf_counter() - begun
        start = time.thread_time()
        application.processEvents()  # what was drawn is painted
        spent += time.thread_time() - start
        now = (before + pace.now()) / 2
        time.sleep(max(INTERVAL_S - (time.perf_counter() - begun), 0.0))
        if move >= 5:  # kernels are loaded by the first
            costs.append(spent * 1e3 / now)
            latencies.append(latency * 1e3)
    full = []
    for _ in range(7):
        before, start = pace.now(), time.thread_time()
        plot.draw()
        full.append((time.thread_time() - start) * 2e3 / (before + pace.now()))
    dock.close()
    dock.deleteLater()
    application.processEvents()
    costs, full = (pace.at_rest * np.array(one) for one in (costs, full))
    return (statistics.median(costs), float(np.percentile(costs, 95)), statistics.median(full),
            statistics.median(latencies), pace.describe())  # fmt: skip


def maps(rng, affine):
    values = {
        "FF": rng.uniform(0.05, 0.9, SHAPE),
        "T1H2O": rng.uniform(800, 1600, SHAPE),
        "T1fat": rng.uniform(250, 400, SHAPE),
        "Df": rng.uniform(-100, 100, SHAPE),
        "B1": rng.uniform(0.6, 1.1, SHAPE),
    }
    deviations = {key: np.abs(column) * 0.02 for key, column in values.items()}
    return ParameterMaps(values, uncertainty=deviations, affine=affine)


if __name__ == "__main__":
    main()
