"""Speed and memory of water-fat matching, beside the same search without pruning.

    python benchmarks/bench_matching.py [--voxels 35000]

A slice of 350 x 350 voxels of MRF T1-FF, with as many foreground voxels as asked for, is
reconstructed over the published grid (342,000 water-fat pairs) at several noise levels, on one
core and on all. Every run is a process of its own; memory is its peak above the imports.
"""

import argparse
import json
import subprocess
import sys

import numpy as np

SIGNAL = 0.0876762  # of unit-norm fingerprints; SNR = 20 log10(SIGNAL / sigma)
SIZE = 350


def make_series(n_voxels: int, snr_db: float):
    import napari_mrf as mrf

    rng = np.random.default_rng(0)
    sequence = mrf.sequences.t1ff()
    kinds = 2000
    tissue = {
        "FF": rng.uniform(0, 1, kinds),
        "T1H2O": rng.uniform(600, 1900, kinds),
        "T1fat": rng.uniform(230, 390, kinds),
        "Df": rng.uniform(-110, 110, kinds),
        "B1": rng.uniform(0.35, 0.95, kinds),
    }
    clean = mrf.simulate(sequence, tissue)
    clean /= np.linalg.norm(clean, axis=1, keepdims=True)
    signal = np.zeros((sequence.n_frames, SIZE * SIZE), np.complex64)
    signal[:, :n_voxels] = clean[np.arange(n_voxels) % kinds].T
    sigma = np.float32(SIGNAL * 10 ** (-snr_db / 20))
    for frame in signal:  # one frame at a time keeps the noise out of the memory peak
        frame.real += sigma * rng.standard_normal(frame.size, np.float32)
        frame.imag += sigma * rng.standard_normal(frame.size, np.float32)
    mask = (np.arange(SIZE * SIZE) < n_voxels).reshape(1, SIZE, SIZE)
    return mrf.MRFSeries(signal.reshape(-1, 1, SIZE, SIZE), sequence=sequence), mask


def measure(n_voxels: int, snr_db: float, threads: int, prune: bool) -> None:
    """Reconstruct once and print the figures as JSON (runs in a process of its own)."""
    import resource
    import time

    import torch

    from napari_mrf import methods
    from napari_mrf.dictionary.water_fat import WaterFatMatcher
    from napari_mrf.dictionary.water_fat_search import CompiledSearch

    torch.set_num_threads(threads)
    series, mask = make_series(n_voxels, snr_db)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    matcher = methods.get("water-fat", sequence=series.sequence, device="cpu", threads=threads)
    assert isinstance(matcher, WaterFatMatcher)
    matcher.prepare()
    if not prune:
        matcher._search = CompiledSearch(matcher._dictionary, prune=False)
    prepared = time.perf_counter()
    matcher.reconstruct(series, mask)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "prepare_s": prepared - start,
                "match_s": done - prepared,
                "megabytes": (peak - before) / 1024,
            }
        )
    )


def run(n_voxels: int, snr_db: float, threads: int, prune: bool) -> dict[str, float]:
    words = [n_voxels, snr_db, threads, int(prune)]
    command = [sys.executable, __file__, "--measure", *map(str, words)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voxels", type=int, default=35_000)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        voxels, snr_db, threads, prune = arguments.measure
        measure(int(voxels), float(snr_db), int(threads), bool(int(prune)))
        return
    from napari_mrf.devices import n_threads

    few = max(200, arguments.voxels // 50)
    print(f"water-fat matching, {arguments.voxels:,} voxels; the unpruned search on {few:,}")
    print("SNR (dB)  cores  prepare (s)  match (s)  ms/voxel/core  MB above data  x unpruned")
    for snr_db in (40.0, 20.0, 10.0):
        full = run(few, snr_db, 1, False)["match_s"] / few
        for threads in sorted({1, n_threads()}):
            result = run(arguments.voxels, snr_db, threads, True)
            each = result["match_s"] / arguments.voxels
            print(
                f"{snr_db:8.0f}  {threads:5d}  {result['prepare_s']:11.2f}  "
                f"{result['match_s']:9.2f}  {1e3 * each * threads:13.3f}  "
                f"{result['megabytes']:13.0f}  {full / each:10.1f}"
            )


if __name__ == "__main__":
    main()
