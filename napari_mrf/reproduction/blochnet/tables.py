"""BlochNet Tables 1 and 2: errors on other distributions of tissue, and on another sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.data.sequence import Sequence
from napari_mrf.data.sequences import fisp
from napari_mrf.reproduction.blochnet.data import KEYS, brains, fingerprints, synthetic
from napari_mrf.reproduction.blochnet.training import NETWORKS, SIGMA, Laboratory, matched
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table
from napari_mrf.training.evaluation import estimates

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.reproduction.experiment import Settings


MATCHING = "dictionary matching"
_TISSUES, _TESTED, _EPOCHS = 16_384, 5_000, 40
_QUICK_PULSES, _QUICK_TISSUES, _QUICK_TESTED, _QUICK_EPOCHS = 100, 1000, 200, 15


def table1(settings: Settings) -> Outcome:
    """Train on synthetic tissue, test on brains: FISP in both."""
    n_pulses = _QUICK_PULSES if settings.quick else N_PULSES
    sequence = fisp_even(n_pulses)
    return _table("blochnet-table1", [sequence], sequence, settings)


def table2(settings: Settings) -> Outcome:
    """Train on two sequences, test on a third.

    Networks are handed fingerprints of a sequence they were not trained for; a model card would
    refuse that. Nothing is kept, so there is no card.
    """
    n_pulses = _QUICK_PULSES if settings.quick else N_PULSES
    training = [spline5_like(n_pulses), spline11_noisy_like(n_pulses)]
    return _table("blochnet-table2", training, fisp_even(n_pulses), settings)


def _table(name: str, training: list[Sequence], testing: Sequence, settings: Settings) -> Outcome:
    import pandas as pd

    from napari_mrf.reproduction.figures.generalization import generalization_figure

    n_tested = _QUICK_TESTED if settings.quick else _TESTED
    epochs = _QUICK_EPOCHS if settings.quick else _EPOCHS
    laboratory = Laboratory(
        training, _QUICK_TISSUES if settings.quick else _TISSUES, epochs, settings
    )
    data = {
        "synthetic": synthetic(n_tested, seed=2),
        "phantom": brains(n_tested, n_people=1 if settings.quick else 10, n_lesions=0,
                          spread=0.04, seed=100),
        "anatomical": brains(n_tested, n_people=1 if settings.quick else 10, n_lesions=12,
                             spread=0.15, seed=200),
    }  # fmt: skip
    signals = {key: fingerprints(testing, pairs) for key, pairs in data.items()}
    rows: list[dict[str, Any]] = []
    values: list[pd.DataFrame] = []
    device = resolve_device(settings.device)
    for method in (MATCHING, *NETWORKS):
        trained = None if method == MATCHING else laboratory.trained(method)
        for key, pairs in data.items():
            if trained is None:
                found = matched(laboratory.atoms, laboratory.pairs, signals[key])
            else:
                found = estimates(trained.to(device), signals[key], device)
            rows.append({"method": method, "data": key, **log_errors(pairs, found)})
            values.append(
                pd.DataFrame({"method": method, "data": key, "T1": pairs[:, 0],
                              "T2": pairs[:, 1], "T1_found": found[:, 0],
                              "T2_found": found[:, 1]})
            )  # fmt: skip
    table, every = pd.DataFrame(rows), pd.concat(values, ignore_index=True)
    paper = published_table(name)
    played = " and ".join(one.name for one in training)
    return Outcome(
        text="\n\n".join(
            [
                f"MSE of the natural logarithms of T1 and T2; {played} in training "
                f"({len(laboratory.pairs):,} tissues, {epochs} epochs, noise {SIGMA:g}), "
                f"{testing.name} in testing, {testing.n_frames} pulses, without noise.",
                _section(table, paper),
            ]
        ),
        tables={name: table, f"{name}-values": every, f"{name}-paper": paper},
        figures={name: generalization_figure(every)},
        record={
            "training": [one.fingerprint() for one in training],
            "testing": testing.fingerprint(),
            "tissues": len(laboratory.pairs),
            "epochs": epochs,
        },
    )


def log_errors(truth: NDArray[np.float64], found: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean squared error of the natural logarithms, over both times and of each."""
    squares = (np.log(found) - np.log(truth)) ** 2
    return {
        "mse": float(squares.mean()),
        **{f"mse_{key}": float(squares[:, column].mean()) for column, key in enumerate(KEYS)},
    }


def _section(table: pd.DataFrame, paper: pd.DataFrame) -> str:
    printed = paper.set_index(["method", "map"])["mean"]
    rows = []
    for method, of in table.groupby("method", sort=False):
        ours = of.set_index("data")
        cells = [
            f"{rounded(ours.loc[key, 'mse'])} ({rounded(ours.loc[key, 'mse_T1'])}, "
            f"{rounded(ours.loc[key, 'mse_T2'])})"
            for key in ours.index
        ]
        said = [rounded(float(printed[method, key])) for key in ("phantom", "anatomical")]
        rows.append([str(method), *said, *cells])
    header = ["method", "phantom, **paper**", "anatomical, **paper**"]
    header += [f"{key}, here (T1, T2)" for key in table["data"].unique()]
    return markdown_table(header, rows)


N_PULSES = 1000
_REPETITION_TIME_MS, _ECHO_TIME_MS = 12.0, 2.0
_LARGEST_DEG, _NOISE_DEG = 120.0, 5.0


def fisp_even(n_pulses: int = N_PULSES) -> Sequence:
    """Return FISP with its flip angles, and TR and TE the same for every pulse."""
    return _sequence("FISP, even TR", fisp().flip_angles_deg[:n_pulses])


def spline5_like(n_pulses: int = N_PULSES) -> Sequence:
    """Return flip angles on a cubic spline through 5 random nodes in 0-120 degrees."""
    return _sequence("Spline5-like", _spline(5, n_pulses))


def spline11_noisy_like(n_pulses: int = N_PULSES) -> Sequence:
    """Return flip angles on a cubic spline through 11 random nodes, with noise of 5 degrees."""
    noise = np.random.default_rng(110).normal(0.0, _NOISE_DEG, N_PULSES)
    angles = np.clip(_spline(11, N_PULSES) + noise, 0.0, _LARGEST_DEG)
    return _sequence("SplineNoisy11-like", angles[:n_pulses])


def _spline(n_nodes: int, n_pulses: int) -> NDArray[np.float64]:
    from scipy.interpolate import CubicSpline

    nodes = np.random.default_rng(n_nodes).uniform(0.0, _LARGEST_DEG, n_nodes)
    spline = CubicSpline(np.linspace(0, N_PULSES - 1, n_nodes), nodes)
    angles = np.clip(spline(np.arange(N_PULSES)), 0.0, _LARGEST_DEG)
    # Rounded so that the fingerprint of the sequence is the same everywhere.
    return np.asarray(np.round(angles[:n_pulses], 6))


def _sequence(name: str, flip_angles_deg: NDArray[np.float64]) -> Sequence:
    return Sequence(
        name=name,
        kind="fisp",
        flip_angles_deg=np.round(flip_angles_deg, 6),
        repetition_times_ms=np.array(_REPETITION_TIME_MS),
        echo_times_ms=np.array(_ECHO_TIME_MS),
        rf_phases_deg=np.array(0.0),
        inversion_time_ms=fisp().inversion_time_ms,
    )
