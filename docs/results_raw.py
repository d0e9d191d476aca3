"""Remake the tables and figures of raw data in docs/results.md from real maps.

The scan of the maps is simulated, written as an ISMRMRD file with a noise scan, and reconstructed
by the command line, as a user would do it.

    python docs/results_raw.py MAPS.npz --output FOLDER [--seeds 0 1 2] [--scans quiet delayed]

MAPS.npz holds 2-D arrays FF, T1H2O, T1fat, Df, B1, foreground and rois, such as the thigh
published with Balsiger et al., Medical Image Analysis 2020.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from cmcrameri import cm
from matplotlib.figure import Figure
from results import AFFINE, KEYS, save_small

import napari_mrf as mrf
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.plots.maps_figure import maps_figure

MATRIX = 192
RELATIVE_NOISE = 2e-4  # of the largest sample of the first spoke, of the complex number
SCANS = {
    "quiet": ("8 coils", {"n_coils": 8, "times": 1.0}),
    "loud": ("12 coils, 3 x the noise, correlated", {"n_coils": 12, "times": 3.0}),
    "delayed": (
        "12 coils, 3 x the noise, correlated, gradient delays of 0.7 and -0.4 samples",
        {"n_coils": 12, "times": 3.0, "delays": (0.7, -0.4)},
    ),
}
WAYS = {
    "gridded, refined": ["--images", "gridded"],
    "gridded, window 25, smooth 0.5, refined": [
        "--images", "gridded", "--window", "25", "--smooth", "0.5",
    ],
    "subspace, refined (default)": [],
}  # fmt: skip
UNCORRECTED = {"subspace, refined, delays not corrected": ["--no-delay-correction"]}
# Colors of errors go from minus to plus of these.
LARGEST_ERRORS = {"FF": 0.1, "T1H2O": 200.0, "T1fat": 80.0, "Df": 15.0, "B1": 0.1}


def padded(values: np.ndarray, nothing: float) -> np.ndarray:
    """Return a map in the middle of the matrix, (1, Y, X)."""
    whole = np.full((1, MATRIX, MATRIX), nothing, values.dtype)
    y, x = ((MATRIX - n) // 2 for n in values.shape)
    whole[0, y : y + values.shape[0], x : x + values.shape[1]] = values
    return whole


def load_truth(path: Path) -> tuple[mrf.ParameterMaps, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        foreground = data["foreground"].astype(bool)
        maps = {key: padded(np.where(foreground, data[key], np.nan), np.nan) for key in KEYS}
        rois = padded(data["rois"].astype(np.int64), 0)
    return mrf.ParameterMaps(maps, affine=AFFINE), rois


def write_raw(
    truth: mrf.ParameterMaps, path: Path, seed: int, n_coils: int, times: float,
    delays: tuple[float, float] = (0.0, 0.0),
    noise_seed: int | None = None,
) -> None:  # fmt: skip
    kspace: list = []
    acquire(truth, mrf.sequences.t1ff(), snr_db=None, n_coils=n_coils, matrix_size=MATRIX,
            seed=seed, kspace=kspace, gradient_delays=delays)  # fmt: skip
    samples, trajectory = kspace[0].samples, kspace[0].trajectory
    rng = np.random.default_rng([seed, 77])
    sigma = times * RELATIVE_NOISE * np.abs(samples[:, 0]).max()
    mixing = np.eye(n_coils, dtype=complex)
    if times > 1:
        mixing += 0.3 * rng.standard_normal((n_coils, n_coils))
        mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)

    if noise_seed is not None:
        rng = np.random.default_rng([noise_seed, 77])

    def noise(*shape: int) -> np.ndarray:
        drawn = rng.standard_normal((n_coils, *shape, 2)).view(complex)[..., 0]
        return np.tensordot(mixing, sigma * np.sqrt(0.5) * drawn, axes=1)

    noisy = (samples + noise(*samples.shape[1:])).astype(np.complex64)
    write_ismrmrd(
        path, [noisy], trajectory.coordinates(), noise(8192).astype(np.complex64),
        matrix=(MATRIX, MATRIX), affine=AFFINE, dwell_time_us=5.0,
    )  # fmt: skip


def reconstruct(raw: Path, mask: Path, words: list[str]) -> tuple[mrf.ParameterMaps, float]:
    output = raw.parent / "maps"
    command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", "reconstruct", raw,
               "--sequence", "t1ff", "--mask", mask, "--grid", "wide", *words,
               "--output", output, "--overwrite"]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    return mrf.load_maps(output), time.perf_counter() - start


def errors(maps: mrf.ParameterMaps, truth: mrf.ParameterMaps, rois: np.ndarray) -> list[float]:
    """Return MAE of FF, T1H2O where FF < 0.7, T1fat where FF > 0.3, Df, B1, and of muscle FF."""
    tissue = np.isfinite(truth["FF"])
    regions = {"T1H2O": truth["FF"] < 0.7, "T1fat": truth["FF"] > 0.3}
    found = [
        float(np.nanmean(np.abs(maps[key] - truth[key])[tissue & regions.get(key, tissue)]))
        for key in KEYS
    ]
    muscles = [tissue & (rois == label) for label in np.unique(rois) if label]
    apart = [abs(np.nanmean(maps["FF"][one]) - np.nanmean(truth["FF"][one])) for one in muscles]
    return [*found, float(np.mean(apart))]


def errors_figure(rows: dict[str, mrf.ParameterMaps], truth: mrf.ParameterMaps) -> Figure:
    """Return a figure of the errors of maps, ways in rows."""
    figure = Figure(figsize=(13, 2.6 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(KEYS), squeeze=False, sharex=True, sharey=True)
    outside = {"T1H2O": truth["FF"] >= 0.7, "T1fat": truth["FF"] <= 0.3}
    for row, (way, maps) in enumerate(rows.items()):
        axes = grid[row]
        for axis, key in zip(axes, KEYS, strict=True):
            error = np.where(outside.get(key, False), np.nan, maps[key] - truth[key])[0]
            most, unit = LARGEST_ERRORS[key], PARAMETERS[key].unit
            shown = axis.imshow(error, cmap=cm.vik, vmin=-most, vmax=most, origin="lower",
                                interpolation="nearest")  # fmt: skip
            axis.set_facecolor("0.85")
            if row == 0:
                axis.set_title(f"{key}, error" + (f" ({unit})" if unit else ""))
            if row == len(rows) - 1:
                axis.set_xlabel("x (voxels)")
                figure.colorbar(shown, ax=grid[:, KEYS.index(key)], orientation="horizontal",
                                shrink=0.9)  # fmt: skip
        axes[0].set_ylabel(f"{way}\ny (voxels)")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scans", nargs="+", choices=SCANS, default=list(SCANS))
    arguments = parser.parse_args()
    truth, rois = load_truth(arguments.maps)
    arguments.output.mkdir(parents=True, exist_ok=True)
    raw, mask = arguments.output / "raw.h5", arguments.output / "mask.npy"
    np.save(mask, np.isfinite(truth["FF"]))
    for name in arguments.scans:
        title, options = SCANS[name]
        found: dict[str, list[list[float]]] = {}
        rows: dict[str, mrf.ParameterMaps] = {}
        for seed in arguments.seeds:
            write_raw(truth, raw, seed, **options)
            for way, words in (WAYS | UNCORRECTED if "delays" in options else WAYS).items():
                maps, seconds = reconstruct(raw, mask, words)
                print(f"{name}, seed {seed}, {way}: {seconds:.0f} s", file=sys.stderr, flush=True)
                found.setdefault(way, []).append(errors(maps, truth, rois))
                if seed == arguments.seeds[0]:
                    rows[way.replace(", ", ",\n")] = maps
        print(
            f"\n**{title}**\n\n| images | FF | T1H2O (ms) | T1fat (ms) | Df (Hz) | B1 | muscle FF |"
        )
        print("|---|---|---|---|---|---|---|")
        for way, values in found.items():
            ff, water, fat, df, b1, muscle = np.mean(values, axis=0)
            print(f"| {way} | {ff:.4f} | {water:.1f} | {fat:.1f} | {df:.2f} | {b1:.4f} | "
                  f"{muscle:.4f} |", flush=True)  # fmt: skip
        images = Path(__file__).with_name("images")
        if name == "quiet":
            save_small(maps_figure({"truth": truth} | rows), images / "raw_thigh.png")
            save_small(errors_figure(rows, truth), images / "raw_thigh_errors.png")
        elif name == "delayed":
            of_subspace = {way: maps for way, maps in rows.items() if way.startswith("subspace")}
            save_small(errors_figure(of_subspace, truth), images / "raw_thigh_delays.png")


if __name__ == "__main__":
    main()
