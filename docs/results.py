"""Remake the in-vivo tables and figures of docs/results.md from real maps.

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
from PIL import Image

import napari_mrf as mrf
from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io import save_series
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.plots.maps_figure import maps_figure

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
AFFINE = np.diag([1.0, 1.0, 8.0, 1.0])
ON_GRID = "noise only, 20 dB"
OFF_GRID = "noise only, 20 dB, truth between the grid points"
RADIAL = "radial, 68.7-fold, 8 coils, 20 dB"
# The published maps are grid points themselves, which flatters a search over that grid.
HALF_STEPS = {"T1H2O": 5.0, "T1fat": 12.5, "Df": 5.0, "B1": 0.025}
WINDOW = ["--window", "25"]
SMOOTH = [*WINDOW, "--smooth", "0.5"]
# Options of the command line by the name of the row.
WAYS = {
    "published grid": ["--no-refine"],
    "wide grid": ["--no-refine", "--grid", "wide"],
    "refined, prior of the series (default)": [],
    "wide grid, refined, prior of the series": ["--grid", "wide"],
    "refined, range prior": ["--prior", "range"],
    "refined, no prior": ["--prior", "off"],
}
WINDOW_WAYS = {
    "window 25, wide grid": ["--no-refine", "--grid", "wide", *WINDOW],
    "window 25, refined, prior of the series": WINDOW,
    "window 25, refined, range prior": ["--prior", "range", *WINDOW],
    "window 25, smooth 0.5, refined, prior of the series": SMOOTH,
}
SCANS = {
    ON_GRID: ({"mode": "noise-only", "snr_db": 20.0}, WAYS),
    OFF_GRID: ({"mode": "noise-only", "snr_db": 20.0}, WAYS),
    RADIAL: (
        {"mode": "radial", "snr_db": 20.0, "n_coils": 8, "matrix_size": 350},
        WAYS | WINDOW_WAYS,
    ),
}
PICTURES = {
    "in_vivo_noise.png": (OFF_GRID, {
        "published grid": "published grid",
        "refined, prior of the series (default)": "refined",
    }),
    "in_vivo_radial.png": (RADIAL, {
        "published grid": "published grid",
        "refined, prior of the series (default)": "refined",
        "window 25, smooth 0.5, refined, prior of the series": "refined, window,\nsmooth",
    }),
}  # fmt: skip


def load_truth(path: Path) -> mrf.ParameterMaps:
    with np.load(path, allow_pickle=False) as data:
        foreground = data["foreground"].astype(bool)
        maps = {key: np.where(foreground, data[key], np.nan)[None] for key in KEYS}
    return mrf.ParameterMaps(maps, affine=AFFINE)


def spread(truth: mrf.ParameterMaps) -> mrf.ParameterMaps:
    """Move every value by up to half a grid step."""
    rng = np.random.default_rng(2)
    maps = {
        key: values + HALF_STEPS.get(key, 0.0) * rng.uniform(-1, 1, values.shape)
        for key, values in truth.items()
    }
    return mrf.ParameterMaps(maps, affine=AFFINE)


def reconstruct(series: Path, options: list[str], name: str) -> mrf.ParameterMaps:
    output = series.parent / "maps"
    command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", "reconstruct",
               series, *options, "--output", output, "--overwrite"]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    print(f"{name}: {time.perf_counter() - start:.1f} s for the command", file=sys.stderr)
    return mrf.load_maps(output)


def print_header(scan: str, truth: mrf.ParameterMaps, tissue: np.ndarray) -> None:
    print(f"\n{scan}: MAE (bias, R²)\n")
    rows = map_errors(truth, truth, tissue)
    titles = [f"{row.key} ({row.unit})" if row.unit else row.key for row in rows]
    print("| way | " + " | ".join(titles) + " |")
    print("|" + "---|" * (len(rows) + 1))


def print_row(way: str, maps: mrf.ParameterMaps, truth: mrf.ParameterMaps, tissue) -> None:
    cells = []
    for row in map_errors(maps, truth, tissue):
        digits = 1 if PARAMETERS[row.key].unit == "ms" else 2 if row.unit else 4
        cells.append(f"{row.mean_absolute_error:.{digits}f} "
                     f"({row.bias:+.{digits}f}, {row.r_squared:.2f})")  # fmt: skip
    print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


def print_coverage(maps: mrf.ParameterMaps, truth: mrf.ParameterMaps, tissue) -> None:
    """Say how often the truth lies within one standard deviation that was written."""
    shares = []
    for row in map_errors(maps, truth, tissue):
        error = np.abs(maps[row.key] - truth[row.key])
        region = tissue & np.isfinite(error)
        if row.key == "T1H2O":
            region &= truth["FF"] < 0.7
        if row.key == "T1fat":
            region &= truth["FF"] > 0.3
        inside = error[region] < maps.uncertainty[row.key][region]
        shares.append(f"{row.key} {100 * inside.mean():.0f} %")
    print(f"  within one standard deviation: {', '.join(shares)}", file=sys.stderr)


def save_small(figure, path: Path) -> None:
    """Write a figure in 256 colors: maps compress badly otherwise."""
    figure.savefig(path, dpi=100, facecolor="white")
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    published = load_truth(arguments.maps)
    tissue = np.isfinite(published["FF"])
    results = {}
    for scan, (options, ways) in SCANS.items():
        truth = spread(published) if scan == OFF_GRID else published
        results[scan, "truth"] = truth
        folder = arguments.output / options["mode"]
        folder.mkdir(parents=True, exist_ok=True)
        series = acquire(truth, mrf.sequences.t1ff(), seed=1, **options)
        save_series(series, folder / "series.nii", overwrite=True)
        print_header(scan, truth, tissue)
        for way, words in ways.items():
            results[scan, way] = maps = reconstruct(folder / "series.nii", words, way)
            print_row(way, maps, truth, tissue)
            if maps.uncertainty:
                print_coverage(maps, truth, tissue)
        found = np.isfinite(maps["FF"])
        print(
            f"{scan}: tissue missed by the automatic mask: {int(np.sum(tissue & ~found))} of "
            f"{int(tissue.sum()):,}; air kept: {int(np.sum(found & ~tissue))}",
            file=sys.stderr,
        )
    images = Path(__file__).with_name("images")
    images.mkdir(exist_ok=True)
    for name, (scan, ways) in PICTURES.items():
        rows = {"truth": results[scan, "truth"]} | {
            label: results[scan, way] for way, label in ways.items()
        }
        save_small(maps_figure(rows), images / name)


if __name__ == "__main__":
    main()
