"""Agreement of two reconstructions, region by region, with every statistic in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.bland_altman import BlandAltman, bland_altman
from napari_mrf.analysis.regression import Regression, regression
from napari_mrf.analysis.reliability import Coefficient, concordance, intraclass_correlations
from napari_mrf.analysis.repeated_measures import RepeatedLimits, limits_2007, limits_2013
from napari_mrf.analysis.roi_statistics import RoiOptions, roi_statistics
from napari_mrf.analysis.subject_bootstrap import SubjectBootstrap, subject_bootstrap
from napari_mrf.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.pairs import Interval
    from napari_mrf.maps import ParameterMaps

PAIR_COLUMNS: dict[str, str] = {
    "subject": "whom the region belongs to",
    "label": "number in the label map",
    "name": "name of the label",
    "scope": '"slice" or "pooled" over all slices',
    "slice": "index of the slice from 0; empty where pooled",
    "map": "parameter key",
    "unit": "unit of the map",
    "reference": "mean of the reference in the region",
    "test": "mean of the test in the region",
    "difference": "reference - test",
    "average": "mean of reference and test",
    "n_reference": "voxels behind the reference",
    "n_test": "voxels behind the test",
    "validity": "validity rule that was applied, to the reference's fat fraction",
    "erosion_voxels": "voxels taken off the rim in every slice",
}
"""Columns of the table of region means and what they mean."""


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


def roi_pairs(
    reference: ParameterMaps,
    test: ParameterMaps,
    labels: NDArray[Any],
    names: Mapping[int, str] | None = None,
    *,
    subject: str = "",
    options: RoiOptions | None = None,
) -> pd.DataFrame:
    """Return the means of two reconstructions in the same regions of one subject.

    The validity rules look at the fat fraction of the reference for both, so that both are
    judged on the same voxels. Tables of several subjects are put together with
    ``pandas.concat``.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    labels, names, options
        As in `roi_statistics`.
    subject : str
        Name of the subject, the cluster of the repeated-measures limits.

    Returns
    -------
    pandas.DataFrame
        With the `PAIR_COLUMNS`; regions without a mean have NaN.
    """
    fraction = reference.get("FF")
    shared = [key for key in PARAMETERS if key in reference and key in test]
    first, second = (
        roi_statistics(maps, labels, names, options=options, fat_fraction=fraction)
        for maps in (reference, test)
    )
    first = first[first["map"].isin(shared)]
    keys = ["label", "scope", "slice", "map"]
    pairs = first.merge(second[[*keys, "mean", "n"]], on=keys, suffixes=("_r", "_t"))
    pairs = pairs.rename(
        columns={"mean_r": "reference", "mean_t": "test", "n_r": "n_reference", "n_t": "n_test"}
    )
    pairs["subject"] = subject
    pairs["difference"] = pairs["reference"] - pairs["test"]
    pairs["average"] = (pairs["reference"] + pairs["test"]) / 2
    return pairs[list(PAIR_COLUMNS)]


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
        First ``map, n, bias, lower, upper``: the simple bias ± 1.96 SD (n - 1) over the
        unweighted means of the regions, reference - test. Then their intervals
        (``*_low``, ``*_high``), ``repeated_2007_*``, ``repeated_*`` (Zou 2013) and
        ``bootstrap_*``, ``icc_2_1``, ``icc_3_1``, ``ccc``, the line, and ``message`` with
        what is missing and why.
    """
    import pandas as pd

    used = pairs[pairs["scope"] == scope]
    rows = []
    for key in (key for key in PARAMETERS if (used["map"] == key).any()):
        of_map = used[used["map"] == key]
        result = agreement(
            of_map["reference"].to_numpy(np.float64),
            of_map["test"].to_numpy(np.float64),
            of_map["subject"].tolist(),
            seed=seed,
        )
        rows.append(_row(key, result))
    return pd.DataFrame(rows, columns=None if rows else ["map", "n", "bias", "lower", "upper"])


def _row(key: str, result: Agreement) -> dict[str, Any]:
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
