"""Bland-Altman limits of agreement with their confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_mrf.analysis.agreement.pairs import NO_INTERVAL, Interval, no_limits, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

IntervalMethod = Literal["exact", "bland-altman-1999", "bland-altman-1986"]

MULTIPLIER = 1.96
"""Standard deviations from the bias to a limit: 95 % of a normal distribution lie between."""


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of two methods on independent pairs.

    Parameters
    ----------
    n : int
        Pairs in which both methods have a value.
    bias, sd : float
        Mean and standard deviation (n - 1) of reference - test.
    lower, upper : float
        Limits of agreement, bias ± multiplier · sd.
    bias_interval, lower_interval, upper_interval : tuple of float
        Confidence intervals.
    interval_method : str
        How the intervals of the limits were computed.
    message : str
        Why numbers are missing; empty otherwise.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_interval: Interval
    lower_interval: Interval
    upper_interval: Interval
    interval_method: str
    message: str


def bland_altman(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    *,
    multiplier: float = MULTIPLIER,
    confidence: float = 0.95,
    interval_method: IntervalMethod = "exact",
) -> BlandAltman:
    r"""Return bias and limits of agreement of independent pairs, reference - test.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    multiplier : float
        Standard deviations to a limit: 1.96, or 2 as in the paper of 1986.
    confidence : float
        Level of the intervals, 0-1.
    interval_method : str
        Of the limits. ``"exact"``: for normal differences :math:`\sqrt n(\bar d-\theta)/s` of
        the lower limit :math:`\theta=\mu-k\sigma` is noncentral t with n - 1 degrees of
        freedom and noncentrality :math:`k\sqrt n`, so
        :math:`\theta\in\bar d-t'_{(1\pm c)/2}\,s/\sqrt n` (Carkeet 2015, limits taken
        singly). ``"bland-altman-1999"``: limit ± t · s √(1/n + k²/(2(n - 1))).
        ``"bland-altman-1986"``: limit ± t · s √(3/n).

    Returns
    -------
    BlandAltman
        With NaN limits and a message for fewer than three pairs, and where all differences
        are equal (identical methods, or a constant offset).

    References
    ----------
    Bland and Altman, Lancet 1986;327:307-310, doi 10.1016/S0140-6736(86)90837-8.
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, doi 10.1177/096228029900800204.
    Carkeet, Optom Vis Sci 2015;92:e71-e80, doi 10.1097/OPX.0000000000000513.
    """
    from scipy import stats

    first, second, _ = paired(reference, test)
    differences = first - second
    n = len(differences)
    bias = float(differences.mean()) if n else float("nan")
    sd = float(differences.std(ddof=1)) if n > 1 else float("nan")
    message = no_limits(first, second)
    if message:
        if n > 1 and "equal" in message:
            sd = 0.0
        nan = float("nan")
        return BlandAltman(n, bias, sd, nan, nan, *(NO_INTERVAL,) * 3, interval_method, message)
    tail = (1.0 - confidence) / 2.0
    t = float(stats.t.ppf(1.0 - tail, n - 1))
    lower, upper = bias - multiplier * sd, bias + multiplier * sd
    if interval_method == "exact":
        quantiles = stats.nct.ppf([1.0 - tail, tail], n - 1, multiplier * np.sqrt(n))
        outer, inner = (np.asarray(quantiles) * sd / np.sqrt(n)).tolist()
        lower_interval, upper_interval = (bias - outer, bias - inner), (bias + inner, bias + outer)
    else:
        variance = 3.0 / n
        if interval_method == "bland-altman-1999":
            variance = 1.0 / n + multiplier**2 / (2.0 * (n - 1))
        half = t * sd * np.sqrt(variance)
        lower_interval, upper_interval = (lower - half, lower + half), (upper - half, upper + half)
    half = t * sd / np.sqrt(n)
    return BlandAltman(
        n=n,
        bias=bias,
        sd=sd,
        lower=lower,
        upper=upper,
        bias_interval=(bias - half, bias + half),
        lower_interval=lower_interval,
        upper_interval=upper_interval,
        interval_method=interval_method,
        message="",
    )
