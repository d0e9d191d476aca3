"""Three dense layers, the plain encoder of BlochNet and its baselines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS = (512, 256)


class Fc(nn.Module):
    """Three dense layers with ReLU between them; input (N, 2, T), output (N, M).

    Baseline "FC" of BlochNet, sections 3.2 and 4.2. Widths of 512 and 256
    are our choice; targets are in log scale, which is a matter of normalization.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    entries = ("layers.1",)
    """See `in_subspace`."""

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *dense((2 * n_frames, *WIDTHS, n_maps)))

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        maps: Tensor = self.layers(fingerprints)
        return maps


def dense(widths: tuple[int, ...]) -> list[nn.Module]:
    """Return dense layers of these widths with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]
