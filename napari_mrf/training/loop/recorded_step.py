"""A step of training recorded once and played again: without the cost of hundreds of launches.

The networks of single fingerprints are so small that a GPU is done with a kernel before the next
one is launched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_mrf.training.data.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_UNRECORDED = 3


class RecordedStep:
    """A step on CUDA, recorded as a graph after a few that are taken as usual.

    Batches of another shape, such as the last one of an epoch, are taken as usual too.

    Parameters
    ----------
    step : callable
        Takes one step on a batch and returns the loss. Whatever it changes (weights, optimizer,
        statistics) it changes in place.
    """

    def __init__(self, step: Callable[[Batch], Tensor]) -> None:
        self._step = step
        self._shape: torch.Size | None = None
        self._taken = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._input: Batch
        self._loss: Tensor

    def __call__(self, batch: Batch) -> Tensor:
        """Take the step; the loss is the caller's to keep."""
        self._shape = self._shape or batch.signals.shape
        if batch.signals.shape != self._shape:
            return self._step(batch)
        if self._taken < _UNRECORDED:
            self._taken += 1
            return self._on_a_stream_of_its_own(batch)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            self._input = Batch(
                batch.signals.clone(),
                batch.maps.clone(),
                None if batch.counted is None else batch.counted.clone(),
            )
            with torch.cuda.graph(self._graph):
                self._loss = self._step(self._input)
        self._input.signals.copy_(batch.signals)
        self._input.maps.copy_(batch.maps)
        if batch.counted is not None and self._input.counted is not None:
            self._input.counted.copy_(batch.counted)
        self._graph.replay()
        return self._loss.clone()

    def _on_a_stream_of_its_own(self, batch: Batch) -> Tensor:
        """Take a step where recording will happen: libraries set themselves up at first use."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            loss = self._step(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return loss
