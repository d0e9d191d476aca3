"""Every statistic of agreement as a table, one row a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.agreement.assumptions import RATIO_OPTION, advice
from napari_mrf.analysis.agreement.reliability import ICC_MODELS, Coefficients
from napari_mrf.analysis.agreement.repeatability import REPEATABILITY, Repeatability
from napari_mrf.analysis.agreement.statistics import INDEPENDENT, map_agreement
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from napari_mrf.analysis.agreement.bland_altman import BlandAltman
    from napari_mrf.analysis.agreement.pairs import Interval
    from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits
    from napari_mrf.analysis.agreement.statistics import Agreement

AGREEMENT_COLUMNS: dict[str, str] = {
    "map": "parameter key",
    "n": "regions in which both have a mean",
    "bias": "mean of the differences, reference - test; by subjects the mean over the subjects of "
    "their mean difference",
    "lower": "lower limit of agreement, bias - 1.96 sd",
    "upper": "upper limit of agreement, bias + 1.96 sd",
    "unit": "of bias, sd, limits and intercept",
    "sd": "standard deviation of a difference: by subjects that of one region of a new subject "
    "(Zou 2013), else that of all differences (n - 1)",
    "bias_low": "95 % intervals of bias, lower and upper: by subjects t with one degree of freedom "
    "fewer than subjects, and variances recovered (Zou 2013); else t, and exact for normal "
    "differences (Carkeet 2015)",
    "bias_high": "",
    "lower_low": "",
    "lower_high": "",
    "upper_low": "",
    "upper_high": "",
    "n_subjects": "subjects that the regions belong to",
    "basis": 'what bias, limits, coefficients and their intervals rest on: "by subjects" counts '
    'every subject once; "one region per subject"; "assumes independent regions" where fewer '
    "than 3 subjects have several regions, which says nothing about other subjects",
    "independent_bias": "on request: bias, limits and their intervals as if all regions were "
    "independent, too narrow where a subject has several",
    "independent_lower": "",
    "independent_upper": "",
    "independent_sd": "",
    "independent_bias_low": "",
    "independent_bias_high": "",
    "independent_lower_low": "",
    "independent_lower_high": "",
    "independent_upper_low": "",
    "independent_upper_high": "",
    "repeated_2007_lower": "limits for several regions per subject, analysis of variance "
    "(Bland and Altman 2007)",
    "repeated_2007_upper": "",
    "bootstrap_bias_low": "95 % percentile intervals of the bias and limits over all regions from "
    "2000 draws of whole subjects; for 20 subjects or more, where simulated ones hold the truth in "
    "89 to 94 %",
    "bootstrap_bias_high": "",
    "bootstrap_lower_low": "",
    "bootstrap_lower_high": "",
    "bootstrap_upper_low": "",
    "bootstrap_upper_high": "",
    "bootstrap_seed": "seed of the draws",
    "relative_kind": '"percent": difference in % of the mean of both; "ratio": reference / test, '
    "from logarithms, so that the bias is a geometric mean (Bland and Altman 1999); on request",
    "relative_bias": "bias, limits and their intervals of that kind, on the same basis",
    "relative_lower": "",
    "relative_upper": "",
    "relative_sd": "of the percentages, or of the natural logarithms of the ratios",
    "relative_bias_low": "95 % intervals, as those of bias, lower and upper",
    "relative_bias_high": "",
    "relative_lower_low": "",
    "relative_lower_high": "",
    "relative_upper_low": "",
    "relative_upper_high": "",
    "icc_2_1": f"intraclass correlation {ICC_MODELS['icc_2_1']}, with its 95 % interval: by "
    "subjects a jackknife over subjects, else by F distributions",
    "icc_2_1_low": "",
    "icc_2_1_high": "",
    "icc_3_1": f"intraclass correlation {ICC_MODELS['icc_3_1']}, likewise",
    "icc_3_1_low": "",
    "icc_3_1_high": "",
    "ccc": "concordance correlation coefficient (Lin 1989), with its 95 % interval: by subjects a "
    "jackknife over subjects, else by Lin's variance",
    "ccc_low": "",
    "ccc_high": "",
    "independent_icc_2_1": "on request: the coefficients as if all regions were independent",
    "independent_icc_2_1_low": "",
    "independent_icc_2_1_high": "",
    "independent_icc_3_1": "",
    "independent_icc_3_1_low": "",
    "independent_icc_3_1_high": "",
    "independent_ccc": "",
    "independent_ccc_low": "",
    "independent_ccc_high": "",
    "slope": "least squares of test on reference: test = slope · reference + intercept",
    "intercept": "",
    "r": "Pearson's correlation coefficient",
    "r_squared": "its square",
    "proportional_slope": "proportional bias: least squares of reference - test on the mean of "
    "both, with the 95 % interval of the slope and its p (by subjects a jackknife over subjects)",
    "proportional_slope_low": "",
    "proportional_slope_high": "",
    "proportional_p": "",
    "proportional_intercept": "of that line; limits of agreement at a mean A are "
    "proportional_intercept + proportional_slope · A ± 1.96 √(π/2) (spread_intercept + "
    "spread_slope · A) (Bland and Altman 1999)",
    "spread_intercept": "line of the absolute residuals of that line on the mean of both",
    "spread_slope": "",
    "spread_p": "of a spread_slope of 0, likewise: below 0.05 the differences spread more at some "
    "values than at others",
    "normality_w": "Shapiro-Wilk test of 8 or more differences, by subjects of the subjects' mean "
    "differences: W and p",
    "normality_p": "",
    "advice": "what to use where differences are not normal, or spread unevenly, at 5 %",
    "margin": "largest acceptable bias on either side, where one was given",
    "margin_p": "larger p of two one-sided t tests of the bias against the margin",
    "margin_verdict": '"bias within the margin" where that p is below 0.05, else "not shown"',
    "within_sd": "test-retest: within-subject standard deviation, with its 95 % interval (by "
    "subjects a jackknife over subjects, else chi-squared)",
    "within_sd_low": "",
    "within_sd_high": "",
    "repeatability": "test-retest: repeatability coefficient, 1.96 √2 within_sd: 95 % of the "
    "differences of two scans are smaller",
    "repeatability_low": "",
    "repeatability_high": "",
    "within_cv": "test-retest: within-subject coefficient of variation in %",
    "within_cv_low": "",
    "within_cv_high": "",
    "repeatability_percent": "test-retest: repeatability coefficient in % of the value, "
    "1.96 √2 within_cv",
    "repeatability_percent_low": "",
    "repeatability_percent_high": "",
    "message": "what is missing and why",
}
"""Columns of the table of agreement and what they mean; an empty text goes with the one before."""


def agreement_table(pairs: pd.DataFrame, *, scope: str = "pooled", **options: Any) -> pd.DataFrame:
    """Return one row of statistics for every map.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or several subjects.
    scope : {"pooled", "slice"}
        Whether a region counts once, or once in every slice.
    **options
        As in `agreement`.

    Returns
    -------
    pandas.DataFrame
        With the `AGREEMENT_COLUMNS`, first ``map, n, bias, lower, upper``: bias ± 1.96 SD of the
        unweighted means of the regions, reference - test, on the ``basis`` that fits.
    """
    used = set(pairs.loc[pairs["scope"] == scope, "map"])
    return agreement_rows(
        {
            key: map_agreement(pairs, key, scope=scope, **options)
            for key in PARAMETERS
            if key in used
        }
    )


def agreement_rows(
    found: Mapping[str, Agreement], ratio_option: str = RATIO_OPTION
) -> pd.DataFrame:
    """Return the table of what was found, one row per map; see `agreement_row`."""
    import pandas as pd

    rows = [agreement_row(key, result, ratio_option) for key, result in found.items()]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def agreement_row(key: str, result: Agreement, ratio_option: str = RATIO_OPTION) -> dict[str, Any]:
    """Return the statistics of one map by the names in `AGREEMENT_COLUMNS`.

    Parameters
    ----------
    key : str
        The parameter.
    result : Agreement
        Its statistics.
    ratio_option : str
        How the reader asks for limits of ratios, where they are advised.
    """
    limits, older = result.limits, result.repeated_2007
    row: dict[str, Any] = {
        "map": key,
        "n": limits.n,
        **_of_limits("", limits),
        "unit": PARAMETERS[key].file_unit,
        "n_subjects": result.repeated.n_subjects,
        "basis": result.basis,
        "repeated_2007_lower": older.lower,
        "repeated_2007_upper": older.upper,
        **_ends("bootstrap_bias", result.bootstrap.bias_interval),
        **_ends("bootstrap_lower", result.bootstrap.lower_interval),
        **_ends("bootstrap_upper", result.bootstrap.upper_interval),
        "bootstrap_seed": result.bootstrap.seed,
        **_of_coefficients("", result.coefficients),
        "slope": result.line.slope,
        "intercept": result.line.intercept,
        "r": result.line.r,
        "r_squared": result.line.r_squared,
    }
    line = result.proportional
    row |= {
        "proportional_slope": line.slope,
        **_ends("proportional_slope", line.slope_interval),
        "proportional_p": line.p,
        "proportional_intercept": line.intercept,
        "spread_intercept": line.spread_intercept,
        "spread_slope": line.spread_slope,
        "spread_p": line.spread_p,
        "normality_w": result.normality.w,
        "normality_p": result.normality.p,
        "advice": advice(
            result.normality, line, may_be_ratio=result.may_be_ratio, ratio_option=ratio_option
        ),
    }
    asked: list[str] = []
    relative = result.relative
    row["relative_kind"] = "" if relative is None else relative.kind
    if relative is not None:
        row |= _of_limits("relative_", relative.limits)
        asked.append(relative.message)
    verdict = result.equivalence
    row["margin_verdict"] = "" if verdict is None else verdict.verdict
    if verdict is not None:
        row |= {"margin": verdict.margin, "margin_p": verdict.p}
        asked.append(verdict.message)
    if result.repeatability is not None:
        row |= _of_repeatability(result.repeatability)
        asked.append(result.repeatability.message)
    if result.independent:
        row |= _of_limits("independent_", result.simple)
        row |= _of_coefficients("independent_", result.simple_coefficients)
    coefficients = result.coefficients
    basis = ""
    if result.basis == INDEPENDENT and not limits.message:
        basis = f"{INDEPENDENT}: {result.repeated.message}"
    messages = [
        limits.message, basis, result.bootstrap.message, coefficients.icc_2_1.message,
        coefficients.ccc.message, result.line.message, result.proportional.message, *asked,
    ]  # fmt: skip
    row["message"] = "; ".join(dict.fromkeys(filter(None, messages)))
    return {name: row.get(name, float("nan")) for name in AGREEMENT_COLUMNS}


def _of_limits(prefix: str, limits: BlandAltman | RepeatedLimits) -> dict[str, float]:
    return {
        f"{prefix}bias": limits.bias,
        f"{prefix}lower": limits.lower,
        f"{prefix}upper": limits.upper,
        f"{prefix}sd": limits.sd,
        **_ends(f"{prefix}bias", limits.bias_interval),
        **_ends(f"{prefix}lower", limits.lower_interval),
        **_ends(f"{prefix}upper", limits.upper_interval),
    }


def _of_repeatability(found: Repeatability) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, times, value, interval in (
        ("within_sd", 1.0, found.within_sd, found.within_sd_interval),
        ("repeatability", REPEATABILITY, found.within_sd, found.within_sd_interval),
        ("within_cv", 1.0, found.within_cv, found.within_cv_interval),
        ("repeatability_percent", REPEATABILITY, found.within_cv, found.within_cv_interval),
    ):
        low, high = interval
        row |= {name: times * value, **_ends(name, (times * low, times * high))}
    return row


def _of_coefficients(prefix: str, coefficients: Coefficients) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, one in coefficients._asdict().items():
        row |= {f"{prefix}{name}": one.value, **_ends(f"{prefix}{name}", one.interval)}
    return row


def _ends(name: str, interval: Interval) -> dict[str, float]:
    return {f"{name}_low": interval[0], f"{name}_high": interval[1]}
