"""Agreement of two reconstructions, region by region, with every statistic in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.assumptions import Normality, normality
from napari_mrf.analysis.agreement.bland_altman import BlandAltman, bland_altman
from napari_mrf.analysis.agreement.equivalence import Equivalence, equivalence
from napari_mrf.analysis.agreement.pairs import FEWEST, paired
from napari_mrf.analysis.agreement.proportional_bias import ProportionalBias, proportional_bias
from napari_mrf.analysis.agreement.regression import Regression, regression
from napari_mrf.analysis.agreement.relative import (
    ABSOLUTE,
    RATIO,
    RelativeLimits,
    no_shares,
    relative_limits,
)
from napari_mrf.analysis.agreement.reliability import (
    Coefficients,
    concordance,
    intraclass_correlations,
)
from napari_mrf.analysis.agreement.repeatability import (
    Repeatability,
    repeatability,
)
from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits, limits_2007, limits_2013
from napari_mrf.analysis.agreement.subject_bootstrap import SubjectBootstrap, subject_bootstrap
from napari_mrf.analysis.agreement.subject_coefficients import subject_coefficients
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


BY_SUBJECTS = "by subjects"
ONE_REGION = "one region per subject"
INDEPENDENT = "assumes independent regions"


@dataclass(frozen=True)
class Agreement:
    """Every statistic of agreement of one map.

    Parameters
    ----------
    simple : BlandAltman
        Regions taken as independent.
    repeated_2007, repeated : RepeatedLimits
        Regions nested in subjects, after Bland and Altman (2007) and Zou (2013).
    bootstrap : SubjectBootstrap
        Intervals of the simple limits with the subject as the cluster.
    simple_coefficients, subject_coefficients : Coefficients
        Intraclass correlations and concordance, with regions taken as independent and nested
        in subjects.
    line : Regression
        Test on reference.
    proportional : ProportionalBias
        Difference over mean.
    normality : Normality
        Of the differences, or of their means by subjects.
    may_be_ratio : bool
        Whether limits of ratios make sense for these values.
    relative : RelativeLimits or None
        In percent or of ratios, where asked for.
    equivalence : Equivalence or None
        Verdict on the margin, where there is one.
    repeatability : Repeatability or None
        Of two scans, where the design is test-retest.
    independent : bool
        Whether the statistics of independent regions were asked for besides the others.
    """

    simple: BlandAltman
    repeated_2007: RepeatedLimits
    repeated: RepeatedLimits
    bootstrap: SubjectBootstrap
    simple_coefficients: Coefficients
    subject_coefficients: Coefficients
    line: Regression
    proportional: ProportionalBias
    normality: Normality
    may_be_ratio: bool
    relative: RelativeLimits | None = None
    equivalence: Equivalence | None = None
    repeatability: Repeatability | None = None
    independent: bool = False

    @property
    def basis(self) -> str:
        """`BY_SUBJECTS`, `ONE_REGION` or `INDEPENDENT`: what `limits` and the rest rest on."""
        if self.repeated.n_subjects == self.simple.n:
            return ONE_REGION
        return BY_SUBJECTS if self.repeated.n_subjects >= FEWEST else INDEPENDENT

    @property
    def limits(self) -> BlandAltman | RepeatedLimits:
        """Bias and limits with the intervals that hold for these regions and subjects."""
        return self.repeated if self.basis == BY_SUBJECTS else self.simple

    @property
    def coefficients(self) -> Coefficients:
        """ICCs and CCC with the intervals that hold for these regions and subjects."""
        return self.subject_coefficients if self.basis == BY_SUBJECTS else self.simple_coefficients


def agreement(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    seed: int = 0,
    independent: bool = False,
    margin: float | None = None,
    is_retest: bool = False,
    limits: str = ABSOLUTE,
    is_signed: bool = False,
) -> Agreement:
    """Return every statistic of agreement of the same regions measured twice.

    Parameters
    ----------
    reference, test : array-like
        (N,) means of the regions; pairs with a NaN are left out.
    subjects : sequence
        (N,) whom each region belongs to.
    seed : int
        Of the subject bootstrap.
    independent : bool
        Show the statistics of independent regions besides the others.
    margin : float, optional
        Largest acceptable bias in the unit of the map, chosen before the data were seen.
    is_retest : bool
        The two are repeated scans of one method.
    limits : {"absolute", "percent", "ratio"}
        Limits besides those of the differences.
    is_signed : bool
        Whether zero lies inside the range of the parameter: then shares of it mean nothing.
    """
    first, second = np.asarray(reference, np.float64), np.asarray(test, np.float64)
    line = proportional_bias(first, second, subjects)
    used = paired(first, second)[:2]
    found = Agreement(
        simple=bland_altman(first, second),
        repeated_2007=limits_2007(first, second, subjects),
        repeated=limits_2013(first, second, subjects),
        bootstrap=subject_bootstrap(first, second, subjects, seed=seed),
        simple_coefficients=Coefficients(
            *intraclass_correlations(np.stack([first, second], axis=1)),
            concordance(first, second),
        ),
        subject_coefficients=subject_coefficients(first, second, subjects),
        line=regression(first, second),
        proportional=line,
        normality=normality(first, second, subjects),
        may_be_ratio=not no_shares(*used, RATIO, line, is_signed=is_signed),
        repeatability=repeatability(first, second, subjects, is_signed=is_signed)
        if is_retest
        else None,
        independent=independent,
    )
    if limits != ABSOLUTE:
        relative = relative_limits(
            first, second, subjects, limits, line,
            by_subjects=found.basis == BY_SUBJECTS, is_signed=is_signed,
        )  # fmt: skip
        found = replace(found, relative=relative)
    if margin is not None:
        verdict = equivalence(found.limits, found.repeated.n_subjects, margin)
        found = replace(found, equivalence=verdict)
    return found


def map_agreement(
    pairs: pd.DataFrame, key: str, *, scope: str = "pooled", **options: Any
) -> Agreement:
    """Return every statistic of agreement of one map from the table of region means.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or several subjects.
    key : str
        The parameter.
    scope : {"pooled", "slice"}
        As in `agreement_table`.
    **options
        As in `agreement`.
    """
    used = pairs[(pairs["scope"] == scope) & (pairs["map"] == key)]
    return agreement(
        used["reference"].to_numpy(np.float64),
        used["test"].to_numpy(np.float64),
        used["subject"].tolist(),
        is_signed=PARAMETERS[key].is_signed,
        **options,
    )
