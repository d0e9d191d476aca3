"""Recurrent network over the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Oksuz(nn.Module):
    """Gated recurrent unit of 100 over time and a dense layer; 0.12 M parameters at 175 frames.

    Each step sees the real and the imaginary part of one frame; the dense layer sees the
    outputs of all steps. Oksuz et al. 2019, as described in Balsiger et al., MLMIR 2020,
    section 2.3.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int, *, width: int = 100) -> None:
        super().__init__()
        self.recurrent = nn.GRU(2, width, batch_first=True)
        self.dense = nn.Linear(width * n_frames, n_maps)

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        states, _ = self.recurrent(fingerprints.transpose(1, 2))
        maps: Tensor = self.dense(states.flatten(1))
        return maps
