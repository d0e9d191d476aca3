"""Rows and columns of the tables in the Compare panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.equivalence import NOT_SHOWN, WITHIN
from napari_mrf.analysis.agreement.relative import PERCENT
from napari_mrf.analysis.agreement.statistics import BY_SUBJECTS
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plugin.kit.data_table import Column
from napari_mrf.report.comparison.readable import (
    METRIC_TITLES,
    NO_VALUE,
    metric_cell,
    number,
    of_map,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.comparison.compare import Comparison

_SHOWN = {
    "NRMSE": ("NRMSE", ".3f"), "SSIM": ("SSIM", ".3f"), "R2": ("R²", ".3f"),
    "R2 voxels": ("R² voxels", ".3f"), "MAE": ("MAE", ""), "MRE": ("MRE (%)", ".1f"),
    "PSNR": ("PSNR (dB)", ".1f"),
}  # fmt: skip
_STATISTICS = (
    ("Bias", "bias"), ("Lower limit", "lower"), ("Upper limit", "upper"), ("SD", "sd"),
    ("ICC(2,1)", "icc_2_1"), ("ICC(3,1)", "icc_3_1"), ("CCC", "ccc"),
    ("Slope", "slope"), ("Intercept", "intercept"), ("r", "r"), ("R²", "r_squared"),
)  # fmt: skip
_ON_REQUEST = (
    ("Prop. bias", "proportional_slope"), ("Within-subject SD", "within_sd"),
    ("Repeatability", "repeatability"), ("wCV", "within_cv"), ("% RC", "repeatability_percent"),
    ("Lower, indep.", "independent_lower"), ("Upper, indep.", "independent_upper"),
)  # fmt: skip
"""Shown where there is a number."""
_CHECKS = (
    ("No prop. bias", "proportional_p"), ("Normal differences", "normality_p"),
    ("Even spread", "spread_p"),
)  # fmt: skip
_PLACES = {
    **dict.fromkeys(("icc_2_1", "icc_3_1", "ccc", "slope", "r", "r_squared",
                     "proportional_slope"), (3, "")),
    **dict.fromkeys(("within_cv", "repeatability_percent"), (1, "%")),
}  # fmt: skip
"""Decimals and unit of what is not in the unit of the map."""


def metrics_of(comparison: Comparison) -> tuple[pd.DataFrame, list[Column]]:
    """Return one row per map with every metric, and the columns with their definitions."""
    import pandas as pd

    wide = comparison.metrics.pivot_table(
        index="map", columns="metric", values="value", aggfunc="mean", dropna=False
    )
    table = pd.DataFrame({"map": list(comparison.maps)})
    for name in _SHOWN:
        column = wide[name].to_dict() if name in wide else {}
        values = [float(column.get(key, np.nan)) for key in comparison.maps]
        if name == "MAE":  # each map has a unit of its own
            table[name] = [
                metric_cell(value, name, key).text
                for key, value in zip(comparison.maps, values, strict=True)
            ]
        else:
            table[name] = [100 * value if name == "MRE" else value for value in values]
    by_name = comparison.metrics.drop_duplicates("metric").set_index("metric")["definition"]
    columns = [Column("map", "Map", tooltip="Click a row to see its plots")]
    columns += [
        Column(name, title, places,
               tooltip=f"{METRIC_TITLES.get(name, name)}: {by_name.get(name, '')}")
        for name, (title, places) in _SHOWN.items()
    ]  # fmt: skip
    return table, columns


def definitions_of(comparison: Comparison, key: str) -> str:
    """Return the definitions of the metrics of a map, with the number of voxels."""
    rows = comparison.metrics[comparison.metrics["map"] == key]
    if rows.empty:
        return ""
    subjects = rows.drop_duplicates("subject")
    n, n_missing = (int(subjects[name].sum()) for name in ("n", "n_missing"))
    lines = [f"{key}: {n:,} voxels, {rows.iloc[0]['region']}"
             + (f"; {n_missing:,} without a value in the test" if n_missing else "")
             + (f"; means over {len(subjects)} subjects" if len(subjects) > 1 else "")
             ]  # fmt: skip
    rows = rows.drop_duplicates("metric")
    lines += [
        f"{METRIC_TITLES.get(row['metric'], row['metric'])}: {row['definition']}"
        + (f" ({row['reason']})" if row["reason"] else "")
        for _, row in rows.iterrows()
    ]
    return "\n".join(lines)


def statistics_of(row: Mapping[str, Any]) -> tuple[pd.DataFrame, list[Column]]:
    """Return one row per statistic of agreement that there is, with its interval or p."""
    import pandas as pd

    key = str(row["map"])
    lines = [_line(row, title, name, key) for title, name in _STATISTICS]
    for title, name in _ON_REQUEST:
        # Where the limits themselves assume it, they would stand there twice.
        is_twice = name.startswith("independent_") and row["basis"] != BY_SUBJECTS
        if not (np.isnan(row[name]) or is_twice):
            lines.append(_line(row, title, name, key))
    if not np.isnan(row["relative_lower"]):
        ending = " (%)" if row["relative_kind"] == PERCENT else ", ratio"
        lines += [_line(row, f"{title}{ending}", f"relative_{name}", key)
                  for title, name in _STATISTICS[:3]]  # fmt: skip
    if not np.isnan(row["margin"]):
        title = f"Margin ±{printed(key).text(row['margin'], with_unit=True)}"
        verdict = {WITHIN: "within", NOT_SHOWN: NOT_SHOWN}.get(row["margin_verdict"], "no verdict")
        lines.append((title, verdict, _p_of(row["margin_p"])))
    for title, name in _CHECKS:
        lines.append((title, _p_of(row[name]) or NO_VALUE, ""))
    table = pd.DataFrame(lines, columns=["statistic", "value", "interval"])
    return table, [
        Column("statistic", "Agreement", tooltip="Difference = reference − test"),
        Column("value", f"n = {int(row['n'])}", tooltip="Rounded; the exported tables are not"),
        Column("interval", "95 % interval", tooltip=f"Basis: {row['basis']}"),
    ]


def _line(row: Mapping[str, Any], title: str, name: str, key: str) -> tuple[str, str, str]:
    value, *ends = (row.get(one, np.nan) for one in (name, f"{name}_low", f"{name}_high"))
    if name in _PLACES:
        places, unit = _PLACES[name]
        value, *ends = (number(one, places).text for one in (value, *ends))
        value = f"{value} {unit}".rstrip()
    elif name.startswith("relative_"):
        places = 2 if row["relative_kind"] == PERCENT else 3
        value, *ends = (number(one, places).text for one in (value, *ends))
    else:
        value = of_map(value, key, with_unit=True).text
        ends = [of_map(one, key).text for one in ends]
    return title, value, "" if NO_VALUE in ends else f"{ends[0]} to {ends[1]}"


def _p_of(p: float) -> str:
    if np.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def points_of(points: pd.DataFrame, key: str) -> tuple[pd.DataFrame, list[Column]]:
    """Return one row per region as it is printed, and its columns."""
    how = printed(key)
    sides = ("reference", "test", "difference")
    points = points.assign(**{side: how.factor * points[side] for side in sides})
    with_unit = f" ({how.unit})" if how.unit else ""
    several = points["subject"].nunique() > 1
    columns = [*([Column("subject", "Subject")] if several else []), Column("name", "Region")]
    if (points["scope"] == "slice").any():
        columns.append(Column("slice", "Slice", "d"))
    columns += [
        Column(side, f"{side.capitalize()}{with_unit}", how.specification) for side in sides
    ]
    return points, columns


def rows_of_region(points: pd.DataFrame, row: Mapping[str, Any] | pd.Series) -> list[int]:
    """Return the points of a region, or of a subject: that of the slice where there is one.

    Parameters
    ----------
    points : pandas.DataFrame
        The points that are drawn.
    row : mapping
        With ``label`` and ``slice``, and ``subject`` where it matters; missing is any.
    """
    import pandas as pd

    same = np.ones(len(points), bool)
    for name in ("subject", "label"):
        if name in row and not pd.isna(row[name]):
            same &= (points[name] == row[name]).to_numpy(bool)
    if not pd.isna(row["slice"]):
        in_slice = same & (points["slice"] == row["slice"]).fillna(False).to_numpy(bool)
        if in_slice.any():
            return _where(in_slice)
    return _where(same)


def labels_in(comparison: Comparison) -> Sequence[int]:
    """Return the labels that are drawn, in ascending order."""
    pairs = comparison.pairs
    if pairs.empty:
        return []
    return sorted({int(label) for label in pairs.loc[pairs["n_drawn"] > 0, "label"]})


def _where(rows: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in rows.nonzero()[0]]
