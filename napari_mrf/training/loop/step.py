"""One step of the optimizer: loss, gradient, new weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_

from napari_mrf.networks.trained import GivesScales
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.loop.absolute_error import AbsoluteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.loop.processes import Processes
    from napari_mrf.training.recipe import Recipe

    MapError = Callable[[Tensor, Tensor, Tensor | None], Tensor]


_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Stepper:
    """Adam on the loss of a recipe, on one device or on several.

    Half precision is for CUDA; elsewhere the recipe's `precision` changes nothing. With
    ``"float16"`` the loss is scaled up, so that small gradients are not lost.

    Parameters
    ----------
    recipe : Recipe
        Loss and precision.
    trained : TrainedNetwork
        On the device of the processes; its weights are changed.
    processes : Processes
        Those that share the work.
    """

    def __init__(self, recipe: Recipe, trained: TrainedNetwork, processes: Processes) -> None:
        self.recipe, self.trained, self.processes = recipe, trained, processes
        plan = recipe.optimisation
        kind = processes.device.type
        # On CUDA the rate is a number on the device, so that a recorded step follows it.
        rate: Tensor | float = plan.learning_rate
        if kind == "cuda":
            rate = torch.tensor(rate, device=processes.device)
        self.optimizer = torch.optim.Adam(
            trained.network.parameters(), lr=rate, capturable=kind == "cuda"
        )
        half = _HALF.get(plan.precision) if kind == "cuda" else None
        # Weights in half precision are not kept between steps: a recorded step would not make them.
        self._autocast = torch.autocast(
            kind, dtype=half, enabled=half is not None, cache_enabled=False
        )
        self._scaler = torch.amp.GradScaler(kind, enabled=half is torch.float16)
        self._objective = processes.parallel(
            _Objective(recipe, trained).to(processes.device),
            # Of `fang`, the head that a first stage of training would use.
            some_unused=recipe.network == "fang",
        )
        can_record = kind == "cuda" and processes.size == 1 and half is not torch.float16
        self._recorded = RecordedStep(self._step) if can_record else None

    def can_use(self, batch: Batch) -> bool:
        """Return whether every process gets two values of a map, as batch normalization needs."""
        return len(batch.maps) >= self.processes.size and (
            batch.maps[:, 0].numel() >= 2 * self.processes.size
        )

    def step(self, batch: Batch, learning_rate: float) -> Tensor:
        """Take one step and return the loss over the batch, all processes together.

        Parameters
        ----------
        batch : Batch
            Of which each process takes its part.
        learning_rate : float
            Of this step.

        Returns
        -------
        Tensor
            () on the device, which may still be at work on it.
        """
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate
        if self._recorded is None:
            return self._step(batch)
        return self._recorded(batch)

    def _step(self, batch: Batch) -> Tensor:
        batch, share = self.processes.part_of(batch)
        device = self.processes.device
        fingerprints = self.trained.normalization.canonical(batch.signals.to(device))
        counted = None if batch.counted is None else batch.counted.to(device)
        with self._autocast:
            loss = self._objective(fingerprints, batch.maps.to(device), counted) * share
        self.optimizer.zero_grad(set_to_none=True)
        # Gradients are averaged over the processes, so what they are averaged of is scaled up.
        self._scaler.scale(loss * self.processes.size).backward()
        if self.recipe.optimisation.largest_gradient is not None:
            self._scaler.unscale_(self.optimizer)
            clip_grad_norm_(
                self.trained.network.parameters(), self.recipe.optimisation.largest_gradient
            )
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return self.processes.sum(loss.detach())


class _Objective(nn.Module):
    """The loss as a module, which is what averages gradients over processes."""

    def __init__(self, recipe: Recipe, trained: TrainedNetwork) -> None:
        super().__init__()
        self.network = trained.network
        self._name, self._forward_weight = recipe.network, recipe.optimisation.forward_weight
        self._error: MapError = map_error
        if recipe.optimisation.loss == "absolute":
            self._error = AbsoluteError(recipe, trained.normalization)

    def forward(self, fingerprints: Tensor, maps: Tensor, counted: Tensor | None) -> Tensor:
        return loss_of(
            self._name, self.network, fingerprints, maps, self._forward_weight, counted,
            self._error,
        )  # fmt: skip


GENERATIVE = ("inn", "fc-fc", "rnn-rnn", "blochnet")
"""Networks that are trained to give the fingerprint too."""


def loss_of(
    name: str,
    network: nn.Module,
    fingerprints: Tensor,
    maps: Tensor,
    forward_weight: float,
    counted: Tensor | None = None,
    error: MapError | None = None,
) -> Tensor:
    """Return the loss of a batch.

    For `inn` the fingerprint of the true maps is compared (Balsiger et al., MLMIR 2020, section
    2.3: noise perturbs it in both directions); for the autoencoders and `blochnet` that of the
    estimated maps (BlochNet, section 3.4).

    Parameters
    ----------
    name : str
        Of the network.
    network : nn.Module
        From the zoo.
    fingerprints : Tensor
        (N, 2, T) or (N, 2, T, H, W), canonical, with noise.
    maps : Tensor
        (N, M) or (N, M, h, w), scaled, true.
    forward_weight : float
        Weight of the error of the fingerprint.
    counted : Tensor, optional
        (N, h, w) bool: the maps count there only.
    error : callable, optional
        Of the maps; `map_error` by default.
    """
    of_maps = error or map_error
    if isinstance(network, GivesScales):
        estimated, log_scales = network.with_log_scales(fingerprints)
        loss = of_maps(estimated, maps, counted)
        loss = loss + scale_error(estimated.detach(), log_scales, maps, counted)
    else:
        estimated = network(fingerprints)
        loss = of_maps(estimated, maps, counted)
    if name in GENERATIVE and forward_weight > 0:
        generative: Any = network
        source = maps if name == "inn" else estimated
        loss = loss + forward_weight * mse_loss(generative.simulate(source), fingerprints)
    return loss


def map_error(estimated: Tensor, maps: Tensor, counted: Tensor | None) -> Tensor:
    """Return the mean squared error of maps where they count; 0 where nothing does."""
    if counted is None:
        return mse_loss(estimated, maps)
    # The difference is masked before it is squared, so that a NaN outside stays without a trace.
    error = torch.where(counted[:, None], estimated - maps, 0.0)
    n_values = counted.sum() * maps.shape[1]
    return (error**2).sum() / n_values.clamp(min=1)


def scale_error(
    estimated: Tensor, log_scales: Tensor, maps: Tensor, counted: Tensor | None
) -> Tensor:
    """Return the mean negative log likelihood of Laplace distributions, less log 2.

    Its least value has the mean absolute error as the scale. It is to learn scales alone: maps
    that are learned by it too get worse where they are hard to tell (Seitzer et al., ICLR 2022),
    so `estimated` is detached (Stirn et al., AISTATS 2023).
    """
    error = (estimated - maps).abs()
    if counted is not None:
        error = torch.where(counted[:, None], error, 0.0)
    each = error * torch.exp(-log_scales) + log_scales
    if counted is None:
        return each.mean()
    n_values = counted.sum() * maps.shape[1]
    return torch.where(counted[:, None], each, 0.0).sum() / n_values.clamp(min=1)


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
