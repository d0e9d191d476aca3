"""Time the images of raw data: one slice part by part, and a whole file to maps.

    python benchmarks/bench_raw.py [--whole | --maps [METHOD ...]]

One slice: 192 x 192, 8 coils, 1400 spokes of 384 samples, ten coefficients; processor seconds of
the basis (kept on disk otherwise), kernels, coil maps, adjoint, filters and steps of the solver.
The peer is the same equations solved with two explicit NUFFTs for each step and coil, on finufft
too: a step of it is timed, and Debian's ``bart pics`` where it is installed.
With ``--whole``: 350 x 350, one and five slices, 18 coils, 1400 spokes of 700 samples, an ISMRMRD
file that is read, made into images and reconstructed by the command line: wall time, processor
time and the largest memory; and how long the work cannot be left.
With ``--maps``: processor seconds of maps from the coefficients of a slice, by the default methods,
beside those from its frames, and the largest difference between the two.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

import napari_mrf as mrf

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import bart_files

from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.data.subspace_signal import SubspaceSignal
from napari_mrf.dictionary.pulse_basis import make_pulse_basis
from napari_mrf.imaging.images import making_images
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.io.raw.reader import load_raw
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.kspace import nufft
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.preconditioner import circulant, inverted
from napari_mrf.kspace.subspace import SubspaceReconstruction
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.toeplitz import NormalOperator, making_kernels
from napari_mrf.kspace.trajectory import RadialTrajectory

TISSUES = {
    "spoiled": {
        "FF": [0.05, 0.9, 0.1, 0.3, 0.6, 0.02, 0.8, 0.2],
        "T1H2O": [1300.0, 1300.0, 1100.0, 1400.0, 1200.0, 1500.0, 1000.0, 900.0],
        "T1fat": [320.0] * 8,
        "Df": [0.0, 10.0, 20.0, -10.0, -20.0, 30.0, -30.0, 5.0],
        "B1": [1.0, 0.95, 0.9, 0.85, 0.8, 1.1, 1.05, 0.75],
    },
    "fisp": {
        "T1": [800.0, 1000.0, 1300.0, 600.0, 1500.0, 400.0, 2000.0, 900.0],
        "T2": [60.0, 80.0, 100.0, 45.0, 120.0, 40.0, 150.0, 70.0],
    },
}


def coefficients(n: int, basis) -> np.ndarray:
    """Return coefficient images of a disc: eight tissues, as many sectors."""
    y, x = np.mgrid[:n, :n] / n - 0.5
    sector = ((np.arctan2(y, x) / np.pi + 1) * 4).astype(int) % 8
    by_pulse = replace(basis.sequence, pulses_per_frame=1)
    tissues = {key: np.array(values) for key, values in TISSUES[basis.sequence.kind].items()}
    signals = mrf.simulate(by_pulse, tissues)
    images = (signals @ basis.vectors.conj()).T[:, sector] * (np.hypot(y, x) < 0.42)
    return images.astype(np.complex64)


def measured(n: int, n_coils: int, basis, places: np.ndarray) -> np.ndarray:
    """Return samples (coils, readouts, samples) with noise of variance 1, as in a quiet scan."""
    operator = SubspaceOperator(basis.vectors, places, simulated_sensitivities((n, n), n_coils))
    samples = operator.forward(coefficients(n, basis))
    samples *= 5000 / np.abs(samples[:, 0]).max()
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((*samples.shape, 2), np.float32).view(np.complex64)[..., 0]
    return samples + noise * np.float32(np.sqrt(0.5))


class Clock:
    def __init__(self) -> None:
        self.rows: list[tuple[str, float]] = []

    def __call__(self, name: str, work):
        start = time.process_time()
        result = work()
        self.rows.append((name, time.process_time() - start))
        return result


def one_slice(n: int = 192, n_coils: int = 8) -> None:
    clock, shape = Clock(), (n, n)
    basis = clock("basis (once for a sequence)", lambda: make_pulse_basis(sequences.t1ff()))
    places = RadialTrajectory(1400, n).coordinates()
    samples = measured(n, n_coils, basis, places)
    phi = basis.vectors
    kernels = clock("kernels (once for a trajectory)", lambda: result_of(
        making_kernels(phi, places, shape)))  # fmt: skip
    maps = clock("coil maps", lambda: result_of(
        estimating_coil_maps(samples, phi, places, shape))).maps  # fmt: skip
    operator = SubspaceOperator(phi, places, maps)
    right = torch.from_numpy(clock("adjoint", lambda: operator.adjoint(samples)))
    coil_maps = torch.from_numpy(maps)
    normal = NormalOperator(kernels, coil_maps)
    normal(right)  # compiled by now
    clock("filters", lambda: inverted(circulant(kernels, coil_maps), torch.ones(basis.rank)))
    clock("one application", lambda: normal(right))
    clock("one application by explicit NUFFT", lambda: operator.adjoint(
        operator.forward(right.numpy())))  # fmt: skip
    solver = SubspaceReconstruction(phi, basis.singular_values, places, shape,
                                    device=torch.device("cpu"))  # fmt: skip
    found = clock("raw to images, all of it", lambda: result_of(
        solver.reconstructing(samples, 1.0)))  # fmt: skip
    print(f"{n} x {n}, {n_coils} coils, K = {basis.rank}, {found.steps} steps: CPU seconds")
    for name, seconds in clock.rows:
        print(f"  {name:40} {seconds:7.2f}")
    print_bart(samples, phi, places, maps, found.steps)


def print_bart(samples, phi, places, maps, steps: int) -> None:
    """Time ``bart pics`` on one core for the same slice, coil maps given."""
    if bart_files.BART is None:
        print("  bart is not installed: no peer")
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        bart_files.pics(Path(folder), samples, phi, places, maps, steps)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {f'bart pics -B, {steps} steps, maps given':40} {cpu:7.2f}")


def maps(names: list[str], n: int = 192, repeats: int = 3) -> None:
    """Time maps from coefficients and from the frames that they make."""
    for sequence in (sequences.t1ff(), sequences.fisp()):
        basis = make_pulse_basis(sequence)
        images = coefficients(n, basis)[:, None]
        mask = np.abs(images[0]) > 0
        rng = np.random.default_rng(1)
        noise = rng.standard_normal((*images.shape, 2), np.float32).view(np.complex64)[..., 0]
        signal = SubspaceSignal(basis.by_frame(), images + 2e-3 * np.abs(images).max() * noise)
        series = mrf.MRFSeries(lazy_frames(signal), sequence=sequence)
        frames = replace(series, signal=signal[:])
        print(f"maps of {mask.sum():,} voxels, {sequence.name}, {sequence.n_frames} frames, "
              f"K = {basis.rank}: CPU seconds")  # fmt: skip
        there = {info.name for info in mrf.methods.available(sequence) if not info.needs}
        for name in names or [mrf.methods.default_name(sequence)]:
            if name not in there:
                continue
            method = mrf.methods.get(name, sequence=sequence)
            method.reconstruct(frames, mask & (np.arange(n) % 16 == 0))
            clock, found = Clock(), {}
            for _ in range(repeats):
                found = {of: clock(of, partial(method.reconstruct, one, mask))
                         for of, one in (("coefficients", series), ("frames", frames))}  # fmt: skip
            for of in found:
                seconds = min(s for what, s in clock.rows if what == of)
                print(f"  {f'{name} from {of}':40} {seconds:7.2f}")
            apart = {key: float(np.nanmax(np.abs(found["coefficients"][key] - values)))
                     for key, values in found["frames"].items()}  # fmt: skip
            print("  largest difference: " + ", ".join(f"{k} {v:.1g}" for k, v in apart.items()))


def whole(n: int = 350, n_coils: int = 18, numbers: tuple[int, ...] = (1, 5)) -> None:
    """Time files of one and of five slices to maps, and the pauses of one slice."""
    basis = make_pulse_basis(sequences.t1ff())
    places = RadialTrajectory(1400, n).coordinates()
    one = measured(n, n_coils, basis, places)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((n_coils, 8192, 2)).view(complex)[..., 0] * np.sqrt(0.5)
    with tempfile.TemporaryDirectory() as folder:
        for n_slices in numbers:
            raw = Path(folder) / f"raw{n_slices}.h5"
            write_ismrmrd(
                raw, [one] * n_slices, places, noise.astype(np.complex64), matrix=(n, n),
                affine=np.diag([1.0, 1.0, 8.0, 1.0]), dwell_time_us=5.0,
            )  # fmt: skip
            command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", "reconstruct",
                       raw, "--sequence", "t1ff", "--output", f"{folder}/{n_slices}"]  # fmt: skip
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall = time.perf_counter() - start
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{n} x {n} x {n_slices}, {n_coils} coils, file to maps: {wall:.0f} s, "
                  f"{cpu:.0f} CPU s, {after.ru_maxrss / 2**20:.2f} GB", flush=True)  # fmt: skip
        print_pauses(raw)


def print_pauses(path: Path) -> None:
    """Print the longest times within which work on a slice cannot be left."""
    gaps, last = [], (time.perf_counter(), time.process_time())
    for update in making_images(load_raw(path), sequences.t1ff()):
        now = time.perf_counter(), time.process_time()
        gaps.append((now[0] - last[0], now[1] - last[1], update.done))
        last = now
        if update.finished is not None:
            break
    print("longest between two pauses: " + "; ".join(
        f"{wall:.2f} s ({cpu:.2f} CPU s) before {done:.2f}" for wall, cpu, done in
        sorted(gaps, reverse=True)[:4]))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--whole", action="store_true")
    choice.add_argument("--maps", action="store_true")
    parser.add_argument("methods", nargs="*", help="of --maps; without, the default ones")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"{torch.get_num_threads()} threads, NUFFT accuracy {nufft.EPSILON:g}")  # fmt: skip
    if arguments.whole:
        whole()
    elif arguments.maps:
        maps(arguments.methods)
    else:
        one_slice()


if __name__ == "__main__":
    main()
