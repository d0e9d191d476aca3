"""What is minimized: the error of the maps, and of the fingerprint where a network gives one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.functional import mse_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

GENERATIVE = ("inn", "fc-fc", "rnn-rnn", "blochnet")
"""Networks that are trained to give the fingerprint too."""


def loss_of(
    name: str, network: nn.Module, fingerprints: Tensor, maps: Tensor, forward_weight: float
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
        (N, 2, T), canonical, with noise.
    maps : Tensor
        (N, M), scaled, true.
    forward_weight : float
        Weight of the error of the fingerprint.
    """
    estimated = network(fingerprints)
    loss = mse_loss(estimated, maps)
    if name in GENERATIVE and forward_weight > 0:
        generative: Any = network
        source = maps if name == "inn" else estimated
        loss = loss + forward_weight * mse_loss(generative.simulate(source), fingerprints)
    return loss
