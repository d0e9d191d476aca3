"""Methods on a GPU beside the same machine's CPU: time, and how far the maps are apart.

    python benchmarks/bench_gpu.py [NAME ...] [--device cuda] [--untrained]

A slice of 350 x 350 voxels with 35,000 of tissue, in memory, MRF T1-FF for ``water-fat`` and the
networks, FISP for matchers over explicit atoms. The CPU has a part of the voxels where the slice
would take long; its time is scaled to the slice (marked ~). The first, smaller reconstruction on a
device, which compiles and warms up, is not counted. *Apart* is the largest difference over these
voxels, as a share of the color range of the map that differs most, and the voxels in which any map
differs by more than a thousandth of it.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from bench_networks import SIDE, disk, slices_of_noise_and_tissue, write_untrained

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.compute.devices import machine_name, resolve_device
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.method import NetworkMethod
from napari_mrf.networks.weights import installed
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reconstruction.method import Method

IN_A_SLICE, WARM = 35_000, 2_000
MATCHERS = {"water-fat": "t1ff", "exhaustive": "fisp", "compressed": "fisp", "group": "fisp"}
CPU_VOXELS = {"water-fat": 35_000, "exhaustive": 8_000, "compressed": 8_000, "group": 8_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*MATCHERS, *NETWORKS])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--no-cpu", action="store_true", help="the GPU alone")
    parser.add_argument("--untrained", action="store_true", help="networks with random weights")
    given = parser.parse_args()
    device = resolve_device(given.device)
    cpu = machine_name(torch.device("cpu"))
    print(f"{machine_name(device)} beside {cpu}, torch {torch.__version__}\n")
    print("| method | GPU (s) | CPU (s) | times | apart |\n|---|---|---|---|---|")
    signals: dict[str, np.ndarray] = {}
    for name in given.names:
        short = MATCHERS.get(name, "t1ff")
        sequence = sequences.load(short)
        if short not in signals:
            signals[short] = slices_of_noise_and_tissue(sequence)[:, :1]
        series = mrf.MRFSeries(signals[short], np.diag([1.0, 1, 8, 1]), sequence)
        with tempfile.TemporaryDirectory() as folder:
            try:
                line = row(name, sequence, series, given, str(device), Path(folder))
                print(line, flush=True)
            except (RuntimeError, ValueError) as error:
                print(f"| `{name}` | failed: {str(error).splitlines()[0]} |", flush=True)


def row(
    name: str,
    sequence: mrf.Sequence,
    series: mrf.MRFSeries,
    given: argparse.Namespace,
    device: str,
    folder: Path,
) -> str:
    """Return a line of the table."""
    card = None
    if name in NETWORKS:
        card = installed().get((name, sequence.fingerprint()))
        if given.untrained or card is None:
            card = write_untrained(folder, name, sequence)
    on_gpu, gpu_s = timed(made(name, sequence, card, device), series, IN_A_SLICE)
    if given.no_cpu:
        return f"| `{name}` | {gpu_s:.2f} | | | |"
    n_voxels = CPU_VOXELS.get(name, 2_000)
    on_cpu, cpu_s = timed(made(name, sequence, card, "cpu"), series, n_voxels)
    inside = disk(SIDE, n_voxels)[None]
    apart = {
        key: np.abs(on_gpu[key][inside] - on_cpu[key][inside])
        / (PARAMETERS[key].display_limits[1] - PARAMETERS[key].display_limits[0])
        for key in on_cpu
        if key in sequence.parameters and key != "PD"
    }
    worst = max(apart, key=lambda key: float(apart[key].max()))
    differ = np.any([one > 1e-3 for one in apart.values()], axis=0)
    scaled = "~" if n_voxels < IN_A_SLICE else ""
    cpu_s *= IN_A_SLICE / n_voxels
    return (
        f"| `{name}` | {gpu_s:.2f} | {scaled}{cpu_s:.1f} | {cpu_s / gpu_s:.1f} | "
        f"{apart[worst].max():.1e} ({worst}), {100 * differ.mean():.2f} % of voxels |"
    )


def made(name: str, sequence: mrf.Sequence, card: Path | None, device: str) -> Method:
    """Return a method on a device."""
    if card is None:
        return methods.get(name, sequence=sequence, device=device, refine=False)
    image = NETWORKS[name].kind == "image"
    make = ImageNetworkMethod if image else NetworkMethod
    return make(sequence, card_path=card, device=device)


def timed(method: Method, series: mrf.MRFSeries, n_voxels: int) -> tuple[mrf.ParameterMaps, float]:
    """Return maps and seconds, after a smaller reconstruction that is not counted."""
    method.reconstruct(series, mask=disk(SIDE, WARM)[None])
    start = time.perf_counter()
    maps = method.reconstruct(series, mask=disk(SIDE, n_voxels)[None])
    return maps, time.perf_counter() - start


if __name__ == "__main__":
    main()
