"""A network with its normalization: complex fingerprints in, maps in their units out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import nn

from napari_mrf.networks.subspace_entry import in_subspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.networks.normalization import Normalization


@runtime_checkable
class GivesScales(Protocol):
    """A network that says how sure each of its values is."""

    def with_log_scales(self, fingerprints: Tensor) -> tuple[Tensor, Tensor]:
        """Return scaled maps, and the logarithm of the scale of each value's error, as large."""


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

    @property
    def takes_coefficients(self) -> bool:
        """Whether there is such a network `in_subspace`."""
        return hasattr(self.network, "entries")

    def in_subspace(self, vectors: NDArray[np.complex128]) -> TrainedNetwork:
        """Return the network for coordinates (N, K) along orthonormal vectors (T, K)."""
        normalization = self.normalization.in_subspace(vectors)
        entries: tuple[str, ...] = self.network.entries  # type: ignore[assignment]
        return TrainedNetwork(in_subspace(self.network, entries, vectors), normalization).eval()

    def estimates(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M, …) of canonical fingerprints, as the network gives them.

        Of a network that says how sure it is, (N, 2 M, …): the logarithms of the scales follow.
        """
        if isinstance(self.network, GivesScales):
            return torch.cat(self.network.with_log_scales(fingerprints), dim=1)
        scaled: Tensor = self.network(fingerprints)
        return scaled
