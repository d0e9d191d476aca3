"""Regression lines for methods that both have errors: Deming and Passing-Bablok."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.jackknife import jackknife
from napari_mrf.analysis.agreement.pairs import (
    FEWEST,
    NO_INTERVAL,
    Interval,
    is_constant,
    paired,
    subject_indices,
)
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_PAIRS = 5000
"""Passing-Bablok sorts the slopes of all pairs of regions: 12 million for so many."""
WITHHELD = (
    "no interval of the Passing-Bablok line where subjects have several regions: the published one "
    "takes regions as independent"
)


@dataclass(frozen=True)
class Line:
    """A line test = slope · reference + intercept.

    Parameters
    ----------
    n, n_subjects : int
        Regions, and the subjects they belong to.
    slope, intercept : float
        The intercept in the unit of the map.
    slope_interval, intercept_interval : tuple of float
        Confidence intervals, each by itself.
    message : str
        Why numbers are missing; empty otherwise.
    """

    n: int
    n_subjects: int
    slope: float
    intercept: float
    slope_interval: Interval
    intercept_interval: Interval
    message: str


def deming(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    error_ratio: float = 1.0,
    confidence: float = 0.95,
) -> Line:
    r"""Return the Deming line: least squares with errors in both methods.

    With δ the ratio of error variances, test / reference, and moments over all regions,

    .. math::

        b = \frac{s_{yy} - δ s_{xx} + \sqrt{(s_{yy} - δ s_{xx})^2 + 4 δ s_{xy}^2}}{2 s_{xy}}.

    The intervals are a jackknife, leaving out one subject at a time, t(k - 2); one region at a
    time where every subject has one, or where there are fewer than three subjects, which takes
    regions as independent.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    error_ratio : float
        δ, above 0. A wrong one turns the line, the more the less the values spread.
    confidence : float
        Level of the intervals, 0-1.

    Returns
    -------
    Line
        NaN and a message for fewer than three pairs, a method that does not vary, or methods
        without a relation.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for a ratio that is not above 0.

    References
    ----------
    Deming, Statistical Adjustment of Data, Wiley 1943.
    Linnet, Stat Med 1990;9:1463-1473, doi 10.1002/sim.4780091210 (jackknife).
    """
    from scipy import stats

    check_error_ratio(error_ratio)
    x, y, both = paired(reference, test)
    index, k = subject_indices(subjects, both)
    message = _no_line(x, y)
    if not message and abs(np.corrcoef(x, y)[0, 1]) < 1e-12:
        message = "the two methods have no linear relation"
    if message:
        return _without(len(x), k, message)
    clusters = k
    if not FEWEST <= k < len(x):
        index, clusters = np.arange(len(x)), len(x)
    whole = _deming(x, y, error_ratio)
    kept = [index != one for one in range(clusters)]
    without = np.array([_deming(x[rest], y[rest], error_ratio) for rest in kept])
    center, error = jackknife(whole, without)
    half = float(stats.t.ppf((1 + confidence) / 2, clusters - 2)) * error
    low, high = (center - half).tolist(), (center + half).tolist()
    exists = np.isfinite(half).all()
    lacking = "" if exists else "no interval of the Deming line: without one subject there is none"
    return Line(
        len(x), k, float(whole[0]), float(whole[1]), (low[0], high[0]), (low[1], high[1]), lacking
    )  # fmt: skip


def passing_bablok(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    independent: bool = False,
    confidence: float = 0.95,
) -> Line:
    """Return the line of Passing and Bablok: a median of slopes, whatever the distribution.

    The slope is the median of the slopes between all pairs of regions, moved up by the number of
    slopes below -1, so that exchanging the methods turns it into its reciprocal; the intercept is
    the median of test - slope · reference. The interval of the slope comes from the variance of
    Kendall's rank correlation under independence, that of the intercept from its ends.

    Parameters
    ----------
    reference, test, subjects
        As in `deming`.
    independent : bool
        Give the interval for regions that are nested in subjects too; without, it is withheld.
    confidence : float
        Level of the intervals, 0-1.

    Returns
    -------
    Line
        NaN and a message for fewer than three pairs or more than `MOST_PAIRS`, a method that
        does not vary, or methods that do not rise together.

    References
    ----------
    Passing and Bablok, J Clin Chem Clin Biochem 1983;21:709-720, doi 10.1515/cclm.1983.21.11.709.
    """
    from scipy import stats

    x, y, both = paired(reference, test)
    _, k = subject_indices(subjects, both)
    n, message = len(x), _no_line(x, y)
    if not message and n > MOST_PAIRS:
        message = f"no Passing-Bablok line of more than {MOST_PAIRS} regions, there are {n}"
    if message:
        return _without(n, k, message)
    first, second = np.triu_indices(n, 1)
    across, up = x[second] - x[first], y[second] - y[first]
    apart = (across != 0) | (up != 0)
    with np.errstate(divide="ignore"):
        slopes = np.sort(up[apart] / across[apart])
    slopes = slopes[slopes != -1]
    if np.sum(slopes > 0) <= np.sum(slopes < 0):
        return _without(n, k, "no Passing-Bablok line: the two methods do not rise together")
    count, shift = len(slopes), int(np.sum(slopes < -1))
    middle = (count - 1) // 2 + shift, count // 2 + shift  # from 0; the same for an odd count
    slope = float(slopes[list(middle)].mean())
    intercept = float(np.median(y - slope * x))
    spread = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low_rank = round((count - spread) / 2)
    ranks = low_rank + shift - 1, count - low_rank + shift
    if FEWEST <= k < n and not independent:
        return Line(n, k, slope, intercept, NO_INTERVAL, NO_INTERVAL, WITHHELD)
    if low_rank < 1 or ranks[1] >= count or not np.isfinite(slopes[list(ranks)]).all():
        message = "no interval of the Passing-Bablok line: too few regions"
        return Line(n, k, slope, intercept, NO_INTERVAL, NO_INTERVAL, message)
    low, high = (float(slopes[rank]) for rank in ranks)
    ends = float(np.median(y - high * x)), float(np.median(y - low * x))
    return Line(n, k, slope, intercept, (low, high), ends, "")


def check_error_ratio(ratio: float) -> None:
    """Refuse a ratio of error variances that is not above 0, with ``"bad-option"``."""
    if not (np.isfinite(ratio) and ratio > 0):
        raise MRFInputError("bad-option", "a ratio of error variances must be above 0",
                            found=f"{ratio:g}", hint="Give variance of the test's errors / that of "
                            "the reference's.")  # fmt: skip


def _deming(x: NDArray[np.float64], y: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """Return slope and intercept, (2,); NaN where there is no relation."""
    u, v = x - x.mean(), y - y.mean()
    xy = float(u @ v)
    if xy == 0:
        return np.full(2, np.nan)
    excess = float(v @ v) - ratio * float(u @ u)
    slope = (excess + np.sqrt(excess**2 + 4 * ratio * xy**2)) / (2 * xy)
    return np.array([slope, y.mean() - slope * x.mean()])


def _no_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    if len(x) < FEWEST:
        return f"a regression needs at least {FEWEST} pairs, there are {len(x)}"
    for name, values in (("reference", x), ("test", y)):
        if is_constant(values):
            return f"the {name} is the same everywhere"
    return ""


def _without(n: int, n_subjects: int, message: str) -> Line:
    nan = float("nan")
    return Line(n, n_subjects, nan, nan, NO_INTERVAL, NO_INTERVAL, message)
