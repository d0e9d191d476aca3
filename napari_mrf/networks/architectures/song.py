"""One-dimensional residual network with non-local attention (HYDRA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

_KERNEL = 21
_FIRST_CHANNELS = 16
_CHANNELS = (32, 64, 128, 128)


class Song(nn.Module):
    """Two convolutions, four residual blocks with attention, global average, dense layer.

    Song et al. 2019 (HYDRA) with the counts of Balsiger et al., MLMIR 2020, Table 1 (1.49 M
    parameters). Described incompletely there; our choices: kernels of 21 frames throughout,
    16 channels before the blocks and 32, 64, 128, 128 in them, max-pool 3 with stride 2 at the
    entry of each block, batch normalization before each ReLU, attention on half the channels
    (Wang et al. 2018, embedded Gaussian).

    Parameters
    ----------
    n_frames : int
        T, at least 32.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        if n_frames < 2 ** (len(_CHANNELS) + 1):
            raise ValueError(
                f"{n_frames} frames are too few for {len(_CHANNELS)} poolings, "
                f"at least {2 ** (len(_CHANNELS) + 1)} are needed"
            )
        self.entry = nn.Sequential(
            *_convolution(2, _FIRST_CHANNELS), *_convolution(_FIRST_CHANNELS, _FIRST_CHANNELS)
        )
        widths = (_FIRST_CHANNELS, *_CHANNELS)
        self.blocks = nn.Sequential(
            *(_Block(before, after) for before, after in zip(widths, _CHANNELS, strict=False))
        )
        self.dense = nn.Linear(_CHANNELS[-1], n_maps)

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return scaled maps (N, M) of fingerprints (N, 2, T)."""
        features = self.blocks(self.entry(fingerprints))
        maps: Tensor = self.dense(features.mean(dim=2))
        return maps


class _Block(nn.Module):
    """Pool, two convolutions beside a short cut, attention."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool1d(3, 2, 1)
        self.convolutions = nn.Sequential(
            *_convolution(before, after),
            nn.Conv1d(after, after, _KERNEL, padding=_KERNEL // 2),
            nn.BatchNorm1d(after),
        )
        self.short_cut = nn.Identity() if before == after else nn.Conv1d(before, after, 1)
        self.attention = _NonLocal(after)

    def forward(self, features: Tensor) -> Tensor:
        features = self.pool(features)
        joined = torch.relu(self.convolutions(features) + self.short_cut(features))
        attended: Tensor = self.attention(joined)
        return attended


class _NonLocal(nn.Module):
    """Every frame sees every other, by the similarity of their features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.query = nn.Conv1d(channels, inner, 1)
        # A bias of the keys would add the same to all of them, and the softmax takes it away.
        self.key = nn.Conv1d(channels, inner, 1, bias=False)
        self.value = nn.Conv1d(channels, inner, 1)
        self.out = nn.Conv1d(inner, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        similarity = self.query(features).transpose(1, 2) @ self.key(features)
        weights = torch.softmax(similarity, dim=2)
        seen = self.value(features) @ weights.transpose(1, 2)
        result: Tensor = features + self.out(seen)
        return result


def _convolution(before: int, after: int) -> list[nn.Module]:
    return [
        nn.Conv1d(before, after, _KERNEL, padding=_KERNEL // 2),
        nn.BatchNorm1d(after),
        nn.ReLU(),
    ]
