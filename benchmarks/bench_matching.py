"""Speed of water-fat matching and refinement, beside the searches that it replaces.

    python benchmarks/bench_matching.py [--voxels 8192] [--repeats 5] [--most 1000000]

Different fingerprints of random tissue, with noise, over the published grid (342,000 water-fat
pairs). Reading and writing are left to bench_subject.py. Wall times, best and median of the
repeats; runs on one core and on all take turns, so that both meet the same load. The CPU time
a voxel shows what more cores cost beyond their share. Products of matrices are held to one
thread: what they would take of a second core, and their waiting for work, would blur "one core".
"""

import argparse
import os
import subprocess
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import numpy as np
import torch
from kernel_split import time_split
from noisy_fingerprints import noisy_fingerprints

import napari_mrf as mrf
from napari_mrf.compute.devices import n_threads
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.matching.water_fat.search import CompiledSearch
from napari_mrf.matching.water_fat.search_torch import TorchSearch
from napari_mrf.reconstruction.method import VoxelResult

NOISE_LEVELS_DB = (10.0, 20.0, 40.0)
FEW = 1024  # fingerprints that noise and prior are learned from, and the slow searches timed by


def ready_matcher(threads: int) -> WaterFatMatcher:
    matcher = WaterFatMatcher(
        mrf.sequences.t1ff(), device="cpu", threads=threads, refine=True, prior="series"
    )
    matcher.prepare()
    return matcher


def clocks() -> np.ndarray:
    """Return wall and CPU time in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def matched(matcher: WaterFatMatcher, signals: np.ndarray) -> tuple[np.ndarray, list[VoxelResult]]:
    """Match in the chunks of a reconstruction; return seconds and results."""
    start = clocks()
    size = matcher.chunk_size
    found = [matcher.match(signals[i : i + size]) for i in range(0, len(signals), size)]
    return clocks() - start, found


def refined(matcher: WaterFatMatcher, signals: np.ndarray, found: list[VoxelResult]) -> np.ndarray:
    start = clocks()
    size = matcher.chunk_size
    for i, result in zip(range(0, len(signals), size), found, strict=True):
        matcher.improve(signals[i : i + size], result)
    return clocks() - start


def print_speed(matchers: dict[int, WaterFatMatcher], n_voxels: int, repeats: int) -> None:
    print(f"Grid search and refinement (prior of the series), {n_voxels:,} voxels, "
          f"{repeats} repeats")  # fmt: skip
    print("| SNR (dB) | step | cores | ms/voxel/core, best | median | CPU ms/voxel "
          "| voxels/s | x one core |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for snr_db in NOISE_LEVELS_DB:
        signals = noisy_fingerprints(n_voxels, snr_db)
        taken = {(step, n): [] for step in ("grid", "refine") for n in matchers}
        for _ in range(repeats):
            for threads, matcher in matchers.items():
                seconds, found = matched(matcher, signals)
                matcher.learn(signals[:FEW], matcher.match(signals[:FEW]))
                taken["grid", threads].append(seconds)
                taken["refine", threads].append(refined(matcher, signals, found))
        for (step, threads), seconds in taken.items():
            wall, cpu = np.array(seconds).T
            best, one_core = wall.min(), np.array(taken[step, 1])[:, 0].min()
            each = 1e3 * threads / n_voxels
            print(f"| {snr_db:.0f} | {step} | {threads} | {each * best:.3f} "
                  f"| {each * np.median(wall):.3f} | {1e3 * cpu.min() / n_voxels:.3f} "
                  f"| {n_voxels / best:,.0f} | {one_core / best:.2f} |")  # fmt: skip


def print_ceiling(n_voxels: int, repeats: int) -> None:
    """Run the search in processes of their own, which share nothing but the machine."""
    command = [sys.executable, __file__, "--voxels", str(n_voxels), "--repeats", str(repeats)]
    print(f"\nThe most that {n_threads()} cores can give: processes on one core each, which share "
          "nothing")  # fmt: skip
    print("| SNR (dB) | one alone (ms/voxel, best) | all at once | x one core |")
    print("|---|---|---|---|")
    for snr_db in NOISE_LEVELS_DB:
        processes = [
            subprocess.Popen(
                [*command, "--alone", str(snr_db)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(n_threads())
        ]  # fmt: skip
        for one in processes:
            one.stdout.readline()  # it is ready
        alone = _answers(processes[:1])[0]
        together = float(np.mean(_answers(processes)))
        for one in processes:
            one.stdin.close()
            one.wait()
        each = 1e3 / n_voxels
        print(f"| {snr_db:.0f} | {each * alone:.3f} | {each * together:.3f} "
              f"| {len(processes) * alone / together:.2f} |", flush=True)  # fmt: skip


def _answers(processes: list[subprocess.Popen]) -> list[float]:
    for one in processes:
        one.stdin.write("go\n")
        one.stdin.flush()
    return [float(one.stdout.readline()) for one in processes]


def run_alone(snr_db: float, n_voxels: int, repeats: int) -> None:
    """Print the best time of some repeats, in seconds, whenever a line comes in."""
    matcher, signals = ready_matcher(1), noisy_fingerprints(n_voxels, snr_db)
    matched(matcher, signals)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(min(matched(matcher, signals)[0][0] for _ in range(repeats)), flush=True)


def print_split(matcher: WaterFatMatcher, n_voxels: int, repeats: int) -> None:
    search = matcher.prepare()
    assert isinstance(search, CompiledSearch)
    print("\nTime split of the grid search, one core (ms a voxel, best)")
    print("| SNR (dB) | segment products | bounds | pairs | blocks searched, of 375 |")
    print("|---|---|---|---|---|")
    for snr_db in NOISE_LEVELS_DB:
        split, visited = time_split(search, noisy_fingerprints(n_voxels, snr_db), repeats)
        cells = " | ".join(f"{1e3 * seconds / n_voxels:.3f}" for seconds in split.values())
        print(f"| {snr_db:.0f} | {cells} | {visited:.1f} |")


def print_baselines(matchers: dict[int, WaterFatMatcher], repeats: int) -> None:
    """Compare with the same search over all blocks, and with the torch search."""
    dictionary = matchers[1]._dictionary
    unpruned = CompiledSearch(dictionary, prune=False)
    general = TorchSearch(dictionary, torch.device("cpu"))
    torch.set_num_threads(1)
    print("\nBeside the searches without pruning, one core (ms a voxel, best)")
    print("| SNR (dB) | pruned | all blocks, compiled | all blocks, torch | ratios |")
    print("|---|---|---|---|---|")
    for snr_db in NOISE_LEVELS_DB:
        signals = noisy_fingerprints(FEW, snr_db)
        each = []
        for call, n in (
            (matchers[1].match, FEW),
            (unpruned.best_pairs, 128),
            (general.best_pairs, 64),
        ):
            seconds = []
            for _ in range(min(repeats, 3)):
                start = time.perf_counter()
                call(signals[:n])
                seconds.append(time.perf_counter() - start)
            each.append(1e3 * min(seconds) / n)
        print(f"| {snr_db:.0f} | {each[0]:.3f} | {each[1]:.2f} | {each[2]:.1f} "
              f"| {each[1] / each[0]:.1f}x, {each[2] / each[0]:.0f}x |")  # fmt: skip


def print_flatness(matcher: WaterFatMatcher, most: int) -> None:
    kinds = noisy_fingerprints(4096, 20.0)
    print(f"\nCost against the number of voxels, 20 dB, grid search, {matcher.threads} cores")
    print("| voxels | seconds | ms/voxel/core | CPU ms/voxel |")
    print("|---|---|---|---|")
    n = 1000
    while n <= most:
        start = clocks()
        for first in range(0, n, matcher.chunk_size):
            of = np.arange(first, min(first + matcher.chunk_size, n)) % len(kinds)
            matcher.match(kinds[of])
        seconds, cpu = clocks() - start
        print(f"| {n:,} | {seconds:.2f} | {1e3 * seconds * matcher.threads / n:.3f} "
              f"| {1e3 * cpu / n:.3f} |", flush=True)  # fmt: skip
        n *= 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--alone", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone is not None:
        run_alone(arguments.alone, arguments.voxels, arguments.repeats)
        return
    matchers = {threads: ready_matcher(threads) for threads in sorted({1, n_threads()})}
    print_speed(matchers, arguments.voxels, arguments.repeats)
    print_ceiling(arguments.voxels, arguments.repeats)
    print_split(matchers[1], arguments.voxels, arguments.repeats)
    print_baselines(matchers, arguments.repeats)
    print_flatness(matchers[n_threads()], arguments.most)


if __name__ == "__main__":
    main()
