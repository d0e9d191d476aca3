"""A network with its normalization: complex fingerprints in, maps in their units out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from napari_mrf.networks.normalization import Normalization


class TrainedNetwork(nn.Module):
    """A network and its normalization, saved, loaded and run as one.

    Parameters
    ----------
    network : nn.Module
        From the zoo.
    normalization : Normalization
        For its sequence and maps.
    """

    def __init__(self, network: nn.Module, normalization: Normalization) -> None:
        super().__init__()
        self.network = network
        self.normalization = normalization

    def forward(self, signals: Tensor) -> Tensor:
        """Return maps (N, M) in their units of complex fingerprints (N, T); (N, M, H, W) of images.

        Values are kept within the range that the network was trained for.
        """
        scaled = self.network(self.normalization.canonical(signals))
        values: Tensor = self.normalization.values(torch.clamp(scaled, 0.0, 1.0))
        return values
