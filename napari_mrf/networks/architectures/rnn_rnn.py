"""Recurrent autoencoder, a baseline of BlochNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_mrf.networks.architectures.rnn import WIDTH, Rnn

if TYPE_CHECKING:
    from torch import Tensor


class RnnRnn(Rnn):
    """`Rnn` with a learned recurrent decoder, trained with it.

    Baseline "RNN-RNN" of BlochNet, section 4.2: the error of the maps and the error of the
    decoded fingerprint add up. The decoder sees the maps at every step; our choice.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__(n_frames, n_maps)
        self.entry = nn.Sequential(nn.Linear(n_maps, WIDTH), nn.ReLU())
        self.decoder = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.exit = nn.Linear(WIDTH, 2 * n_frames // self.n_steps)

    def simulate(self, maps: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of scaled maps (N, M)."""
        steps = self.entry(maps)[:, None].expand(-1, self.n_steps, -1)
        states, _ = self.decoder(steps)
        segments: Tensor = self.exit(states)
        n, n_steps, size = segments.shape
        return torch.flatten(segments.reshape(n, n_steps, 2, size // 2).transpose(1, 2), 2)
