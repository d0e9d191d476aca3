"""The training loop: epochs of noisy fingerprints, resumable to the last bit on the CPU."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from napari_mrf.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from napari_mrf.training.losses import loss_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from torch import Tensor

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.recipe import Recipe


@dataclass(frozen=True)
class Fingerprints:
    """Simulated fingerprints and their true maps.

    Parameters
    ----------
    signals : Tensor
        (N, T) complex64 at unit norm, without noise.
    maps : Tensor
        (N, M) scaled.
    """

    signals: Tensor
    maps: Tensor


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
    training: Fingerprints,
    validation: Fingerprints,
    *,
    checkpoint: Path | None = None,
    device: torch.device | None = None,
) -> Generator[TrainingStep, None, Progress]:
    """Train in place; afterwards the network has the weights of its best epoch.

    Every epoch draws its order and its noise from generators seeded by the recipe's seed and
    the epoch, so a run that is resumed from its checkpoint gives what an uninterrupted one
    gives, bit for bit on the CPU.

    Parameters
    ----------
    recipe : Recipe
        Optimisation and noise.
    trained : TrainedNetwork
        With its normalization.
    training, validation : Fingerprints
        What is learned from, and what decides which epoch was best (mean R² over the maps, at
        the geometric mean of the noise range).
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
    record = recipe.model_dump(mode="json")
    if checkpoint is not None and checkpoint.exists():
        best, progress = load_checkpoint(checkpoint, trained, optimiser, record)
    while not _is_over(recipe, progress):
        started_s = time.monotonic()
        torch.manual_seed(plan.seed * 100_003 + progress.epoch)  # dropout
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, progress.epoch)
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
            save_checkpoint(checkpoint, trained, optimiser, best, progress, record)
        yield TrainingStep(progress.epoch, 0.0, loss, progress)
    trained.load_state_dict(best)
    trained.eval()
    return progress


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0."""
    plan = recipe.optimisation
    if plan.schedule == "constant":
        return plan.learning_rate
    # Ends at a hundredth, not at zero, so that the last epochs still count.
    share = 0.5 * (1 + math.cos(math.pi * epoch / plan.epochs))
    return plan.learning_rate * (0.01 + 0.99 * share)


def _is_over(recipe: Recipe, progress: Progress) -> bool:
    plan = recipe.optimisation
    waited = progress.epoch - progress.best_epoch
    return (
        progress.epoch >= plan.epochs
        or (plan.minutes is not None and progress.seconds >= 60 * plan.minutes)
        or (plan.patience is not None and waited >= plan.patience)
    )


def _epoch(
    recipe: Recipe,
    trained: TrainedNetwork,
    optimiser: torch.optim.Optimizer,
    data: Fingerprints,
    progress: Progress,
    device: torch.device,
) -> Generator[TrainingStep, None, float]:
    plan = recipe.optimisation
    generator = torch.Generator().manual_seed(plan.seed * 100_003 + progress.epoch)
    order = torch.randperm(len(data.signals), generator=generator)
    trained.train()
    total, seen = 0.0, 0
    for start in range(0, len(order), plan.batch):
        rows = order[start : start + plan.batch]
        if len(rows) < 2:  # batch normalization needs two
            continue
        noisy = noisy_fingerprints(recipe, data.signals[rows], generator).to(device)
        fingerprints = trained.normalization.canonical(noisy)
        loss = loss_of(
            recipe.network, trained.network, fingerprints, data.maps[rows].to(device),
            plan.forward_weight,
        )  # fmt: skip
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total, seen = total + float(loss.detach()) * len(rows), seen + len(rows)
        yield TrainingStep(progress.epoch, (start + len(rows)) / len(order), total / seen, progress)
    return total / max(seen, 1)


def noisy_fingerprints(recipe: Recipe, signals: Tensor, generator: torch.Generator) -> Tensor:
    """Return fingerprints with fresh noise, each at a level of its own."""
    low, high = math.log(recipe.noise.sigma_lower), math.log(recipe.noise.sigma_upper)
    share = torch.rand((len(signals), 1), generator=generator)
    sigma = torch.exp(low + (high - low) * share)
    noise = torch.randn((*signals.shape, 2), generator=generator)
    return signals + sigma * torch.view_as_complex(noise)


def _validate(
    recipe: Recipe, trained: TrainedNetwork, data: Fingerprints, device: torch.device
) -> float:
    """Return the mean R² over the maps, under the same noise in every epoch."""
    generator = torch.Generator().manual_seed(recipe.optimisation.seed + 1)
    noisy = noisy_fingerprints(recipe, data.signals, generator)
    trained.eval()
    with torch.no_grad():
        found = torch.cat(
            [
                trained.network(trained.normalization.canonical(part.to(device))).cpu()
                for part in torch.split(noisy, 4096)
            ]
        )
    residual = ((found - data.maps) ** 2).sum(dim=0)
    total = ((data.maps - data.maps.mean(dim=0)) ** 2).sum(dim=0)
    return float((1 - residual / total).mean())


def _copy(trained: TrainedNetwork) -> dict[str, Any]:
    return {key: value.detach().cpu().clone() for key, value in trained.state_dict().items()}
