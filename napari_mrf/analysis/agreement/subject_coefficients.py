"""Intraclass correlation and concordance when a subject contributes several regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.jackknife import jackknife
from napari_mrf.analysis.agreement.pairs import (
    FEWEST,
    NO_INTERVAL,
    is_constant,
    no_limits,
    paired,
    subject_indices,
)
from napari_mrf.analysis.agreement.reliability import Coefficient, Coefficients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def subject_coefficients(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    confidence: float = 0.95,
) -> Coefficients:
    r"""Return ICC(2,1), ICC(3,1) and CCC with intervals that know of subjects.

    Every subject counts once, as in the limits of Zou (2013): a variance or covariance of a
    single region of a new subject is s(subject means) + (1 - 1/m_h) s(within), m_h the harmonic
    mean of the numbers of regions. With those, the mean difference b over subjects and the
    variance s_d̄² of the subjects' mean differences,

    .. math::

        ICC(3,1) = 2 s_{xy} / (s_x^2 + s_y^2), \quad
        CCC = 2 s_{xy} / (s_x^2 + s_y^2 + b^2), \quad
        ICC(2,1) = 2 s_{xy} / (s_x^2 + s_y^2 + b^2 - s_{\bar d}^2 / k).

    The intervals are a jackknife: k pseudo-values k z - (k - 1) z₋ᵢ of Fisher's z, each without
    one of the k subjects, their mean ± t(k - 1) standard errors.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    confidence : float
        Level of the intervals, 0-1.

    Returns
    -------
    Coefficients
        NaN and a message for fewer than three subjects or values that do not vary; no
        interval where a coefficient, or one without a subject, is ±1. With one region a
        subject the ICCs are those of Shrout and Fleiss (1979).

    References
    ----------
    Zou, Stat Methods Med Res 2013;22:630-642, doi 10.1177/0962280211402548.
    """
    from scipy import stats

    first, second, both = paired(reference, test)
    index, k = subject_indices(subjects, both)
    n, nan = len(first), float("nan")
    message = ""
    if k < FEWEST:
        message = f"coefficients by subjects need at least {FEWEST} subjects, there are {k}"
    elif is_constant(first) and is_constant(second):
        message = "all values of a method are equal"
    if message:
        return Coefficients(*(Coefficient(nan, NO_INTERVAL, n, message),) * 3)
    if no_limits(first, second):
        second = first - (first - second).mean()  # a constant apart, rounding aside
    parts = _by_subject(first, second, index, k)
    values = _coefficients(parts)
    without = np.array([_coefficients(np.delete(parts, one, axis=1)) for one in range(k)])
    with np.errstate(divide="ignore", invalid="ignore"):
        center, error = jackknife(np.arctanh(values), np.arctanh(without))
    half = stats.t.ppf((1.0 + confidence) / 2.0, k - 1) * error
    return Coefficients(*(
        Coefficient(float(value), (float(np.tanh(low)), float(np.tanh(high))), n, "")
        if np.isfinite((low, high)).all() and low < high
        else Coefficient(float(value), NO_INTERVAL, n, "no interval for a coefficient of ±1")
        for value, low, high in zip(values, center - half, center + half, strict=True)
    ))  # fmt: skip


def _by_subject(
    first: NDArray[np.float64], second: NDArray[np.float64], index: NDArray[np.intp], k: int
) -> NDArray[np.float64]:
    """Return number of regions, two means and three sums of squares within, (6, k)."""
    counts = np.bincount(index, minlength=k)
    # About the common mean, so that squares keep their digits.
    means = [np.bincount(index, values - values.mean(), k) / counts for values in (first, second)]
    offset = first.mean() - second.mean()
    x, y = (
        values - values.mean() - mean[index]
        for values, mean in zip((first, second), means, strict=True)
    )
    within = [np.bincount(index, product, k) for product in (x * x, y * y, x * y)]
    return np.array([counts, means[0] + offset, means[1], *within])


def _coefficients(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ICC(2,1), ICC(3,1) and CCC, (3,), of the (6, k) parts of k subjects."""
    counts, x, y, *within = parts
    k = len(counts)
    share = 1.0 - np.mean(1.0 / counts)
    freedom = max(counts.sum() - k, 1.0)  # with one region a subject the sums within are 0
    between = np.cov(x, y)
    xx, yy, xy = (
        one + share * squares.sum() / freedom
        for one, squares in zip(between[[0, 1, 0], [0, 1, 1]], within, strict=True)
    )
    difference = x - y
    squared_bias = difference.mean() ** 2
    error = difference.var(ddof=1) / k
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = (
            2 * xy / (xx + yy + np.array([squared_bias - error, 0.0, squared_bias]))
        )
    exact = np.abs(found) > 1 - 1e-14  # ±1 but for rounding
    found[exact] = np.sign(found[exact])
    return found
