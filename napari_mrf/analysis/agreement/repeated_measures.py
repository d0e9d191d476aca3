"""Limits of agreement for subjects with several regions each.

Regions of one subject are not independent, so simple limits come out too narrow and their
intervals much too narrow. The differences are split into a part between subjects and a part
within: the case "the true value varies" of Bland and Altman (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import MULTIPLIER
from napari_mrf.analysis.agreement.pairs import (
    FEWEST,
    NO_INTERVAL,
    Interval,
    no_limits,
    paired,
    subject_indices,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class RepeatedLimits:
    """Agreement of two methods over the regions of several subjects.

    Parameters
    ----------
    n, n_subjects : int
        Pairs, and subjects they come from.
    bias, sd : float
        Bias, and standard deviation of a single difference of a new subject.
    lower, upper : float
        Limits of agreement, bias ± multiplier · sd.
    bias_interval, lower_interval, upper_interval : tuple of float
        Confidence intervals; NaN where the method has none.
    between_variance, within_variance : float
        The two parts of sd².
    message : str
        Why numbers are missing; empty otherwise.
    """

    n: int
    n_subjects: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_interval: Interval
    lower_interval: Interval
    upper_interval: Interval
    between_variance: float
    within_variance: float
    message: str


@dataclass(frozen=True)
class _Groups:
    """Differences by subject."""

    differences: NDArray[np.float64]
    counts: NDArray[np.float64]
    means: NDArray[np.float64]
    within_mean_square: float
    message: str


def limits_2007(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    multiplier: float = MULTIPLIER,
) -> RepeatedLimits:
    """Return the limits of Bland and Altman (2007), section "true value varies".

    One-way analysis of variance of the differences by subject: the variance within is the
    residual mean square, that between is (MS_subject - MS_within) / m̄ with
    m̄ = ((Σmᵢ)² - Σmᵢ²) / ((k - 1) Σmᵢ), not below 0; the bias is the mean of all differences.
    The paper gives no intervals.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    multiplier : float
        Standard deviations to a limit.

    Returns
    -------
    RepeatedLimits
        NaN and a message for fewer than three subjects or equal differences.

    References
    ----------
    Bland and Altman, J Biopharm Stat 2007;17:571-582, doi 10.1080/10543400701329422.
    """
    groups = _groups(reference, test, subjects)
    n, k = len(groups.differences), len(groups.counts)
    bias = float(groups.differences.mean()) if n else float("nan")
    if groups.message:
        return _without(n, k, bias, groups.message)
    typical = (n**2 - np.sum(groups.counts**2)) / ((k - 1) * n)
    subject_mean_square = float(np.sum(groups.counts * (groups.means - bias) ** 2) / (k - 1))
    within = groups.within_mean_square
    between = max(0.0, (subject_mean_square - within) / typical)
    sd = float(np.sqrt(between + within))
    lower, upper = bias - multiplier * sd, bias + multiplier * sd
    return RepeatedLimits(n, k, bias, sd, lower, upper, *(NO_INTERVAL,) * 3, between, within, "")


def limits_2013(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    multiplier: float = MULTIPLIER,
    confidence: float = 0.95,
    mean_error: Literal["t", "normal"] = "t",
) -> RepeatedLimits:
    """Return the limits of Zou (2013) with their intervals.

    Every subject counts once: the bias is the mean of the subjects' mean differences,
    sd² = s_d̄² + (1 - 1/m_h) s_w² with the variance s_d̄² of those means, the pooled variance
    s_w² within subjects and the harmonic mean m_h of the numbers of regions. The intervals
    recover the variance from the chi-squared intervals of the two parts (MOVER).

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    multiplier : float
        Standard deviations to a limit.
    confidence : float
        Level of the intervals, 0-1.
    mean_error : {"t", "normal"}
        Distribution of the error of the mean: t with k - 1 degrees of freedom for k subjects,
        or the normal one as in the paper, whose interval of the bias is too narrow for few
        subjects (88 % of 95 % for five).

    Returns
    -------
    RepeatedLimits
        NaN and a message for fewer than three subjects or equal differences.

    References
    ----------
    Zou, Stat Methods Med Res 2013;22:630-642, doi 10.1177/0962280211402548.
    """
    from scipy import stats

    groups = _groups(reference, test, subjects)
    n, k = len(groups.differences), len(groups.counts)
    bias = float(groups.means.mean()) if k else float("nan")
    if groups.message:
        return _without(n, k, bias, groups.message)
    means_variance = float(groups.means.var(ddof=1))
    share = 1.0 - float(np.mean(1.0 / groups.counts))  # 1 - 1/m_h
    parts = [(means_variance, k - 1)]
    if n > k:
        parts.append((share * groups.within_mean_square, n - k))
    variance = sum(part for part, _ in parts)
    tail = (1.0 - confidence) / 2.0
    below, above = (
        float(np.sqrt(sum((part * (1.0 - df / stats.chi2.ppf(p, df))) ** 2 for part, df in parts)))
        for p in (1.0 - tail, tail)
    )
    sd = float(np.sqrt(variance))
    narrow = sd - float(np.sqrt(max(0.0, variance - below)))
    wide = float(np.sqrt(variance + above)) - sd
    quantile = (
        stats.norm.ppf(1.0 - tail) if mean_error == "normal" else stats.t.ppf(1 - tail, k - 1)
    )
    half = float(quantile * np.sqrt(means_variance / k))
    outward = float(np.hypot(half, multiplier * wide))
    inward = float(np.hypot(half, multiplier * narrow))
    lower, upper = bias - multiplier * sd, bias + multiplier * sd
    return RepeatedLimits(
        n=n,
        n_subjects=k,
        bias=bias,
        sd=sd,
        lower=lower,
        upper=upper,
        bias_interval=(bias - half, bias + half),
        lower_interval=(lower - outward, lower + inward),
        upper_interval=(upper - inward, upper + outward),
        between_variance=variance - groups.within_mean_square,
        within_variance=groups.within_mean_square,
        message="",
    )


def _groups(
    reference: NDArray[np.floating], test: NDArray[np.floating], subjects: Sequence[Any]
) -> _Groups:
    first, second, both = paired(reference, test)
    differences = first - second
    index, k = subject_indices(subjects, both)
    n = len(differences)
    counts = np.bincount(index, minlength=k).astype(np.float64)
    means = np.bincount(index, differences, k) / counts
    within = float("nan")
    if n > k:
        within = float(np.sum((differences - means[index]) ** 2) / (n - k))
    message = no_limits(first, second)
    if not message and k < FEWEST:
        message = f"repeated-measures limits need at least {FEWEST} subjects, there are {k}"
    if not message and n == k:
        message = "every subject has one region: the simple limits apply"
    return _Groups(differences, counts, means, within, message)


def _without(n: int, n_subjects: int, bias: float, message: str) -> RepeatedLimits:
    nan = float("nan")
    return RepeatedLimits(
        n, n_subjects, bias, nan, nan, nan, *(NO_INTERVAL,) * 3, nan, nan, message
    )
