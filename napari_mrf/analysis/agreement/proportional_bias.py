"""Differences that grow with the value: slope of difference over mean, limits that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import MULTIPLIER
from napari_mrf.analysis.agreement.jackknife import jackknife
from napari_mrf.analysis.agreement.pairs import (
    FEWEST,
    NO_INTERVAL,
    Interval,
    is_constant,
    no_limits,
    paired,
    subject_indices,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class ProportionalBias:
    """Straight lines through difference and spread over the mean A of both methods.

    Parameters
    ----------
    intercept, slope : float
        Difference = intercept + slope · A.
    slope_interval : tuple of float
        Confidence interval of the slope.
    p : float
        Two-sided, of a slope of 0.
    spread_intercept, spread_slope : float
        Mean absolute residual of that line = spread_intercept + spread_slope · A.
    spread_p : float
        Two-sided, of a spread_slope of 0: whether differences spread more at some values.
    message : str
        Why numbers are missing; empty otherwise.
    """

    intercept: float
    slope: float
    slope_interval: Interval
    p: float
    spread_intercept: float
    spread_slope: float
    spread_p: float
    message: str

    def limits(
        self, average: NDArray[np.floating], *, multiplier: float = MULTIPLIER
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return lower and upper limit of agreement at means of both methods.

        The mean absolute value of a normal residual is √(2/π) of its standard deviation, so the
        limits are the line ± multiplier · √(π/2) times the line of the absolute residuals.

        Parameters
        ----------
        average : array-like
            (N,) means of both methods, in the unit of the map.
        multiplier : float
            Standard deviations to a limit.
        """
        at = np.asarray(average, np.float64)
        center = self.intercept + self.slope * at
        spread = np.maximum(self.spread_intercept + self.spread_slope * at, 0.0)
        half = multiplier * np.sqrt(np.pi / 2) * spread
        return center - half, center + half


def proportional_bias(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    confidence: float = 0.95,
) -> ProportionalBias:
    """Return the regression of reference - test on the mean of both.

    Interval and p of the slopes: by a jackknife over subjects, t(k - 1), where three or more have
    several regions; else by least squares, t(n - 2), which takes regions as independent. A slope
    also arises without a proportional bias where one method is noisier than the other.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    confidence : float
        Level of the interval, 0-1.

    Returns
    -------
    ProportionalBias
        NaN and a message for fewer than three pairs, equal differences or equal means.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, section 3.2.
    """
    from scipy import stats

    first, second, both = paired(reference, test)
    index, k = subject_indices(subjects, both)
    message = no_limits(first, second)
    difference, average = first - second, (first + second) / 2
    if not message and is_constant(average):
        message = "the mean of both methods is the same everywhere"
    if message:
        nan = float("nan")
        return ProportionalBias(nan, nan, NO_INTERVAL, nan, nan, nan, nan, message)
    n = len(difference)
    lines = _lines(average, difference)
    if FEWEST <= k < n:
        kept = [index != one for one in range(k)]
        without = np.array([_lines(average[rest], difference[rest]) for rest in kept])
        center, error = jackknife(lines, without)
        freedom = k - 1
    else:
        center, freedom = lines, n - 2
        residual = difference - lines[2] - lines[0] * average
        of_spread = np.abs(residual) - lines[3] - lines[1] * average
        squares = np.array([residual @ residual, of_spread @ of_spread])
        error = np.sqrt(squares / freedom / (n * average.var()))
    half = stats.t.ppf((1 + confidence) / 2, freedom) * error[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        p, spread_p = 2 * stats.t.sf(np.abs(center[:2] / error[:2]), freedom)
    return ProportionalBias(
        intercept=float(lines[2]),
        slope=float(lines[0]),
        slope_interval=(float(center[0] - half), float(center[0] + half)),
        p=float(p) if error[0] > 0 else float("nan"),
        spread_intercept=float(lines[3]),
        spread_slope=float(lines[1]),
        spread_p=float(spread_p) if error[1] > 0 else float("nan"),
        message="",
    )


def _lines(average: NDArray[np.float64], difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return slope and spread slope, then both intercepts, (4,)."""
    slope = _slope(average, difference)
    intercept = difference.mean() - slope * average.mean()
    spread = np.abs(difference - intercept - slope * average)
    spread_slope = _slope(average, spread)
    return np.array([slope, spread_slope, intercept, spread.mean() - spread_slope * average.mean()])


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    centered = x - x.mean()
    squares = float(centered @ centered)
    return float(centered @ y) / squares if squares > 0 else float("nan")
