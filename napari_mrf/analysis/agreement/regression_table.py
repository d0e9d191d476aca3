"""The lines of Deming and of Passing-Bablok through the regions, map by map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.errors_in_both import deming, passing_bablok
from napari_mrf.analysis.agreement.pairs import FEWEST
from napari_mrf.analysis.agreement.statistics import BY_SUBJECTS, INDEPENDENT, ONE_REGION
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.analysis.agreement.errors_in_both import Line

DEMING, PASSING_BABLOK = "Deming", "Passing-Bablok"

REGRESSION_COLUMNS: dict[str, str] = {
    "map": "parameter key",
    "method": '"Deming": least squares with errors in both methods; "Passing-Bablok": median of '
    "slopes (Passing and Bablok 1983)",
    "n": "regions in which both have a mean",
    "n_subjects": "subjects that the regions belong to",
    "slope": "test = slope · reference + intercept, with 95 % intervals, each by itself: of Deming "
    "a jackknife over subjects, or over regions on the other bases; of Passing-Bablok the "
    "published ones, withheld by subjects unless independent regions are assumed on request",
    "slope_low": "",
    "slope_high": "",
    "intercept": "",
    "intercept_low": "",
    "intercept_high": "",
    "unit": "of intercept",
    "basis": "what the intervals rest on, as in the table of agreement; empty without",
    "error_ratio": "of Deming: variance of the test's errors / that of the reference's, as given",
    "message": "what is missing and why",
}
"""Columns of the table and what they mean; an empty text goes with the one before."""


def regression_table(
    pairs: pd.DataFrame,
    *,
    scope: str = "pooled",
    error_ratio: float = 1.0,
    independent: bool = False,
) -> pd.DataFrame:
    """Return two rows for every map: the Deming line and that of Passing and Bablok.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or several subjects.
    scope : {"pooled", "slice"}
        As in `agreement_table`.
    error_ratio : float
        As in `deming`.
    independent : bool
        As in `passing_bablok`.

    Returns
    -------
    pandas.DataFrame
        With the `REGRESSION_COLUMNS`.
    """
    import pandas as pd

    of_scope = pairs[pairs["scope"] == scope]
    rows = []
    for key in PARAMETERS:
        used = of_scope[of_scope["map"] == key]
        if used.empty:
            continue
        first, second = (used[side].to_numpy(np.float64) for side in ("reference", "test"))
        subjects = used["subject"].tolist()
        lines = {
            DEMING: deming(first, second, subjects, error_ratio=error_ratio),
            PASSING_BABLOK: passing_bablok(first, second, subjects, independent=independent),
        }
        for name, line in lines.items():
            ratio = error_ratio if name == DEMING else np.nan
            rows.append(_row(key, name, line, ratio))
    return pd.DataFrame(rows, columns=list(REGRESSION_COLUMNS))


def _row(key: str, name: str, line: Line, error_ratio: float) -> list[Any]:
    basis = ONE_REGION if line.n_subjects == line.n else INDEPENDENT
    if name == DEMING and FEWEST <= line.n_subjects < line.n:
        basis = BY_SUBJECTS
    if np.isnan(line.slope_interval[0]):
        basis = ""
    return [
        key, name, line.n, line.n_subjects, line.slope, *line.slope_interval, line.intercept,
        *line.intercept_interval, PARAMETERS[key].file_unit, basis, error_ratio, line.message,
    ]  # fmt: skip
