"""Batch normalization after dropout: what it learned of its input with dropout on is wrong without.

Dropout widens what comes after it, in training alone, and batch normalization divides by the width
that it saw there (the variance shift of Li et al., CVPR 2019). So means and variances are taken
anew from the data with dropout off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

if TYPE_CHECKING:
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import TrainingData

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
    rows = torch.randperm(len(data), generator=generator)[: _N_BATCHES * batch]
    if device.type == "cuda":
        generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for part in torch.split(rows, batch):
            signals = data.batch(part, generator).signals.to(device)
            if len(part) == batch or len(rows) < batch:
                trained.network(trained.normalization.canonical(signals))
    for one, momentum in zip(normalizations, momenta, strict=True):
        one.momentum = momentum
