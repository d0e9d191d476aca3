"""Fully connected network with two hidden layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Cohen(nn.Module):
    """Two hidden layers of 300 neurons with ReLU; 0.20 M parameters at 175 frames.

    Input (N, 2, T): real and imaginary part; output (N, M). Cohen et al., MRM 2018, as
    described in Balsiger et al., MLMIR 2020, section 2.3.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    entries = ("layers.1",)
    """See `in_subspace`."""

    def __init__(self, n_frames: int, n_maps: int, *, width: int = 300) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * n_frames, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, n_maps),
        )

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        maps: Tensor = self.layers(fingerprints)
        return maps
