"""Normalization of fingerprints and scaling of maps, which are part of the weights."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


class Normalization(nn.Module):
    """Canonical fingerprints in, maps scaled to 0-1 out.

    The receive phase and gain of a voxel are unknown. A fingerprint is divided by its norm and
    turned until its product with a fixed reference is real and positive; what is left does not
    depend on them. The reference is the leading singular vector of simulated fingerprints,
    with which every tissue of the ranges has a large product (`reference_of`).

    Parameters
    ----------
    reference : Tensor
        (T,) complex, unit norm.
    lower, upper : sequence of float
        Range of each map.
    logarithmic : sequence of bool
        Whether a map is scaled in its logarithm; then its range is positive.
    """

    def __init__(
        self,
        reference: Tensor,
        lower: Sequence[float],
        upper: Sequence[float],
        logarithmic: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        logarithmic = [False] * len(lower) if logarithmic is None else logarithmic
        self.reference: Tensor
        self.lower: Tensor
        self.upper: Tensor
        self.register_buffer("reference", torch.view_as_real(reference.to(torch.complex64)).clone())
        self.register_buffer("lower", torch.tensor(lower, dtype=torch.float32))
        self.register_buffer("upper", torch.tensor(upper, dtype=torch.float32))
        self.n_frames = len(reference)
        self.logarithmic = tuple(bool(one) for one in logarithmic)

    def canonical(self, signals: Tensor) -> Tensor:
        """Return canonical fingerprints (N, 2, T, …) of complex ones (N, T, …).

        Their mean power is 1; where there is no signal they are zero.
        """
        spread = (1, signals.shape[1]) + (1,) * (signals.ndim - 2)
        reference = torch.view_as_complex(self.reference).reshape(spread)
        # Of complex numbers the norm takes several times as long.
        parts = torch.view_as_real(signals)
        unit = _inverse_power_of_two(parts.detach().abs().amax(dim=(1, -1), keepdim=True))
        norm = torch.linalg.vector_norm(parts * unit, dim=(1, -1)).unsqueeze(1)
        unit = unit[..., 0]
        product = (signals * reference.conj()).sum(dim=1, keepdim=True) * unit
        size = product.abs() * norm
        turn = torch.where(size > 0, product.conj() * self.n_frames**0.5 / size.clamp(min=1e-38), 0)
        return torch.view_as_real(signals * (turn * unit)).movedim(-1, 1)

    def in_subspace(self, vectors: NDArray[np.complex128]) -> Normalization:
        """Return the normalization of coordinates (N, K) along orthonormal vectors (T, K).

        Its canonical coordinates are those of the canonical fingerprints.
        """
        found = copy.deepcopy(self)
        reference = torch.view_as_complex(self.reference).cpu().numpy()
        seen = (vectors.conj().T @ reference).astype(np.complex64)
        found.reference = torch.view_as_real(torch.from_numpy(seen)).to(self.reference)
        return found

    def scaled(self, values: Tensor) -> Tensor:
        """Return maps (N, M, …) scaled to 0-1 over their ranges."""
        lower, upper = self._bounds(values.ndim)
        return (self._as_scaled(values) - lower) / (upper - lower)

    def values(self, scaled: Tensor) -> Tensor:
        """Return the values of scaled maps (N, M, …)."""
        lower, upper = self._bounds(scaled.ndim)
        linear = scaled * (upper - lower) + lower
        if not any(self.logarithmic):
            return linear
        return torch.stack(
            [
                torch.exp(linear[:, at]) if logarithmic else linear[:, at]
                for at, logarithmic in enumerate(self.logarithmic)
            ],
            dim=1,
        )

    def _as_scaled(self, values: Tensor) -> Tensor:
        if not any(self.logarithmic):
            return values
        return torch.stack(
            [
                torch.log(values[:, at].clamp(min=1e-6)) if logarithmic else values[:, at]
                for at, logarithmic in enumerate(self.logarithmic)
            ],
            dim=1,
        )

    def _bounds(self, n_dimensions: int) -> tuple[Tensor, Tensor]:
        shape = (1, -1) + (1,) * (n_dimensions - 2)
        return (
            self._as_scaled(self.lower[None]).reshape(shape),
            self._as_scaled(self.upper[None]).reshape(shape),
        )


def _inverse_power_of_two(sizes: Tensor) -> Tensor:
    """Return what brings positive sizes to 1-2 without rounding: squares then fit into float32.

    The eight bits of the exponent alone are a power of two.
    """
    powers = (sizes.float().view(torch.int32) & 0x7F800000).view(torch.float32)
    return 1.0 / powers.clamp(min=2.0**-100, max=2.0**100)


def reference_of(signals: NDArray[np.complexfloating]) -> Tensor:
    """Return the leading singular vector (T,) of fingerprints (N, T), each at unit norm.

    Over the ranges of the MRF T1-FF recipes the smallest product with it is 0.26, over those of
    FISP 0.51: far from zero, where the canonical phase would not be defined (tested).
    """
    unit = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    covariance = unit.T @ unit.conj()
    _, vectors = np.linalg.eigh(covariance.astype(np.complex128))
    return torch.from_numpy(vectors[:, -1].astype(np.complex64))
