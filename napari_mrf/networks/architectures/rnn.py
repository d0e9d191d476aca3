"""Recurrent encoder, a baseline of BlochNet.

A network of the zoo with a file of its own, as all are; `rnn_rnn` adds a decoder to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_mrf.networks.architectures.frame_segments import n_segments

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 128


class Rnn(nn.Module):
    """Gated recurrent unit over segments of the fingerprint, dense layer on all its outputs.

    Baseline "RNN" of BlochNet, section 4.2, which does not print its layers: a gated recurrent
    unit of 128 over 25 to 35 segments is our choice.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        self.n_steps = n_segments(n_frames)
        self.recurrent = nn.GRU(2 * n_frames // self.n_steps, WIDTH, batch_first=True)
        self.dense = nn.Linear(WIDTH * self.n_steps, n_maps)

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        n, channels, n_frames = fingerprints.shape
        segments = fingerprints.reshape(n, channels, self.n_steps, n_frames // self.n_steps)
        segments = segments.transpose(1, 2).flatten(2)
        states, _ = self.recurrent(segments)
        maps: Tensor = self.dense(states.flatten(1))
        return maps
