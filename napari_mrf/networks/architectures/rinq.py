"""Recurrent network over segments of the fingerprints of a patch, with a quantile layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_mrf.networks.architectures.frame_segments import n_segments

if TYPE_CHECKING:
    from torch import Tensor

PATCH = 3
_WIDTHS = (500, 250)
_JOINT = 360


class Rinq(nn.Module):
    """LSTM over segments, four dense layers, median of the predictions in a 3 x 3 patch.

    Hoppe et al., MICCAI 2019, section 2.1 and Tables 2 (1 x 1) and 3 (3 x 3): 8.1 M and 7.7 M
    parameters at 3000 frames. The fingerprint is cut into segments, each one step of the LSTM;
    every layer but the last is followed by ReLU and batch normalization. The gradient of the
    quantile layer goes to the voxel that the quantile was taken from.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    patch : {3, 1}
        Voxels across; 1 has no quantile layer and a wider LSTM.
    n_channels : {2, 1}
        Real and imaginary part, or magnitude alone.
    """

    def __init__(
        self, n_frames: int, n_maps: int, *, patch: int = PATCH, n_channels: int = 2
    ) -> None:
        super().__init__()
        if patch not in (1, PATCH):
            raise ValueError(f"patch must be 1 or {PATCH} voxels wide, not {patch}")
        self.patch, self.n_channels, self.n_maps = patch, n_channels, n_maps
        self.n_steps = steps = n_segments(n_frames)
        step_size = patch**2 * n_channels * n_frames // steps
        width = 1000 if patch == 1 else 500
        self.recurrent = nn.LSTM(step_size, width, batch_first=True)
        self.after_recurrent = nn.Sequential(nn.ReLU(), _OverSteps(width))
        self.steps = nn.Sequential(
            nn.Linear(width, _WIDTHS[0]), nn.ReLU(), _OverSteps(_WIDTHS[0]),
            nn.Linear(_WIDTHS[0], _WIDTHS[1]), nn.ReLU(), _OverSteps(_WIDTHS[1]),
        )  # fmt: skip
        self.joint = nn.Sequential(
            nn.Flatten(), nn.Linear(steps * _WIDTHS[1], _JOINT), nn.ReLU(), nn.BatchNorm1d(_JOINT)
        )
        self.last = nn.Linear(_JOINT // patch**2, n_maps)

    def forward(self, images: Tensor) -> Tensor:
        """Return scaled maps (N, M, H - 2, W - 2) of images (N, 2, T, H, W).

        With `patch` 1: maps (N, M) of fingerprints (N, 2, T).
        """
        if self.patch == 1:
            return self._of_patches(images[..., None])[:, :, 0]
        n, channels, frames, height, width = images.shape
        rows, columns = height - PATCH + 1, width - PATCH + 1
        patches = images.unfold(3, PATCH, 1).unfold(4, PATCH, 1)
        patches = patches.permute(0, 3, 4, 1, 2, 5, 6).reshape(-1, channels, frames, PATCH**2)
        maps = quantile_layer(self._of_patches(patches))
        return maps.reshape(n, rows, columns, self.n_maps).permute(0, 3, 1, 2)

    def _of_patches(self, patches: Tensor) -> Tensor:
        """Return predictions (N, M, voxels) of patches (N, channels, T, voxels)."""
        patches = patches[:, : self.n_channels]
        n, channels, frames, voxels = patches.shape
        segments = patches.reshape(n, channels, self.n_steps, frames // self.n_steps, voxels)
        segments = segments.permute(0, 2, 4, 1, 3).flatten(2)
        states, _ = self.recurrent(segments)
        features = self.joint(self.steps(self.after_recurrent(states)))
        predictions: Tensor = self.last(features.reshape(n, voxels, -1))
        return predictions.transpose(1, 2)


def quantile_layer(predictions: Tensor) -> Tensor:
    """Return the 0.5 quantile over the last axis, (N, M) of (N, M, voxels).

    As in the paper, q(f) = Q f with Q the position of the quantile: the gradient is its
    transpose and reaches that one voxel.
    """
    if torch.onnx.is_in_onnx_export():  # ONNX has no median
        return torch.topk(predictions, predictions.shape[-1] // 2 + 1, dim=-1).values[..., -1]
    return torch.median(predictions, dim=-1).values


class _OverSteps(nn.Module):
    """Batch normalization of features (N, steps, features), over voxels and steps."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.normalization = nn.BatchNorm1d(n_features)

    def forward(self, features: Tensor) -> Tensor:
        # As rows: with the features on the second axis of three, each has strides of its own.
        normalized: Tensor = self.normalization(features.flatten(0, 1))
        return normalized.reshape(features.shape)
