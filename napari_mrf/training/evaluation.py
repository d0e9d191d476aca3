"""Errors of a network on data with known tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.card import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import TrainingData

_BATCH = 4096


def estimates(
    trained: TrainedNetwork, signals: NDArray[np.complex64], device: torch.device
) -> NDArray[np.float64]:
    """Return maps (N, M) of fingerprints (N, T), in batches."""
    trained.eval()
    with torch.no_grad():
        parts = [
            trained(torch.from_numpy(signals[start : start + _BATCH]).to(device)).cpu().numpy()
            for start in range(0, len(signals), _BATCH)
        ]
    return np.concatenate(parts).astype(np.float64)


def of_data(
    trained: TrainedNetwork, data: TrainingData, batch: int, device: torch.device
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true and estimated values (n, M) wherever they count, under a fixed noise.

    Parameters
    ----------
    trained : TrainedNetwork
        On the device.
    data : TrainingData
        Fingerprints or images.
    batch : int
        Examples at once.
    device : torch.device
        Where the network is.
    """
    generator = torch.Generator().manual_seed(7)
    data.start_epoch(0)
    trained.eval()
    truth, found = [], []
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(data)), batch):
            part = data.batch(rows, generator)
            true = trained.normalization.values(part.maps.to(device)).cpu()
            estimated = trained(part.signals.to(device)).cpu()
            truth.append(counted_values(true, part.counted))
            found.append(counted_values(estimated, part.counted))
    return torch.cat(truth).numpy(), torch.cat(found).numpy()


def counted_values(maps: Tensor, counted: Tensor | None) -> Tensor:
    """Return the values (n, M) in float64 of maps (N, M, …) that count."""
    values = maps.movedim(1, -1)
    flat = values.reshape(-1, maps.shape[1]) if counted is None else values[counted]
    return flat.double()


def with_noise(
    signals: NDArray[np.complexfloating], sigma: float, seed: int
) -> NDArray[np.complex64]:
    """Return fingerprints at unit norm with noise of standard deviation sigma in each part."""
    rng = np.random.default_rng(seed)
    unit = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    noise = rng.standard_normal((*unit.shape, 2)) @ np.array([1.0, 1.0j])
    return np.asarray(unit + sigma * noise, dtype=np.complex64)


def metrics(
    keys: Sequence[str],
    truth: NDArray[np.float64],
    found: NDArray[np.float64],
    sigma: float,
) -> list[Metric]:
    """Return mean absolute error, mean relative error and R² of each map.

    The mean relative error leaves out a true zero; of off-resonance, which is zero in the
    middle of its range, it means nothing and is None.
    """
    rows = []
    for column, key in enumerate(keys):
        true, estimated = truth[:, column], found[:, column]
        error = estimated - true
        counted = true != 0
        relative = 100.0 * float(np.mean(np.abs(error[counted]) / np.abs(true[counted])))
        rows.append(
            Metric(
                map=key,
                sigma=sigma,
                mean_absolute_error=float(np.mean(np.abs(error))),
                mean_relative_error_percent=None if PARAMETERS[key].is_signed else relative,
                r_squared=r_squared(true, estimated),
            )
        )
    return rows


def r_squared(true: NDArray[np.float64], estimated: NDArray[np.float64]) -> float:
    """Return the coefficient of determination, 1 - residual over total sum of squares."""
    total = float(np.sum((true - true.mean()) ** 2))
    return 1.0 - float(np.sum((estimated - true) ** 2)) / total
