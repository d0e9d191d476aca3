"""What is minimized: the error of the maps, and of the fingerprint where a network gives one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import mse_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

GENERATIVE = ("inn", "fc-fc", "rnn-rnn", "blochnet")
"""Networks that are trained to give the fingerprint too."""


def loss_of(
    name: str,
    network: nn.Module,
    fingerprints: Tensor,
    maps: Tensor,
    forward_weight: float,
    counted: Tensor | None = None,
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
    """
    estimated = network(fingerprints)
    loss = map_error(estimated, maps, counted)
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
