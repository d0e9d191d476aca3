"""Limits of agreement of shares: differences in % of the mean, and ratios."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.pairs import no_limits, paired
from napari_mrf.analysis.agreement.repeated_measures import limits_2013

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_mrf.analysis.agreement.bland_altman import BlandAltman
    from napari_mrf.analysis.agreement.proportional_bias import ProportionalBias
    from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits

PERCENT, RATIO = "percent", "ratio"
ABSOLUTE = "absolute"
LIMITS = (ABSOLUTE, PERCENT, RATIO)
"""On which scale limits are asked for; those of differences are always given."""


@dataclass(frozen=True)
class RelativeLimits:
    """Limits of agreement of shares.

    Parameters
    ----------
    kind : {"percent", "ratio"}
        100 (reference - test) / mean of both; or reference / test, found as differences of
        logarithms and turned back, so that the bias is a geometric mean.
    limits : BlandAltman or RepeatedLimits
        As numbers of that kind; `sd` of a ratio is that of its logarithm.
    """

    kind: str
    limits: BlandAltman | RepeatedLimits

    @property
    def message(self) -> str:
        """Why numbers are missing; empty otherwise."""
        return self.limits.message


def shares(
    reference: NDArray[np.floating], test: NDArray[np.floating], kind: str
) -> NDArray[np.float64]:
    """Return 100 (reference - test) / mean of both, or reference / test; (N,) above 0 each."""
    first, second = np.asarray(reference, np.float64), np.asarray(test, np.float64)
    if kind == RATIO:
        return first / second
    return 200.0 * (first - second) / (first + second)


def relative_limits(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    kind: str,
    line: ProportionalBias,
    *,
    by_subjects: bool,
    is_signed: bool = False,
) -> RelativeLimits:
    """Return limits of shares with the intervals of the absolute ones.

    They are the limits of the same estimators, of 100 x / mean or of ln x in place of the
    values x. There are none where a value is not above 0, or where the limits of the differences
    at the smallest mean are as wide as that mean: there a share says how near zero a value lies,
    not how well the methods agree.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    kind : {"percent", "ratio"}
        Of what.
    line : ProportionalBias
        Of the same values: how wide the limits are at each mean.
    by_subjects : bool
        Limits of regions nested in subjects; else of independent ones.
    is_signed : bool
        Whether zero lies inside the range of the parameter.

    Returns
    -------
    RelativeLimits
        NaN and a message where there are none.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, sections 3.1 and 3.3.
    """
    first, second, both = paired(reference, test)
    used = [subject for subject, counts in zip(subjects, both, strict=True) if counts]
    message = no_shares(first, second, kind, line, is_signed=is_signed)
    values = (first, second)
    if not message:
        values = (np.log(first), np.log(second))
        if kind == PERCENT:
            values = (200 * first / (first + second), 200 * second / (first + second))
    found = limits_2013(*values, used) if by_subjects else bland_altman(*values)
    if message:
        return RelativeLimits(kind, _without(found, message))
    return RelativeLimits(kind, _antilog(found) if kind == RATIO else found)


def no_shares(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    kind: str,
    line: ProportionalBias,
    *,
    is_signed: bool,
) -> str:
    """Return why there are no limits of shares, or an empty text; first and second finite, (N,)."""
    what = "no limits in percent" if kind == PERCENT else "no limits of ratios"
    if is_signed:
        return f"{what}: the values pass through zero"
    absolute = no_limits(first, second)
    if absolute:
        return absolute
    if min(first.min(), second.min()) <= 0:
        return f"{what}: a region has a mean of 0 or less"
    mean = (first + second) / 2
    smallest = float(mean.min())
    low, high = (float(one) for one in line.limits(np.array(smallest)))
    if (high - low) / 2 >= smallest:
        return f"{what}: the smallest values are no larger than the limits of agreement are wide"
    return no_limits(first / mean, second / mean).replace("a constant", "a constant factor")


def _antilog(found: BlandAltman | RepeatedLimits) -> BlandAltman | RepeatedLimits:
    def turned(interval: tuple[float, float]) -> tuple[float, float]:
        return float(np.exp(interval[0])), float(np.exp(interval[1]))

    return replace(
        found,
        bias=float(np.exp(found.bias)),
        lower=float(np.exp(found.lower)),
        upper=float(np.exp(found.upper)),
        bias_interval=turned(found.bias_interval),
        lower_interval=turned(found.lower_interval),
        upper_interval=turned(found.upper_interval),
    )


def _without(found: BlandAltman | RepeatedLimits, message: str) -> BlandAltman | RepeatedLimits:
    nan = float("nan")
    nothing = (nan, nan)
    return replace(
        found, bias=nan, sd=nan, lower=nan, upper=nan, bias_interval=nothing,
        lower_interval=nothing, upper_interval=nothing, message=message,
    )  # fmt: skip
