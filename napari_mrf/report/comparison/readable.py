"""Readable tables of numbers: rounded, with units and intervals; files have full precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.assumptions import FEWEST_TESTED
from napari_mrf.analysis.agreement.relative import ABSOLUTE, PERCENT, RATIO
from napari_mrf.analysis.agreement.reliability import ICC_REASON
from napari_mrf.analysis.agreement.statistics import BY_SUBJECTS
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.printed_numbers import formatted, printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison

NO_VALUE = "–"
METRICS = ("NRMSE", "SSIM", "R2", "R2 voxels", "MAE", "MRE", "PSNR")
"""In the order of the table."""

BY_SUBJECTS_NOTE = "By subjects: repeated measures after Zou (2013), every subject counting once."
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
    more : str
        Below it too, where the tables of the comparison are written beside the report: it names
        one of them.
    is_text : bool
        Its cells are words, which begin at the left.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    more: str = ""
    is_text: bool = False


def number(value: Any, places: int, unit: str = "", scale: float = 1.0) -> Cell:
    """Return a rounded number, or a dash where there is none."""
    return _cell(value, f".{places}f", unit, scale)


def _cell(value: Any, specification: str, unit: str, scale: float) -> Cell:
    value = float(value)
    if np.isnan(value):
        return Cell(NO_VALUE)
    text = "∞" if np.isinf(value) else formatted(value * scale, specification)
    return Cell(f"{text} {unit}".rstrip(), repr(value))


def of_map(value: Any, key: str, *, with_unit: bool = False) -> Cell:
    """Return a value, or a difference, of a map as it is printed; in full in its unit."""
    how = printed(key)
    return _cell(value, how.specification, how.unit if with_unit else "", how.factor)


def with_interval(row: pd.Series, name: str, places: int | str) -> Cell:
    """Return ``"0.006 (−0.014 to 0.026)"`` from a column and its ``_low`` and ``_high``.

    Parameters
    ----------
    row : pandas.Series
        Of a table.
    name : str
        The column.
    places : int or str
        Decimals, or the key of the map whose value this is.
    """

    def cell(value: Any) -> Cell:
        return of_map(value, places) if isinstance(places, str) else number(value, places)

    value, low, high = (cell(row[one]) for one in (name, f"{name}_low", f"{name}_high"))
    if NO_VALUE in (value.text, low.text, high.text):
        return value
    return Cell(f"{value.text} ({low.text} to {high.text})", value.full)


def metric_cell(value: Any, metric: str, key: str) -> Cell:
    """Return one metric of one map, rounded as it deserves, with its unit."""
    if metric == "MAE":
        return of_map(value, key, with_unit=True)
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
    note = f"Mean ± SD of {len(comparison.subjects)} subjects." if several else ""
    more = "metrics.csv has each." if several else ""
    return Table("Similarity of the maps", header, rows, note, more)


def result_sentences(comparison: Comparison) -> list[str]:
    """Return the bias of every map, its interval and the limits in words, one sentence a map."""
    found = []
    for _, row in comparison.agreement.iterrows():
        key = str(row["map"])
        parameter = PARAMETERS[key]
        bias = float(row["bias"])
        if not row["n"]:
            found.append(f"{parameter.label}: no region has a mean on both sides.")
            continue
        if np.isnan(bias):
            found.append(
                f"{parameter.label}: no bias, since {row['message'] or 'no region counts'}."
            )
            continue
        size = of_map(abs(bias), key, with_unit=True).text
        low, high = (of_map(row[f"bias_{end}"], key).text for end in ("low", "high"))
        side = "below" if bias > 0 else "above"
        text = f"{parameter.label}: the test lies {size} {side} the reference on average"
        if NO_VALUE not in (low, high):
            text += f" (95 % interval of the difference {low} to {high})"
        ends = [of_map(row[end], key).text for end in ("lower", "upper")]
        if NO_VALUE not in ends:
            text += f"; 95 % of the differences of regions are expected from {ends[0]} to {ends[1]}"
        if row["margin_verdict"]:
            margin = of_map(row["margin"], key, with_unit=True).text
            text += f"; margin ±{margin}: {row['margin_verdict']}"
        found.append(f"{text}.")
    return found


def result_overview(comparison: Comparison) -> Table:
    """Return the numbers that a reader looks for first, one row per map."""
    rows, has_margins = [], comparison.agreement["margin"].notna().any()
    for _, row in comparison.agreement.iterrows():
        key = str(row["map"])
        limits = [of_map(row[end], key).text for end in ("lower", "upper")]
        cells = [
            Cell(printed(key).title), Cell(str(row["n"])), Cell(str(row["n_subjects"])),
            with_interval(row, "bias", key),
            Cell(NO_VALUE if NO_VALUE in limits else " to ".join(limits), repr(row["lower"])),
            with_interval(row, "icc_2_1", 3), Cell(str(row["basis"]) if row["n"] else NO_VALUE),
        ]  # fmt: skip
        rows.append([*cells, Cell(row["margin_verdict"] or NO_VALUE)] if has_margins else cells)
    header = ["Map", "Regions", "Subjects", "Bias", "Limits of agreement", "ICC(2,1)", "Basis"]
    return Table(
        "",
        [*header, "Verdict"] if has_margins else header,
        rows,
        f"In brackets 95 % intervals. Limits: bias ± 1.96 SD. {ICC_REASON}"
        + (f" {BY_SUBJECTS_NOTE}" if BY_SUBJECTS in set(comparison.agreement["basis"]) else ""),
    )


def relative_overview(comparison: Comparison) -> list[Table]:
    """Return limits in percent or of ratios, one row a map; none where they were not asked for."""
    table, kind = comparison.agreement, comparison.options.limits
    if kind == ABSOLUTE:
        return []
    places, title = (3, "as ratios") if kind == RATIO else (2, "in percent")
    rows = [
        [
            Cell(PARAMETERS[str(row["map"])].label),
            *(with_interval(row, f"relative_{name}", places) for name in _LEVELS),
        ]
        for _, row in table.iterrows()
    ]
    note = {
        RATIO: "Reference / test, from logarithms; the bias is a geometric mean.",
        PERCENT: "100 (reference − test) / mean of both.",
    }[kind]
    return [
        Table(
            f"Limits of agreement {title}", ("Map", "Bias", "Lower limit", "Upper limit"), rows,
            f"{note} In brackets 95 % intervals, on the basis of the limits above.",
        )
    ]  # fmt: skip


def assumptions_overview(comparison: Comparison) -> Table:
    """Return how likely the differences are, were they as limits assume."""
    rows = [
        [
            Cell(PARAMETERS[str(row["map"])].label),
            _p_cell(row["normality_p"]),
            _p_cell(row["spread_p"]),
        ]
        for _, row in comparison.agreement.iterrows()
    ]
    return Table(
        "What the limits assume",
        ("Map", "Normal differences, p", "Even spread, p"),
        rows,
        f"Shapiro-Wilk test of {FEWEST_TESTED} or more differences (by subjects: of their means); "
        "slope of absolute residuals over the mean of both. Warnings say what to use instead. Of "
        "twenty tests one falls below 0.05 by chance; with few subjects large departures stay "
        "above.",
    )


def regression_overview(comparison: Comparison) -> Table:
    """Return the lines for errors in both methods, two rows a map."""
    rows = []
    for _, row in comparison.regression.iterrows():
        key = str(row["map"])
        cells = [with_interval(row, "slope", 3), with_interval(row, "intercept", key)]
        rows.append([Cell(printed(key).title), Cell(row["method"]), *cells,
                     Cell(row["basis"] or NO_VALUE)])  # fmt: skip
    return Table(
        "Regression with errors in both methods",
        ("Map", "Line", "Slope", "Intercept", "Basis of the intervals"),
        rows,
        "Test = slope · reference + intercept; in brackets 95 % intervals. Deming: ratio of error "
        f"variances, test / reference, of {comparison.options.error_ratio:g} as given. "
        "Passing-Bablok has an interval for independent regions only.",
    )


def _p_cell(p: float) -> Cell:
    return Cell("< 0.001", repr(p)) if p < 0.001 else number(p, 3)


def repeatability_overview(comparison: Comparison) -> list[Table]:
    """Return how far two scans differ, one row a map; none for other designs."""
    table = comparison.agreement
    rows = [
        [
            Cell(printed(key).title),
            with_interval(row, "within_sd", key),
            with_interval(row, "repeatability", key),
            with_interval(row, "within_cv", 1),
            with_interval(row, "repeatability_percent", 1),
        ]
        for key, (_, row) in zip(table["map"], table.iterrows(), strict=True)
        if not np.isnan(row["within_sd"])
    ]
    if not rows:
        return []
    return [
        Table(
            "Repeatability of two scans",
            ("Map", "Within-subject SD", "Repeatability coefficient", "wCV (%)", "% RC"),
            rows,
            "In brackets 95 % intervals, on the basis of the limits. 95 % of the differences of "
            "two scans are below the repeatability coefficient.",
        )
    ]


def by_region_overview(comparison: Comparison) -> list[Table]:
    """Return the bias in every region over subjects; none for fewer than three subjects."""
    table = comparison.by_region
    drawn = table[table["lower"].notna()]
    if drawn.empty:
        return []
    keys = list(dict.fromkeys(drawn["map"]))
    rows = []
    for _, of_region in drawn.groupby("label"):
        by_map = of_region.set_index("map")
        row = [Cell(str(of_region["name"].iloc[0]))]
        for key in keys:
            if key not in by_map.index:
                row.append(Cell(NO_VALUE))
                continue
            low, high = (of_map(by_map.loc[key, end], key) for end in ("lower", "upper"))
            bias = of_map(by_map.loc[key, "bias"], key)
            row.append(Cell(f"{bias.text} ({low.text} to {high.text})", bias.full))
        rows.append(row)
    return [
        Table(
            "Agreement of each region over subjects",
            ("Region", *(printed(key).title for key in keys)),
            rows,
            "Bias, in brackets limits of agreement, pooled over slices.",
            "agreement_by_region.csv has their intervals.",
        )
    ]


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
            sides = [of_map(by_map.loc[key, side], key) for side in ("reference", "test")]
            row.append(Cell(" / ".join(cell.text for cell in sides)))
        rows.append(row)
    return Table(
        "Means of the regions, reference / test",
        ("Region", *(printed(key).title for key in keys)),
        rows,
        "Pooled over slices.",
        "rois.csv has each slice, numbers of voxels and standard deviations.",
    )


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")
