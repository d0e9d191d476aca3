"""Per-voxel feature extraction, then a U-Net on the features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate, pad

if TYPE_CHECKING:
    from torch import Tensor

ALIGNMENT = 8
"""Three poolings: tiles must begin at multiples of this many voxels."""

_FEATURES = 64
_N_DENSE = 4
_CHANNELS = (64, 128, 256, 512)


class Fang(nn.Module):
    """Four dense layers per voxel, then a U-Net with three poolings.

    Fang et al. 2019 within the figures of Balsiger et al., MedIA 2020, Table 3: 3.84 M
    parameters, 11 non-linearities, receptive field 54 x 54. Layer sizes are our choice: four
    dense layers of 64 features, one convolution a level on the way down and up, 64 to 512
    channels, nearest-neighbor upsampling, a last 3 x 3 convolution without ReLU; 3.95 M
    parameters. `head` turns the features alone into maps, for the first stage of training.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    entries = ("features.0",)
    """See `in_subspace`."""

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        dense: list[nn.Module] = []
        for before in (2 * n_frames, *[_FEATURES] * (_N_DENSE - 1)):
            dense += _convolution(before, _FEATURES, 1)
        self.features = nn.Sequential(*dense)
        self.head = nn.Conv2d(_FEATURES, n_maps, 1)
        widths = (_FEATURES, *_CHANNELS)
        self.down = nn.ModuleList(
            [nn.Sequential(*_convolution(a, b, 3)) for a, b in zip(widths, _CHANNELS, strict=False)]
        )
        self.up = nn.ModuleList(
            [
                nn.Sequential(*_convolution(low + high, high, 3))
                for high, low in zip(_CHANNELS[-2::-1], _CHANNELS[:0:-1], strict=True)
            ]
        )
        self.last = nn.Conv2d(_CHANNELS[0], n_maps, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps (N, M, H, W) of images (N, 2, T, H, W); beyond the rim is zero."""
        height, width = images.shape[-2:]
        features = self.features(images.flatten(1, 2))
        features = pad(features, (0, -width % ALIGNMENT, 0, -height % ALIGNMENT))
        kept = []
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else nn.functional.max_pool2d(features, 2))
            kept.append(features)
        kept.pop()
        for block in self.up:
            wide = interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([wide, kept.pop()], dim=1))
        maps: Tensor = self.last(features)
        return maps[..., :height, :width]

    def first_stage(self, images: Tensor) -> Tensor:
        """Return maps (N, M, H, W) from the features of each voxel alone."""
        maps: Tensor = self.head(self.features(images.flatten(1, 2)))
        return maps


def _convolution(before: int, after: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel, padding=kernel // 2),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    ]
