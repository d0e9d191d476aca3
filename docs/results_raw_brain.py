"""Remake the tables and figures of raw data of the brain in docs/results.md.

    python docs/results_raw_brain.py phantom --output FOLDER [--seeds 0 1 2]
    python docs/results_raw_brain.py slices SEQUENCE.seq MAPS.npz [MAPS.npz ...] --output FOLDER

`phantom`: the FISP scan of docs/results_fisp.py, radial and 44-fold undersampled, from its raw
data. `slices`: measured maps as truth, scanned by the spirals of a Pulseq file. Each MAPS.npz holds
`qmaps` (4, Y, X): T1 (s), T2 (s), real and imaginary part of PD, such as those published with
Deli-CS (Iyer et al., MRM 2024).

Scans are written as ISMRMRD files with a noise scan and reconstructed by the command line, as a
user would do it.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from results import save_small
from results_fisp import BRAIN_SHAPE, TISSUES
from scipy.ndimage import binary_dilation, binary_opening
from scipy.ndimage import label as parts_of

import napari_mrf as mrf
from napari_mrf.compute.threads import indices_in_order
from napari_mrf.data.pulseq import PulseqFile, load_pulseq
from napari_mrf.dictionary.grid import reconstruction_grid
from napari_mrf.io import save_series
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.kspace import nufft
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.phantoms import brain
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.plots.maps_figure import maps_figure

IMAGES = Path(__file__).with_name("images")
KEYS = ("PD", "T1", "T2")
MATRIX, N_COILS = 256, 8  # of the spirals
RELATIVE_NOISE = 2e-4  # of the largest sample, of the complex number
NOISE_ONLY = "noise alone, all of k-space"
DISC_ONLY = "no noise, disc of k-space"
DISC = "noise alone, disc of k-space"
WAYS = {
    "gridded": ["--images", "gridded"],
    "gridded, window 9": ["--images", "gridded", "--window", "9"],
    "subspace (default)": [],
}
# Of a slice: T1 (ms) of what is called white and grey matter.
RANGES_MS = {"T1 600-1000 ms": (600, 1000), "T1 1000-1700 ms": (1000, 1700)}


def reconstruct(scan: Path, mask: Path, sequence: str, words: list[str]) -> mrf.ParameterMaps:
    output = scan.parent / "maps"
    command = [sys.executable, "-c", "from napari_mrf.cli import run; run()", "reconstruct", scan,
               "--sequence", sequence, "--mask", mask, *words,
               "--output", output, "--overwrite"]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    print(f"{scan.name} {' '.join(words)}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return mrf.load_maps(output)


def errors(
    maps: mrf.ParameterMaps, truth: mrf.ParameterMaps, regions: dict[str, np.ndarray]
) -> dict[tuple[str, str], float]:
    """Return mean absolute errors by map and region; PD up to a factor, since coils have a gain."""
    scaled_maps = scaled(maps, truth)
    return {
        (key, name): float(np.nanmean(np.abs(scaled_maps[key] - truth[key])[region]))
        for key in KEYS
        for name, region in regions.items()
    }


def scaled(maps: mrf.ParameterMaps, truth: mrf.ParameterMaps) -> mrf.ParameterMaps:
    """Return the maps with PD of the scale of the truth."""
    density = maps["PD"].astype(float)
    good = np.isfinite(truth["PD"]) & np.isfinite(density)
    factor = np.sum(truth["PD"][good] * density[good]) / np.sum(density[good] ** 2)
    return mrf.ParameterMaps({**maps, "PD": density * factor}, affine=maps.affine)


def print_table(title: str, found: dict[str, list[dict[tuple[str, str], float]]]) -> None:
    columns = list(next(iter(found.values()))[0])
    units = {"PD": "", "T1": " (ms)", "T2": " (ms)"}
    heads = " | ".join(f"{key}{units[key]}, {region}" for key, region in columns)
    print(f"\n**{title}**\n\n| images | {heads} |")
    print("|" + "---|" * (len(columns) + 1))
    for way, of in found.items():
        means = [np.mean([one[column] for one in of]) for column in columns]
        print(f"| {way} | {' | '.join(f'{mean:.3g}' for mean in means)} |", flush=True)


def make_phantom(folder: Path, seeds: list[int]) -> None:
    sequence, phantom = mrf.sequences.fisp(), brain(BRAIN_SHAPE)
    truth, labels = phantom.truth(), phantom.labels
    regions = {name: np.isin(labels, of) & phantom.foreground for name, of in TISSUES.items()}
    regions["all"] = phantom.foreground
    mask, raw = folder / "mask.npy", folder / "raw.h5"
    np.save(mask, phantom.foreground)
    rows, found = {"truth": truth}, {}
    for seed in seeds:
        alone = acquire(phantom, sequence, mode="noise-only", noise_reference="foreground",
                        snr_db=20.0, seed=seed)  # fmt: skip
        clean = acquire(phantom, sequence, mode="noise-only", snr_db=None, seed=seed)
        radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in BRAIN_SHAPE[1:])))
        disc = radius <= 0.5
        # Spokes are denser in the middle; as strong in all as in the series above.
        ramp = np.sqrt(radius * disc / np.mean(radius * disc))
        held, noise_of = filtered(clean.signal, disc), alone.signal - clean.signal
        series = {
            NOISE_ONLY: alone.signal, DISC_ONLY: held, DISC: held + filtered(noise_of, ramp),
        }  # fmt: skip
        ways = {}
        for name, signal in series.items():
            ways[name] = folder / f"series{len(ways)}.nii", []
            save_series(replace(alone, signal=signal), ways[name][0], overwrite=True)
        kspace: list = []
        acquire(phantom, sequence, snr_db=20.0, n_coils=4, spokes_per_pulse=4, seed=seed,
                kspace=kspace)  # fmt: skip
        scan = kspace[0]
        draw = np.random.default_rng([seed, 99]).standard_normal((4, 8192, 2))
        noise = (scan.noise * draw).view(complex)[..., 0].astype(np.complex64)
        write_ismrmrd(raw, [scan.samples], scan.trajectory.coordinates(), noise,
                      matrix=BRAIN_SHAPE[1:], affine=phantom.affine, dwell_time_us=5.0)  # fmt: skip
        ways |= {way: (raw, words) for way, words in WAYS.items()}
        for way, (path, words) in ways.items():
            maps = reconstruct(path, mask, "fisp", words)
            found.setdefault(way, []).append(errors(maps, truth, regions))
            if seed == seeds[0] and way in (DISC, "gridded", "subspace (default)"):
                rows[way.replace(", ", ",\n")] = scaled(maps, truth)
    print_table("brain phantom, 4 spokes a pulse (44-fold), 4 coils, 20 dB", found)
    save_small(maps_figure(rows), IMAGES / "raw_brain_phantom.png")


def filtered(signal: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return frames (T, Z, Y, X) whose frequencies are weighed."""
    return np.fft.ifft2(np.fft.fft2(signal) * weights).astype(np.complex64)


def load_slice(path: Path, matrix: int) -> tuple[mrf.ParameterMaps, np.ndarray, np.ndarray]:
    """Return the maps in the middle of the matrix, NaN in air, the phase of PD, and the head."""
    with np.load(path, allow_pickle=False) as data:
        t1, t2, real, imaginary = data["qmaps"].astype(float)
    density = real + 1j * imaginary
    top = np.percentile(np.abs(density), 99)
    tissue = np.abs(density) > 0.1 * top
    # The largest part that stays together where thin ones are taken away: no air.
    parts, _ = parts_of(binary_opening(tissue, iterations=3))
    head = parts == 1 + np.argmax(np.bincount(parts[parts > 0])[1:])
    head = binary_dilation(head, iterations=3) & tissue
    # Beyond the dictionary nobody finds them.
    axes = reconstruction_grid(mrf.sequences.fisp()).axes
    t1, t2 = (
        np.clip(1e3 * values, axes[key].min(), axes[key].max())
        for key, values in (("T1", t1), ("T2", t2))
    )
    maps = {"PD": np.abs(density) / top, "T1": t1, "T2": np.minimum(t1, t2)}
    whole = {
        key: padded(np.where(tissue, values, np.nan).astype(np.float32), np.nan, matrix)
        for key, values in maps.items()
    }
    phase = padded(np.exp(1j * np.angle(density)), 1.0, matrix)
    truth = mrf.ParameterMaps(whole, affine=np.diag([1.0, 1.0, 5.0, 1.0]))
    return truth, phase, padded(head, False, matrix)


def write_spiral(
    truth: mrf.ParameterMaps, phase: np.ndarray, played: PulseqFile, path: Path, seed: int
) -> None:
    tissue, matrix = np.isfinite(truth["T1"]), truth["T1"].shape[1:]
    tissues = {key: truth[key][tissue] for key in KEYS}
    signals = mrf.simulate(played.sequence, tissues, dtype="complex64").T * phase[tissue]
    # In 1/m of the file, (kx, ky), to cycles/voxel, (ky, kx).
    places = played.coordinates_per_m[..., ::-1] * played.field_of_view_mm[0] / 1e3 / matrix[0]
    coils = simulated_sensitivities(matrix, N_COILS, seed=seed)

    def measure(pulse: int) -> np.ndarray:
        image = np.zeros(matrix, np.complex64)
        image[tissue[0]] = signals[pulse]
        return nufft.forward(image * coils, places[pulse])

    samples = np.stack(list(indices_in_order(measure, len(places))), axis=1)
    rng = np.random.default_rng([seed, 77])

    def noise(*shape: int) -> np.ndarray:
        drawn = rng.standard_normal((N_COILS, *shape, 2)).view(complex)[..., 0]
        return RELATIVE_NOISE * np.abs(samples).max() * np.sqrt(0.5) * drawn

    noisy = (samples + noise(*samples.shape[1:])).astype(np.complex64)
    write_ismrmrd(path, [noisy], places, noise(8192).astype(np.complex64), matrix=matrix,
                  affine=truth.affine, dwell_time_us=2.0, trajectory="spiral")  # fmt: skip


def make_slices(played_path: Path, paths: list[Path], folder: Path, seeds: list[int]) -> None:
    played = load_pulseq(played_path)
    mask, raw = folder / "mask.npy", folder / "raw.h5"
    for index, path in enumerate(paths):
        truth, phase, head = load_slice(path, MATRIX)
        np.save(mask, head)
        regions = {
            name: head & (truth["T1"] > low) & (truth["T1"] < high)
            for name, (low, high) in RANGES_MS.items()
        }
        regions["head"] = head
        shown = {key: np.where(head, truth[key], np.nan) for key in KEYS}
        rows, found = {"truth": mrf.ParameterMaps(shown, affine=truth.affine)}, {}
        for seed in seeds:
            write_spiral(truth, phase, played, raw, seed)
            for way, words in WAYS.items():
                maps = reconstruct(raw, mask, str(played_path), words)
                found.setdefault(way, []).append(errors(maps, rows["truth"], regions))
                if seed == seeds[0] and "window" not in way:
                    rows[way] = scaled(maps, rows["truth"])
        print_table(f"slice {index + 1}, spirals, 48-fold, {N_COILS} coils", found)
        save_small(maps_figure(rows), IMAGES / f"raw_brain_slice_{index + 1}.png")


def padded(values: np.ndarray, nothing: complex, matrix: int) -> np.ndarray:
    """Return values (Y, X) in the middle of the matrix, (1, Y, X)."""
    whole = np.full((1, matrix, matrix), nothing, values.dtype)
    y, x = ((matrix - n) // 2 for n in values.shape)
    whole[0, y : y + values.shape[0], x : x + values.shape[1]] = values
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    of_phantom, of_slices = what.add_parser("phantom"), what.add_parser("slices")
    of_slices.add_argument("sequence", type=Path)
    of_slices.add_argument("maps", type=Path, nargs="+")
    for one, seeds in ((of_phantom, [0, 1, 2]), (of_slices, [0])):
        one.add_argument("--output", type=Path, required=True)
        one.add_argument("--seeds", type=int, nargs="+", default=seeds)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    if given.what == "phantom":
        make_phantom(given.output, given.seeds)
    else:
        make_slices(given.sequence, given.maps, given.output, given.seeds)


if __name__ == "__main__":
    main()
