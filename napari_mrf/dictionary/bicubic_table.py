"""A smooth function of two variables as a table of bicubic splines, in a short basis of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import BSpline

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLES_PER_CELL = 2


@dataclass(frozen=True)
class SplineAxis:
    """A variable: its range, cut into equal cells.

    Parameters
    ----------
    low, high : float
        First and last value.
    cells : int
        One cubic polynomial each.
    """

    low: float
    high: float
    cells: int

    @property
    def step(self) -> float:
        """Width of a cell."""
        return (self.high - self.low) / self.cells

    def samples(self) -> NDArray[np.float64]:
        """Return the points at which the function is computed."""
        return np.linspace(self.low, self.high, _SAMPLES_PER_CELL * self.cells + 1)

    def design(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cubic B-splines at points (n,), (n, cells + 3)."""
        knots = self.low + self.step * np.arange(-3, self.cells + 4)
        clipped = np.clip(points, knots[3], knots[-4])
        return np.asarray(BSpline.design_matrix(clipped, knots, 3).toarray())


@dataclass(frozen=True, eq=False)
class BicubicTable:
    """Bicubic B-splines of vectors over frames.

    Parameters
    ----------
    x, y : SplineAxis
        The variables.
    coefficients : ndarray
        (n_x + 3, n_y + 3, R) spline coefficients of R basis vectors.
    basis : ndarray
        (K, R) orthonormal.
    """

    x: SplineAxis
    y: SplineAxis
    coefficients: NDArray[np.float64]
    basis: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        x: SplineAxis,
        y: SplineAxis,
        vectors: NDArray[np.float64],
        basis: NDArray[np.float64],
    ) -> BicubicTable:
        """Fit vectors (samples of x times samples of y, K), y running fastest."""
        samples = (vectors @ basis).reshape(x.samples().size, y.samples().size, -1)
        fit_x = np.linalg.pinv(x.design(x.samples()))
        fit_y = np.linalg.pinv(y.design(y.samples()))
        coefficients = np.einsum("ix,jy,xyr->ijr", fit_x, fit_y, samples, optimize=True)
        return cls(x, y, np.ascontiguousarray(coefficients), np.ascontiguousarray(basis))

    @property
    def grid(self) -> NDArray[np.float64]:
        """Origin and step of x, then of y, as the kernels take them."""
        return np.array([self.x.low, self.x.step, self.y.low, self.y.step])

    def vectors(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return interpolated vectors (N, K), for inspection and tests."""
        values = np.einsum(
            "ni,nj,ijr->nr", self.x.design(x), self.y.design(y), self.coefficients, optimize=True
        )
        return np.asarray(values @ self.basis.T)
