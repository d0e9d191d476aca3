"""Networks that are trained while an experiment runs, to compare what they differ in alone.

Scans of phantoms are made on first use and kept in the user's cache. With a folder for results
(`Settings.folder`) every training is kept there: an experiment of hours may be stopped, and goes
on where it was.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import Steps
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.atomic import make_folder
from napari_mrf.networks.comparison import PLAINEST
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.training.data.phantom_data import phantom_data
from napari_mrf.training.evaluation import of_data, r_squared
from napari_mrf.training.loop.loop import train
from napari_mrf.training.recipe import PhantomImages, Recipe
from napari_mrf.training.run import normalization_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.reproduction.experiment import Settings

_TEST_SEED = 987_654  # of other people than those of any recipe


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained.

    Parameters
    ----------
    name : str
        Of its file.
    info : NetworkInfo
        What is built, with its arguments.
    recipe : Recipe
        With phantoms as data.
    as_images : callable, optional
        Makes a network for images of one for fingerprints.
    """

    name: str
    info: NetworkInfo
    recipe: Recipe
    as_images: Callable[[nn.Module], nn.Module] | None = None


@dataclass(frozen=True)
class Errors:
    """True and estimated values of the people that no variant was trained on, and R² of each map.

    Parameters
    ----------
    truth, found : ndarray
        (n, M) in the units of the maps.
    r_squared, mean_absolute_error : dict of str to float
        Water T1 where FF < 0.7 and fat T1 where FF > 0.3, as everywhere.
    """

    truth: NDArray[np.float64]
    found: NDArray[np.float64]
    r_squared: dict[str, float]
    mean_absolute_error: dict[str, float]


def errors_of(variant: Variant, settings: Settings) -> Errors:
    """Train a variant, or go on with it, and try it on other people.

    Raises
    ------
    MRFInputError
        ``"bad-checkpoint"`` where the folder holds a training of the same name with other
        settings.
    """
    recipe, info = variant.recipe, variant.info
    if settings.minutes is not None:
        recipe = recipe.changed(minutes=settings.minutes)
    data = phantoms_of(recipe)
    sequence, device = sequences.load(recipe.sequence), resolve_device(settings.device)
    maps = json.dumps({key: one.model_dump() for key, one in recipe.maps.items()})
    normalization = deepcopy(_normalization(recipe.sequence, maps))
    torch.manual_seed(recipe.optimisation.seed)
    network = info.build(sequence.n_frames, len(recipe.maps))
    if variant.as_images is not None:
        network, info = variant.as_images(network), replace(info, kind="image")
    trained = TrainedNetwork(network, normalization)
    settings.progress(f"scans for {variant.name}", 0, 1)
    training, validation = phantom_data(recipe, data, sequence, normalization, info)
    checkpoint = None
    if settings.folder is not None:
        home = settings.folder / "trainings"
        make_folder(home)
        checkpoint = home / f"{variant.name}.checkpoint"
    n_epochs = recipe.optimisation.epochs
    steps = Steps(
        train(recipe, trained, training, validation, checkpoint=checkpoint, device=device)
    )
    for step in steps:
        share = int(100 * (step.epoch + step.share))
        settings.progress(f"training {variant.name}", share, 100 * n_epochs)
    others = recipe.model_copy(
        update={"optimisation": recipe.optimisation.model_copy(update={"seed": _TEST_SEED})}
    )
    _, test = phantom_data(
        others, data.model_copy(update={"slices": 1}), sequence, normalization, info
    )
    truth, found = of_data(trained, test, recipe.optimisation.batch, device)
    keys = list(recipe.maps)
    valid = {key: _valid(key, keys, truth) for key in keys}
    columns = {key: (truth[valid[key], at], found[valid[key], at]) for at, key in enumerate(keys)}
    return Errors(
        truth, found,
        {key: r_squared(*pair) for key, pair in columns.items()},
        {key: float(np.abs(pair[1] - pair[0]).mean()) for key, pair in columns.items()},
    )  # fmt: skip


@lru_cache(maxsize=1)
def _normalization(sequence: str, maps: str) -> Normalization:
    """Return what all variants of an experiment share, which takes seconds for FISP."""
    recipe = Recipe(network=PLAINEST, sequence=sequence, maps=json.loads(maps))
    return normalization_of(recipe, sequences.load(sequence))


def phantoms_of(recipe: Recipe) -> PhantomImages:
    """Return the data of a recipe of phantoms."""
    if not isinstance(recipe.data, PhantomImages):
        raise TypeError("a variant is trained on phantoms")
    return recipe.data


def _valid(key: str, keys: list[str], truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    rule = PARAMETERS[key].validity
    if rule is None or "FF" not in keys:
        return np.ones(len(truth), bool)
    return rule.mask(truth[:, keys.index("FF")])


class VoxelByVoxel(torch.nn.Module):
    """A network for fingerprints (N, 2, T), as one for images (N, 2, T, H, W).

    Parameters
    ----------
    network : nn.Module
        Gives maps (N, M).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps (N, M, H, W)."""
        n, channels, frames, height, width = images.shape
        fingerprints = images.permute(0, 3, 4, 1, 2).reshape(-1, channels, frames)
        maps: Tensor = self.network(fingerprints)
        return maps.reshape(n, height, width, -1).permute(0, 3, 1, 2)


class OfMagnitudes(torch.nn.Module):
    """A network that is handed magnitudes: in the place of the real part, and nothing beside them.

    Parameters
    ----------
    network : nn.Module
        For images.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps of images (N, 2, T, H, W)."""
        sizes = torch.linalg.vector_norm(images, dim=1, keepdim=True)
        maps: Tensor = self.network(torch.cat([sizes, torch.zeros_like(sizes)], dim=1))
        return maps
