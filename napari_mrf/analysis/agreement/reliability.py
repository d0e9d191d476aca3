"""Intraclass correlation and concordance of independent regions: agreement on a scale to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_mrf.analysis.agreement.pairs import FEWEST, NO_INTERVAL, Interval, is_constant, paired
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ICC_MODELS = {
    "icc_2_1": "ICC(2,1) of Shrout and Fleiss (1979), which is ICC(A,1) of McGraw and Wong (1996): "
    "two-way model, absolute agreement, one measurement",
    "icc_3_1": "ICC(3,1) of Shrout and Fleiss (1979), which is ICC(C,1) of McGraw and Wong (1996): "
    "two-way model, consistency, one measurement",
}
ICC_REASON = (
    "ICC(2,1) is the one to report: two-way, because every region is measured by both; absolute "
    "agreement, because a bias counts where one is to stand for the other; one measurement, "
    "because each is used alone. ICC(3,1) leaves the bias out; it is higher by what the bias costs."
)
"""Which intraclass correlation answers the question of a comparison, and why."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its confidence interval.

    Parameters
    ----------
    value : float
    interval : tuple of float
    n : int
        Regions.
    message : str
        Why numbers are missing; empty otherwise.
    """

    value: float
    interval: Interval
    n: int
    message: str


class Coefficients(NamedTuple):
    """ICC(2,1), ICC(3,1) and Lin's concordance of the same values."""

    icc_2_1: Coefficient
    icc_3_1: Coefficient
    ccc: Coefficient


def intraclass_correlations(
    table: NDArray[np.floating], *, confidence: float = 0.95
) -> tuple[Coefficient, Coefficient]:
    """Return ICC(2,1) and ICC(3,1) of n targets, each measured once by each of k methods.

    From a two-way analysis of variance with the mean squares BMS between targets, JMS between
    methods and EMS of the rest:
    ICC(2,1) = (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n), absolute agreement,
    methods drawn from a population; ICC(3,1) = (BMS - EMS) / (BMS + (k - 1) EMS),
    consistency, these methods only. Intervals by F distributions, that of ICC(2,1) with
    Satterthwaite's degrees of freedom.

    Parameters
    ----------
    table : array-like
        (n, k); targets with a NaN are left out.
    confidence : float
        Level of the intervals, 0-1.

    Returns
    -------
    tuple of Coefficient
        ICC(2,1), ICC(3,1). NaN and a message for fewer than three targets or values that are
        all the same.

    References
    ----------
    Shrout and Fleiss, Psychol Bull 1979;86:420-428, doi 10.1037/0033-2909.86.2.420.
    """
    from scipy import stats

    values = np.asarray(table, np.float64)
    if values.ndim != 2 or values.shape[1] < 2:
        raise MRFInputError("bad-shape", "the table needs one column per method",
                            expected="(targets, methods), at least 2 methods",
                            found=f"shape {values.shape}")  # fmt: skip
    values = values[np.isfinite(values).all(axis=1)]
    n, k = values.shape
    message = ""
    if n < FEWEST:
        message = f"an intraclass correlation needs at least {FEWEST} regions, there are {n}"
    elif all(map(is_constant, values.T)):
        message = "all values of a method are equal"
    if message:
        nothing = Coefficient(float("nan"), NO_INTERVAL, n, message)
        return nothing, nothing
    mean = values.mean()
    targets, methods = values.mean(axis=1), values.mean(axis=0)
    rest = values - targets[:, None] - methods[None] + mean
    bms = k * float(np.sum((targets - mean) ** 2)) / (n - 1)
    jms = n * float(np.sum((methods - mean) ** 2)) / (k - 1)
    df = (n - 1) * (k - 1)
    ems = float(np.sum(rest**2)) / df
    whole = bms + (k - 1) * ems + k * (jms - ems) / n
    absolute = (bms - ems) / whole
    consistent = (bms - ems) / (bms + (k - 1) * ems)
    size, apart = float(np.abs(values).max()), values[:, 1:] - values[:, :1]
    if all(is_constant(column, size) for column in apart.T):
        # No error is left: F is infinite and the interval a point.
        exact = "there is no interval, because the methods differ by a constant at most"
        return (
            Coefficient(absolute, NO_INTERVAL, n, exact),
            Coefficient(1.0, NO_INTERVAL, n, exact),
        )
    p = (1.0 + confidence) / 2.0
    low = bms / ems / stats.f.ppf(p, n - 1, df)
    high = bms / ems * stats.f.ppf(p, df, n - 1)
    interval_3 = (float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1)))
    interval_2 = _absolute_interval(absolute, bms, jms, ems, n, k, p)
    no_interval = (
        ""
        if np.isfinite(interval_2).all()
        else "there is no interval, because all regions are equal"
    )
    return Coefficient(absolute, interval_2, n, no_interval), Coefficient(
        consistent, interval_3, n, ""
    )


def _absolute_interval(
    value: float, bms: float, jms: float, ems: float, n: int, k: int, p: float
) -> Interval:
    """Return the interval of ICC(2,1), Shrout and Fleiss p. 424, with F_J = JMS / EMS."""
    from scipy import stats

    ratio = jms / ems
    weight = n * (1 + (k - 1) * value) - k * value
    # Satterthwaite's degrees of freedom.
    v = (
        (n - 1)
        * (k - 1)
        * (k * value * ratio + weight) ** 2
        / ((n - 1) * k**2 * value**2 * ratio**2 + weight**2)
    )
    f_low, f_high = float(stats.f.ppf(p, n - 1, v)), float(stats.f.ppf(p, v, n - 1))
    error = k * jms + (k * n - k - n) * ems
    low_denominator, high_denominator = f_low * error + n * bms, error + n * f_high * bms
    if not (low_denominator > 0 and high_denominator > 0):
        return NO_INTERVAL
    return (
        n * (bms - f_low * ems) / low_denominator,
        n * (f_high * bms - ems) / high_denominator,
    )


def concordance(
    reference: NDArray[np.floating], test: NDArray[np.floating], *, confidence: float = 0.95
) -> Coefficient:
    """Return Lin's concordance correlation coefficient.

    ρ_c = 2 s_xy / (s_x² + s_y² + (x̄ - ȳ)²) with moments over n, as Lin has them; the interval
    by Fisher's z with Lin's variance (with the correction of 2000) and t with n - 1 degrees of
    freedom in place of the normal distribution, which is too narrow for few regions.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    confidence : float
        Level of the interval, 0-1.

    Returns
    -------
    Coefficient
        NaN and a message for fewer than three pairs or no variation; no interval where
        |ρ_c| = 1 or the methods are uncorrelated.

    References
    ----------
    Lin, Biometrics 1989;45:255-268, doi 10.2307/2532051, and 2000;56:324-325.
    """
    from scipy import stats

    first, second, _ = paired(reference, test)
    n = len(first)
    if n < FEWEST:
        message = f"a concordance needs at least {FEWEST} regions, there are {n}"
        return Coefficient(float("nan"), NO_INTERVAL, n, message)
    shift = float(first.mean() - second.mean())
    x, y = first - first.mean(), second - second.mean()
    var_x, var_y, cov = (float(np.mean(a * b)) for a, b in ((x, x), (y, y), (x, y)))
    if var_x + var_y + shift**2 == 0:
        return Coefficient(float("nan"), NO_INTERVAL, n, "all values are equal")
    value = 2 * cov / (var_x + var_y + shift**2)
    spread = np.sqrt(var_x * var_y)
    r = cov / spread if spread > 0 else 0.0
    if r == 0 or abs(value) >= 1 - 1e-14:
        return Coefficient(
            value, NO_INTERVAL, n, "there is no interval for a coefficient of 0 or ±1"
        )
    u2 = shift**2 / spread
    variance = (
        (1 - r**2) * value**2 / ((1 - value**2) * r**2)
        + 2 * value**3 * (1 - value) * u2 / (r * (1 - value**2) ** 2)
        - value**4 * u2**2 / (2 * r**2 * (1 - value**2) ** 2)
    ) / (n - 2)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.sqrt(max(variance, 0.0)))
    z = float(np.arctanh(value))
    return Coefficient(value, (float(np.tanh(z - half)), float(np.tanh(z + half))), n, "")
