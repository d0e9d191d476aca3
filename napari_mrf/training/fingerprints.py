"""Simulated fingerprints as training data: made once, noise new at every use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.errors import MRFInputError
from napari_mrf.simulation import simulate
from napari_mrf.training.data import Batch
from napari_mrf.training.recipe import RandomTissues
from napari_mrf.training.tissue import (
    Tissues,
    inn_training_grid,
    inn_validation_and_test,
    random_tissues,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.sequence import Sequence
    from napari_mrf.training.recipe import Noise, Recipe


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of known tissue, see `TrainingData`.

    Parameters
    ----------
    signals : Tensor
        (N, T) complex64 at unit norm, without noise.
    maps : Tensor
        (N, M) scaled.
    noise : Noise
        Added in `batch`.
    """

    signals: Tensor
    maps: Tensor
    noise: Noise

    def __len__(self) -> int:
        return len(self.signals)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing: the tissues stay, the noise comes with each batch."""

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return noisy fingerprints (N, T) and their maps (N, M)."""
        return Batch(noisy(self.signals[rows], self.noise, generator), self.maps[rows])


def noisy(signals: Tensor, noise: Noise, generator: torch.Generator) -> Tensor:
    """Return fingerprints (N, T) at unit norm with fresh noise, each at a level of its own."""
    low, high = math.log(noise.sigma_lower), math.log(noise.sigma_upper)
    share = torch.rand((len(signals), 1), generator=generator)
    sigma = torch.exp(low + (high - low) * share)
    drawn = torch.randn((*signals.shape, 2), generator=generator)
    return signals + sigma * torch.view_as_complex(drawn)


def simulated_data(
    recipe: Recipe, sequence: Sequence, normalization: Normalization, info: NetworkInfo
) -> tuple[Fingerprints, Fingerprints]:
    """Return training and validation fingerprints of the kinds ``random`` and ``inn-grid``.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` for a network that looks at images.
    """
    if info.kind != "fingerprint":
        raise MRFInputError(
            "bad-recipe", f"{info.name} looks at images, not at single fingerprints",
            found=f'data.kind = "{recipe.data.kind}"',
            hint="Choose a kind of data that has images.",
        )  # fmt: skip
    seed = recipe.optimisation.seed
    data = recipe.data
    if isinstance(data, RandomTissues):
        tissues = random_tissues(recipe.maps, data.tissues, seed)
        others = random_tissues(recipe.maps, data.validation_tissues, seed + 1)
    else:
        tissues, others = inn_training_grid(), inn_validation_and_test()[0]
    training, validation = (
        Fingerprints(
            torch.from_numpy(unit_fingerprints(sequence, of)),
            normalization.scaled(torch.from_numpy(columns(recipe, of)).float()),
            recipe.noise,
        )
        for of in (tissues, others)
    )
    return training, validation


def unit_fingerprints(sequence: Sequence, tissues: Tissues) -> NDArray[np.complex64]:
    """Return simulated fingerprints (N, T) at unit norm."""
    signals = simulate(sequence, tissues)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    return np.asarray(signals, dtype=np.complex64)


def columns(recipe: Recipe, tissues: Tissues) -> NDArray[np.float64]:
    """Return the maps (N, M) of tissues in the order of the recipe."""
    return np.stack([tissues[key] for key in recipe.maps], axis=1)
