"""Print the tables of intervals of maps from raw data in docs/results.md.

Each object is measured four times with noise of its own. *repeated*: how many of the intervals of
95 % hold the mean of the four; *truth*: how many hold the truth, by kind of interval.

    python docs/results_raw_noise.py thigh --maps MAPS.npz
    python docs/results_raw_noise.py brain

MAPS.npz is that of docs/results_raw.py.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from results import AFFINE, KEYS
from results_fisp import BRAIN_SHAPE, TISSUES
from results_raw import SCANS, load_truth, write_raw

import napari_mrf as mrf
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.phantoms import brain
from napari_mrf.phantoms.acquisition.acquire import acquire

REPEATS = 4
FISP_KEYS = ("PD", "T1", "T2")


def of_thigh(maps: Path) -> Iterator[tuple[str, dict, list[Path], tuple, dict, dict]]:
    truth, _ = load_truth(maps)
    tissue, fraction = np.isfinite(truth["FF"]), truth["FF"]
    regions = {
        "FF < 0.3": tissue & (fraction < 0.3),
        "0.3 to 0.7": tissue & (fraction >= 0.3) & (fraction <= 0.7),
        "FF > 0.7": tissue & (fraction > 0.7),
    }
    means = {"T1H2O": fraction < 0.7, "T1fat": fraction > 0.3}
    sequence = mrf.sequences.t1ff()
    method = ("water-fat", {"grid": "wide"})
    for scan in ("quiet", "loud"):
        name, options = SCANS[scan]

        def files(folder: Path, options: dict = options) -> Iterator[Path]:
            for repeat in range(REPEATS):
                path = folder / "raw.h5"
                write_raw(truth, path, 0, noise_seed=100 + repeat, **options)
                yield path

        yield f"Thigh, {name}", truth, files, (sequence, *method), regions, means


def of_brain() -> Iterator[tuple[str, dict, list[Path], tuple, dict, dict]]:
    phantom, sequence = brain(BRAIN_SHAPE), mrf.sequences.fisp()
    labels = phantom.labels
    regions = {name: np.isin(labels, of) for name, of in TISSUES.items()}
    truth = phantom.truth()

    def files(folder: Path) -> Iterator[Path]:
        without: list = []
        noisy: list = []
        for snr_db, kspace in ((None, without), (20.0, noisy)):
            acquire(phantom, sequence, mode="radial", spokes_per_pulse=4, n_coils=4,
                    snr_db=snr_db, kspace=kspace)  # fmt: skip
        samples, places = without[0].samples, without[0].trajectory.coordinates()
        sigma = noisy[0].noise
        for repeat in range(REPEATS):
            rng = np.random.default_rng([repeat, 77])

            def noise(*shape: int, rng: np.random.Generator = rng) -> np.ndarray:
                drawn = sigma * rng.standard_normal((4, *shape, 2))
                return drawn.view(complex)[..., 0].astype(np.complex64)

            path = folder / "raw.h5"
            noisy_samples = samples + noise(*samples.shape[1:])
            write_ismrmrd(path, [noisy_samples], places, noise(8192), matrix=BRAIN_SHAPE[1:],
                          affine=AFFINE, dwell_time_us=5.0)  # fmt: skip
            yield path

    name = "Brain phantom, radial, 4 spokes a pulse (44-fold), 4 coils, 20 dB"
    yield name, truth, files, (sequence, "compressed", {}), regions, {}


def print_table(name: str, truth, files, way, regions, means) -> None:
    sequence, method, options = way
    keys = [key for key in (KEYS if sequence.kind == "spoiled" else FISP_KEYS) if key in truth]
    mask = np.any(list(regions.values()), axis=0)
    found: dict[str, list] = {"noise": [], "error": []}
    with tempfile.TemporaryDirectory() as folder:
        for path in files(Path(folder)):
            series = mrf.make_images(mrf.load_raw(path, sequence=sequence), sequence)
            for kind in found if not found["noise"] else ("noise",):
                made = mrf.methods.get(method, sequence=sequence, intervals=kind, **options)
                found[kind].append(made.reconstruct(series, mask))
    print(f"\n**{name}**\n\n| tissue | map | mean error | SD, noise | repeated, 95 % "
          "| truth, 68 % / 95 %, noise | SD, error | truth, 68 % / 95 %, error |")  # fmt: skip
    print("|" + "---|" * 8)
    for region, inside in regions.items():
        for key in keys:
            at = inside & means.get(key, inside)
            if at.sum() < 100:
                continue
            values = np.array([maps[key][at] for maps in found["noise"]], np.float64)
            sizes = np.array([maps.uncertainty[key][at] for maps in found["noise"]])
            if key == "PD":  # coils have a gain: one factor for the whole image
                whole, expected = found["noise"][0][key][mask], truth[key][mask]
                gain = np.sum(whole * expected) / np.sum(np.square(whole, dtype=float))
            else:
                gain = 1.0
            apart = np.abs(values - values.mean(axis=0))
            repeated = np.mean(apart < 1.96 * np.sqrt(1 - 1 / REPEATS) * sizes)
            error = np.abs(gain * values[0] - truth[key][at])
            cells = [f"{error.mean():.3g}", short(gain * np.median(sizes)),
                     f"{100 * repeated:.0f} %"]  # fmt: skip
            for kind, maps in found.items():
                size = gain * maps[0].uncertainty[key][at]
                if kind == "error":
                    cells.append(short(np.median(size)))
                cells.append(" / ".join(f"{100 * np.mean(error < k * size):.0f}"
                                        for k in (0.9945, 1.96)))  # fmt: skip
            unit = f" ({PARAMETERS[key].unit})" if PARAMETERS[key].unit else ""
            print(f"| {region} | {key}{unit} | {' | '.join(cells)} |", flush=True)


def short(value: float) -> str:
    """Return a number with two digits that count, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["thigh", "brain"])
    parser.add_argument("--maps", type=Path)
    arguments = parser.parse_args()
    for table in of_brain() if arguments.what == "brain" else of_thigh(arguments.maps):
        print_table(*table)


if __name__ == "__main__":
    main()
