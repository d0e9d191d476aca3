"""Remake what docs/results.md says of blur, noise and limits of images from raw data.

    python docs/results_raw_limits.py MAPS.npz --output FOLDER

MAPS.npz as for results_raw.py, whose quiet scan this is. *Blur*: a small change of a coefficient
in single voxels of the thigh is added to the measured samples, and the change of the images is
looked at; the change by noise likewise. *Limits*: fewer readouts, fewer coefficients, and tissue
that is off resonance.
"""

import argparse
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure
from results import save_small
from results_raw import SCANS, errors, load_truth, write_raw

import napari_mrf as mrf
from napari_mrf.compute.steps import result_of
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis
from napari_mrf.imaging import updates
from napari_mrf.kspace import subspace
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.subspace_operator import SubspaceOperator

SPACING = 18  # voxels between the points that are changed
FINER = 8
PATCH = 9
N_STEPS = 26  # of the solver, as many as it takes by itself


def kept(function: Callable) -> Callable:
    """Return a function that gives its first result again and again."""
    results = []

    def given(*arguments: object, **options: object) -> object:
        if not results:
            results.append(function(*arguments, **options))
        return results[0]

    return given


def at_once(result: object) -> Generator[None, None, object]:
    yield
    return result


def samples_changed(raw: RawData, change: np.ndarray) -> RawData:
    samples = raw.read(0) + change.astype(np.complex64)
    return replace(raw, read_slice=lambda z: samples)


def coefficients(raw: RawData, basis: np.ndarray, **options) -> np.ndarray:
    """Return the coefficient images (K, Y, X) of the series that is made."""
    series = mrf.make_images(raw, mrf.sequences.t1ff(), delay_correction=False, **options)
    frames = series.slab(0)
    found = np.linalg.lstsq(basis, frames.reshape(len(frames), -1), rcond=None)[0]
    return found.reshape(-1, *frames.shape[1:])


def width(responses: np.ndarray) -> float:
    """Return the full width (voxels) at half of the peak of responses (points, y, x)."""
    size = responses.shape[1]
    pad = (FINER - 1) * size // 2
    spectra = np.fft.fftshift(np.fft.fft2(responses), axes=(1, 2))
    fine = np.abs(np.fft.ifft2(np.pad(spectra, ((0, 0), (pad, pad), (pad, pad)))))
    return float(
        np.mean([2 * np.sqrt(np.mean(one > one.max() / 2) / np.pi) for one in fine]) * size
    )


def print_blur(raw: RawData, tissue: np.ndarray) -> None:
    made = cached_pulse_basis(mrf.sequences.t1ff())
    rank, basis = made.rank, made.by_frame()
    coils = simulated_sensitivities(raw.matrix, raw.n_coils, seed=0)
    plain = coefficients(raw, basis)
    y, x = np.nonzero(tissue[0])
    on_grid = (y % SPACING == 0) & (x % SPACING == 0)
    points = np.stack([y[on_grid], x[on_grid]], axis=1)
    points = points[: len(points) // rank * rank]
    of = np.arange(len(points)) % rank
    size = 0.05 * np.sqrt(np.mean(np.abs(plain[0, tissue[0]]) ** 2)) * _noise_scale(raw)
    change = np.zeros_like(plain)
    change[of, points[:, 0], points[:, 1]] = size
    seen = SubspaceOperator(made.vectors[raw.pulses(0)], raw.coordinates(0), coils)
    response = (coefficients(samples_changed(raw, seen.forward(change)), basis) - plain) / size
    response *= _noise_scale(raw)
    rng = np.random.default_rng(1)
    drawn = rng.standard_normal((*raw.read(0).shape, 2)).view(complex)[..., 0]
    noise = drawn * np.sqrt(np.mean(np.abs(raw.noise) ** 2) / 2)
    noisy = coefficients(samples_changed(raw, noise), basis) - plain
    ideal = plain_noise_of_disc(raw)
    print("| coefficient | s₁/s | peak | width (voxels) | into others | noise |")
    print("|---|---|---|---|---|---|")
    half = PATCH // 2
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    for k in range(rank):
        here = points[of == k]
        around = np.stack([
            response[:, v - half : v + half + 1, u - half : u + half + 1] for v, u in here
        ])  # fmt: skip
        peak = np.abs(around[:, k, half, half].mean())
        others = np.sqrt((np.abs(around[:, :, half, half]) ** 2).sum(axis=1).mean() - peak**2)
        strength = np.sqrt(np.mean(np.abs(noisy[k, tissue[0]]) ** 2)) / ideal
        ratio = made.singular_values[0] / made.singular_values[k]
        wide = width(around[:, k].mean(axis=0, keepdims=True))
        print(f"| {k + 1} | {ratio:.1f} | {peak:.2f} | {wide:.2f} | {others:.2f} | "
              f"{strength:.2f} |", flush=True)  # fmt: skip
        for axis, chosen in zip(axes, (0, rank // 2, rank - 1), strict=True):
            if k == chosen:
                shown = axis.imshow(
                    np.abs(around[:, k].mean(axis=0)), vmin=0, vmax=0.8, cmap="gray",
                    extent=(-half - 0.5, half + 0.5, -half - 0.5, half + 0.5),
                )  # fmt: skip
                axis.set(title=f"coefficient {k + 1}", xlabel="x (voxels)")
    axes[0].set_ylabel("y (voxels)")
    figure.colorbar(shown, ax=axes, label="response to a change of 1 in a voxel")
    save_small(figure, Path(__file__).with_name("images") / "raw_blur.png")


def _noise_scale(raw: RawData) -> float:
    """Return the standard deviation of the noise, by which samples are divided."""
    return float(np.sqrt(np.mean(np.abs(raw.noise) ** 2)))


def plain_noise_of_disc(raw: RawData) -> float:
    """Return the noise of a coefficient if no two coefficients shared a frequency.

    Its samples are as dense as all spokes together weighed with the square of its basis vector,
    whose norm is 1: one spoke; at radius r of the disc they lie 1 / (2 r n) apart.
    """
    n = raw.n_samples
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size) for size in raw.matrix)))
    variance = np.where(radius <= 0.5, np.pi * radius / n, 0.0)
    return float(np.sqrt(variance.mean()))


def print_limits(raw: RawData, truth: mrf.ParameterMaps, rois: np.ndarray, folder: Path) -> None:
    sequence, tissue = mrf.sequences.t1ff(), np.isfinite(truth["FF"])
    method = mrf.methods.get("water-fat", sequence=sequence, device="cpu", grid="wide")
    shifted = {**truth, "Df": truth["Df"] + 100.0}
    off = mrf.ParameterMaps(shifted, affine=truth.affine)
    write_raw(off, folder / "off.h5", 0, **SCANS["quiet"][1])

    def every(n: int) -> RawData:
        kept = np.arange(0, raw.n_readouts, n)
        samples = raw.read(0)[:, kept]
        return replace(
            raw, n_readouts=len(kept), read_slice=lambda z: samples, numbers=raw.numbers[kept],
            trajectories=(raw.coordinates(0)[kept],),
        )  # fmt: skip

    ways: dict[str, tuple[RawData, dict, mrf.ParameterMaps]] = {
        "all readouts (68-fold), 10 coefficients": (raw, {}, truth),
        "every 2nd readout (137-fold)": (every(2), {}, truth),
        "every 4th readout (275-fold)": (every(4), {}, truth),
        "6 coefficients": (raw, {"rank": 6}, truth),
        "8 coefficients": (raw, {"rank": 8}, truth),
        "100 Hz off resonance": (mrf.load_raw(folder / "off.h5"), {}, off),
    }
    print("\n| | FF | T1H2O (ms) | T1fat (ms) | Df (Hz) | B1 | muscle FF |")
    print("|---|---|---|---|---|---|---|")
    for way, (scan, options, against) in ways.items():
        series = mrf.make_images(scan, sequence, delay_correction=False, **options)
        ff, water, fat, df, b1, muscle = errors(method.reconstruct(series, tissue), against, rois)
        print(f"| {way} | {ff:.4f} | {water:.1f} | {fat:.1f} | {df:.2f} | {b1:.4f} | "
              f"{muscle:.4f} |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    truth, rois = load_truth(arguments.maps)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "raw.h5"
    write_raw(truth, path, 0, **SCANS["quiet"][1])
    raw = mrf.load_raw(path, sequence=mrf.sequences.t1ff())
    # As many steps with the change as without, and the same coils: others move every voxel.
    estimated = kept(lambda *given, **options: result_of(estimating_coil_maps(*given, **options)))
    with (
        patch.multiple(subspace, _CLOSE=0.0, _MOST_STEPS=N_STEPS,
                       estimating_coil_maps=lambda *given, **options: at_once(
                           estimated(*given, **options))),
        patch.object(updates, "compression", kept(updates.compression)),
    ):  # fmt: skip
        print_blur(raw, np.isfinite(truth["FF"]))
    print_limits(raw, truth, rois, arguments.output)


if __name__ == "__main__":
    main()
