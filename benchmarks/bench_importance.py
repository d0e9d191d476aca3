"""Speed of temporal importance, beside the loop that it replaces.

    python benchmarks/bench_importance.py [--only network|cohen|water-fat|naive]

A fingerprint-wise network of the size of `cohen` (350-300-300-5, random weights: the time does not
depend on them) and `cohen` itself on 35,000 voxels of 175 frames, one repeat; `water-fat` with
refinement on 2,000 voxels, one repeat; and, on a small case in the same run, the loop through the
public reconstruction of a permuted series, which builds and learns everything again for every
frame. Signals are random tissue at 20 dB. Beside the seconds on the clock stand those of the
processor, which other programs disturb less, and the load of the machine.
"""

import argparse
import os
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from noisy_fingerprints import noisy_fingerprints

import napari_mrf as mrf
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.compute.devices import n_threads
from napari_mrf.reconstruction.method import MethodInfo, VoxelResult
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
SNR_DB = 20.0


class Network(VoxelwiseMethod):
    """Two hidden layers on real and imaginary parts: what a fingerprint-wise network costs."""

    info = MethodInfo("network", "a stand-in", "network", ("spoiled",), "size of cohen")
    chunk_size = 8192

    def __init__(self, sequence):
        super().__init__(sequence)
        torch.manual_seed(0)
        sizes = (2 * sequence.n_frames, 300, 300, len(KEYS))
        layers = []
        for n_in, n_out in pairwise(sizes):
            layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*layers[:-1]).eval()

    @property
    def parameters(self):
        return KEYS

    def describe(self):
        return {}

    @torch.inference_mode()
    def match(self, signals):
        values = np.ascontiguousarray(signals).view(np.float32)
        scale = np.linalg.norm(values, axis=1)
        found = self.layers(torch.from_numpy(values / scale[:, None])).numpy()
        n = len(signals)
        return VoxelResult({key: found[:, i] for i, key in enumerate(KEYS)}, np.ones(n, "f4"),
                           np.ones(n, "c8"), np.zeros(n, "u1"))  # fmt: skip


def series_of(n_voxels):
    signals = noisy_fingerprints(n_voxels, SNR_DB)
    signal = np.ascontiguousarray(signals.T).reshape(-1, 1, 1, n_voxels).astype(np.complex64)
    mask = np.ones((1, 1, n_voxels), bool)
    return mrf.MRFSeries(signal, sequence=mrf.sequences.t1ff(), mask=mask)


def measured(method, series, **options):
    """Return seconds on the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    importance(method, series, options=ImportanceOptions(**options), fisher=False)
    return time.perf_counter() - clock, time.process_time() - processor


def row(what, method, series, target):
    seconds, used = measured(method, series)
    n_frames, *_, n_voxels = series.signal.shape
    load = os.getloadavg()[0]
    print(f"| {what} | {n_voxels:,} | {n_frames} | {seconds:.1f} | {used:.1f} | {load:.1f} "
          f"| < {target} |", flush=True)  # fmt: skip


def naive(series, frames, seed=0):
    """Permute, make the method, reconstruct all anew: once a frame."""
    start = time.perf_counter()
    water_fat(series.sequence).reconstruct(series)
    for frame in frames:
        generator = np.random.default_rng([seed, 0, frame])
        signal = series.signal.copy()
        values = signal[frame].ravel()
        parts = values.real[generator.permutation(values.size)], values.imag[
            generator.permutation(values.size)]  # fmt: skip
        signal[frame].ravel()[:] = parts[0] + 1j * parts[1]
        water_fat(series.sequence).reconstruct(replace(series, signal=signal))
    return time.perf_counter() - start


def water_fat(sequence):
    return mrf.methods.get("water-fat", sequence=sequence, device="cpu", refine=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("network", "cohen", "water-fat", "naive"))
    only = parser.parse_args().only
    sequence = mrf.sequences.t1ff()
    print(f"{n_threads()} cores, {torch.get_num_threads()} torch threads")
    print("| what | voxels | frames | seconds | of the processor | load | target, seconds |")
    print("|---|---|---|---|---|---|---|")
    if only in (None, "network"):
        row("network 350-300-300-5", Network(sequence), series_of(35_000), 60)
    if only in (None, "cohen"):
        cohen = mrf.methods.get("cohen", sequence=sequence, device="cpu")
        row("cohen", cohen, series_of(35_000), 60)
    if only in (None, "water-fat"):
        method = water_fat(sequence)
        method.match(noisy_fingerprints(16, SNR_DB))  # compiled once on a machine
        row("water-fat, refined", method, series_of(2000), 180)
    if only in (None, "naive"):
        series, frames = series_of(200), range(0, 175, 18)
        measured(water_fat(sequence), series, stride=100)  # warm
        fast, _ = measured(water_fat(sequence), series, stride=18)
        slow = naive(series, frames)
        print(f"\n{len(frames)} frames of 200 voxels: {fast:.2f} s, through the public "
              f"reconstruction {slow:.2f} s, {slow / fast:.1f} times as long")  # fmt: skip


if __name__ == "__main__":
    main()
