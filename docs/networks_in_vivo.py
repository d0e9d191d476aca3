"""Errors of networks and matching on in-vivo maps, against two truths.

    python docs/networks_in_vivo.py DATA [--part thigh|brain] [--networks NAME...] [--weights CARD]
    python docs/networks_in_vivo.py DATA --checkpoint FILE
    python docs/networks_in_vivo.py DATA --write

DATA is that of networks_random.py and does not come with this package. Each truth (as published,
denoised: `napari_mrf.training.truths`) is measured by simulation and reconstructed. `--weights`
adds weights that are not installed. `--checkpoint` makes such weights of a training that is not
over: of its best epoch so far, with the standard deviations that its own held-out data give.
`--write` measures all networks against the published truth, for the order in which methods are
offered (`napari_mrf.reconstruction.in_vivo`).
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import napari_mrf as mrf
from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.compute.devices import n_threads
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.imaging.images import make_images
from napari_mrf.io import load_raw
from napari_mrf.networks.card import read_card
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.weights import installed
from napari_mrf.phantoms.acquisition.acquire import SliceKSpace, acquire
from napari_mrf.phantoms.files import write_raw
from napari_mrf.reconstruction import in_vivo
from napari_mrf.reconstruction.in_vivo import NOISE_ONLY, SUBSPACE, UNDERSAMPLED
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.training.finishing import finish
from napari_mrf.training.loop.checkpoint import load_checkpoint, read_state
from napari_mrf.training.loop.processes import Processes
from napari_mrf.training.loop.step import Stepper
from napari_mrf.training.run import prepare
from napari_mrf.training.truths import truths

TABLE = Path(in_vivo.__file__).with_name(in_vivo.FILE)
THIGH, BRAIN = "thigh", "brain"
SEQUENCES = {THIGH: mrf.sequences.t1ff, BRAIN: mrf.sequences.fisp}
_SPOKES = {"mode": "radial", "n_coils": 8, "matrix_size": 350}
SCANS = {
    THIGH: {
        NOISE_ONLY: ("noise only, 20 dB", {"mode": "noise-only"}),
        UNDERSAMPLED: ("radial, 68.7-fold, 8 coils, 20 dB", _SPOKES),
        SUBSPACE: ("radial, 68.7-fold, 8 coils, 20 dB, subspace images", _SPOKES),
    },
    BRAIN: {
        NOISE_ONLY: (
            "noise only, 20 dB", {"mode": "noise-only", "noise_reference": "foreground"},
        ),
        UNDERSAMPLED: (
            "radial, 4 spokes a pulse, 4 coils, 20 dB",
            {"mode": "radial", "spokes_per_pulse": 4, "n_coils": 4},
        ),
    },
}  # fmt: skip
# The best ways of docs/results.md.
MATCHING = {
    (THIGH, NOISE_ONLY): ("wide grid, refined", "water-fat", {"grid": "wide"}),
    (THIGH, UNDERSAMPLED): (
        "window 25, smooth 0.5, refined", "water-fat", {"window": 25, "smooth": 0.5},
    ),
    (THIGH, SUBSPACE): ("wide grid, refined", "water-fat", {"grid": "wide"}),
    (BRAIN, NOISE_ONLY): ("refined", "compressed", {}),
    (BRAIN, UNDERSAMPLED): ("window 9, refined", "compressed", {"window": 9}),
}  # fmt: skip
PLAIN = ("cohen", "subspacenet")
PUBLISHED = "as published"


def thigh(data: Path) -> dict[str, list[mrf.ParameterMaps]]:
    """Return the maps of the thigh by truth; means of muscles stay."""
    with np.load(data / "thigh" / "thigh_maps.npz") as file:
        inside = file["foreground"].astype(bool)[None]
        keys = SEQUENCES[THIGH]().parameters
        maps = mrf.ParameterMaps({key: file[key][None] for key in keys},
                                 affine=np.diag([1.0, 1.0, 8.0, 1.0]))  # fmt: skip
        found = truths(maps, inside, file["rois"].astype(int)[None])
    return {name: [one] for name, one in found.items()}


def brains(data: Path) -> dict[str, list[mrf.ParameterMaps]]:
    """Return the maps of the brain slices by truth, tissue as networks_random.py takes it."""
    found: dict[str, list[mrf.ParameterMaps]] = {}
    for path in sorted((data / "real" / "brain_maps").glob("*.npz")):
        with np.load(path) as file:
            t1_s, t2_s, real, imaginary = file["qmaps"]
        density = np.hypot(real, imaginary)
        density = density / np.percentile(density, 99)
        maps = {"PD": density, "T1": 1000.0 * t1_s, "T2": 1000.0 * t2_s}
        inside = (density > 0.1) & (maps["T1"] < 4500) & (maps["T2"] < 2500) & (t1_s > 0.1)
        published = mrf.ParameterMaps({key: one[None] for key, one in maps.items()},
                                      affine=np.eye(4))  # fmt: skip
        for name, one in truths(published, inside[None]).items():
            found.setdefault(name, []).append(one)
    return found


def coverage(maps: mrf.ParameterMaps, truth: mrf.ParameterMaps, key: str) -> float:
    """Return how often 1.96 standard deviations hold the truth, in percent, where a map counts."""
    if key not in maps.uncertainty:
        return np.nan
    error = np.abs(maps[key] - truth[key])
    counted = np.isfinite(error)
    rule = PARAMETERS[key].validity
    if rule is not None and "FF" in truth:
        counted &= rule.mask(truth["FF"])
    return 100.0 * float(np.mean(error[counted] <= 1.96 * maps.uncertainty[key][counted]))


def measure(truth: mrf.ParameterMaps, part: str, scan: str) -> mrf.MRFSeries:
    """Return the images that a scan of maps gives."""
    options = SCANS[part][scan][1]
    kspace: list[SliceKSpace] | None = [] if scan == SUBSPACE else None
    series = acquire(truth, SEQUENCES[part](), seed=1, kspace=kspace, **options)
    if kspace is None:
        return series
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.h5"
        write_raw(path, kspace, series)
        sequence = SEQUENCES[part]()
        images = make_images(load_raw(path, sequence=sequence), sequence)
    return replace(images, mask=None)


def methods(part: str, scan: str, networks: list[str], weights: list[Path]):
    """Yield the rows of a table: what it is called, and how to make it."""
    sequence = SEQUENCES[part]()
    way, name, options = MATCHING[part, scan]
    yield f"{name}, {way}", lambda: mrf.methods.get(name, sequence=sequence, **options)
    there = {row.name for row in mrf.methods.available(sequence)}
    for network in networks:
        if network in there:
            yield network, lambda network=network: mrf.methods.get(network, sequence=sequence)
    for path in weights:
        card = read_card(path)
        if card.sequence_fingerprint == sequence.fingerprint():
            words = f"{card.name}, after {card.n_epochs} epochs of {_epochs(card)}"
            yield words, lambda path=path: ImageNetworkMethod(sequence, card_path=path)


def _epochs(card) -> int:
    return card.recipe["optimisation"]["epochs"]


def mapped(part: str) -> list[str]:
    """Return the maps that are compared."""
    return [key for key in SEQUENCES[part]().parameters if key != "PD"]


def errors(
    found: list[mrf.ParameterMaps], truth: list[mrf.ParameterMaps], part: str
) -> dict[str, float]:
    """Return the mean absolute error by map, mean over subjects."""
    inside = mapped(part)[0]
    by_key: dict[str, list[float]] = {}
    for maps, one in zip(found, truth, strict=True):
        for row in map_errors(maps, one, np.isfinite(one[inside])):
            by_key.setdefault(row.key, []).append(row.mean_absolute_error)
    return {key: float(np.mean(by_key[key])) for key in mapped(part)}


def compare(part: str, data: Path, networks: list[str], weights: list[Path]) -> None:
    """Print the tables of a part of the body."""
    by_truth = {THIGH: thigh, BRAIN: brains}[part](data)
    keys = mapped(part)
    titles = [f"{key} ({PARAMETERS[key].unit})" if PARAMETERS[key].unit else key for key in keys]
    for scan, (words_of_scan, _) in SCANS[part].items():
        for truth, subjects in by_truth.items():
            measured = [measure(one, part, scan) for one in subjects]
            rows = []
            for words, make in methods(part, scan, networks, weights):
                start = time.perf_counter()
                found = [make().reconstruct(one) for one in measured]
                seconds = (time.perf_counter() - start) / len(found)
                cells = []
                for key, error in errors(found, subjects, part).items():
                    shares = [coverage(*both, key) for both in zip(found, subjects, strict=True)]
                    held = "" if np.isnan(shares).any() else f" ({np.mean(shares):.0f} %)"
                    cells.append(rounded(error) + held)
                rows.append([words, *cells, f"{seconds:.1f}"])
            print(f"\n{part}, {words_of_scan}, truth {truth}: mean absolute error (95 % intervals "
                  "hold it)\n")  # fmt: skip
            print(markdown_table(["method", *titles, "s a slice"], rows), flush=True)


def write(parts: list[str], data: Path) -> None:
    """Write the errors of all methods that have weights, for the order of methods."""
    lines = [
        "# Mean absolute errors on in-vivo maps, as published, that were measured by simulation.",
        "# Written by `python docs/networks_in_vivo.py DATA --write`; read by in_vivo.py.",
    ]
    for part in parts:
        sequence = SEQUENCES[part]()
        subjects = {THIGH: thigh, BRAIN: brains}[part](data)[PUBLISHED]
        hashes = {name: read_card(path).weights_sha256 for (name, of), path in installed().items()
                  if of == sequence.fingerprint()}  # fmt: skip
        for scan, (words_of_scan, _) in SCANS[part].items():
            measured = [measure(one, part, scan) for one in subjects]
            matching, table = MATCHING[part, scan][1], {}
            for words, make in methods(part, scan, list(hashes), []):
                found = [make().reconstruct(one) for one in measured]
                table[words.partition(",")[0]] = errors(found, subjects, part)
                print(part, scan, words, table[words.partition(",")[0]], flush=True)
            lines += ["", "[[table]]", f'sequence = "{sequence.name}"',
                      f'fingerprint = "{sequence.fingerprint()}"', f'scan = "{scan}"',
                      f'details = "{part}, {words_of_scan}"', f'matching = "{matching}"',
                      "", "[table.errors]"]  # fmt: skip
            for name, row in table.items():
                values = ", ".join(f"{key} = {value:.4g}" for key, value in row.items())
                lines.append(f"{name} = {{ {values} }}")
            lines += ["", "[table.weights]"]
            lines += [f'{name} = "{hashes[name]}"' for name in table if name in hashes]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def snapshot(checkpoint: Path, folder: Path) -> Path:
    """Write weights and card of the best epoch so far; return the path of the card."""
    recipe = read_state(checkpoint)[2]
    device = torch.device("cpu")
    sequence, trained, training, validation = prepare(recipe)
    stepper = Stepper(recipe, trained, Processes(device=device))
    best, progress = load_checkpoint(checkpoint, trained, stepper.optimizer, recipe)
    trained.load_state_dict(best)
    finish(recipe, folder, sequence, trained, progress, validation, device)
    training.close()
    return folder / f"{recipe.network}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", choices=[THIGH, BRAIN])
    parser.add_argument("--networks", nargs="*", default=PLAIN)
    parser.add_argument("--weights", nargs="*", type=Path, default=[])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    parts = list(SEQUENCES) if arguments.part is None else [arguments.part]
    if arguments.write:
        write(parts, arguments.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        weights = list(arguments.weights)
        if arguments.checkpoint is not None:
            weights.append(snapshot(arguments.checkpoint, Path(folder)))
            for one in read_card(weights[-1]).maps:
                print(f"{one.key}: standard deviation = scale x {one.deviation:.3g}")
        print(f"{n_threads()} cores")
        for part in parts:
            compare(part, arguments.data, arguments.networks, weights)


if __name__ == "__main__":
    main()
