"""Time the images of raw data: one slice part by part, and a whole file to maps.

    python benchmarks/bench_raw.py [--whole]

One slice: 192 x 192, 8 coils, 1400 spokes of 384 samples, ten coefficients; processor seconds of
the basis (kept on disk otherwise), kernels, coil maps, adjoint, filters and steps of the solver.
The peer is the same equations solved with two explicit NUFFTs for each step and coil, on finufft
too: a step of it is timed, and Debian's ``bart pics`` where it is installed.
With ``--whole``: 350 x 350 x 5, 18 coils, 1400 spokes of 700 samples, an ISMRMRD file that is read,
made into images and reconstructed by the command line: wall time and the largest memory.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import bart_files

from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.dictionary.pulse_basis import make_pulse_basis
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.kspace import nufft
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.preconditioner import circulant, inverted
from napari_mrf.kspace.subspace import SubspaceReconstruction
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.toeplitz import NormalOperator, making_kernels
from napari_mrf.kspace.trajectory import RadialTrajectory


def coefficients(n: int, basis) -> np.ndarray:
    """Return smooth coefficient images of a disc, with the energies of the basis."""
    y, x = np.mgrid[:n, :n] / n - 0.5
    disc = np.hypot(y, x) < 0.42
    rng = np.random.default_rng(0)
    waves = rng.uniform(-20, 20, (basis.rank, 2))
    images = [np.exp(1j * (a * y + b * x)) for a, b in waves]
    return np.stack([
        20 * value * disc * image
        for value, image in zip(basis.singular_values, images, strict=True)
    ]).astype(np.complex64)  # fmt: skip


def measured(n: int, n_coils: int, basis, places: np.ndarray) -> np.ndarray:
    operator = SubspaceOperator(basis.vectors, places, simulated_sensitivities((n, n), n_coils))
    samples = operator.forward(coefficients(n, basis))
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


def whole(n: int = 350, n_slices: int = 5, n_coils: int = 18) -> None:
    basis = make_pulse_basis(sequences.t1ff())
    places = RadialTrajectory(1400, n).coordinates()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.h5"
        one = measured(n, n_coils, basis, places)
        rng = np.random.default_rng(2)
        noise = rng.standard_normal((n_coils, 8192, 2)).view(complex)[..., 0] * np.sqrt(0.5)
        write_ismrmrd(
            raw, [one] * n_slices, places, noise.astype(np.complex64), matrix=(n, n),
            affine=np.diag([1.0, 1.0, 8.0, 1.0]), dwell_time_us=5.0,
        )  # fmt: skip
        del one
        for name, words in {
            "images": ["grid", "--images", "subspace", "--output", f"{folder}/series.nii"],
            "maps": ["reconstruct", "--output", f"{folder}/maps"],
        }.items():
            command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", words[0],
                       raw, "--sequence", "t1ff", *words[1:]]  # fmt: skip
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall = time.perf_counter() - start
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{n} x {n} x {n_slices}, {n_coils} coils, file to {name}: {wall:.0f} s, "
                  f"{cpu:.0f} CPU s, {after.ru_maxrss / 2**20:.2f} GB", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"{torch.get_num_threads()} threads, NUFFT accuracy {nufft.EPSILON:g}")  # fmt: skip
    one_slice()
    if arguments.whole:
        whole()


if __name__ == "__main__":
    main()
