"""Interleaved temporal and spatial blocks, sized by an algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

RECEPTIVE_FIELD = 15


@dataclass(frozen=True)
class Architecture:
    """Numbers of layers and channels, as `build_architecture` chooses them.

    Parameters
    ----------
    layers : tuple of int
        L: layers of each temporal block.
    temporal_channels, spatial_channels : tuple of int
        C_T and C_S of each block.
    n_parameters : int
        Weights and biases of all convolutions, the last one included.
    spatial_decrement : int
        C_Sdec that was used: smaller than asked for where the wanted size needs it.
    """

    layers: tuple[int, ...]
    temporal_channels: tuple[int, ...]
    spatial_channels: tuple[int, ...]
    n_parameters: int
    spatial_decrement: int


def build_architecture(
    receptive_field: int = RECEPTIVE_FIELD,
    n_parameters: int = 5_000_000,
    n_nonlinearities: int = 21,
    *,
    n_frames: int = 175,
    n_maps: int = 5,
    spatial_stop: int = 64,
    spatial_decrement: int = 32,
    temporal_stop: int = 32,
    temporal_decrement: int = 32,
) -> Architecture:
    """Size the blocks for a receptive field and a number of parameters.

    Algorithm 1 of Balsiger et al., MedIA 2020, with three mends that its printed form needs to
    give the architecture of the paper (R = 15, 5 M: 4,995,684 parameters): the search starts at
    C_Tstart = C_Tstop, block i of N_B has one layer more where i <= N_LT mod N_B, and a temporal
    block hands on its input and the output of all its layers. For R = 1 there is one temporal
    block of N_L - 1 layers and one 1 x 1 layer of C_Sstop channels. Where even C_Tstart =
    C_Tstop has too many parameters, C_Sdec is lowered.

    Parameters
    ----------
    receptive_field : int
        R in voxels, odd, 1 to 21.
    n_parameters : int
        N_P wanted.
    n_nonlinearities : int
        N_L, the number of convolutions before the last.
    n_frames, n_maps : int
        T and M.
    spatial_stop, spatial_decrement, temporal_stop, temporal_decrement : int
        C_Sstop, C_Sdec, C_Tstop, C_Tdec.

    Raises
    ------
    ValueError
        For an even or impossible receptive field, or fewer layers than blocks.
    """
    if receptive_field < 1 or receptive_field % 2 == 0:
        raise ValueError(f"the receptive field must be odd, not {receptive_field}")
    n_blocks = max((receptive_field - 1) // 2, 1)
    n_temporal = n_nonlinearities - n_blocks
    if n_temporal < n_blocks:
        raise ValueError(
            f"{n_nonlinearities} layers are too few for {n_blocks} blocks: two per block are needed"
        )
    layers = tuple(
        n_temporal // n_blocks + (i <= n_temporal % n_blocks) for i in range(1, n_blocks + 1)
    )

    def sized(start: int, decrement: int) -> Architecture:
        temporal = tuple(
            max(start - i * temporal_decrement, temporal_stop) for i in range(n_blocks)
        )
        spatial = tuple(i * decrement + spatial_stop for i in reversed(range(n_blocks)))
        kernel = 3 if receptive_field > 1 else 1
        count = _count(2 * n_frames, n_maps, layers, temporal, spatial, kernel)
        return Architecture(layers, temporal, spatial, count, decrement)

    decrement = spatial_decrement
    while decrement > 0 and sized(temporal_stop, decrement).n_parameters > n_parameters:
        decrement -= 1
    best = sized(temporal_stop, decrement)
    start = temporal_stop + 1
    while True:
        candidate = sized(start, decrement)
        if abs(candidate.n_parameters - n_parameters) >= abs(best.n_parameters - n_parameters):
            return best
        best, start = candidate, start + 1


class Balsiger2020(nn.Module):
    """Temporal blocks (1 x 1, dense) and spatial blocks (valid 3 x 3) in turns.

    Balsiger et al., MedIA 2020, sections 2.3-2.5, Fig. 2.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    receptive_field, n_parameters : int
        See `build_architecture`.
    """

    def __init__(
        self,
        n_frames: int,
        n_maps: int,
        *,
        receptive_field: int = RECEPTIVE_FIELD,
        n_parameters: int = 5_000_000,
    ) -> None:
        super().__init__()
        self.receptive_field = receptive_field
        self.architecture = built = build_architecture(
            receptive_field, n_parameters, n_frames=n_frames, n_maps=n_maps
        )
        blocks: list[nn.Module] = []
        before = 2 * n_frames
        kernel = 3 if receptive_field > 1 else 1
        for n_layers, growth, channels in zip(
            built.layers, built.temporal_channels, built.spatial_channels, strict=True
        ):
            blocks.append(_Temporal(before, n_layers, growth))
            blocks += _layer(before + n_layers * growth, channels, kernel)
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(before, n_maps, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps (N, M, H - R + 1, W - R + 1) of images (N, 2, T, H, W)."""
        maps: Tensor = self.last(self.blocks(images.flatten(1, 2)))
        return maps


class _Temporal(nn.Module):
    """Dense block: each 1 x 1 layer sees the input and all layers before it."""

    def __init__(self, before: int, n_layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Sequential(*_layer(before + i * growth, growth, 1)) for i in range(n_layers)]
        )

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers:
            features = torch.cat([features, layer(features)], dim=1)
        return features


def _layer(before: int, after: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, kernel), nn.ReLU(), nn.BatchNorm2d(after)]


def _count(
    before: int,
    n_maps: int,
    layers: tuple[int, ...],
    temporal: tuple[int, ...],
    spatial: tuple[int, ...],
    kernel: int,
) -> int:
    total = 0
    for n_layers, growth, channels in zip(layers, temporal, spatial, strict=True):
        for _ in range(n_layers):
            total += before * growth + growth
            before += growth
        total += kernel**2 * before * channels + channels
        before = channels
    return total + before * n_maps + n_maps
