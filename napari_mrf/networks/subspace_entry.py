"""Networks on coefficients: first layers that take coordinates in a subspace for fingerprints.

Many networks begin with layers that are linear in the fingerprint and see nothing else of it but
its norm: dense layers, or convolutions that take its numbers as channels. A fingerprint of a
series that keeps coefficients is y = Q u with orthonormal Q (T, K), so W y = (W Q) u and |y| = |u|:
such a layer gives the same of K numbers as of T frames, once it has been multiplied with Q. All
that follows is as it was. Apart from `trained`, which knows nothing of the layers of a network.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def in_subspace(
    network: nn.Module, entries: tuple[str, ...], vectors: NDArray[np.complex128]
) -> nn.Module:
    """Return a network that gives of coordinates (N, 2, K, …) what one gives of fingerprints.

    Parameters
    ----------
    network : nn.Module
        It is not changed, and shares its other weights with the result.
    entries : tuple of str
        The names of its layers that see fingerprints, `nn.Linear` or convolutions: their inputs or
        channels are the real, then the imaginary parts of the frames. Architectures have an
        attribute of this name where nothing else sees them but their norm.
    vectors : ndarray
        (T, K) complex128, orthonormal: the coordinates are along these.
    """
    shared = {id(one): one for each in (network.parameters, network.buffers) for one in each()}
    entered = copy.deepcopy(network, shared)
    for name in entries:
        of, _, layer_name = name.rpartition(".")
        setattr(entered.get_submodule(of), layer_name, _entry(network.get_submodule(name), vectors))
    return entered


def _entry(layer: nn.Module, vectors: NDArray[np.complex128]) -> nn.Module:
    """Return a layer (out, 2T, …) after the change from frames to coordinates."""
    found = copy.deepcopy(layer)
    weight: Tensor = layer.weight  # type: ignore[assignment]
    real, imaginary = weight.detach().cpu().double().chunk(2, dim=1)
    along_real, along_imaginary = torch.from_numpy(vectors.real), torch.from_numpy(vectors.imag)

    def times(part: Tensor, table: Tensor) -> Tensor:
        return torch.einsum("nt...,tk->nk...", part, table)

    of_coordinates = torch.cat(
        [
            times(real, along_real) + times(imaginary, along_imaginary),
            times(imaginary, along_real) - times(real, along_imaginary),
        ],
        dim=1,
    )
    found.weight = nn.Parameter(of_coordinates.to(weight), requires_grad=False)
    setattr(
        found,
        "in_features" if isinstance(layer, nn.Linear) else "in_channels",
        2 * vectors.shape[1],
    )
    return found
