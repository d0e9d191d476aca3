"""Tissues of the BlochNet experiments: pairs over the whole range, and two kinds of brain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.phantoms.brain.labels import CSF, LESION
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.simulation import simulate
from napari_mrf.training.data.batches import Batch, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence

KEYS = ("T1", "T2")
T1_RANGE_MS, T2_RANGE_MS = (20.0, 5000.0), (5.0, 2500.0)
"""The paper's 0-5000 and 0-2500 ms; a logarithm needs a lower end."""

_BRAIN_LABELS = range(CSF, LESION + 1)


def synthetic(n: int, seed: int) -> NDArray[np.float64]:
    """Return pairs (n, 2) of T1 and T2 <= T1 (ms), uniform over the ranges."""
    rng = np.random.default_rng(seed)
    pairs = np.empty((0, 2))
    while len(pairs) < n:
        drawn = np.stack([rng.uniform(*T1_RANGE_MS, n), rng.uniform(*T2_RANGE_MS, n)], axis=1)
        pairs = np.concatenate([pairs, drawn[drawn[:, 1] <= drawn[:, 0]]])
    return pairs[:n]


def brains(
    n: int, *, n_people: int, n_lesions: int, spread: float, seed: int
) -> NDArray[np.float64]:
    """Return T1 and T2 (n, 2) of voxels drawn at random from brain phantoms.

    Skull and scalp are left out, as in the paper.
    """
    voxels = []
    for index in range(n_people):
        phantom = brain((1, 96, 96), seed=seed + index, n_lesions=n_lesions, spread=spread)
        inside = phantom.foreground & np.isin(phantom.labels, _BRAIN_LABELS)
        voxels.append(np.stack([phantom.maps[key][inside] for key in KEYS], axis=1))
    pairs = np.concatenate(voxels).astype(np.float64)
    chosen = np.random.default_rng(seed).choice(len(pairs), n)
    pairs = pairs[chosen]
    return np.clip(pairs, [T1_RANGE_MS[0], T2_RANGE_MS[0]], [T1_RANGE_MS[1], T2_RANGE_MS[1]])


def fingerprints(sequence: Sequence, pairs: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Return fingerprints (N, T) at unit norm."""
    signals = simulate(sequence, dict(zip(KEYS, pairs.T, strict=True)))
    return np.asarray(signals / np.linalg.norm(signals, axis=1, keepdims=True), np.complex64)


@dataclass(frozen=True)
class SeveralSequences:
    """Fingerprints of the same tissues in one or more sequences, see `TrainingData`.

    A batch has equal parts of every sequence, in their order (`shares`), so that a decoder
    knows which of them it has to play.

    Parameters
    ----------
    signals : sequence of Tensor
        (N, T) complex64 at unit norm, one per sequence.
    maps : Tensor
        (N, 2) scaled.
    sigma : float
        Noise in the real and the imaginary part.
    """

    signals: Many[Tensor]
    maps: Tensor
    sigma: float
    _kept: Kept = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", Kept(self.maps, *self.signals))

    def __len__(self) -> int:
        return len(self.maps)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing: the tissues stay."""

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return noisy fingerprints (N, T), a share of the rows of each sequence."""
        device = generator.device
        maps, *sequences = self._kept.on(device)
        rows = rows.to(device)
        parts = [
            signals[part]
            for signals, part in zip(sequences, shares(rows, len(sequences)), strict=True)
        ]
        clean = torch.cat(parts)
        noise = torch.randn((*clean.shape, 2), generator=generator, device=device)
        return Batch(clean + self.sigma * torch.view_as_complex(noise), maps[rows])


def shares(rows: Tensor, n_sequences: int) -> tuple[Tensor, ...]:
    """Part rows among the sequences."""
    return torch.tensor_split(rows, n_sequences)
