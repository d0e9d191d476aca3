"""Work and memory of a network per voxel, counted from the shapes of its layers alone."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from typing import Any

    from napari_mrf.networks.zoo import NetworkInfo

_FINGERPRINTS = 16
_TILE = 32
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Work:
    """Cost of one fingerprint, or of one voxel of an image that goes in.

    Parameters
    ----------
    flops : float
        Floating-point operations of products and convolutions; a multiplication and its
        addition are two.
    n_bytes : float
        Memory in use at the widest layer, roughly.
    """

    flops: float
    n_bytes: float


def work_of(network: nn.Module, info: NetworkInfo, n_frames: int) -> Work:
    """Count the work of a network on the meta device, where nothing is computed.

    Dense layers, convolutions and recurrent layers count. (torch's own counter, which also
    knows the products of attention, costs two seconds to import.)

    Parameters
    ----------
    network : nn.Module
        Any of the zoo; it is not changed.
    info : NetworkInfo
        What it looks at.
    n_frames : int
        T.
    """
    shapes_only = copy.deepcopy(network).to("meta").eval()
    if info.kind == "image":
        side = _TILE + 2 * info.margin
        inputs = torch.empty(1, 2, n_frames, side, side, device="meta")
        n_voxels = side * side
    else:
        inputs = torch.empty(_FINGERPRINTS, 2, n_frames, device="meta")
        n_voxels = _FINGERPRINTS
    flops, widest = 0, 0

    def look(layer: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        nonlocal flops, widest
        output = output[0] if isinstance(output, tuple) else output
        flops += _flops(layer, given[0], output)
        widest = max(widest, given[0].numel() + output.numel())

    for layer in shapes_only.modules():
        layer.register_forward_hook(look)
    with torch.inference_mode():
        shapes_only(inputs)
    # Beside what a layer reads and writes: the fingerprints, complex and canonical.
    kept = widest + 3 * inputs.numel()
    return Work(flops / n_voxels, _FLOAT_BYTES * kept / n_voxels)


def _flops(layer: nn.Module, given: torch.Tensor, output: torch.Tensor) -> int:
    """Return the operations of one layer."""
    if isinstance(layer, nn.Linear):
        return 2 * output.numel() * layer.in_features
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        return 2 * output.numel() * layer.in_channels * prod(layer.kernel_size) // layer.groups
    if isinstance(layer, nn.RNNBase):
        weights = sum(one.numel() for one in layer.parameters() if one.ndim == 2)
        return 2 * weights * output.numel() // layer.hidden_size
    return 0
