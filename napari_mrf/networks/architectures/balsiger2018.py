"""Spatiotemporal network on 5 x 5 patches, with two receptive fields beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

PATCH = 5
_CHANNELS = 256
_DROPOUT = 0.2


class Balsiger2018(nn.Module):
    """Two 1 x 1 blocks, then 5 x 5 and 3 x 3 in parallel, then the maps of the central voxel.

    Balsiger et al., MLMI 2018, section 2.2 and Fig. 2: convolution, dropout, batch
    normalization and ReLU in each block; the 3 x 3 branch sees the central 3 x 3 voxels. 256
    channels throughout.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    entries = ("entry.0",)
    """See `in_subspace`."""

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(
            *_block(2 * n_frames, _CHANNELS, 1), *_block(_CHANNELS, _CHANNELS, 1)
        )
        self.wide = nn.Sequential(*_block(_CHANNELS, _CHANNELS, 5))
        self.narrow = nn.Sequential(*_block(_CHANNELS, _CHANNELS, 3))
        self.last = nn.Conv2d(2 * _CHANNELS, n_maps, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Return scaled maps (N, M, H - 4, W - 4) of images (N, 2, T, H, W).

        For single patches, H = W = 5, they are (N, M, 1, 1).
        """
        features = self.entry(patches.flatten(1, 2))
        wide = self.wide(features)
        narrow = self.narrow(features[:, :, 1:-1, 1:-1])
        maps: Tensor = self.last(torch.cat([wide, narrow], dim=1))
        return maps


def _block(before: int, after: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel),
        nn.Dropout(_DROPOUT),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    ]
