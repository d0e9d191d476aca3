"""Rows and columns of the statistics table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_mrf.analysis.regions.statistics import COLUMNS
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.kit.data_table_model import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label

ALL_MAPS = "all"
_FORMATS = {"FF": ".3f", "B1": ".3f", "T1H2O": ".0f", "T1fat": ".0f", "T1": ".0f", "Df": ".1f",
            "T2": ".1f", "PD": ".3g"}  # fmt: skip
_NUMBERS = {
    "mean": "Mean",
    "sd": "SD",
    "median": "Median",
    "p05": "P5",
    "p25": "P25",
    "p75": "P75",
    "p95": "P95",
    "mean_uncertainty": "Mean unc.",
}
_REGION = Column("name", "Region", swatch="color", tooltip="Name of the region")
_SLICE = Column("slice", "Slice", "d", missing="all",
                tooltip="Slice number, counted from 0 as in the file, or all slices")  # fmt: skip
_VOLUME = Column("volume_ml", "Volume (ml)", ".2f", tooltip=COLUMNS["volume_ml"])


def shown_table(
    statistics: pd.DataFrame, labels: Mapping[int, Label], view: str, *, per_slice: bool
) -> tuple[pd.DataFrame, list[Column]]:
    """Return the rows and columns to show.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `roi_statistics`.
    labels : mapping of int to Label
        For the colors.
    view : str
        `ALL_MAPS` for mean and standard deviation of every map, or a parameter for all numbers
        of its map.
    per_slice : bool
        Whether every slice has a row below that of the whole region.

    Returns
    -------
    table : pandas.DataFrame
        One row per region (and slice), pooled rows first, with ``label`` and ``slice``.
    columns : list of Column
    """
    maps = list(dict.fromkeys(statistics["map"]))
    if not maps:
        return _with_colors(statistics, labels), [_REGION]
    # Every region and slice has its maps in the same order, so one order of rows serves all.
    order = _order(statistics[statistics["map"] == maps[0]], per_slice=per_slice)
    parts = {
        key: statistics.iloc[order * len(maps) + at].reset_index(drop=True)
        for at, key in enumerate(maps)
    }
    first = _with_colors(parts.get(view, next(iter(parts.values()))), labels)
    columns = [_REGION, *([_SLICE] if per_slice else [])]
    if view in parts:
        return first, [replace(one, why="reason") for one in (*columns, *_columns_of(view))]
    reasons = pd.DataFrame({key: part["reason"] for key, part in parts.items()})
    first["why"] = [
        "\n".join(f"{key}: {reason}" for key, reason in of_row.items())
        if all(of_row.values())
        else ""
        for of_row in reasons.to_dict("records")
    ]
    columns = [replace(column, why="why") for column in columns]
    for key, part in parts.items():
        first[f"{key} mean"], first[f"{key} sd"] = part["mean"], part["sd"]
        first[f"{key} why"] = part["reason"]
        columns.append(
            Column(f"{key} mean", _with_unit(key, key), _FORMATS[key], deviation=f"{key} sd",
                   why=f"{key} why",
                   tooltip=f"{PARAMETERS[key].label}: mean ± standard deviation of the voxels")
        )  # fmt: skip
    return first, [*columns, replace(_VOLUME, why="why")]


def _order(rows: pd.DataFrame, *, per_slice: bool) -> NDArray[np.intp]:
    """Return which rows of one map to show: the pooled one of a region before its slices."""
    is_pooled = (rows["scope"] == "pooled").to_numpy()
    if not per_slice:
        return np.flatnonzero(is_pooled)
    region = pd.factorize(rows["label"])[0]  # regions stay in their order
    return np.lexsort((rows["slice"].fillna(-1).to_numpy(np.int64), region))


def _with_colors(rows: pd.DataFrame, labels: Mapping[int, Label]) -> pd.DataFrame:
    colors = [labels[label].color if label in labels else None for label in rows["label"]]
    return rows.assign(color=pd.Series(colors, dtype=object, index=rows.index))


def _columns_of(key: str) -> list[Column]:
    unit = PARAMETERS[key].unit
    numbers = [
        Column(name, f"{title} ({unit})" if unit else title, _FORMATS[key], tooltip=COLUMNS[name])
        for name, title in _NUMBERS.items()
    ]
    counts = [Column("n", "n", ",d", tooltip=COLUMNS["n"]),
              Column("n_invalid", "Left out", ",d", tooltip=COLUMNS["n_invalid"])]  # fmt: skip
    return [*counts, *numbers, _VOLUME, Column("reason", "Note", tooltip=COLUMNS["reason"])]


def _with_unit(title: str, key: str) -> str:
    unit = PARAMETERS[key].unit
    return f"{title} ({unit})" if unit else title
