"""Whether differences are as limits of agreement assume: normal, and as wide at every value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.pairs import FEWEST, no_limits, paired, subject_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_mrf.analysis.agreement.proportional_bias import ProportionalBias

LEVEL = 0.05
FEWEST_TESTED = 8
"""Differences that the test of normality needs at least.

Of 3 subjects it is a matter of how close two of them lie, and of 5 it sees one that lies 5 standard
deviations away in three cases of ten, but of 8 in more than half.
"""
SEE_FIGURE = "see the quantiles in the report"
RATIO_OPTION = "--limits ratio"
"""How the command line calls limits of ratios; the window names the field of its panel."""


@dataclass(frozen=True)
class Normality:
    """Test of Shapiro and Wilk.

    Parameters
    ----------
    differences : ndarray
        (n,) what was tested, in ascending order: mean differences of subjects where they have
        several regions, else the differences.
    w, p : float
        NaN where there are no limits either, and for fewer than `FEWEST_TESTED`.
    """

    differences: NDArray[np.float64]
    w: float
    p: float


def normality(
    reference: NDArray[np.floating], test: NDArray[np.floating], subjects: Sequence[Any]
) -> Normality:
    """Return whether differences look normal, by subjects where three have several regions.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.

    References
    ----------
    Shapiro and Wilk, Biometrika 1965;52:591-611, doi 10.1093/biomet/52.3-4.591.
    """
    from scipy import stats

    first, second, both = paired(reference, test)
    index, k = subject_indices(subjects, both)
    differences = first - second
    if FEWEST <= k < len(differences):
        differences = np.bincount(index, differences, k) / np.bincount(index, minlength=k)
    differences = np.sort(differences)
    too_few = len(differences) < FEWEST_TESTED
    if too_few or no_limits(first, second) or no_limits(differences, np.zeros_like(differences)):
        return Normality(differences, float("nan"), float("nan"))
    found = stats.shapiro(differences)
    return Normality(differences, float(found.statistic), float(found.pvalue))


def advice(
    normal: Normality,
    line: ProportionalBias,
    *,
    may_be_ratio: bool,
    ratio_option: str = RATIO_OPTION,
) -> str:
    """Return what to use in place of plain limits, in plain words; empty where they fit.

    Parameters
    ----------
    normal : Normality
        Of the differences.
    line : ProportionalBias
        Of the same regions.
    may_be_ratio : bool
        Whether limits of ratios make sense for the parameter.
    ratio_option : str
        How the reader asks for them.
    """
    words = []
    if line.spread_p < LEVEL and line.spread_slope > 0:
        instead = f"limits of ratios ({ratio_option}), or " if may_be_ratio else ""
        words.append(f"the differences spread more at larger values (p {_p(line.spread_p)}): use "
                     f"{instead}limits that follow the value")  # fmt: skip
    elif line.spread_p < LEVEL:
        words.append(f"the differences spread less at larger values (p {_p(line.spread_p)}): use "
                     "limits that follow the value")  # fmt: skip
    if normal.p < LEVEL:
        words.append(f"the differences do not look normal (Shapiro-Wilk, p {_p(normal.p)}): the "
                     f"limits need not hold 95 % of them, {SEE_FIGURE}")  # fmt: skip
    return "; ".join(words)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
