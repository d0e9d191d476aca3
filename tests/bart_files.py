"""Subspace reconstruction by BART, where it is installed: an independent implementation."""

import shutil
import subprocess

import numpy as np

BART = shutil.which("bart")


def write(path, values):
    sizes = [*values.shape, *[1] * (16 - values.ndim)]
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n")
    values.astype(np.complex64).ravel(order="F").tofile(path.with_suffix(".cfl"))


def read(path):
    sizes = [int(n) for n in path.with_suffix(".hdr").read_text().splitlines()[1].split()]
    return np.fromfile(path.with_suffix(".cfl"), np.complex64).reshape(sizes, order="F")


def pics(folder, samples, basis, places, maps, steps, weight=0.0):
    """Return coefficient images (K, Y, X) in our units.

    Takes samples (coils, readouts, samples), basis (readouts, K), places (readouts, samples, 2) as
    (ky, kx) in cycles/voxel and maps (coils, n, n).
    """
    (n_coils, n_readouts, n_samples), rank, n = samples.shape, basis.shape[1], maps.shape[-1]
    kspace = samples.transpose(2, 0, 1).reshape(1, n_samples, 1, n_coils, 1, n_readouts)
    trajectory = np.zeros((3, n_samples, 1, 1, 1, n_readouts))
    trajectory[0, :, 0, 0, 0], trajectory[1, :, 0, 0, 0] = n * places.transpose(2, 1, 0)[::-1]
    write(folder / "kspace", kspace)
    write(folder / "trajectory", trajectory)
    write(folder / "maps", maps.transpose(2, 1, 0).reshape(n, n, 1, n_coils))
    write(folder / "basis", basis.reshape(1, 1, 1, 1, 1, n_readouts, rank))
    command = [BART, "pics", "-S", "-i", str(steps), "-R", f"Q:{weight}", "-B", "basis",
               "-t", "trajectory", "kspace", "maps", "images"]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    # Its Fourier transform is unitary.
    return read(folder / "images").reshape(n, n, rank).transpose(2, 1, 0) / n
