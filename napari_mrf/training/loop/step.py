"""One step of the optimizer: loss, gradient, new weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from napari_mrf.training.loop.losses import loss_of
from napari_mrf.training.loop.recorded_step import RecordedStep

if TYPE_CHECKING:
    from torch import Tensor

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import Batch
    from napari_mrf.training.loop.processes import Processes
    from napari_mrf.training.recipe import Recipe

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
            _Objective(recipe, trained.network),
            # Of `fang`, the head that a first stage of training would use.
            some_unused=recipe.network == "fang",
        )
        can_record = kind == "cuda" and processes.size == 1 and half is not torch.float16
        self._recorded = RecordedStep(self._step) if can_record else None

    def can_use(self, batch: Batch) -> bool:
        """Whether every process gets two values of a map: batch normalization needs them."""
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

    def __init__(self, recipe: Recipe, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._name, self._forward_weight = recipe.network, recipe.optimisation.forward_weight

    def forward(self, fingerprints: Tensor, maps: Tensor, counted: Tensor | None) -> Tensor:
        return loss_of(self._name, self.network, fingerprints, maps, self._forward_weight, counted)
