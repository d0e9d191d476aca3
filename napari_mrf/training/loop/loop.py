"""The training loop: epochs of noisy examples, resumable to the last bit on the CPU."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from napari_mrf.compute.devices import machine_name
from napari_mrf.training.data.batches import order_of
from napari_mrf.training.evaluation import counted_values
from napari_mrf.training.loop.checkpoint import Progress, load_checkpoint, save_checkpoint
from napari_mrf.training.loop.course import write_course
from napari_mrf.training.loop.processes import Processes
from napari_mrf.training.loop.step import Stepper

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import TrainingData
    from napari_mrf.training.recipe import Optimisation, Recipe


_TOLD_EVERY_S = 0.1


@dataclass(frozen=True)
class TrainingStep:
    """Progress of a training within an epoch.

    Parameters
    ----------
    epoch : int
        Epochs finished.
    share : float
        Of the running epoch, 0-1.
    loss : float
        Mean over the running epoch.
    progress : Progress
        With the history of the epochs.
    """

    epoch: int
    share: float
    loss: float
    progress: Progress


def train(
    recipe: Recipe,
    trained: TrainedNetwork,
    training: TrainingData,
    validation: TrainingData,
    *,
    checkpoint: Path | None = None,
    course: Path | None = None,
    device: torch.device | None = None,
    processes: Processes | None = None,
) -> Generator[TrainingStep, None, Progress]:
    """Train in place; afterwards the network has the weights of its best epoch.

    Every epoch draws its order and its noise from generators seeded by the recipe's seed and
    the epoch, so a run that is resumed from its checkpoint gives what an uninterrupted one
    gives, bit for bit on the CPU. Not so with a budget of minutes, where the learning rate follows
    the clock. Such a training may end in the middle of an epoch; what was passed over then counts
    as its last epoch.

    Parameters
    ----------
    recipe : Recipe
        Network and optimisation.
    trained : TrainedNetwork
        With its normalization.
    training, validation : TrainingData
        What is learned from, and what decides which epoch was best (mean R² over the maps).
    checkpoint : Path, optional
        Written after every epoch, and resumed from where it exists.
    course : Path, optional
        Table of the epochs so far, written after each.
    device : torch.device, optional
        The CPU by default.
    processes : Processes, optional
        Those that share the work, each on its own device; this one alone by default. Together
        they do what one would do with the same batches: each takes its rows of every batch.
    """
    processes = processes or Processes(device=device or torch.device("cpu"))
    plan = recipe.optimisation
    trained.to(processes.device)
    stepper = Stepper(recipe, trained, processes)
    progress, best = Progress(), _copy(trained)
    if checkpoint is not None and checkpoint.exists():
        best, progress = load_checkpoint(checkpoint, trained, stepper.optimizer, recipe)
        if course is not None and processes.is_first:
            write_course(course, progress.history)
        yield TrainingStep(progress.epoch, 0.0, progress.history[-1]["loss"], progress)
    validation.start_epoch(0)
    while not _is_over(plan, progress):
        clock = _Clock(plan, progress.seconds, processes)
        # For dropout; other rows, other draws.
        torch.manual_seed(plan.seed * 100_003 + progress.epoch + (processes.rank << 32))
        loss = yield from _epoch(stepper, training, progress, clock)
        if processes.is_first:
            settle_statistics(trained, training, plan.batch, processes.device)
        by_map = _validate(recipe, trained, validation, processes)
        score = _mean(by_map)
        progress.epoch += 1
        progress.seconds = clock.seconds()
        progress.trained_on = machine_name(processes.device)
        progress.history.append(
            {
                "epoch": progress.epoch,
                "loss": loss,
                "validation_r_squared": score,
                **{f"r_squared_{key}": one for key, one in zip(recipe.maps, by_map, strict=True)},
                "learning_rate": float(stepper.optimizer.param_groups[0]["lr"]),
                "seconds": round(progress.seconds, 3),
            }
        )
        # Without anything to judge by, the last epoch is kept.
        if score > progress.best_r_squared or math.isnan(score):
            progress.best_epoch = progress.epoch
            progress.best_r_squared = -math.inf if math.isnan(score) else score
            best = _copy(trained)
        if checkpoint is not None and processes.is_first:
            save_checkpoint(checkpoint, trained, stepper.optimizer, best, progress, recipe)
        if course is not None and processes.is_first:
            write_course(course, progress.history)
        yield TrainingStep(progress.epoch, 0.0, loss, progress)
    trained.load_state_dict(best)
    trained.eval()
    return progress


class _Clock:
    """Seconds spent on a training; with a budget of minutes, the same in all processes."""

    def __init__(self, plan: Optimisation, before: float, processes: Processes) -> None:
        self._plan, self._processes = plan, processes
        self._start_s = time.monotonic() - before

    def seconds(self) -> float:
        """Return the seconds so far, those before a resumption included."""
        seconds = time.monotonic() - self._start_s
        return seconds if self._plan.minutes is None else self._processes.agree(seconds)[0]


def _is_over(plan: Optimisation, progress: Progress) -> bool:
    waited = progress.epoch - progress.best_epoch
    return (
        progress.epoch >= plan.epochs
        or _is_late(plan, progress.seconds)
        or (plan.patience is not None and waited >= plan.patience)
    )


def _is_late(plan: Optimisation, seconds: float) -> bool:
    return plan.minutes is not None and seconds >= 60.0 * plan.minutes


def _epoch(
    stepper: Stepper, data: TrainingData, progress: Progress, clock: _Clock
) -> Generator[TrainingStep, None, float]:
    """Make one pass over the data, or the part of it for which the minutes suffice."""
    plan = stepper.recipe.optimisation
    device = stepper.processes.device
    seed = plan.seed * 100_003 + progress.epoch
    generator = generator_on(device, seed)
    data.start_epoch(progress.epoch)
    # On the CPU one generator draws all.
    shuffler = generator if generator.device.type == "cpu" else torch.Generator().manual_seed(seed)
    order = order_of(data, shuffler)
    stepper.trained.train()
    total, seen = torch.zeros((), dtype=torch.float64, device=device), 0
    told_s = -math.inf
    for start in range(0, len(order), plan.batch):
        seconds = clock.seconds()
        if seen > 0 and _is_late(plan, seconds):
            break
        rows = order[start : start + plan.batch]
        batch = data.batch(rows, generator)
        if not stepper.can_use(batch):
            continue
        share = share_done(plan, progress.epoch + start / len(order), seconds)
        loss = stepper.step(batch, learning_rate(plan, share))
        total += loss * len(rows)
        seen += len(rows)
        # To read the loss is to wait for a GPU.
        if device.type == "cpu" or seconds - told_s >= _TOLD_EVERY_S:
            told_s = seconds
            share = (start + len(rows)) / len(order)
            yield TrainingStep(progress.epoch, share, float(total) / seen, progress)
    return float(total) / max(seen, 1)


def _validate(
    recipe: Recipe, trained: TrainedNetwork, data: TrainingData, processes: Processes
) -> list[float]:
    """Return R² of each map, always under one noise; NaN where the truth is constant."""
    if not processes.is_first:
        return processes.agree(*[0.0] * len(recipe.maps))
    generator = generator_on(processes.device, recipe.optimisation.seed + 1)
    sums = torch.zeros(3, len(recipe.maps), dtype=torch.float64)  # residual², truth, truth²
    n_values = 0
    trained.eval()
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(data)), recipe.optimisation.batch):
            batch = data.batch(rows, generator)
            signals = batch.signals.to(processes.device)
            found = trained.network(trained.normalization.canonical(signals)).to(batch.maps.device)
            found = counted_values(found, batch.counted)
            truth = counted_values(batch.maps, batch.counted)
            part = [((found - truth) ** 2).sum(0), truth.sum(0), (truth**2).sum(0)]
            sums += torch.stack(part).cpu()
            n_values += len(truth)
    residual, total, squares = sums
    variation = squares - total**2 / max(n_values, 1)
    varies = variation > 1e-9 * n_values
    return processes.agree(*torch.where(varies, 1 - residual / variation, torch.nan).tolist())


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """Return a generator for the batches of a training: of the GPU, where CUDA has one."""
    return torch.Generator(device if device.type == "cuda" else "cpu").manual_seed(seed)


def _mean(by_map: list[float]) -> float:
    known = [one for one in by_map if not math.isnan(one)]
    return sum(known) / len(known) if known else math.nan


def _copy(trained: TrainedNetwork) -> dict[str, Any]:
    return {key: value.detach().cpu().clone() for key, value in trained.state_dict().items()}


def share_done(plan: Optimisation, epochs: float, seconds: float) -> float:
    """Return the share of a training that is done, 0-1.

    The larger of the shares of the epochs and of the minutes, so that a training on a budget of
    time still ends with a small learning rate. It then depends on the clock: without `minutes`
    it does not.

    Parameters
    ----------
    plan : Optimisation
        Epochs, and minutes where there is such a budget.
    epochs : float
        Done so far, with the part of the running one.
    seconds : float
        Spent so far.
    """
    share = epochs / plan.epochs
    if plan.minutes is not None:
        share = max(share, seconds / (60.0 * plan.minutes))
    return min(share, 1.0)


def learning_rate(plan: Optimisation, share: float) -> float:
    """Return the learning rate when this share of the training is done.

    It rises linearly over the share `warm_up`, and is then constant or falls by half a cosine to
    a hundredth; not to zero, so that the last steps still count.
    """
    if share < plan.warm_up:
        # Not from zero: the first step counts too.
        return plan.learning_rate * (0.01 + 0.99 * share / plan.warm_up)
    if plan.schedule == "constant":
        return plan.learning_rate
    falling = (share - plan.warm_up) / (1.0 - plan.warm_up)
    return plan.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * falling)))


_N_BATCHES = 16


def settle_statistics(
    trained: TrainedNetwork, data: TrainingData, batch: int, device: torch.device
) -> None:
    """Take the statistics of batch normalization anew where a network has dropout too.

    They are used only when the network is applied; training goes on as if nothing had happened.

    Parameters
    ----------
    trained : TrainedNetwork
        On the device; other networks are left alone.
    data : TrainingData
        Some batches of it are passed through the network.
    batch : int
        Examples at once.
    device : torch.device
        Where the network is.
    """
    parts = list(trained.network.modules())
    normalizations = [one for one in parts if isinstance(one, _BatchNorm)]
    dropouts = [one for one in parts if isinstance(one, _DropoutNd) and one.p > 0]
    if not normalizations or not dropouts:
        return
    trained.train()
    for dropout in dropouts:
        dropout.eval()
    momenta = [one.momentum for one in normalizations]
    for one in normalizations:
        one.reset_running_stats()
        one.momentum = None  # the mean over the batches
    generator = torch.Generator().manual_seed(0)
    rows = order_of(data, generator)[: _N_BATCHES * batch]
    if device.type == "cuda":
        generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for part in torch.split(rows, batch):
            signals = data.batch(part, generator).signals.to(device)
            if len(part) == batch or len(rows) < batch:
                trained.network(trained.normalization.canonical(signals))
    for one, momentum in zip(normalizations, momenta, strict=True):
        one.momentum = momentum
