"""A smooth function of a few variables as a table of splines, fast and differentiable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

_SAMPLES_PER_CELL = 2
_BASIS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Axis:
    """A variable: its range, cut into equal cells.

    Parameters
    ----------
    lower, upper : float
        The table knows nothing beyond them.
    n_cells : int
        One cubic polynomial each.
    """

    lower: float
    upper: float
    n_cells: int

    def samples(self) -> NDArray[np.float64]:
        """Return the points at which the function is computed."""
        return np.linspace(self.lower, self.upper, _SAMPLES_PER_CELL * self.n_cells + 1)

    def fit(self) -> NDArray[np.float64]:
        """Return the matrix (n_cells + 3, samples) from samples to spline coefficients."""
        step = (self.upper - self.lower) / self.n_cells
        knots = self.lower + step * np.arange(-3, self.n_cells + 4)
        points = np.clip(self.samples(), knots[3], knots[-4])
        from scipy.interpolate import BSpline  # slow to load

        return np.asarray(np.linalg.pinv(BSpline.design_matrix(points, knots, 3).toarray()))

    def weights(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cell (N,) of each value and the four splines (N, 4) that live there."""
        position = (values - self.lower) * (self.n_cells / (self.upper - self.lower))
        cell = position.detach().floor().clamp(0, self.n_cells - 1)
        u = position - cell
        splines = torch.stack(
            [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3], dim=1
        )
        return cell.long(), splines / 6.0


class SplineTable:
    """Cubic B-splines on a regular grid of one to three variables, of vectors in a short basis.

    Parameters
    ----------
    axes : sequence of Axis
        The variables.
    function : callable
        Gives real vectors (n, K) of points (n, variables).
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> None:
        self.axes = tuple(axes)
        mesh = np.meshgrid(*(axis.samples() for axis in axes), indexing="ij")
        vectors = function(np.stack([one.reshape(-1) for one in mesh], axis=1))
        squares, directions = np.linalg.eigh(vectors.T @ vectors)
        kept = squares > _BASIS_TOLERANCE**2 * squares[-1]
        basis = directions[:, kept]
        table = (vectors @ basis).reshape(*mesh[0].shape, -1)
        for at, axis in enumerate(axes):
            table = np.moveaxis(np.tensordot(axis.fit(), table, axes=(1, at)), 0, at)
        self._coefficients = torch.from_numpy(np.ascontiguousarray(table))
        self._basis = torch.from_numpy(np.ascontiguousarray(basis.T))

    def __call__(self, points: Tensor) -> Tensor:
        """Return vectors (N, K) of points (N, variables), in their precision and place."""
        self._coefficients = self._coefficients.to(points)
        self._basis = self._basis.to(points)
        n, rank = len(points), self._coefficients.shape[-1]
        around = torch.arange(4, device=points.device)
        index = torch.zeros((n, 1), dtype=torch.long, device=points.device)
        products = points.new_ones((n, 1))
        for axis, values in zip(self.axes, points.unbind(1), strict=True):
            cell, splines = axis.weights(values)
            corner = cell[:, None] + around
            index = (index[:, :, None] * (axis.n_cells + 3) + corner[:, None]).flatten(1)
            products = (products[:, :, None] * splines[:, None]).flatten(1)
        corners = self._coefficients.reshape(-1, rank)[index]
        return torch.einsum("nc,ncr->nr", products, corners) @ self._basis
