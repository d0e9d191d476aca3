"""Accuracy of water-fat matching and refinement beside the Cramér-Rao bound.

    python docs/results_accuracy.py

2,000 entries drawn from the test grid of the INN paper (Balsiger et al. 2020, section 2.2), with
a fixed seed; fingerprints of norm 1 under a random phase each, noise of
sigma = 0.0876762 · 10^(-SNR / 20) in the real and the imaginary part. The bound holds the
precision of the range prior, and its mean error is that of a normal error of that size,
sqrt(2 / pi) times the standard deviation, averaged over the same entries.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

import napari_mrf as mrf
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.matching.refinement.prior import range_prior
from napari_mrf.phantoms.acquisition.acquire import UNIT_NORM_SIGNAL

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
TEST_GRID = {
    "FF": np.arange(0.05, 0.96, 0.1),
    "T1H2O": np.r_[np.arange(550.0, 1751, 200), np.arange(2150.0, 2951, 400)],
    "T1fat": np.arange(215.0, 366, 50),
    "Df": np.arange(-115.0, 106, 20),
    "B1": np.arange(0.35, 0.96, 0.1),
}
LEVELS_DB = (10, 20, 30, 40)
SHAPE = (1, 40, 50)
WAYS = {
    "grid, published": {"refine": False},
    "grid, wide": {"refine": False, "grid": "wide"},
    "refined, no prior": {"prior": "off"},
    "refined, range prior": {"prior": "range"},
}
INTERVALS = {0.68: 0.9945, 0.95: 1.96}  # nominal share: half width in standard deviations


def entries() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the true values (2000,) by key, and their fingerprints of norm 1 (2000, 175)."""
    rng = np.random.default_rng(0)
    tissue = {key: rng.choice(values, np.prod(SHAPE)) for key, values in TEST_GRID.items()}
    clean = mrf.simulate(mrf.sequences.t1ff(), tissue, dtype="complex128")
    norms = np.linalg.norm(clean, axis=1)
    phase = np.exp(2j * np.pi * rng.random(len(clean)))
    return tissue | {"PD": 1 / norms}, clean / norms[:, None] * phase[:, None]


def measure(snr_db: int, tissue: dict[str, np.ndarray], clean: np.ndarray):
    """Return the bound (2000,) by key and the maps by way, at one noise level."""
    sequence = mrf.sequences.t1ff()
    sigma = UNIT_NORM_SIGNAL * 10 ** (-snr_db / 20)
    bound = mrf.crlb(sequence, tissue, sigma, prior_deviation=range_prior().deviation)
    noise = np.random.default_rng(snr_db).standard_normal((2, *clean.shape))
    noisy = (clean + sigma * (noise[0] + 1j * noise[1])).astype(np.complex64)
    series = mrf.MRFSeries(noisy.T.reshape(-1, *SHAPE), sequence=sequence)
    maps = {
        way: mrf.methods.get("water-fat", sequence=sequence, **({"refine": True} | options))
        .reconstruct(series, np.ones(SHAPE, bool))
        for way, options in WAYS.items()
    }  # fmt: skip
    return bound, maps


def main() -> None:
    tissue, clean = entries()
    rows = []
    for snr_db in LEVELS_DB:
        bound, maps = measure(snr_db, tissue, clean)
        for key in KEYS:
            errors = {
                way: np.abs(found[key].reshape(-1).astype(float) - tissue[key])
                for way, found in maps.items()
            }
            finest = maps["refined, range prior"]
            deviation = finest.uncertainty[key].reshape(-1)
            rows.append({
                "snr_db": snr_db,
                "key": key,
                **{way: error.mean() for way, error in errors.items()},
                "bound": float(np.sqrt(2 / np.pi) * bound[key].mean()),
                **{
                    share: np.mean(errors["refined, range prior"] < width * deviation)
                    for share, width in INTERVALS.items()
                },
            })  # fmt: skip
    print_table(rows)
    draw(rows, Path(__file__).with_name("images") / "accuracy_bound.png")


def print_table(rows: list[dict]) -> None:
    ways = " | ".join(WAYS)
    print(f"| SNR (dB) | parameter | {ways} | bound | ratio | in 68 % | in 95 % |")
    print("|" + "---|" * (len(WAYS) + 6))
    for row in rows:
        unit = PARAMETERS[row["key"]].unit
        largest = row["refined, range prior"]
        digits = 5 if largest < 0.01 else 4 if largest < 0.1 else 2 if largest < 10 else 1
        cells = " | ".join(f"{row[way]:.{digits}f}" for way in (*WAYS, "bound"))
        name = f"{row['key']} ({unit})" if unit else row["key"]
        print(f"| {row['snr_db']} | {name} | {cells} "
              f"| {row['refined, range prior'] / row['bound']:.2f} "
              f"| {100 * row[0.68]:.0f} % | {100 * row[0.95]:.0f} % |")  # fmt: skip


def draw(rows: list[dict], path: Path) -> None:
    """Draw the mean errors against the noise, and how often the intervals hold the truth."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    styles = {
        "grid, published": {"color": "#d55e00", "marker": "s"},
        "grid, wide": {"color": "#e69f00", "marker": "D"},
        "refined, no prior": {"color": "#56b4e9", "marker": "^"},
        "refined, range prior": {"color": "#0072b2", "marker": "o"},
        "bound": {"color": "black", "linestyle": "--"},
    }
    for key, axis in zip(KEYS, axes, strict=False):
        of = [row for row in rows if row["key"] == key]
        for way, style in styles.items():
            axis.plot(LEVELS_DB, [row[way] for row in of], label=way, markersize=5, **style)
        unit = PARAMETERS[key].unit
        axis.set(title=key, yscale="log", xticks=LEVELS_DB, xlabel="SNR (dB)",
                 ylabel=f"mean absolute error{f' ({unit})' if unit else ''}")  # fmt: skip
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axis = axes[-1]
    for share, marker in ((0.68, "o"), (0.95, "s")):
        axis.axhline(100 * share, color="black", linestyle="--")
        for key, color in zip(KEYS, ("C0", "C1", "C2", "C3", "C4"), strict=True):
            of = [100 * row[share] for row in rows if row["key"] == key]
            label = key if share == 0.68 else None
            axis.plot(LEVELS_DB, of, color=color, marker=marker, markersize=5, label=label)
    axis.set_title("truth within 68 % and 95 % intervals", fontsize=10)
    axis.set(ylim=(50, 100), xticks=LEVELS_DB,
             xlabel="SNR (dB)", ylabel="entries (%)")  # fmt: skip
    axis.grid(alpha=0.3)
    axis.legend(ncols=3, fontsize=8, loc="lower center")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=5, loc="outside upper center", frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
