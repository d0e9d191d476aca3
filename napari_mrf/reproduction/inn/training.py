"""The networks of the INN paper, trained as it says, under both readings of its noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.compute.devices import resolve_device
from napari_mrf.reproduction.found_networks import FoundNetwork
from napari_mrf.training.loop.loop import train
from napari_mrf.training.recipe import Noise, RandomTissues, load_recipe
from napari_mrf.training.run import prepare, run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path
    from typing import Any

    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.training.loop.loop import TrainingStep
    from napari_mrf.training.recipe import Recipe

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
    """
    assert settings.folder is not None  # noqa: S101 - the command line sees to it
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
            _finish(run(recipe, folder, device=resolve_device(settings.device)), recipe, settings)
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
