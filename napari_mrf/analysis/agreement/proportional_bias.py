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
    message : str
        Why numbers are missing; empty otherwise.
    """

    intercept: float
    slope: float
    slope_interval: Interval
    p: float
    spread_intercept: float
    spread_slope: float
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

    Interval and p of the slope: by a jackknife over subjects, t(k - 1), where three or more have
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
        return ProportionalBias(nan, nan, NO_INTERVAL, nan, nan, nan, message)
    n, slope = len(difference), _slope(average, difference)
    intercept = float(difference.mean() - slope * average.mean())
    residual = difference - intercept - slope * average
    if FEWEST <= k < n:
        kept = [index != one for one in range(k)]
        without = np.array([[_slope(average[rest], difference[rest])] for rest in kept])
        (center,), (error,) = jackknife(np.array([slope]), without)
        freedom = k - 1
    else:
        center, freedom = slope, n - 2
        error = np.sqrt(residual @ residual / freedom / (n * average.var()))
    half = stats.t.ppf((1 + confidence) / 2, freedom) * error
    p = float(2 * stats.t.sf(abs(center) / error, freedom)) if error > 0 else float("nan")
    spread_slope = _slope(average, np.abs(residual))
    return ProportionalBias(
        intercept=intercept,
        slope=slope,
        slope_interval=(float(center - half), float(center + half)),
        p=p,
        spread_intercept=float(np.abs(residual).mean() - spread_slope * average.mean()),
        spread_slope=spread_slope,
        message="",
    )


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    centered = x - x.mean()
    squares = float(centered @ centered)
    return float(centered @ y) / squares if squares > 0 else float("nan")
