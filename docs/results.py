"""Remake the tables and figures of docs/results.md from real in-vivo maps.

The acquisition of the maps is simulated, written to files, and reconstructed by the command
line, as a user would do it.

    python docs/results.py MAPS.npz --output FOLDER

MAPS.npz holds 2-D arrays FF, T1H2O, T1fat, Df, B1 and foreground, such as the thigh published
with Balsiger et al., Medical Image Analysis 2020.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import napari_mrf as mrf
from napari_mrf.analysis.map_errors import map_errors
from napari_mrf.io import save_series
from napari_mrf.phantoms.acquire import acquire
from napari_mrf.plots.maps_figure import maps_figure, save_figure

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
AFFINE = np.diag([1.0, 1.0, 8.0, 1.0])
SCANS = {
    "noise only, 20 dB": {"mode": "noise-only", "snr_db": 20.0},
    "radial, 68.7-fold, 8 coils": {
        "mode": "radial",
        "snr_db": 20.0,
        "n_coils": 8,
        "matrix_size": 350,
    },
}


def load_truth(path: Path) -> mrf.ParameterMaps:
    with np.load(path, allow_pickle=False) as data:
        foreground = data["foreground"].astype(bool)
        maps = {key: np.where(foreground, data[key], np.nan)[None] for key in KEYS}
    return mrf.ParameterMaps(maps, affine=AFFINE)


def reconstruct(series: Path, grid: str, name: str) -> mrf.ParameterMaps:
    output = series.parent / f"maps-{grid}"
    command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", "reconstruct",
               series, "--grid", grid, "--output", output, "--overwrite"]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    print(f"{name}: {time.perf_counter() - start:.1f} s for the command", file=sys.stderr)
    return mrf.load_maps(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maps", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    truth = load_truth(arguments.maps)
    tissue = np.isfinite(truth["FF"])
    results = {"truth": truth}
    print("| acquisition | grid | map | MAE | bias | R² | voxels | where |")
    print("|---|---|---|---|---|---|---|---|")
    for scan, options in SCANS.items():
        folder = arguments.output / options["mode"]
        folder.mkdir(parents=True, exist_ok=True)
        series = acquire(truth, mrf.sequences.t1ff(), seed=1, **options)
        save_series(series, folder / "series.nii", overwrite=True)
        for grid in ("published", "wide"):
            name = f"{scan}, {grid} grid"
            results[name] = maps = reconstruct(folder / "series.nii", grid, name)
            for row in map_errors(maps, truth, tissue):
                digits = 4 if row.unit == "" else 1
                print(
                    f"| {scan} | {grid} | {row.key} | {row.mean_absolute_error:.{digits}f} "
                    f"{row.unit} | {row.bias:+.{digits}f} {row.unit} | {row.r_squared:.3f} | "
                    f"{row.n:,} | {row.region} |"
                )
            found = np.isfinite(maps["FF"])
            print(
                f"{name}: tissue missed by the automatic mask: {int(np.sum(tissue & ~found))} of "
                f"{int(tissue.sum()):,}; air kept: {int(np.sum(found & ~tissue))}",
                file=sys.stderr,
            )
    images = Path(__file__).with_name("images")
    images.mkdir(exist_ok=True)
    save_figure(maps_figure(results), images / "in_vivo_thigh.png")


if __name__ == "__main__":
    main()
