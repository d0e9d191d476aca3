"""Simulated fingerprints as training data: made once, noise new at every use."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.errors import MRFInputError
from napari_mrf.simulation import simulate
from napari_mrf.training.data.batches import Batch, Kept
from napari_mrf.training.data.tissue import (
    Tissues,
    inn_training_grid,
    inn_validation_and_test,
    random_tissues,
)
from napari_mrf.training.recipe import RandomTissues

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.data.batches import TrainingData
    from napari_mrf.training.recipe import InnGrid, Noise, Recipe


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
    _kept: Kept = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", Kept(self.signals, self.maps))

    def __len__(self) -> int:
        return len(self.signals)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing: the tissues stay, the noise comes with each batch."""

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return noisy fingerprints (N, T) and their maps (N, M)."""
        signals, maps = self._kept.on(generator.device)
        rows = rows.to(signals.device)
        return Batch(noisy(signals[rows], self.noise, generator), maps[rows])


class RedrawnFingerprints:
    """Fingerprints of tissues that every epoch draws anew, see `TrainingData`.

    Parameters
    ----------
    recipe : Recipe
        Maps, noise and seed.
    sequence : Sequence
        To simulate.
    normalization : Normalization
        Scales the maps.
    n_tissues : int
        Of each epoch.
    """

    def __init__(
        self, recipe: Recipe, sequence: Sequence, normalization: Normalization, n_tissues: int
    ) -> None:
        self._recipe, self._sequence, self._normalization = recipe, sequence, normalization
        self._n_tissues = n_tissues
        self._epoch = 0
        self._drawn: Fingerprints | None = None

    def __len__(self) -> int:
        return self._n_tissues

    def start_epoch(self, epoch: int) -> None:
        """Draw and simulate the tissues of an epoch."""
        self._of_epoch(epoch)

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return noisy fingerprints (N, T) and their maps (N, M)."""
        return self._of_epoch(self._epoch).batch(rows, generator)

    def _of_epoch(self, epoch: int) -> Fingerprints:
        if self._drawn is None or self._epoch != epoch:
            # The validation has seed + 1.
            seed = self._recipe.optimisation.seed + 2 + epoch
            tissues = random_tissues(self._recipe.maps, self._n_tissues, seed)
            self._epoch = epoch
            self._drawn = fingerprints_of(
                self._recipe, self._sequence, self._normalization, tissues
            )
        return self._drawn


def noisy(signals: Tensor, noise: Noise, generator: torch.Generator) -> Tensor:
    """Return fingerprints (N, T) at unit norm with fresh noise, each at a level of its own."""
    low, high = math.log(noise.sigma_lower), math.log(noise.sigma_upper)
    device = signals.device
    share = torch.rand((len(signals), 1), generator=generator, device=device)
    sigma = torch.exp(low + (high - low) * share)
    drawn = torch.randn((*signals.shape, 2), generator=generator, device=device)
    return signals + sigma * torch.view_as_complex(drawn)


def simulated_data(
    recipe: Recipe,
    data: RandomTissues | InnGrid,
    sequence: Sequence,
    normalization: Normalization,
    info: NetworkInfo,
) -> tuple[TrainingData, TrainingData]:
    """Return training and validation fingerprints of the kinds ``random`` and ``inn-grid``.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` for a network that looks at images.
    """
    if info.kind != "fingerprint":
        raise MRFInputError(
            "bad-recipe", f"{info.name} looks at images, not at single fingerprints",
            found="single fingerprints",
            hint='Give a table [data] with kind = "random", "phantoms" or "series".',
        )  # fmt: skip
    seed = recipe.optimisation.seed
    if not isinstance(data, RandomTissues):
        tissues, others = inn_training_grid(), inn_validation_and_test()[0]
    else:
        others = random_tissues(recipe.maps, data.validation_tissues, seed + 1)
        if data.redraw:
            validation = fingerprints_of(recipe, sequence, normalization, others)
            redrawn = RedrawnFingerprints(recipe, sequence, normalization, data.tissues)
            return redrawn, validation
        tissues = random_tissues(recipe.maps, data.tissues, seed)
    return (
        fingerprints_of(recipe, sequence, normalization, tissues),
        fingerprints_of(recipe, sequence, normalization, others),
    )


def fingerprints_of(
    recipe: Recipe, sequence: Sequence, normalization: Normalization, tissues: Tissues
) -> Fingerprints:
    """Return the simulated fingerprints of tissues, with the noise of the recipe."""
    return Fingerprints(
        torch.from_numpy(unit_fingerprints(sequence, tissues)),
        normalization.scaled(torch.from_numpy(columns(recipe, tissues)).float()),
        recipe.noise,
    )


def unit_fingerprints(sequence: Sequence, tissues: Tissues) -> NDArray[np.complex64]:
    """Return simulated fingerprints (N, T) at unit norm."""
    signals = simulate(sequence, tissues)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    return np.asarray(signals, dtype=np.complex64)


def columns(recipe: Recipe, tissues: Tissues) -> NDArray[np.float64]:
    """Return the maps (N, M) of tissues in the order of the recipe."""
    return np.stack([tissues[key] for key in recipe.maps], axis=1)
