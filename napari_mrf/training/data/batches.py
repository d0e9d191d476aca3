"""Batches for the training loop: noisy signals and their true maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """A few examples: fingerprints, or images for networks that look at neighbors.

    Parameters
    ----------
    signals : Tensor
        (N, T) or (N, T, H, W) complex64, noise already in, of any phase and gain.
    maps : Tensor
        (N, M) or (N, M, h, w), scaled to 0-1 by the normalization; h = H - 2 · margin of the
        network, and likewise w.
    counted : Tensor, optional
        (N, h, w) bool: where the loss and the validation count (tissue). None is everywhere.
        Maps may be NaN where it is False.
    """

    signals: Tensor
    maps: Tensor
    counted: Tensor | None = None


class TrainingData(Protocol):
    """Examples that are drawn by row; one implementation for every kind of data."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def start_epoch(self, epoch: int) -> None:
        """Make ready for an epoch, counted from 0; what is drawn anew depends on it alone.

        A resumed training calls it with the first epoch that it has not finished, so examples
        must not depend on the epochs before. Validation data is asked for epoch 0 once.
        """

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return examples by row, (N,) int64 in any order, on the CPU.

        All randomness (noise) comes from the generator; the batch lies on its device.
        """


@runtime_checkable
class MadeInOrder(Protocol):
    """Training data that is made while it is used, and so says in which order it is."""

    def order(self) -> Tensor:
        """Return the rows of an epoch, (N,) int64, in the order in which they are made."""

    def close(self) -> None:
        """End the processes that make it."""


def order_of(data: TrainingData, generator: torch.Generator) -> Tensor:
    """Return the rows of an epoch, (N,) int64: at random, or as the data is made."""
    if isinstance(data, MadeInOrder):
        return data.order()
    return torch.randperm(len(data), generator=generator)


class Kept:
    """Tensors that go to a device at their first use there, and stay.

    Parameters
    ----------
    tensors : Tensor
        On the CPU.
    """

    def __init__(self, *tensors: Tensor) -> None:
        self._on = {torch.device("cpu"): tensors}

    def on(self, device: torch.device) -> tuple[Tensor, ...]:
        """Return the tensors on a device."""
        if device not in self._on:
            self._on[device] = tuple(one.to(device) for one in self._on[torch.device("cpu")])
        return self._on[device]
