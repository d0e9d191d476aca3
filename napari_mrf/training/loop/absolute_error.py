"""The mean absolute error of maps, each in units of the error that is usual for it.

Apart from the step of the optimizer, which takes any error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.training.recipe import MapRange, Recipe


class AbsoluteError(nn.Module):
    """Loss that counts each map alike, and a relaxation time where there is what relaxes.

    Water T1 has the weight 1.15 - FF and fat T1 FF + 0.15, both kept within 0.1-1: where
    there is hardly any water (fat), the signal says nothing of its T1, and the squared error of
    all maps alike is mostly that. The absolute error leads to the median, not to the mean of
    what is possible, and so to less smoothing.

    Parameters
    ----------
    recipe : Recipe
        Maps, their ranges and `error_scales`.
    normalization : Normalization
        That maps were scaled by; it may cover more than the ranges.
    """

    def __init__(self, recipe: Recipe, normalization: Normalization) -> None:
        super().__init__()
        self._keys = list(recipe.maps)
        self._normalization = [normalization]  # in a list, so that it is no part of this module
        scales = recipe.error_scales()
        lower, upper = normalization.lower.tolist(), normalization.upper.tolist()
        weights = [
            _width(low, high, recipe.maps[key]) / scales[key]
            for key, low, high in zip(self._keys, lower, upper, strict=True)
        ]
        self.weights: Tensor
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))

    def forward(self, estimated: Tensor, maps: Tensor, counted: Tensor | None) -> Tensor:
        """Return the mean over what counts; see `map_error` for the arguments."""
        spread = (1, -1) + (1,) * (maps.ndim - 2)
        weights = self.weights.reshape(spread) * self._shares(maps)
        if counted is None:
            return (weights * (estimated - maps).abs()).mean()
        # Masked before they are multiplied, so that a NaN outside stays without a trace.
        error = torch.where(counted[:, None], estimated - maps, 0.0).abs()
        weights = torch.where(counted[:, None], weights, 0.0)
        return (weights * error).sum() / (counted.sum() * maps.shape[1]).clamp(min=1)

    def _shares(self, maps: Tensor) -> Tensor:
        shares = torch.ones_like(maps)
        if "FF" in self._keys:
            ff = self._normalization[0].values(maps)[:, self._keys.index("FF")]
            for key, share in (("T1H2O", 1.15 - ff), ("T1fat", ff + 0.15)):
                if key in self._keys:
                    shares[:, self._keys.index(key)] = share.clamp(0.1, 1.0)
        return shares


def _width(lower: float, upper: float, one: MapRange) -> float:
    """Return what the scaled values from 0 to 1 stand for."""
    return float(np.log(upper / lower)) if one.logarithmic else upper - lower
