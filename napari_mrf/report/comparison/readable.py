"""Readable tables of numbers: rounded, with units and intervals; files have full precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.printed_numbers import decimals, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison

NO_VALUE = "–"
METRICS = ("NRMSE", "SSIM", "R2", "R2 voxels", "MAE", "MRE", "PSNR")
"""In the order of the table."""

_LEVELS = ("bias", "lower", "upper")

METRIC_TITLES = {"R2": "R² of ROIs", "R2 voxels": "R² of voxels"}


@dataclass(frozen=True)
class Cell:
    """One cell of a readable table.

    Parameters
    ----------
    text : str
        Rounded, with its unit where the column has none.
    full : str
        The value in full precision; empty for text.
    """

    text: str
    full: str = ""


@dataclass(frozen=True)
class Table:
    """A readable table.

    Parameters
    ----------
    title : str
        Above it.
    header : sequence of str
        One title a column; the first column holds names.
    rows : sequence of sequence of Cell
        As many cells as the header.
    note : str
        Below it.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def number(value: Any, places: int, unit: str = "", scale: float = 1.0) -> Cell:
    """Return a rounded number, or a dash where there is none."""
    value = float(value)
    if np.isnan(value):
        return Cell(NO_VALUE)
    text = "∞" if np.isinf(value) else signed(value * scale, places)
    return Cell(f"{text} {unit}".rstrip(), repr(value))


def with_interval(row: pd.Series, name: str, places: int, unit: str = "") -> Cell:
    """Return ``"0.006 (−0.014 to 0.026)"`` from a column and its ``_low`` and ``_high``."""
    cell = number(row[name], places)
    low, high = (number(row[f"{name}_{end}"], places) for end in ("low", "high"))
    if cell.text == NO_VALUE:
        return cell
    text = f"{cell.text} {unit}".rstrip()
    if NO_VALUE not in (low.text, high.text):
        text += f" ({low.text} to {high.text})"
    return Cell(text, cell.full)


def metric_cell(value: Any, metric: str, key: str) -> Cell:
    """Return one metric of one map, rounded as it deserves, with its unit."""
    if metric == "MAE":
        return number(value, decimals(key), PARAMETERS[key].unit)
    if metric == "MRE":
        return number(value, 1, "%", 100.0)
    if metric == "PSNR":
        return number(value, 1, "dB")
    return number(value, 3)


def metrics_overview(comparison: Comparison) -> Table:
    """Return one row per map with every metric; of several subjects the mean and SD."""
    table, several = comparison.metrics, len(comparison.subjects) > 1
    rows = []
    for key in comparison.maps:
        of_map = table[table["map"] == key]
        row = [Cell(PARAMETERS[key].label)]
        for metric in METRICS:
            values = of_map.loc[of_map["metric"] == metric, "value"].to_numpy(np.float64)
            cell = metric_cell(_mean(values), metric, key)
            finite = values[np.isfinite(values)]
            if several and len(finite) > 1:
                spread = metric_cell(finite.std(ddof=1), metric, key).text.split()[0]
                value, *unit = cell.text.split()
                cell = Cell(" ".join([f"{value} ± {spread}", *unit]), cell.full)
            row.append(cell)
        voxels = int(of_map.loc[of_map["metric"] == "NRMSE", "n"].sum())
        row += [Cell(f"{voxels:,}", str(voxels)), Cell(str(of_map["region"].iloc[0]))]
        rows.append(row)
    header = ["Map", *(METRIC_TITLES.get(name, name) for name in METRICS), "Voxels", "Where"]
    note = (
        f"Mean ± SD of {len(comparison.subjects)} subjects; metrics.csv has each."
        if several
        else ""
    )
    return Table("Similarity of the maps", header, rows, note)


def limits_overview(comparison: Comparison) -> Table:
    """Return bias and limits of agreement with their intervals, one row per map."""
    rows = []
    for _, row in comparison.agreement.iterrows():
        key = str(row["map"])
        places, unit = decimals(key), PARAMETERS[key].unit
        rows.append([
            Cell(PARAMETERS[key].title), Cell(str(row["n"]), str(row["n"])),
            *(with_interval(row, name, places) for name in ("bias", "lower", "upper")),
            number(row["sd"], places, unit),
        ])  # fmt: skip
    return Table(
        "Limits of agreement over the regions",
        ("Map", "n", "Bias", "Lower limit", "Upper limit", "SD"),
        rows,
        "Difference = reference − test. Limits: bias ± 1.96 SD; in brackets 95 % intervals.",
    )


def repeated_overview(comparison: Comparison) -> list[Table]:
    """Return the limits and intervals that know of subjects; none for too few subjects."""
    table = comparison.agreement
    table = table[table["repeated_lower"].notna()]
    if table.empty:
        return []
    limits, draws = [], []
    for _, row in table.iterrows():
        key = str(row["map"])
        places = decimals(key)
        older = [number(row[f"repeated_2007_{end}"], places).text for end in ("lower", "upper")]
        limits.append([
            Cell(PARAMETERS[key].title), Cell(str(row["n_subjects"])),
            *(with_interval(row, f"repeated_{name}", places) for name in _LEVELS),
            Cell(" to ".join(older)),
        ])  # fmt: skip
        ends = [
            [number(row[f"bootstrap_{name}_{end}"], places).text for end in ("low", "high")]
            for name in _LEVELS
        ]
        draws.append([Cell(PARAMETERS[key].title), *(Cell(" to ".join(pair)) for pair in ends)])
    return [
        Table(
            "Limits of agreement with the subject as the cluster",
            ("Map", "Subjects", "Bias", "Lower limit", "Upper limit", "Limits of 2007"),
            limits,
            "After Zou (2013), in brackets 95 % intervals; beside them limits after Bland and "
            "Altman (2007). Regions of one subject are not independent: read these rather than "
            "the simple limits.",
        ),
        Table(
            "95 % intervals from draws of whole subjects",
            ("Map", "Bias", "Lower limit", "Upper limit"),
            draws,
            "Bootstrap of the simple bias and limits, 2000 draws.",
        ),
    ]


def coefficients_overview(comparison: Comparison) -> Table:
    """Return intraclass correlations, concordance and the line, one row per map."""
    rows = []
    for _, row in comparison.agreement.iterrows():
        key = str(row["map"])
        rows.append([
            Cell(PARAMETERS[key].label),
            *(with_interval(row, name, 3) for name in ("icc_2_1", "icc_3_1", "ccc")),
            number(row["slope"], 3), number(row["intercept"], decimals(key), PARAMETERS[key].unit),
            number(row["r"], 3), number(row["r_squared"], 3),
        ])  # fmt: skip
    return Table(
        "Reliability and regression over the regions",
        ("Map", "ICC(2,1)", "ICC(3,1)", "CCC", "Slope", "Intercept", "r", "R²"),
        rows,
        "In brackets 95 % intervals. Regression: test = slope · reference + intercept.",
    )


def regions_overview(comparison: Comparison) -> Table | None:
    """Return reference and test of every region; None without regions or for several subjects."""
    pairs = comparison.pairs
    if pairs.empty or len(comparison.subjects) > 1:
        return None
    pooled = pairs[(pairs["scope"] == "pooled") & (pairs["n_drawn"] > 0)]
    keys = [key for key in PARAMETERS if (pooled["map"] == key).any()]
    rows = []
    for _, of_region in pooled.groupby("label", sort=True):
        by_map = of_region.set_index("map")
        row = [Cell(str(of_region["name"].iloc[0]))]
        for key in keys:
            sides = [number(by_map.loc[key, side], decimals(key)) for side in ("reference", "test")]
            row.append(Cell(" / ".join(cell.text for cell in sides)))
        rows.append(row)
    return Table(
        "Means of the regions, reference / test",
        ("Region", *(PARAMETERS[key].title for key in keys)),
        rows,
        "Pooled over slices; rois.csv has each slice, numbers of voxels and standard deviations.",
    )


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")
