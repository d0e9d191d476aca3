"""A smooth function of a few variables as a table of cubic splines, in a short basis of frames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SplineAxis:
    """A variable: its range, cut into equal cells.

    Parameters
    ----------
    low, high : float
        First and last value.
    cells : int
        One cubic polynomial each.
    samples_per_cell : int
        Points at which the function is computed: 2 average its error, 1 is the fewest.
    """

    low: float
    high: float
    cells: int
    samples_per_cell: int = 2

    @property
    def step(self) -> float:
        """Width of a cell."""
        return (self.high - self.low) / self.cells

    def samples(self) -> NDArray[np.float64]:
        """Return the points at which the function is computed, as many as splines at least."""
        count = max(self.samples_per_cell * self.cells + 1, self.cells + 3)
        return np.linspace(self.low, self.high, count)

    def splines(self, points: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the first of the four cubic B-splines around points (n,), and their values.

        Returns
        -------
        tuple of ndarray
            (n,) index of the first, (n, 4) values.
        """
        knots = self.low + self.step * np.arange(-3, self.cells + 4)
        clipped = np.clip(points, knots[3], knots[-4])
        from scipy.interpolate import BSpline  # slow to load

        design = BSpline.design_matrix(clipped, knots, 3)
        first = design.indices.reshape(-1, 4)[:, 0].astype(np.intp)
        return first, np.asarray(design.data.reshape(-1, 4))

    def fitted(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coefficients (cells + 3, …) of values (n_samples, …) at the samples."""
        first, weights = self.splines(self.samples())
        design = np.zeros((first.size, self.cells + 3))
        design[np.arange(first.size)[:, None], first[:, None] + np.arange(4)] = weights
        return np.tensordot(np.linalg.pinv(design), values, axes=1)


@dataclass(frozen=True, eq=False)
class CubicTable:
    """Tensor products of cubic B-splines of vectors over frames.

    Parameters
    ----------
    axes : tuple of SplineAxis
        The variables.
    coefficients : ndarray
        (n_1 + 3, n_2 + 3, …, R) spline coefficients of R basis vectors.
    basis : ndarray
        (K, R) orthonormal.
    """

    axes: tuple[SplineAxis, ...]
    coefficients: NDArray[np.float64]
    basis: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        axes: tuple[SplineAxis, ...],
        vectors: NDArray[np.float64],
        basis: NDArray[np.float64],
    ) -> CubicTable:
        """Fit vectors (product of all samples, K), the last axis running fastest."""
        values = (vectors @ basis).reshape(*(axis.samples().size for axis in axes), -1)
        for number, axis in enumerate(axes):
            values = np.moveaxis(axis.fitted(np.moveaxis(values, number, 0)), 0, number)
        return cls(axes, np.ascontiguousarray(values), np.ascontiguousarray(basis))

    @property
    def grid(self) -> NDArray[np.float64]:
        """Origin and step of each axis in turn, as the kernels take them."""
        return np.array([number for axis in self.axes for number in (axis.low, axis.step)])

    def vectors(self, *values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return interpolated vectors (N, K) at (N,) values of each variable."""
        located = [axis.splines(points) for axis, points in zip(self.axes, values, strict=True)]
        total = np.zeros((len(values[0]), self.basis.shape[1]))
        for corner in product(range(4), repeat=len(self.axes)):
            at = tuple(first + step for (first, _), step in zip(located, corner, strict=True))
            weight = np.prod(
                [weights[:, step] for (_, weights), step in zip(located, corner, strict=True)],
                axis=0,
            )
            total += weight[:, None] * self.coefficients[at]
        return np.asarray(total @ self.basis.T)
