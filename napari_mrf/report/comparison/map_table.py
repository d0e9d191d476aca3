"""Everything that is known of the agreement of one map, as one readable table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.agreement.statistics import INDEPENDENT
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.report.comparison.readable import NO_VALUE, Cell, Table, number, of_map

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison

_LEVELS = {"bias": "Bias", "lower": "Lower limit", "upper": "Upper limit"}
_COEFFICIENTS = {"icc_2_1": "ICC(2,1)", "icc_3_1": "ICC(3,1)", "ccc": "CCC"}


def map_table(comparison: Comparison, key: str) -> Table:
    """Return statistic, value and 95 % interval, a row each, of one map.

    Parameters
    ----------
    comparison : Comparison
        With regions.
    key : str
        The parameter.
    """
    table = comparison.agreement
    row = table[table["map"] == key].iloc[0]
    rows = [[Cell("Regions, subjects"), Cell(f"{row['n']}, {row['n_subjects']}"), Cell("")]]
    rows += [_row(row, name, title, key) for name, title in _LEVELS.items()]
    rows.append([Cell("SD of the differences"), of_map(row["sd"], key, with_unit=True), Cell("")])
    rows += [_row(row, name, title, 3) for name, title in _COEFFICIENTS.items()]
    rows += _lines(row, key)
    if not np.isnan(row["margin"]):
        rows.append([
            Cell(f"Margin ±{of_map(row['margin'], key, with_unit=True).text}"),
            Cell(row["margin_verdict"] or NO_VALUE), Cell(f"p = {_p(row['margin_p'])}"),
        ])  # fmt: skip
    if comparison.options.independent:
        rows += [
            _row(row, f"independent_{name}", f"{title}, {INDEPENDENT}", key)
            for name, title in _LEVELS.items()
        ]
        rows += [
            _row(row, f"independent_{name}", f"{title}, {INDEPENDENT}", 3)
            for name, title in _COEFFICIENTS.items()
        ]
    rows += _other_limits(row, key)
    return Table(
        printed(key).title,
        ("Statistic", "Value", "95 % interval"),
        rows,
        f"Limits, ICC and CCC: {row['basis']}." if row["basis"] else "",
    )


def _row(row: pd.Series, name: str, title: str, places: int | str) -> list[Cell]:
    """Return one statistic: with decimals, or with the key of the map whose value it is."""
    return [Cell(title), _cell(row[name], places, with_unit=True), _interval(row, name, places)]


def _cell(value: float, places: int | str, *, with_unit: bool = False) -> Cell:
    if isinstance(places, str):
        return of_map(value, places, with_unit=with_unit)
    return number(value, places)


def _interval(row: pd.Series, name: str, places: int | str) -> Cell:
    ends = [_cell(row.get(f"{name}_{end}", np.nan), places).text for end in ("low", "high")]
    return Cell("" if NO_VALUE in ends else " to ".join(ends))


def _lines(row: pd.Series, key: str) -> list[list[Cell]]:
    rows = [
        [Cell("Slope of test on reference"), number(row["slope"], 3), Cell("")],
        [Cell("Intercept"), of_map(row["intercept"], key, with_unit=True), Cell("")],
        [Cell("r"), number(row["r"], 3), Cell(f"R² = {number(row['r_squared'], 3).text}")],
    ]
    if not np.isnan(row["proportional_slope"]):
        rows.append(_row(row, "proportional_slope", "Proportional bias, slope", 3))
        rows.append([Cell("Proportional bias, p"), Cell(_p(row["proportional_p"])), Cell("")])
    return rows


def _other_limits(row: pd.Series, key: str) -> list[list[Cell]]:
    """Return limits and intervals by other methods, where there are enough subjects."""
    rows = []
    if not np.isnan(row["repeated_2007_lower"]):
        rows += [
            [Cell(f"{_LEVELS[end]}, 2007"),
             of_map(row[f"repeated_2007_{end}"], key, with_unit=True),
             Cell("")]
            for end in ("lower", "upper")
        ]  # fmt: skip
    if not np.isnan(row["bootstrap_bias_low"]):
        rows += [
            [Cell(f"{title}, bootstrap"), of_map(row[name], key, with_unit=True),
             _interval(row, f"bootstrap_{name}", key)]
            for name, title in _LEVELS.items()
        ]  # fmt: skip
    return rows


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else number(value, 3).text
