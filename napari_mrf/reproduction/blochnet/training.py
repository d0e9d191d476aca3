"""The networks of BlochNet, trained small and in memory, on one sequence or on two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.zoo import network_info
from napari_mrf.reproduction.blochnet.data import (
    KEYS,
    T1_RANGE_MS,
    T2_RANGE_MS,
    SeveralSequences,
    fingerprints,
    shares,
    synthetic,
)
from napari_mrf.training.loop.loop import train
from napari_mrf.training.physics.decoder import physics_of
from napari_mrf.training.recipe import MapRange, Optimisation, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reproduction.experiment import Settings

NETWORKS = ("fc", "rnn", "fc-fc", "rnn-rnn", "blochnet")
SIGMA = 0.001
"""Noise in training; the paper speaks of none."""

_RANGES = {
    "T1": MapRange(lower=T1_RANGE_MS[0], upper=T1_RANGE_MS[1], logarithmic=True),
    "T2": MapRange(lower=T2_RANGE_MS[0], upper=T2_RANGE_MS[1], logarithmic=True),
}


class KnownPhase(Normalization):
    """Fingerprints divided by their norm, with the phase that they have.

    A canonical phase (`Normalization`) needs a reference that belongs to one sequence. These
    experiments have several, and the paper's fingerprints have a known phase.
    """

    def canonical(self, signals: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of complex ones (N, T), their mean power 1."""
        norm = torch.linalg.vector_norm(torch.view_as_real(signals), dim=(1, -1))
        factor = signals.shape[1] ** 0.5 / norm.clamp(min=1e-38)
        return torch.view_as_real(signals * factor[:, None]).movedim(-1, 1)


class Laboratory:
    """Training data and decoders of one choice of sequences, made once for all networks.

    Parameters
    ----------
    sequences : list of Sequence
        Trained on together, in equal parts; all of one length.
    n_tissues : int
        Synthetic pairs.
    epochs : int
    settings : Settings
    """

    def __init__(
        self, sequences: list[Sequence], n_tissues: int, epochs: int, settings: Settings
    ) -> None:
        self._sequences, self._epochs, self._settings = sequences, epochs, settings
        n_frames = sequences[0].n_frames
        self.normalization = KnownPhase(
            torch.ones(n_frames, dtype=torch.complex64) / n_frames**0.5,
            [one.lower for one in _RANGES.values()],
            [one.upper for one in _RANGES.values()],
            [one.logarithmic for one in _RANGES.values()],
        )
        self.pairs = synthetic(n_tissues, seed=0)
        self.atoms = [fingerprints(one, self.pairs) for one in sequences]
        self._training = self._data(self.pairs, self.atoms)
        others = synthetic(max(n_tissues // 10, 50), seed=1)
        self._validation = self._data(others, [fingerprints(one, others) for one in sequences])

    def trained(self, name: str) -> TrainedNetwork:
        """Return a network, trained on the CPU."""
        torch.manual_seed(0)
        network: Any = network_info(name).build(self._sequences[0].n_frames, len(KEYS))
        if name == "blochnet":
            network.physics = self.decoder()
        trained = TrainedNetwork(network, self.normalization)
        recipe = Recipe(
            network=name,
            sequence="fisp",
            maps=_RANGES,
            optimisation=Optimisation(
                epochs=self._epochs, batch=200, forward_weight=forward_weight()
            ),
        )
        for step in train(recipe, trained, self._training, self._validation):
            self._settings.progress(
                f"training {name}", int(100 * (step.epoch + step.share)), 100 * self._epochs
            )
        return trained

    def _data(
        self, pairs: NDArray[np.float64], signals: list[NDArray[np.complex64]]
    ) -> SeveralSequences:
        maps = self.normalization.scaled(torch.from_numpy(pairs).float())
        return SeveralSequences([torch.from_numpy(one) for one in signals], maps, SIGMA)

    def decoder(self) -> Callable[[Tensor], Tensor]:
        """Return the physics of scaled maps (N, 2), a share of the rows for each sequence."""
        decoders = [physics_of(one, _RANGES, self.normalization) for one in self._sequences]

        def simulate(scaled: Tensor) -> Tensor:
            parts = shares(scaled, len(decoders))
            return torch.cat([decode(part) for decode, part in zip(decoders, parts, strict=True)])

        return simulate


def forward_weight() -> float:
    """Return the weight of the mean squared error of fingerprints that the paper's loss has.

    It adds the squared errors of log T1, of log T2 and of the fingerprint at unit norm. With maps
    scaled by the ranges r1 and r2 of their logarithms the former are (r1² + r2²) times the mean
    squared error of the maps (were both alike); with fingerprints of mean power 1 the latter is
    twice the mean squared error of their 2 T numbers.
    """
    squares = [np.log(one.upper / one.lower) ** 2 for one in _RANGES.values()]
    return float(2.0 / np.sum(squares))


def matched(
    atoms: list[NDArray[np.complex64]],
    pairs: NDArray[np.float64],
    signals: NDArray[np.complex64],
) -> NDArray[np.float64]:
    """Return T1 and T2 (N, 2) of the best atom of a dictionary of one or more sequences."""
    dictionary = np.concatenate(atoms)
    values = np.concatenate([pairs] * len(atoms))
    found = [
        np.abs(signals[start : start + 256] @ dictionary.conj().T).argmax(axis=1)
        for start in range(0, len(signals), 256)
    ]
    return np.asarray(values[np.concatenate(found)])
