"""The small one-dimensional convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_mrf.networks.architectures.convolution_lengths import length_after

if TYPE_CHECKING:
    from torch import Tensor

_KERNELS = (15, 10, 5)
_STRIDES = (5, 3, 2)
_CHANNELS = (30, 60, 100)


class Hoppe2017(nn.Module):
    """Three convolutions with ReLU and one dense layer; 0.05 M parameters at 175 frames.

    Hoppe et al. 2017 as counted in Balsiger et al., MedIA 2020, Table 3 (0.05 M parameters,
    three non-linearities). Kernels, strides and channels are not printed there: ours follow the
    later network of the same group and give 50,095 parameters.

    Parameters
    ----------
    n_frames : int
        T, at least 80.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 2
        for kernel, stride, channels in zip(_KERNELS, _STRIDES, _CHANNELS, strict=True):
            layers += [nn.Conv1d(before, channels, kernel, stride), nn.ReLU()]
            before = channels
        length = length_after(n_frames, zip(_KERNELS, _STRIDES, strict=True))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(length * before, n_maps))

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        maps: Tensor = self.layers(fingerprints)
        return maps
