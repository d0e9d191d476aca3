"""INN Table 1: MAE, MRE and R² of six networks on the test dictionary.

The paper tests on fingerprints without noise (its caption) after training with noise of 0.003
(its text); its numbers are those of a training at 0.03. Both are shown here, and beside them the
errors on noisy fingerprints, refined matching, and the bound of the physics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.devices import resolve_device
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.fingerprint_errors import bound_errors, fingerprint_errors
from napari_mrf.reproduction.found_networks import FoundNetwork, cure, found_networks, record_of
from napari_mrf.reproduction.inn.data import KEYS, TEST_SIGMAS, Matching, bound, inn_test
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table
from napari_mrf.training.evaluation import estimates, with_noise
from napari_mrf.training.loop.loop import train
from napari_mrf.training.recipe import Noise, RandomTissues, load_recipe
from napari_mrf.training.run import prepare
from napari_mrf.training.run import run as run_training

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.training.loop.loop import TrainingStep
    from napari_mrf.training.recipe import Recipe


NETWORKS = ("inn", "inn-backward", "cohen", "hoppe", "oksuz", "song")
NOISE_SEED = 7
_QUICK, _QUICK_MATCHED = 1000, 100


def run(settings: Settings) -> Outcome:
    """Remake Table 1."""
    import pandas as pd

    from napari_mrf.reproduction.figures.errors import errors_figure

    sequence = sequences.t1ff()
    trained_now, folders = [], [settings.weights]
    if settings.train and settings.quick:
        trained_now = train_quickly(settings)
    elif settings.train:
        folders.append(train_in_full(NETWORKS, settings))
    stored, missing = found_networks(NETWORKS, sequence, folders)
    found = [*stored, *trained_now]
    test = inn_test(_QUICK if settings.quick else None)
    device = resolve_device(settings.device)
    rows: list[dict[str, Any]] = []
    for sigma in TEST_SIGMAS:
        noisy = with_noise(test.signals, sigma, NOISE_SEED)
        for done, network in enumerate(found):
            settings.progress(f"networks, noise {sigma:g}", done, len(found))
            values = estimates(network.trained.to(device), noisy, device)
            rows += _labeled(
                fingerprint_errors(KEYS, test.truth, values), network.name, network.training, sigma
            )
    of_matching = test.part(_QUICK_MATCHED) if settings.quick else test
    matching = Matching(settings.device)
    for sigma in TEST_SIGMAS:
        noisy = with_noise(of_matching.signals, sigma, NOISE_SEED)
        values = matching.maps(noisy, settings.progress)
        rows += _labeled(
            fingerprint_errors(KEYS, of_matching.truth, values), "water-fat", "no training", sigma
        )
        if sigma:
            deviations = bound(of_matching, sigma, settings.progress)
            rows += _labeled(
                bound_errors(KEYS, of_matching.truth, deviations), "bound", "no training", sigma
            )
    table = pd.DataFrame(rows)
    paper = published_table("inn-table1")
    entries = f"{len(test.truth):,} entries of the test dictionary"
    if settings.quick:
        entries += f", {_QUICK_MATCHED} for matching and bound (--quick)"
    return Outcome(
        text="\n\n".join(
            [*_sections(table, paper, entries), cure(missing, trainable="inn-table1")]
        ).strip(),
        tables={"inn-table1": table, "inn-table1-paper": paper},
        figures={"inn-table1": errors_figure(table, paper)},
        record={
            "entries": len(test.truth),
            "noise_seed": NOISE_SEED,
            "weights": [record_of(network) for network in found],
            "missing": missing,
        },
    )


def _labeled(
    rows: list[dict[str, Any]], method: str, training: str, sigma: float
) -> list[dict[str, Any]]:
    return [{"method": method, "training": training, "test_sigma": sigma, **row} for row in rows]


def _sections(table: pd.DataFrame, paper: pd.DataFrame, entries: str) -> list[str]:
    """Return a Markdown table for every noise of the test, the paper's numbers in each."""
    texts = [f"MAE (MRE in %, R²) on {entries}."]
    for sigma in TEST_SIGMAS:
        of_level = table[table["test_sigma"] == sigma]
        rows = []
        for name in (*NETWORKS, "water-fat", "bound"):
            published = paper[paper["method"] == name]
            if len(published):
                rows.append([name, "**paper**", *_cells(published)])
            of_name = of_level[of_level["method"] == name]
            rows += [
                [name, str(training), *_cells(one)]
                for training, one in of_name.groupby("training", sort=False)
            ]
        titles = [
            f"{key} ({PARAMETERS[key].unit})" if PARAMETERS[key].unit else key for key in KEYS
        ]
        level = f"noise {sigma:g}" if sigma else "no noise, as the paper's table"
        texts += [
            f"**Tested with {level}**",
            markdown_table(["network", "training", *titles], rows),
        ]
    return texts


def _cells(rows: pd.DataFrame) -> list[str]:
    values = rows.set_index(["metric", "map"])["mean"]
    return [
        f"{rounded(values['MAE', key])} ({rounded(values['MRE', key], 2)}, {values['R2', key]:.3f})"
        for key in KEYS
    ]


READINGS = (0.003, 0.03)
"""Noise in training: what the paper's text says, and what its Table 1 looks like."""

_QUICK_TISSUES, _QUICK_EPOCHS = 10_000, 6
_QUICK_NETWORKS = ("inn", "inn-backward", "cohen")


def paper_recipe(network: str, sigma: float) -> Recipe:
    """Return the recipe of a network under one reading of the noise."""
    noise = Noise(sigma_lower=sigma, sigma_upper=sigma)
    return load_recipe("paper-inn").model_copy(update={"network": network, "noise": noise})


def train_in_full(networks: Iterable[str], settings: Settings) -> Path:
    """Train by the paper's recipe whatever is not trained yet; return the folder of weights.

    A training that was stopped goes on where it was. With ``settings.minutes`` each network has
    so long at most, and its card says that it is reduced.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` without a folder.
    """
    if settings.folder is None:
        raise MRFInputError(
            "bad-option", "training in full needs a folder for the networks",
            hint="Give a folder (--output), or train on few data (--quick).",
        )  # fmt: skip
    home = settings.folder / "weights"
    for sigma in READINGS:
        for name in networks:
            recipe = paper_recipe(name, sigma)
            if settings.minutes is not None:
                plan = recipe.optimisation.model_copy(update={"minutes": settings.minutes})
                recipe = recipe.model_copy(update={"optimisation": plan, "is_reduced": True})
            folder = home / f"noise-{sigma:g}"
            if (folder / f"{name}.json").exists():
                continue
            _finish(
                run_training(recipe, folder, device=resolve_device(settings.device)),
                recipe,
                settings,
            )
    return home


def train_quickly(settings: Settings) -> list[FoundNetwork]:
    """Train three of the networks for 300 batches, to show that it works; nothing is kept."""
    found = []
    for sigma in READINGS:
        for name in _QUICK_NETWORKS:
            recipe = paper_recipe(name, sigma)
            plan = recipe.optimisation.model_copy(update={"epochs": _QUICK_EPOCHS})
            data = RandomTissues(tissues=_QUICK_TISSUES, validation_tissues=500)
            recipe = recipe.model_copy(update={"optimisation": plan, "data": data})
            _, trained, training, validation = prepare(recipe)
            _finish(train(recipe, trained, training, validation), recipe, settings)
            n_batches = _QUICK_EPOCHS * _QUICK_TISSUES // plan.batch
            words = f"noise {sigma:g}, {n_batches} batches only (--quick --train)"
            found.append(FoundNetwork(name, words, trained))
    return found


def _finish(work: Generator[TrainingStep, None, Any], recipe: Recipe, settings: Settings) -> None:
    stage = f"training {recipe.network}, noise {recipe.noise.sigma_lower:g}"
    for step in work:
        done = int(100 * (step.epoch + step.share))
        settings.progress(stage, done, 100 * recipe.optimisation.epochs)
