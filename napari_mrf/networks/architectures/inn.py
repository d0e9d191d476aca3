"""Invertible network: maps to fingerprints and back with one set of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

_N_BLOCKS = 2
_WIDTH = 128


class Inn(nn.Module):
    """Two reversible RealNVP blocks with fixed permutations; 0.36 M parameters at 175 frames.

    Balsiger et al., MLMIR 2020, section 2.1. A block maps the halves u1, u2 of its input by

        v1 = u1 exp(s2(u2)) + t2(u2),    v2 = u2 exp(s1(v1)) + t1(v1)

    and is inverted in closed form. Maps are padded with zeros to the 2 T numbers of a
    fingerprint (real parts, then imaginary parts). The permutations between the blocks are drawn
    with a fixed seed, and the logarithms of the scales are kept within ±2 by a soft clamp,
    2 tanh(s / 2), so that no early training step overflows: our choices.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M, at most 2 T.
    """

    def __init__(self, n_frames: int, n_maps: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_frames, self.n_maps = n_frames, n_maps
        generator = torch.Generator().manual_seed(seed)
        permutations = torch.stack(
            [torch.randperm(2 * n_frames, generator=generator) for _ in range(_N_BLOCKS)]
        )
        self.register_buffer("permutations", permutations)
        self.register_buffer("inverses", torch.argsort(permutations, dim=1))
        self.permutations: Tensor
        self.inverses: Tensor
        self.blocks = nn.ModuleList([_Reversible(n_frames) for _ in range(_N_BLOCKS)])

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        return self.latent(fingerprints)[:, : self.n_maps]

    def latent(self, fingerprints: Tensor) -> Tensor:
        """Return all 2 T numbers that belong to fingerprints: maps, then what should be zero."""
        values = fingerprints.flatten(1)
        for index in reversed(range(_N_BLOCKS)):
            block: Any = self.blocks[index]
            values = block.inverse(values).index_select(1, self.inverses[index])
        return values

    def simulate(self, maps: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of scaled maps (N, M): the forward process."""
        padding = maps.new_zeros(len(maps), 2 * self.n_frames - self.n_maps)
        return self.from_latent(torch.cat([maps, padding], dim=1))

    def from_latent(self, values: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of all 2 T numbers; the inverse of `latent`."""
        for index in range(_N_BLOCKS):
            values = self.blocks[index](values.index_select(1, self.permutations[index]))
        return values.reshape(-1, 2, self.n_frames)


class _Reversible(nn.Module):
    """Two complementary affine couplings of two halves."""

    def __init__(self, half: int) -> None:
        super().__init__()
        self.half_size = half
        self.scale_1, self.shift_1, self.scale_2, self.shift_2 = (
            nn.Sequential(nn.Linear(half, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, half))
            for _ in range(4)
        )

    def forward(self, values: Tensor) -> Tensor:
        first, second = values[:, : self.half_size], values[:, self.half_size :]
        first = first * torch.exp(_soft(self.scale_2(second))) + self.shift_2(second)
        second = second * torch.exp(_soft(self.scale_1(first))) + self.shift_1(first)
        return torch.cat([first, second], dim=1)

    def inverse(self, values: Tensor) -> Tensor:
        first, second = values[:, : self.half_size], values[:, self.half_size :]
        second = (second - self.shift_1(first)) * torch.exp(-_soft(self.scale_1(first)))
        first = (first - self.shift_2(second)) * torch.exp(-_soft(self.scale_2(second)))
        return torch.cat([first, second], dim=1)


def _soft(logarithm: Tensor) -> Tensor:
    # 2 tanh(s / 2); the hyperbolic tangent itself takes three times as long.
    return 4.0 * torch.sigmoid(logarithm) - 2.0
