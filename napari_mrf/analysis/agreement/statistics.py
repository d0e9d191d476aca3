"""Agreement of two reconstructions, region by region, with every statistic in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import BlandAltman, bland_altman
from napari_mrf.analysis.agreement.regression import Regression, regression
from napari_mrf.analysis.agreement.reliability import (
    Coefficient,
    concordance,
    intraclass_correlations,
)
from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits, limits_2007, limits_2013
from napari_mrf.analysis.agreement.subject_bootstrap import SubjectBootstrap, subject_bootstrap
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.agreement.pairs import Interval


AGREEMENT_COLUMNS: dict[str, str] = {
    "map": "parameter key",
    "n": "regions in which both have a mean",
    "bias": "mean of the differences, reference - test",
    "lower": "lower limit of agreement, bias - 1.96 sd",
    "upper": "upper limit of agreement, bias + 1.96 sd",
    "unit": "of bias, sd, limits and intercept",
    "sd": "standard deviation of the differences (n - 1)",
    "bias_low": "95 % interval of the bias, bias ± t sd / √n",
    "bias_high": "",
    "lower_low": "95 % interval of the lower limit, exact for normal differences (Carkeet 2015)",
    "lower_high": "",
    "upper_low": "95 % interval of the upper limit, likewise",
    "upper_high": "",
    "n_subjects": "subjects that the regions belong to",
    "repeated_2007_lower": "limits for several regions per subject, analysis of variance "
    "(Bland and Altman 2007)",
    "repeated_2007_upper": "",
    "repeated_bias": "mean over the subjects of their mean difference",
    "repeated_lower": "limits for several regions per subject, every subject counting once "
    "(Zou 2013)",
    "repeated_upper": "",
    "repeated_bias_low": "95 % intervals of repeated_bias, repeated_lower and repeated_upper, "
    "variances recovered (Zou 2013)",
    "repeated_bias_high": "",
    "repeated_lower_low": "",
    "repeated_lower_high": "",
    "repeated_upper_low": "",
    "repeated_upper_high": "",
    "bootstrap_bias_low": "95 % percentile intervals of bias, lower and upper from 2000 draws of "
    "whole subjects",
    "bootstrap_bias_high": "",
    "bootstrap_lower_low": "",
    "bootstrap_lower_high": "",
    "bootstrap_upper_low": "",
    "bootstrap_upper_high": "",
    "bootstrap_seed": "seed of the draws",
    "icc_2_1": "intraclass correlation of absolute agreement (Shrout and Fleiss 1979), with its "
    "95 % interval",
    "icc_2_1_low": "",
    "icc_2_1_high": "",
    "icc_3_1": "intraclass correlation of consistency (Shrout and Fleiss 1979), with its "
    "95 % interval",
    "icc_3_1_low": "",
    "icc_3_1_high": "",
    "ccc": "concordance correlation coefficient (Lin 1989), with its 95 % interval",
    "ccc_low": "",
    "ccc_high": "",
    "slope": "least squares of test on reference: test = slope · reference + intercept",
    "intercept": "",
    "r": "Pearson's correlation coefficient",
    "r_squared": "its square",
    "message": "what is missing and why",
}
"""Columns of the table of agreement and what they mean; an empty text goes with the one before."""


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
    icc_2_1, icc_3_1, ccc : Coefficient
        Intraclass correlations and Lin's concordance.
    line : Regression
        Test on reference.
    """

    simple: BlandAltman
    repeated_2007: RepeatedLimits
    repeated: RepeatedLimits
    bootstrap: SubjectBootstrap
    icc_2_1: Coefficient
    icc_3_1: Coefficient
    ccc: Coefficient
    line: Regression


def agreement(
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    subjects: Sequence[Any],
    *,
    seed: int = 0,
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
    """
    first, second = np.asarray(reference, np.float64), np.asarray(test, np.float64)
    icc_2_1, icc_3_1 = intraclass_correlations(np.stack([first, second], axis=1))
    return Agreement(
        simple=bland_altman(first, second),
        repeated_2007=limits_2007(first, second, subjects),
        repeated=limits_2013(first, second, subjects),
        bootstrap=subject_bootstrap(first, second, subjects, seed=seed),
        icc_2_1=icc_2_1,
        icc_3_1=icc_3_1,
        ccc=concordance(first, second),
        line=regression(first, second),
    )


def map_agreement(
    pairs: pd.DataFrame, key: str, *, scope: str = "pooled", seed: int = 0
) -> Agreement:
    """Return every statistic of agreement of one map from the table of region means.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or several subjects.
    key : str
        The parameter.
    scope, seed
        As in `agreement_table`.
    """
    used = pairs[(pairs["scope"] == scope) & (pairs["map"] == key)]
    return agreement(
        used["reference"].to_numpy(np.float64),
        used["test"].to_numpy(np.float64),
        used["subject"].tolist(),
        seed=seed,
    )


def agreement_table(pairs: pd.DataFrame, *, scope: str = "pooled", seed: int = 0) -> pd.DataFrame:
    """Return one row of statistics for every map.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or several subjects.
    scope : {"pooled", "slice"}
        Whether a region counts once, or once in every slice.
    seed : int
        Of the subject bootstrap.

    Returns
    -------
    pandas.DataFrame
        With the `AGREEMENT_COLUMNS`, first ``map, n, bias, lower, upper``: the simple bias
        ± 1.96 SD (n - 1) over the unweighted means of the regions, reference - test.
    """
    used = set(pairs.loc[pairs["scope"] == scope, "map"])
    return agreement_rows(
        {
            key: map_agreement(pairs, key, scope=scope, seed=seed)
            for key in PARAMETERS
            if key in used
        }
    )


def agreement_rows(found: Mapping[str, Agreement]) -> pd.DataFrame:
    """Return the table of what was found, one row per map."""
    import pandas as pd

    rows = [agreement_row(key, result) for key, result in found.items()]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def agreement_row(key: str, result: Agreement) -> dict[str, Any]:
    """Return the statistics of one map by the names in `AGREEMENT_COLUMNS`."""
    simple, repeated, older = result.simple, result.repeated, result.repeated_2007
    row: dict[str, Any] = {
        "map": key,
        "n": simple.n,
        "bias": simple.bias,
        "lower": simple.lower,
        "upper": simple.upper,
        "unit": PARAMETERS[key].unit,
        "sd": simple.sd,
        **_ends("bias", simple.bias_interval),
        **_ends("lower", simple.lower_interval),
        **_ends("upper", simple.upper_interval),
        "n_subjects": repeated.n_subjects,
        "repeated_2007_lower": older.lower,
        "repeated_2007_upper": older.upper,
        "repeated_bias": repeated.bias,
        "repeated_lower": repeated.lower,
        "repeated_upper": repeated.upper,
        **_ends("repeated_bias", repeated.bias_interval),
        **_ends("repeated_lower", repeated.lower_interval),
        **_ends("repeated_upper", repeated.upper_interval),
        **_ends("bootstrap_bias", result.bootstrap.bias_interval),
        **_ends("bootstrap_lower", result.bootstrap.lower_interval),
        **_ends("bootstrap_upper", result.bootstrap.upper_interval),
        "bootstrap_seed": result.bootstrap.seed,
    }
    for name in ("icc_2_1", "icc_3_1", "ccc"):
        coefficient: Coefficient = getattr(result, name)
        row |= {name: coefficient.value, **_ends(name, coefficient.interval)}
    row |= {
        "slope": result.line.slope,
        "intercept": result.line.intercept,
        "r": result.line.r,
        "r_squared": result.line.r_squared,
    }
    parts = (simple, repeated, result.bootstrap, result.icc_2_1, result.ccc, result.line)
    row["message"] = "; ".join(dict.fromkeys(part.message for part in parts if part.message))
    return row


def _ends(name: str, interval: Interval) -> dict[str, float]:
    return {f"{name}_low": interval[0], f"{name}_high": interval[1]}
