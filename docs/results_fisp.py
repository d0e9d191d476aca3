"""Accuracy of FISP matching and refinement: beside the bound, against rank, in brain phantoms.

    python docs/results_fisp.py accuracy
    python docs/results_fisp.py rank
    python docs/results_fisp.py brain
    python docs/results_fisp.py b1

The sequence is `mrf.sequences.fisp()`, 1000 pulses, the dictionary that of 8,537 pairs. Noise is
sigma = 0.0876762 · 10^(-SNR / 20) in the real and the imaginary part of fingerprints of norm 1;
in the brain, of the mean norm of the foreground.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

import napari_mrf as mrf
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.dictionary.cache import cached_dictionary
from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.dictionary.temporal_basis import cached_basis
from napari_mrf.matching.explicit.explicit_matcher import default_grid
from napari_mrf.matching.refinement.prior import range_prior
from napari_mrf.phantoms import brain
from napari_mrf.phantoms.acquisition.acquire import UNIT_NORM_SIGNAL, acquire
from napari_mrf.phantoms.brain.labels import BRAIN_LABELS, CSF, GREY_MATTER, WHITE_MATTER
from napari_mrf.plots.maps_figure import maps_figure

IMAGES = Path(__file__).with_name("images")
KEYS = ("PD", "T1", "T2")
LEVELS_DB = (10, 20, 30, 40)
SHAPE = (1, 40, 50)
MATCHING = "compressed"
WAYS = {
    "grid": {"refine": False},
    "refined, no prior": {"prior": "off"},
    "refined, range prior": {"prior": "range"},
}
STYLES = {
    "grid": {"color": "#d55e00", "marker": "s"},
    "refined, no prior": {"color": "#56b4e9", "marker": "^"},
    "refined, range prior": {"color": "#0072b2", "marker": "o"},
    "bound": {"color": "black", "linestyle": "--"},
}
INTERVALS = {0.68: 0.9945, 0.95: 1.96}  # nominal share: half width in standard deviations
RANKS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 80)
BRAIN_SHAPE = (1, 112, 112)
B1_SHAPE, B1_SEED, B1_SNR_DB = (1, 96, 96), 3, 30.0
TISSUES = {
    "white matter": (WHITE_MATTER,),
    "grey matter": (GREY_MATTER,),
    "deep nuclei": tuple(
        k for k, (name, _) in BRAIN_LABELS.items() if name.split()[0] in
        ("Caudate", "Putamen", "Globus", "Thalamus")
    ),
    "CSF": (CSF,),
}  # fmt: skip
SCANS = {
    "noise only, 20 dB": {"mode": "noise-only", "noise_reference": "foreground"},
    "radial, 4 spokes a pulse (44-fold), 4 coils, 20 dB": {
        "mode": "radial", "spokes_per_pulse": 4, "n_coils": 4,
    },
}  # fmt: skip
BRAIN_WAYS = {
    "grid": {"refine": False},
    "refined, prior of the series (default)": {},
    "refined, range prior": {"prior": "range"},
    "refined, no prior": {"prior": "off"},
}
WINDOW_WAYS = {
    "window 9, grid": {"refine": False, "window": 9},
    "window 9, refined (default)": {"window": 9},
}


def bound_of(tissue: dict[str, np.ndarray], sigma: float) -> dict[str, np.ndarray]:
    """Return the mean absolute error that the bound allows, (N,) by key."""
    deviations = mrf.crlb(
        mrf.sequences.fisp(), tissue, sigma, prior_deviation=range_prior("fisp").deviation
    )
    return {key: np.sqrt(2 / np.pi) * deviations[key] for key in KEYS}


def reconstructed(
    series: mrf.MRFSeries, mask: np.ndarray, options: dict, b1: np.ndarray | None = None
) -> mrf.ParameterMaps:
    options = {"refine": True} | options
    method = mrf.methods.get(MATCHING, sequence=series.sequence, device="cpu", **options)
    return method.reconstruct(series, mask, b1)


def print_accuracy() -> None:
    sequence, rng = mrf.sequences.fisp(), np.random.default_rng(0)
    n = int(np.prod(SHAPE))
    tissue = {"T1": rng.uniform(400, 2500, n), "T2": rng.uniform(25, 250, n)}
    clean = mrf.simulate(sequence, tissue, dtype="complex128")
    norms = np.linalg.norm(clean, axis=1)
    clean = clean / norms[:, None] * np.exp(2j * np.pi * rng.random((n, 1)))
    tissue["PD"] = 1 / norms
    rows = []
    print(f"| SNR (dB) | parameter | {' | '.join(WAYS)} | bound | ratio | in 68 % | in 95 % |")
    print("|" + "---|" * (len(WAYS) + 6))
    for snr_db in LEVELS_DB:
        sigma = UNIT_NORM_SIGNAL * 10 ** (-snr_db / 20)
        noise = np.random.default_rng(snr_db).standard_normal((2, *clean.shape))
        noisy = (clean + sigma * (noise[0] + 1j * noise[1])).astype(np.complex64)
        series = mrf.MRFSeries(noisy.T.reshape(-1, *SHAPE), sequence=sequence)
        maps = {way: reconstructed(series, np.ones(SHAPE, bool), of) for way, of in WAYS.items()}
        bound = bound_of(tissue, sigma)
        for key in KEYS:
            errors = {w: np.abs(m[key].reshape(-1) - tissue[key]) for w, m in maps.items()}
            deviation = maps["refined, range prior"].uncertainty[key].reshape(-1)
            row = {"snr_db": snr_db, "key": key, "bound": bound[key].mean()}
            row |= {way: error.mean() for way, error in errors.items()}
            held = errors["refined, range prior"]
            row |= {s: np.mean(held < width * deviation) for s, width in INTERVALS.items()}
            rows.append(row)
            cells = " | ".join(f"{row[way]:.3g}" for way in (*WAYS, "bound"))
            print(f"| {snr_db} | {_named(key)} | {cells} "
                  f"| {row['refined, range prior'] / row['bound']:.2f} "
                  f"| {100 * row[0.68]:.0f} % | {100 * row[0.95]:.0f} % |", flush=True)  # fmt: skip
    draw_accuracy(rows)


def draw_accuracy(rows: list[dict]) -> None:
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    for key, axis in zip(KEYS, figure.subplots(1, 3), strict=True):
        of = [row for row in rows if row["key"] == key]
        for way, style in STYLES.items():
            axis.plot(LEVELS_DB, [row[way] for row in of], label=way, markersize=5, **style)
        axis.set(title=key, yscale="log", xticks=LEVELS_DB, xlabel="SNR (dB)",
                 ylabel=f"mean absolute error ({PARAMETERS[key].unit})")  # fmt: skip
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=4, loc="outside upper center", frameon=False)
    figure.savefig(IMAGES / "fisp_accuracy.png", dpi=110, facecolor="white")


def print_rank() -> None:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    print("| sequence | rank | energy left out | median residual | worst residual | worst atom |")
    print("|---|---|---|---|---|---|")
    for name, color in (("fisp", "#0072b2"), ("t1ff", "#d55e00")):
        sequence = mrf.sequences.load(name)
        dictionary = cached_dictionary(sequence, default_grid(sequence))
        norms = norms_of(dictionary.atoms)
        basis = cached_basis(sequence, dictionary.atoms, norms)
        told = [
            CompressedAtoms.of(dictionary.atoms, norms, basis, rank).describe(dictionary.parameters)
            for rank in RANKS
        ]
        for one in told:
            atom = ", ".join(f"{key} {value:g}" for key, value in one["worst_atom"].items())
            print(f"| {name} | {one['rank']} | {1 - one['energy_kept']:.1e} "
                  f"| {one['median_residual']:.1e} | {one['worst_residual']:.1e} | {atom} |",
                  flush=True)  # fmt: skip
        lines = {
            "worst residual": ([one["worst_residual"] for one in told], "-"),
            "median residual": ([one["median_residual"] for one in told], "--"),
            "root of the energy left out": ([(1 - one["energy_kept"]) ** 0.5 for one in told], ":"),
        }
        for label, (values, line) in lines.items():
            axis.plot(RANKS, np.maximum(values, 1e-7), color=color, linestyle=line,
                      label=f"{name}: {label}")  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="rank", ylabel="share of an atom's norm")
    axis.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.savefig(IMAGES / "fisp_rank.png", dpi=110, facecolor="white")


def print_brain() -> None:
    phantom, sequence = brain(BRAIN_SHAPE), mrf.sequences.fisp()
    inside = phantom.foreground
    for scan, options in SCANS.items():
        series = acquire(phantom, sequence, snr_db=20.0, **options)
        truth = {key: phantom.maps[key][inside].astype(float) for key in KEYS}
        norms = np.linalg.norm(mrf.simulate(sequence, truth), axis=1)
        bound = bound_of(truth, UNIT_NORM_SIGNAL * 0.1 * float(norms.mean()))
        ways = BRAIN_WAYS | (WINDOW_WAYS if options["mode"] == "radial" else {})
        print(f"\n**{scan}**\n\n| way | parameter | {' | '.join(TISSUES)} | all | in 68 % |")
        print("|" + "---|" * (len(TISSUES) + 4))
        shown = {}
        for way, of in ways.items():
            maps = shown[way] = reconstructed(series, inside, of)
            color = maps.provenance["method"].get("noise_colour")
            for key in KEYS:
                values = maps[key][inside].astype(float)
                if options["mode"] == "radial" and key == "PD":
                    # Coils have a gain: one factor for the whole image.
                    values *= np.sum(truth[key] * values) / np.sum(values**2)
                error = np.abs(values - truth[key])
                held = ""
                if maps.uncertainty and not (options["mode"] == "radial" and key == "PD"):
                    deviation = maps.uncertainty[key][inside]
                    held = f"{100 * np.mean(error < INTERVALS[0.68] * deviation):.0f} %"
                print(f"| {way} | {_named(key)} | {_cells(error, phantom.labels[inside])} "
                      f"| {held} |", flush=True)  # fmt: skip
            if color is not None:
                print(f"<!-- {way}: noise_colour {color:.2f} -->")
        if options["mode"] == "noise-only":
            for key in KEYS:
                print(f"| bound | {_named(key)} | {_cells(bound[key], phantom.labels[inside])} | |")
        draw_brain(scan, phantom.truth(), shown)


def print_b1() -> None:
    """Print the errors of T1 and T2 where B1 is ignored, fitted and given, beside their bounds."""
    ignoring, fitting = mrf.sequences.fisp(), mrf.sequences.fisp_b1()
    phantom = brain(B1_SHAPE, seed=B1_SEED, b1=True)
    inside, b1 = phantom.foreground, phantom.maps["B1"]
    series = acquire(phantom, fitting, mode="noise-only", snr_db=B1_SNR_DB, seed=B1_SEED)
    print(f"B1 {b1[inside].min():.2f} to {b1[inside].max():.2f}")
    maps = {
        "B1 ignored": reconstructed(replace(series, sequence=ignoring), inside, {}),
        "B1 fitted": reconstructed(series, inside, {}),
        "B1 given": reconstructed(series, inside, {}, b1),
    }
    keys = ("T1", "T2")
    truth = {key: phantom.maps[key][inside].astype(float) for key in (*KEYS, "B1")}
    norms = np.linalg.norm(mrf.simulate(ignoring, truth, dtype="complex128"), axis=1)
    sigma = UNIT_NORM_SIGNAL * 10 ** (-B1_SNR_DB / 20) * norms
    bounds = {"bound, B1 fitted": mrf.crlb(fitting, truth, sigma),
              "bound, B1 given": mrf.crlb(ignoring, truth, sigma)}  # fmt: skip
    errors = {
        way: {key: np.abs(found[key][inside] - truth[key]) for key in keys}
        for way, found in maps.items()
    } | {
        way: {key: np.sqrt(2 / np.pi) * found[key] for key in keys} for way, found in bounds.items()
    }
    print(f"| way | parameter | {' | '.join(TISSUES)} | all |")
    print("|" + "---|" * (len(TISSUES) + 3))
    for way, by_key in errors.items():
        for key, error in by_key.items():
            print(f"| {way} | {_named(key)} | {_cells(error, phantom.labels[inside])} |")


def _cells(error: np.ndarray, labels: np.ndarray) -> str:
    means = [error[np.isin(labels, of)].mean() for of in TISSUES.values()]
    return " | ".join(f"{value:.3g}" for value in (*means, error.mean()))


def draw_brain(scan: str, truth: mrf.ParameterMaps, shown: dict[str, mrf.ParameterMaps]) -> None:
    rows = {"truth": truth} | {way: shown[way] for way in list(BRAIN_WAYS)[:2]}
    name = "noise" if "noise" in scan else "radial"
    figure = maps_figure({way.split(" (")[0]: maps for way, maps in rows.items()})
    figure.savefig(IMAGES / f"fisp_brain_{name}.png", dpi=110, facecolor="white")


def _named(key: str) -> str:
    return f"{key} ({PARAMETERS[key].unit})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["accuracy", "rank", "brain", "b1"])
    what = parser.parse_args().what
    {"accuracy": print_accuracy, "rank": print_rank, "brain": print_brain, "b1": print_b1}[what]()


if __name__ == "__main__":
    main()
