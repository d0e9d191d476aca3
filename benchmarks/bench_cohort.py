"""Cohorts on workers: speed-up of two over one, overhead of a task, and 1,000 small subjects.

    python benchmarks/bench_cohort.py
    python benchmarks/bench_cohort.py --only many --subjects 1000

The first part reconstructs small slices of MRF T1-FF (refined), once in this process, then
on one and on two workers that share the cores. The second one reconstructs eight voxels of a short
FISP sequence again and again, a file of results each: nearly all of it is what a subject costs
apart from matching. Starting workers is told by itself.
"""

from __future__ import annotations

import argparse
import csv
import gc
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import psutil

import napari_mrf as mrf
from napari_mrf.cohort.cluster.connection import Place, connected
from napari_mrf.cohort.description import find_cohort
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.run import iter_run
from napari_mrf.io import save_series

N_LARGE, SIZE = 8, 40
QUICK = ReconstructionOptions(method="exhaustive", of_method={"refine": False})


def random_tissue(rng, n):
    return {
        "FF": rng.uniform(0, 1, n), "T1H2O": rng.uniform(900, 1600, n),
        "T1fat": rng.uniform(250, 350, n), "Df": rng.uniform(-80, 80, n),
        "B1": rng.uniform(0.6, 1.2, n),
    }  # fmt: skip


def large_subjects(folder):
    folder.mkdir()
    sequence = mrf.sequences.t1ff()
    for index in range(N_LARGE):
        rng = np.random.default_rng(index)
        signal = mrf.simulate(sequence, random_tissue(rng, SIZE * SIZE)).T
        noise = rng.standard_normal(signal.shape) + 1j * rng.standard_normal(signal.shape)
        signal = signal + 0.002 * np.abs(signal).max() * noise
        images = signal.reshape(-1, 1, SIZE, SIZE).astype(np.complex64)
        save_series(mrf.MRFSeries(images, np.diag([2.0, 2, 8, 1]), sequence),
                    folder / f"s{index}.nii")  # fmt: skip
    return folder


def table_of_one_series(folder, n):
    """Write a series and a table in which each of n subjects has it."""
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(30) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    tissue = {"T1": rng.uniform(500, 2000, 8), "T2": rng.uniform(40, 120, 8)}
    signal = mrf.simulate(sequence, tissue).T.reshape(-1, 1, 2, 4) * (1 + 2j)
    save_series(mrf.MRFSeries(signal.astype(np.complex64), np.eye(4), sequence), folder / "one.nii")
    path = folder / f"{n}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "series"])
        writer.writerows([f"s{index:05d}", "one.nii"] for index in range(n))
    return path


def run(cohort, output, options, workers):
    """Return seconds of the run, seconds to start the workers, and memory by finished subjects."""
    began = time.perf_counter()
    memory = {}
    with connected(Place(workers=workers)) as there:
        # The first subject on each worker loads libraries and tables, which belongs to starting.
        warm = iter_run(find_cohort([cohort]), output.with_name(f"{output.name}-warm"), options,
                        engine=there.engine)  # fmt: skip
        for n, _ in enumerate(update for update in warm if update.outcome is not None):
            if n + 1 >= 2 * (workers or 1):
                break
        warm.close()
        started = time.perf_counter()
        running = iter_run(find_cohort([cohort]), output, options, engine=there.engine)
        for update in running:
            if update.outcome is not None:
                assert update.outcome.state == "made", update.outcome
                memory[update.done] = psutil.Process().memory_info().rss / 1e6
        ended = time.perf_counter()
    return ended - started, started - began, memory


def speed_up(home):
    folder = large_subjects(home / "large")
    print(f"{N_LARGE} subjects of {SIZE} x {SIZE} voxels, MRF T1-FF, refined")
    print("| where | seconds | a subject | start (s) |\n|---|---|---|---|")
    for workers in (None, 1, 2):
        output = home / f"large-{workers}"
        seconds, start, _ = run(folder, output, ReconstructionOptions(), workers)
        where = "this process" if workers is None else f"{workers} worker{'s' * (workers > 1)}"
        print(f"| {where} | {seconds:.1f} | {seconds / N_LARGE:.2f} | {start:.1f} |", flush=True)


def many(home, n, places):
    print(f"{n} subjects of 8 voxels")
    print("| where | seconds | a subject (ms) | MB of the client at 10 %, 50 %, 100 % |")
    print("|---|---|---|---|")
    table = table_of_one_series(home, n)
    for workers in places:
        seconds, _, memory = run(table, home / f"many-{n}-{workers}", QUICK, workers)
        where = "this process" if workers is None else f"{workers} worker{'s' * (workers > 1)}"
        marks = ", ".join(f"{memory[max(1, n * share // 100)]:.0f}" for share in (10, 50, 100))
        print(f"| {where} | {seconds:.1f} | {1e3 * seconds / n:.0f} | {marks} |", flush=True)


def objects(home, n):
    """Print the memory of Python objects in the client, which resident memory only bounds."""
    table = table_of_one_series(home, n)
    traced, places = [], [max(1, n * share // 100) for share in (10, 50, 100)]
    with connected(Place(workers=2)) as there:
        running = iter_run(find_cohort([table]), home / f"objects-{n}", QUICK, engine=there.engine)
        tracemalloc.start()
        for update in running:
            if update.outcome is not None and update.done in places:
                gc.collect()  # what waits to be collected is not kept
                traced.append(tracemalloc.get_traced_memory()[0] / 1e6)
        tracemalloc.stop()
    marks = ", ".join(f"{one:.2f}" for one in traced)
    print(f"Python objects of the client at 10 %, 50 %, 100 % of {n} subjects: {marks} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("speed-up", "overhead", "many", "objects"))
    parser.add_argument("--subjects", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only in (None, "speed-up"):
            speed_up(Path(folder))
        if arguments.only in (None, "overhead"):
            many(Path(folder), 40, (None, 1, 2))
        if arguments.only in (None, "many"):
            many(Path(folder), arguments.subjects, (2,))
        if arguments.only in (None, "objects"):
            objects(Path(folder), arguments.subjects // 2)


if __name__ == "__main__":
    main()
