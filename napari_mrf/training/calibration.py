"""Calibration: scales that a network gives become standard deviations, by held-out data.

Apart from the tests at the end of a training, which say how good maps are and change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.trained import GivesScales
from napari_mrf.training.evaluation import counted_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import TrainingData

_SHARE, _DEVIATIONS = 0.95, 1.96
_FEWEST = 200


def deviation_factors(
    keys: Sequence[str],
    trained: TrainedNetwork,
    data: TrainingData,
    batch: int,
    device: torch.device,
) -> dict[str, float]:
    """Return by map what to multiply scales by, so that 1.96 times that holds 95 % of the errors.

    The 0.95 quantile of the error in units of its scale, over 1.96 (split conformal prediction
    with a local scale: Lei et al., JASA 2018, section 5.2). A map counts where its rule of
    validity holds, and has no factor where fewer than 200 values count.

    Parameters
    ----------
    keys : sequence of str
        Maps in the order of the network.
    trained : TrainedNetwork
        On the device; empty is returned where it gives no scales.
    data : TrainingData
        Held out. Its epoch 1 is taken: of data that is made anew, others than those by which the
        best epoch was chosen.
    batch : int
        Examples at once.
    device : torch.device
        Where the network is.
    """
    network = trained.network
    if not isinstance(network, GivesScales):
        return {}
    generator = torch.Generator().manual_seed(11)
    data.start_epoch(1)
    trained.eval()
    truths, ratios = [], []
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(data)), batch):
            part = data.batch(rows, generator)
            signals = trained.normalization.canonical(part.signals.to(device))
            found, log_scales = (one.cpu() for one in network.with_log_scales(signals))
            ratio = (found.clamp(0.0, 1.0) - part.maps).abs() * torch.exp(-log_scales)
            ratios.append(counted_values(ratio, part.counted))
            true = trained.normalization.values(part.maps.to(device)).cpu()
            truths.append(counted_values(true, part.counted))
    truth, by_map = torch.cat(truths).numpy(), torch.cat(ratios).numpy()
    factors = {}
    for column, key in enumerate(keys):
        values, rule = by_map[:, column], PARAMETERS[key].validity
        if rule is not None and "FF" in keys:
            values = values[rule.mask(truth[:, list(keys).index("FF")])]
        if len(values) >= _FEWEST:
            factors[key] = float(np.quantile(values, _SHARE, method="higher")) / _DEVIATIONS
    return factors
