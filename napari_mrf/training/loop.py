"""The training loop: epochs of noisy examples, resumable to the last bit on the CPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad_norm_

from napari_mrf.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from napari_mrf.training.evaluation import counted_values
from napari_mrf.training.losses import loss_of
from napari_mrf.training.schedule import learning_rate, share_done

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data import TrainingData
    from napari_mrf.training.recipe import Optimisation, Recipe


@dataclass(frozen=True)
class TrainingStep:
    """Where a training stands, many times an epoch.

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
    device: torch.device | None = None,
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
    device : torch.device, optional
        The CPU by default.
    """
    device = device or torch.device("cpu")
    plan = recipe.optimisation
    trained.to(device)
    optimiser = torch.optim.Adam(trained.network.parameters(), lr=plan.learning_rate)
    progress, best = Progress(), _copy(trained)
    if checkpoint is not None and checkpoint.exists():
        best, progress = load_checkpoint(checkpoint, trained, optimiser, recipe)
    validation.start_epoch(0)
    while not _is_over(recipe, progress):
        started_s = time.monotonic()
        torch.manual_seed(plan.seed * 100_003 + progress.epoch)  # dropout
        loss = yield from _epoch(recipe, trained, optimiser, training, progress, device)
        score = _validate(recipe, trained, validation, device)
        progress.epoch += 1
        progress.seconds += time.monotonic() - started_s
        progress.history.append(
            {"epoch": progress.epoch, "loss": loss, "validation_r_squared": score,
             "learning_rate": optimiser.param_groups[0]["lr"], "seconds": progress.seconds}
        )  # fmt: skip
        if score > progress.best_r_squared:
            progress.best_r_squared, progress.best_epoch = score, progress.epoch
            best = _copy(trained)
        if checkpoint is not None:
            save_checkpoint(checkpoint, trained, optimiser, best, progress, recipe)
        yield TrainingStep(progress.epoch, 0.0, loss, progress)
    trained.load_state_dict(best)
    trained.eval()
    return progress


def _is_over(recipe: Recipe, progress: Progress) -> bool:
    plan = recipe.optimisation
    waited = progress.epoch - progress.best_epoch
    return (
        progress.epoch >= plan.epochs
        or _is_late(plan, progress.seconds)
        or (plan.patience is not None and waited >= plan.patience)
    )


def _is_late(plan: Optimisation, seconds: float) -> bool:
    return plan.minutes is not None and seconds >= 60.0 * plan.minutes


def _epoch(
    recipe: Recipe,
    trained: TrainedNetwork,
    optimiser: torch.optim.Optimizer,
    data: TrainingData,
    progress: Progress,
    device: torch.device,
) -> Generator[TrainingStep, None, float]:
    """Make one pass over the data, or the part of it for which the minutes suffice."""
    plan = recipe.optimisation
    started_s = time.monotonic()
    generator = torch.Generator().manual_seed(plan.seed * 100_003 + progress.epoch)
    data.start_epoch(progress.epoch)
    order = torch.randperm(len(data), generator=generator)
    trained.train()
    total, seen = 0.0, 0
    for start in range(0, len(order), plan.batch):
        seconds = progress.seconds + time.monotonic() - started_s
        if seen > 0 and _is_late(plan, seconds):
            break
        share = share_done(plan, progress.epoch + start / len(order), seconds)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(plan, share)
        rows = order[start : start + plan.batch]
        batch = data.batch(rows, generator)
        if batch.maps[:, 0].numel() < 2:  # batch normalization needs two values
            continue
        loss = loss_of(
            recipe.network,
            trained.network,
            trained.normalization.canonical(batch.signals.to(device)),
            batch.maps.to(device),
            plan.forward_weight,
            None if batch.counted is None else batch.counted.to(device),
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if plan.largest_gradient is not None:
            clip_grad_norm_(trained.network.parameters(), plan.largest_gradient)
        optimiser.step()
        total, seen = total + float(loss.detach()) * len(rows), seen + len(rows)
        yield TrainingStep(progress.epoch, (start + len(rows)) / len(order), total / seen, progress)
    return total / max(seen, 1)


def _validate(
    recipe: Recipe, trained: TrainedNetwork, data: TrainingData, device: torch.device
) -> float:
    """Return the mean R² over the maps, under the same noise in every epoch."""
    generator = torch.Generator().manual_seed(recipe.optimisation.seed + 1)
    n_maps = len(recipe.maps)
    sums = torch.zeros(3, n_maps, dtype=torch.float64)  # residual², truth, truth²
    n_values = 0
    trained.eval()
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(data)), recipe.optimisation.batch):
            batch = data.batch(rows, generator)
            fingerprints = trained.normalization.canonical(batch.signals.to(device))
            found = counted_values(trained.network(fingerprints).cpu(), batch.counted)
            truth = counted_values(batch.maps, batch.counted)
            sums += torch.stack([((found - truth) ** 2).sum(0), truth.sum(0), (truth**2).sum(0)])
            n_values += len(truth)
    residual, total, squares = sums
    return float((1 - residual / (squares - total**2 / n_values)).mean())


def _copy(trained: TrainedNetwork) -> dict[str, Any]:
    return {key: value.detach().cpu().clone() for key, value in trained.state_dict().items()}
