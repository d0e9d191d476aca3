"""Regions across the subjects of a cohort: mean and spread of their regional means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SESSION = "session"
ACROSS_COLUMNS = {
    SESSION: "session, where scans have one",
    "label": "number in the label map",
    "name": "name of the label",
    "map": "key of the map",
    "unit": "unit of the map",
    "n_subjects": "subjects with a regional mean",
    "mean": "arithmetic mean over the subjects",
    "sd": "standard deviation over the subjects, divided by n - 1; empty for one subject",
    "median": "median over the subjects",
    "minimum": "smallest regional mean",
    "maximum": "largest regional mean",
}
"""Columns and what they mean."""

_OF_REGION = ["label", "name", "map", "unit"]


def subject_means(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return one value for each subject, session, region and map.

    Parameters
    ----------
    statistics : pandas.DataFrame
        Of several scans, with the column ``subject`` of `joined`: names such as
        ``sub-01_ses-1_run-2``. Names without ``sub-`` are subjects of their own.

    Returns
    -------
    pandas.DataFrame
        Columns ``subject``, ``session``, ``label``, ``name``, ``map``, ``unit`` and ``mean``:
        the pooled mean of the region, and the mean over the runs of a session where there are
        several. Regions without a value are left out.
    """
    pooled = statistics[(statistics["scope"] == "pooled") & statistics["mean"].notna()].copy()
    pooled[SESSION] = [_part(name, "ses-") for name in pooled["subject"]]
    pooled["subject"] = [_part(name, "sub-") or name for name in pooled["subject"]]
    keys = ["subject", SESSION, *_OF_REGION]
    return pooled.groupby(keys, sort=False)["mean"].mean().reset_index()


def across_subjects(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread over the subjects, for each session, region and map.

    Parameters
    ----------
    statistics : pandas.DataFrame
        As for `subject_means`. Every subject counts once in a session, whatever its voxels.

    Returns
    -------
    pandas.DataFrame
        With the `ACROSS_COLUMNS`, sorted by session; regions and maps in their order.
    """
    means = subject_means(statistics).sort_values(SESSION, kind="stable")
    numbers = {"n_subjects": "count", "mean": "mean", "sd": "std", "median": "median",
               "minimum": "min", "maximum": "max"}  # fmt: skip
    grouped = means.groupby([SESSION, *_OF_REGION], sort=False)["mean"]
    table = grouped.agg(list(numbers.values())).set_axis([*numbers], axis="columns")
    return table.reset_index()[list(ACROSS_COLUMNS)]


def _part(name: str, prefix: str) -> str:
    return next((word for word in name.split("_") if word.startswith(prefix)), "")
