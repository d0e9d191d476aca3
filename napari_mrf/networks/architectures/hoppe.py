"""One-dimensional convolutional network with four convolutions and four dense layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_mrf.networks.architectures.convolution_lengths import length_after

if TYPE_CHECKING:
    from torch import Tensor

_KERNELS = (15, 10, 5, 3)
_CHANNELS = (30, 60, 120, 240)
_WIDTHS = (1000, 500, 300)
_POOL = (3, 2)
# The paper's strides are for 3000 points; fewer are left whole for longer.
_STRIDES = ((1000, (5, 3, 2, 2)), (500, (3, 2, 2, 1)), (0, (1, 1, 1, 3)))


class Hoppe(nn.Module):
    """Four blocks of convolution, ReLU and batch normalization, average pool, four dense layers.

    Layer sizes of Hoppe et al., MICCAI 2019 (RinQ), supplement, Table 4; 6.56 M parameters at
    175 frames, as Balsiger et al., MLMIR 2020, Table 1 has it. Strides are adapted to the number
    of frames (175: 1, 1, 1, 3) and the last layer is linear: our choices.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.

    Raises
    ------
    ValueError
        With fewer frames than the kernels need.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        strides = next(strides for least, strides in _STRIDES if n_frames >= least)
        layers: list[nn.Module] = []
        before = 2
        for kernel, stride, channels in zip(_KERNELS, strides, _CHANNELS, strict=True):
            layers += [
                nn.Conv1d(before, channels, kernel, stride),
                nn.ReLU(),
                nn.BatchNorm1d(channels),
            ]
            before = channels
        length = length_after(n_frames, [*zip(_KERNELS, strides, strict=True), _POOL])
        layers += [nn.AvgPool1d(*_POOL), nn.Flatten()]
        before = length * _CHANNELS[-1]
        for width in _WIDTHS:
            layers += [nn.Linear(before, width), nn.ReLU(), nn.BatchNorm1d(width)]
            before = width
        self.layers = nn.Sequential(*layers, nn.Linear(before, n_maps))

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        maps: Tensor = self.layers(fingerprints)
        return maps
