"""The subspace of a sequence's fingerprints, and what neighbors say about a voxel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_mrf.networks.architectures.cohen import Cohen

if TYPE_CHECKING:
    from torch import Tensor

_RANK = 12
_DENSE = (128, 128, 64)
_WIDTH = 64
_BLOCKS = 3
_MARGIN = 2 * _BLOCKS
# Of the norm of a fingerprint: coefficients that are smaller hardly rise above the noise.
_USUAL_NOISE = 0.00877
_LEAST_SHARE = 1e-5
_FIRST_SCALE = 0.03


class SubspaceNet(nn.Module):
    """What a voxel and its 13 x 13 neighbors say beyond the maps of `cohen`, and how sure that is.

    Of each canonical fingerprint: 12 complex coefficients by a matrix that is learned and begins
    with the singular vectors of simulated fingerprints; the logarithm of the share of its energy
    outside those, which tells the noise; the maps of `cohen`, whose weights are kept as they are.
    Three dense layers (128, 128, 64), three residual blocks of two 3 x 3 convolutions (64
    channels; He et al., ECCV 2016, with the non-linearity first), and a dense head whose maps are
    added to those of `cohen`. A second head gives the logarithm of the scale of a Laplace
    distribution for each map; its gradient does not reach what the maps come from (Stirn et al.,
    AISTATS 2023), so it cannot harm them. 0.47 M parameters at 175 frames, 0.21 M of them kept.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    entries = ("base.layers.1", "subspace", "projection")
    """See `in_subspace`."""

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__()
        self.n_frames = n_frames
        rows = 2 * min(_RANK, n_frames)
        self.base = Cohen(n_frames, n_maps).requires_grad_(False)
        self.subspace = nn.Linear(2 * n_frames, rows, bias=False).requires_grad_(False)
        self.projection = nn.Linear(2 * n_frames, rows)
        layers: list[nn.Module] = []
        for before, after in zip((rows + 1 + n_maps, *_DENSE), _DENSE, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.dense = nn.Sequential(*layers)
        self.blocks = nn.Sequential(*[_Residual(_WIDTH) for _ in range(_BLOCKS)])
        self.head, self.scale_head = _head(n_maps), _head(n_maps)

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps (N, M, H - 12, W - 12) of images (N, 2, T, H, W)."""
        return self.with_log_scales(images)[0]

    def with_log_scales(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return scaled maps, and of each value the logarithm of its scale, in the same shape."""
        rows = images.flatten(1, 2).movedim(1, -1).contiguous()
        with torch.no_grad():
            known = self.base.layers(rows.flatten(0, -2)).reshape(*rows.shape[:-1], -1)
            inside = self.subspace(rows).square().sum(-1, keepdim=True)
            outside = (rows.square().sum(-1, keepdim=True) - inside) / self.n_frames
            # -8 at 40 dB to 0 for noise alone, brought to about -1 to 1.
            noise = outside.clamp(min=_LEAST_SHARE).log() / 4.0 + 1.0
        features = self.dense(torch.cat([self.projection(rows), noise, known], dim=-1))
        seen = self.blocks(features.movedim(-1, 1)).movedim(1, -1)
        maps = _inner(known, _MARGIN, axis=1) + self.head(seen)
        log_scales = self.scale_head(seen.detach())
        return maps.movedim(-1, 1), log_scales.movedim(-1, 1)

    def start(self, fingerprints: Tensor, base: nn.Module | None) -> None:
        """Begin with what is known before any training: the maps are those of `base`.

        Parameters
        ----------
        fingerprints : Tensor
            (N, 2, T), canonical, simulated.
        base : Cohen, optional
            With trained weights; without, the maps are the middle of their ranges.
        """
        rows = fingerprints.flatten(1).double() / math.sqrt(self.n_frames)
        real, imaginary = rows.chunk(2, dim=1)
        signals = torch.complex(real, imaginary)
        _, vectors = torch.linalg.eigh(signals.T @ signals.conj())
        basis = vectors[:, -(self.subspace.out_features // 2) :].T
        subspace = torch.cat([
            torch.cat([basis.real, basis.imag], dim=1), torch.cat([-basis.imag, basis.real], dim=1)
        ])  # fmt: skip
        coefficients = rows @ subspace.T
        size = (coefficients.var(dim=0) + _USUAL_NOISE**2).sqrt()
        with torch.no_grad():
            self.subspace.weight.copy_(subspace)
            self.projection.weight.copy_(subspace / (size[:, None] * math.sqrt(self.n_frames)))
            self.projection.bias.copy_(-coefficients.mean(dim=0) / size)
            _give_always(self.head[-1], 0.0)
            _give_always(self.scale_head[-1], math.log(_FIRST_SCALE))
            if base is not None:
                self.base.load_state_dict(base.state_dict())
            else:
                _give_always(self.base.layers[-1], 0.5)


class _Residual(nn.Module):
    """Two 3 x 3 convolutions whose result is added to what they saw; two voxels less a side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3)
        )

    def forward(self, features: Tensor) -> Tensor:
        more: Tensor = self.layers(features)
        return _inner(features, 2, axis=2) + more


def _head(n_maps: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, n_maps))


def _give_always(layer: nn.Module, value: float) -> None:
    weight, bias = layer.parameters()
    nn.init.zeros_(weight)
    nn.init.constant_(bias, value)


def _inner(values: Tensor, margin: int, axis: int) -> Tensor:
    """Return values less a margin on each side of two axes, from one on."""
    height, width = values.shape[axis : axis + 2]
    inner = values.narrow(axis, margin, height - 2 * margin)
    return inner.narrow(axis + 1, margin, width - 2 * margin)
