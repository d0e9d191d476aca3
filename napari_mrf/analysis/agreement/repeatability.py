"""Test and retest: how much a measurement differs from its repetition."""

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
    paired,
    subject_indices,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

REPEATABILITY = float(MULTIPLIER * np.sqrt(2.0))
"""Times the within-subject standard deviation: the repeatability coefficient, below which 95 % of
the differences of two scans lie; times the coefficient of variation: the same in %."""


@dataclass(frozen=True)
class Repeatability:
    """Spread of repeated scans.

    Parameters
    ----------
    n, n_subjects : int
        Regions that were measured twice, and the subjects they belong to.
    within_sd, within_sd_interval : float, tuple of float
        Within-subject standard deviation in the unit of the map, with its confidence interval.
    within_cv, within_cv_interval : float, tuple of float
        Within-subject coefficient of variation in %; NaN where a mean is not above 0.
    message : str
        Why numbers are missing; empty otherwise.
    """

    n: int
    n_subjects: int
    within_sd: float
    within_sd_interval: Interval
    within_cv: float
    within_cv_interval: Interval
    message: str


def repeatability(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    confidence: float = 0.95,
    is_signed: bool = False,
) -> Repeatability:
    """Return the within-subject standard deviation of two scans, and of their ratio to the mean.

    within_sd² is the mean of d² / 2, within_cv² that of (d / mean)² / 2, of the regions of a
    subject and then over subjects; a change of the mean between the scans counts as variation.
    Intervals: with one region a subject, or fewer than three subjects, d² / (2 within_sd²) is
    chi-squared with one degree of freedom a region (regions independent); otherwise a jackknife
    of the logarithm over subjects, t(k - 1).

    Parameters
    ----------
    first, second : array-like
        (N,) values of the same regions in two scans; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    confidence : float
        Level of the intervals, 0-1.
    is_signed : bool
        Whether zero lies inside the range of the parameter: then there is no coefficient of
        variation.

    Returns
    -------
    Repeatability
        NaN and a message for fewer than three pairs; no intervals for identical scans.

    References
    ----------
    Bland and Altman, Lancet 1986;327:307-310; Stat Methods Med Res 1999;8:135-160, section 2.
    Raunig et al., Stat Methods Med Res 2015;24:27-67, doi 10.1177/0962280214537344.
    """
    one, other, both = paired(first, second)
    index, k = subject_indices(subjects, both)
    n, nan = len(one), float("nan")
    if n < FEWEST:
        message = f"repeatability needs at least {FEWEST} pairs, there are {n}"
        return Repeatability(n, k, nan, NO_INTERVAL, nan, NO_INTERVAL, message)
    squares = (one - other) ** 2 / 2
    sd, sd_interval = _root_mean(squares, index, k, confidence)
    mean = (one + other) / 2
    if (mean > 0).all() and not is_signed:
        cv, (low, high) = _root_mean(squares / mean**2, index, k, confidence)
        cv, cv_interval, message = 100 * cv, (100 * low, 100 * high), ""
    else:
        cv, cv_interval, message = (
            nan,
            NO_INTERVAL,
            "no coefficient of variation: "
            + ("the values pass through zero" if is_signed else "means of 0 or less"),
        )
    if sd == 0:
        message = "the two scans are identical"
    return Repeatability(n, k, sd, sd_interval, cv, cv_interval, message)


def _root_mean(
    squares: NDArray[np.float64], index: NDArray[np.intp], k: int, confidence: float
) -> tuple[float, Interval]:
    """Return the root of the mean over subjects of their mean square, and its interval."""
    from scipy import stats

    n = len(squares)
    of_subject = np.bincount(index, squares, k) / np.bincount(index, minlength=k)
    by_subject = FEWEST <= k < n
    mean = float(of_subject.mean() if by_subject else squares.mean())
    tail = (1 - confidence) / 2
    if mean == 0:
        return 0.0, NO_INTERVAL
    if not by_subject:
        low, high = (float(np.sqrt(mean * n / stats.chi2.ppf(p, n))) for p in (1 - tail, tail))
        return float(np.sqrt(mean)), (low, high)
    without = (of_subject.sum() - of_subject) / (k - 1)
    with np.errstate(divide="ignore"):
        (center,), (error,) = jackknife(np.log([mean]), np.log(without)[:, None])
    half = float(stats.t.ppf(1 - tail, k - 1)) * error
    interval = (float(np.exp((center - half) / 2)), float(np.exp((center + half) / 2)))
    return float(np.sqrt(mean)), interval if np.isfinite(interval).all() else NO_INTERVAL
