"""Agreement of every region by itself, over the subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

BY_REGION_COLUMNS: dict[str, str] = {
    "map": "parameter key",
    "label": "number in the label map",
    "name": "name of the label",
    "n": "subjects in which both have a mean of the region, pooled over slices",
    "bias": "mean of their differences, reference - test",
    "lower": "lower limit of agreement, bias - 1.96 sd",
    "upper": "upper limit of agreement, bias + 1.96 sd",
    "unit": "of bias, sd and limits",
    "sd": "standard deviation of the differences (n - 1)",
    "bias_low": "95 % intervals of bias, lower and upper: t, and exact for normal differences "
    "(Carkeet 2015); each by itself, not all regions together",
    "bias_high": "",
    "lower_low": "",
    "lower_high": "",
    "upper_low": "",
    "upper_high": "",
    "message": "what is missing and why",
}
"""Columns of the table and what they mean; an empty text goes with the one before."""


def agreement_by_region(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return bias and limits of each map in each region over subjects.

    A region gives one value a subject, so subjects are independent and the exact intervals apply.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of several subjects.

    Returns
    -------
    pandas.DataFrame
        With the `BY_REGION_COLUMNS`; no rows for a single subject, NaN and a message for a
        region of fewer than three.
    """
    import pandas as pd

    pooled = pairs[pairs["scope"] == "pooled"]
    if pooled["subject"].nunique() < 2:
        return pd.DataFrame(columns=list(BY_REGION_COLUMNS))
    rows = []
    for (key, label), of_region in pooled.groupby(["map", "label"]):
        found = bland_altman(
            of_region["reference"].to_numpy(np.float64), of_region["test"].to_numpy(np.float64)
        )
        ends = np.ravel([found.bias_interval, found.lower_interval, found.upper_interval])
        rows.append([
            key, label, of_region["name"].iloc[0], found.n, found.bias, found.lower, found.upper,
            PARAMETERS[str(key)].file_unit, found.sd, *ends, found.message,
        ])  # fmt: skip
    order = {key: place for place, key in enumerate(PARAMETERS)}
    rows.sort(key=lambda row: order[row[0]])
    return pd.DataFrame(rows, columns=list(BY_REGION_COLUMNS))
