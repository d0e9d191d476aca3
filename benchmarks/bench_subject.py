"""A whole subject through the command line: time and private memory, reading and writing included.

    python benchmarks/bench_subject.py [--large] [--folder FOLDER]

A subject of five slices of 350 x 350 voxels, 35,000 of them tissue in each, is written once as
uncompressed NIfTI (858 MB) and reconstructed by `napari-mrf reconstruct` in fresh processes:
import, compiled kernels from their cache, automatic mask, matching, maps on the disk. With
``--large`` also 512 x 512 x 20 voxels (7.3 GB), of which a mask leaves 2,000 a slice.

Memory is the peak of the private pages of the process (RssAnon of /proc, Linux), sampled,
above those of a process that only imports; file-backed pages do not count. The file is pushed
out of the page cache before each run.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask.array
import numpy as np

import napari_mrf as mrf
from napari_mrf.io import save_series
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.thigh.phantom import thigh

COMMAND = [sys.executable, "-c", "from napari_mrf.cli import run; run()"]
IMPORTS = [
    sys.executable,
    "-c",
    "import napari_mrf.cli, napari_mrf.io, napari_mrf.methods;"
    "import napari_mrf.reconstruction.foreground, dask.array;"
    "import napari_mrf.matching.water_fat.search, napari_mrf.matching.water_fat.kernel;"
    "import napari_mrf.matching.refinement.water_fat_refine_kernel; import time; time.sleep(1);"
    "print(1)",
]
_SAMPLE_EVERY_S = 0.02
_LARGE_BYTES = 512 * 512 * 20 * 175 * 8


def disk(size: int, n_voxels: int) -> np.ndarray:
    """Return (size, size) bool: the n voxels nearest to the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = np.zeros(size * size, bool)
    inside[np.argsort((y**2 + x**2).reshape(-1), kind="stable")[:n_voxels]] = True
    return inside.reshape(size, size)


def write_series(path: Path, size: int, n_slices: int, inside: np.ndarray) -> None:
    """Write slices of thigh fingerprints at 20 dB inside, noise alone outside."""
    anatomy = thigh((1, 128, 128), seed=0)
    acquired = acquire(anatomy, mrf.sequences.t1ff(), mode="noise-only", snr_db=20.0, seed=0)
    tissue = np.isfinite(anatomy.truth()["FF"][0])
    kinds = acquired.signal[:, 0][:, tissue]
    sigma = 0.0876762 / 10 * np.linalg.norm(kinds, axis=0).mean()
    rng = np.random.default_rng(0)
    slab = np.empty((len(kinds), size, size), np.complex64)
    order = rng.integers(0, kinds.shape[1], int(inside.sum()))
    for frame, values in zip(slab, kinds, strict=True):
        noise = rng.standard_normal((2, size, size), np.float32) * np.float32(sigma)
        frame[...] = noise[0] + 1j * noise[1]
        frame[inside] = values[order]
    signal = dask.array.broadcast_to(
        dask.array.from_array(slab, chunks=-1, name=False)[:, None],
        (len(slab), n_slices, size, size),
    )
    series = mrf.MRFSeries(signal, np.diag([1.0, 1, 8, 1]), mrf.sequences.t1ff())
    save_series(series, path, overwrite=True)


def forget(path: Path) -> None:
    """Push a file out of the page cache, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def private_bytes(process_id: int) -> int:
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return 1024 * int(next(lines, "RssAnon: 0 kB").split()[1])


def cpu_seconds() -> float:
    """Return the processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def watched(command: list[str]) -> tuple[float, float, int, str]:
    """Run a command; return wall and CPU seconds, its peak of private memory, its last line."""
    start, cpu_start = time.perf_counter(), cpu_seconds()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, private_bytes(process.pid))
        time.sleep(_SAMPLE_EVERY_S)
    seconds = time.perf_counter() - start
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(output)
    return seconds, cpu_seconds() - cpu_start, peak, output.strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="also 512 x 512 x 20, 7.3 GB")
    parser.add_argument("--folder", type=Path, help="for the files; a temporary one without")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if not Path("/proc/self/status").exists():
        sys.exit("Private memory is read from /proc, which only Linux has.")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = Path(temporary)
        if arguments.large and shutil.disk_usage(folder).free < 2 * _LARGE_BYTES:
            sys.exit(f"{folder} has no room for a series of 7.3 GB.")
        baseline = watched(IMPORTS)[2]
        print(f"import baseline: {baseline / 2**20:.0f} MB private\n")
        print("| series | options | seconds, best | median | CPU seconds | MB above imports "
              "| reconstructed |")  # fmt: skip
        print("|---|---|---|---|---|---|---|")
        subject = folder / "subject.nii"
        write_series(subject, 350, 5, disk(350, 35_000))
        for options in (["--no-refine"], []):
            report("350 x 350 x 5", subject, options, baseline, arguments.repeats)
        subject.unlink()
        if arguments.large:
            large, inside = folder / "large.nii", disk(512, 70_000)
            write_series(large, 512, 20, inside)
            mask = folder / "mask.npy"
            np.save(mask, np.broadcast_to(disk(512, 2_000), (20, 512, 512)))
            for options in (["--no-refine"], []):
                report("512 x 512 x 20", large, [*options, "--mask", str(mask)], baseline, 1)


def report(name: str, series: Path, options: list[str], baseline: int, repeats: int) -> None:
    seconds, cpu, peaks, said = [], [], [], ""
    for _ in range(repeats):
        forget(series)
        output = series.parent / "maps"
        taken, used, peak, said = watched(
            [*COMMAND, "reconstruct", str(series), "--output", str(output), "--overwrite", *options]
        )
        seconds.append(taken)
        cpu.append(used)
        peaks.append(peak - baseline)
    words = "`--no-refine`" if "--no-refine" in options else "refined (default)"
    words += ", mask" if "--mask" in options else ""
    print(f"| {name} | {words} | {min(seconds):.1f} | {float(np.median(seconds)):.1f} "
          f"| {min(cpu):.1f} | {max(peaks) / 2**20:.0f} | {said.rpartition(' for ')[2]} |",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
