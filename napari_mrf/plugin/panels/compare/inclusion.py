"""Inclusion and outliers in the Compare panel: two tables that fold out below the statistics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_mrf.analysis.agreement.outliers import FARTHEST, OUTLIER_COLUMNS
from napari_mrf.analysis.comparison.inclusion import INCLUSION_COLUMNS
from napari_mrf.plugin.kit.data_table import Column, DataTable
from napari_mrf.plugin.kit.section import Section
from napari_mrf.report.comparison.readable import of_map

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison

    _Rows = tuple[pd.DataFrame, list[Column]]

_MOST_ROWS = 8


class CompareInclusion(QWidget):
    """View of both tables, in sections whose headers tell how many there are.

    Signals
    -------
    region_clicked, outlier_clicked
        The user clicked a row; its row in the table of the section.
    """

    region_clicked = Signal(int)
    outlier_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.regions, self.outliers = DataTable("inclusion"), DataTable("outliers")
        self.regions_section = Section("Inclusion", self.regions, is_open=False)
        self.outliers_section = Section("Outliers", self.outliers, is_open=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.regions_section)
        layout.addWidget(self.outliers_section)
        self.regions.row_clicked.connect(self.region_clicked)
        self.outliers.row_clicked.connect(self.outlier_clicked)
        self._waiting: dict[DataTable, Callable[[], _Rows]] = {}
        self.regions_section.toggled.connect(partial(self._on_toggled, self.regions))
        self.outliers_section.toggled.connect(partial(self._on_toggled, self.outliers))

    def set_regions(self, comparison: Comparison, key: str) -> None:
        """Show who is in the agreement of a map, and why not, those left out first."""
        included = rows_of(comparison, key)["included"]
        n, n_in = len(included), int(included.sum())
        left_out = f"{n_in} in, {n - n_in} left out"
        self.regions_section.set_state(f"{key}: all {n}" if n_in == n else f"{key}: {left_out}")
        self._fill(self.regions_section, self.regions, partial(inclusion_of, comparison, key))

    def set_outliers(self, comparison: Comparison) -> None:
        """Show the differences of all maps that lie far from the others."""
        counts = comparison.outliers["map"].value_counts(sort=False)
        words = [f"{key}: {count}" for key, count in counts.items()]
        self.outliers_section.set_state(", ".join(words) or "none")
        self._fill(self.outliers_section, self.outliers, partial(outliers_of, comparison))

    def _fill(self, section: Section, table: DataTable, make: Callable[[], _Rows]) -> None:
        """Fill a table now where it is open, else when it opens: it costs as much as the plot."""
        self._waiting[table] = make
        self._on_toggled(table, section.is_open())

    def _on_toggled(self, table: DataTable, is_open: bool) -> None:
        if is_open and table in self._waiting:
            table.set_table(*self._waiting.pop(table)())
            table.fit_rows(_MOST_ROWS)


def rows_of(comparison: Comparison, key: str) -> pd.DataFrame:
    """Return the rows of the inclusion that are about a map."""
    table = comparison.inclusion
    return table[table["map"].isin([key, ""])]


def inclusion_of(comparison: Comparison, key: str) -> tuple[pd.DataFrame, list[Column]]:
    """Return the rows of the table of inclusion that are about a map, and the columns."""
    table = rows_of(comparison, key).sort_values("included", kind="stable", ignore_index=True)
    table = table.assign(
        name=table["name"].where(table["label"].notna(), "all regions"),
        percent=100 * table["valid_share"],
    )
    return table, [
        *_who(table, "why"),
        Column("why", "Left out because", tooltip=INCLUSION_COLUMNS["why"], why="why"),
        Column("voxels", "Voxels", ",d", tooltip=INCLUSION_COLUMNS["voxels"], why="why"),
        Column("percent", "Valid (%)", ".1f", tooltip=INCLUSION_COLUMNS["valid_share"], why="why"),
    ]


def outliers_of(comparison: Comparison) -> tuple[pd.DataFrame, list[Column]]:
    """Return the table of outliers with numbers as they are printed, and the columns."""
    table = comparison.outliers
    printed = {
        side: [of_map(value, str(key), with_unit=True).text
               for value, key in zip(table[side], table["map"], strict=True)]
        for side in ("difference", "median")
    }  # fmt: skip
    table = table.assign(**{f"{side} printed": texts for side, texts in printed.items()})
    table["name"] = table["name"].where(table["of"] == "region", "mean of all")
    return table, [
        Column("map", "Map", tooltip="Click a row to see the map and the region"),
        *_who(table),
        Column("difference printed", "Difference", tooltip=OUTLIER_COLUMNS["difference"]),
        Column("distance", "Distance", ".1f",
               tooltip=f"{OUTLIER_COLUMNS['distance']}; {FARTHEST} or more is listed"),
        Column("median printed", "Median", tooltip=OUTLIER_COLUMNS["median"]),
    ]  # fmt: skip


def _who(table: pd.DataFrame, why: str = "") -> list[Column]:
    several = table["subject"].nunique() > 1
    columns = [Column("subject", "Subject", why=why)] if several else []
    columns.append(Column("name", "Region", why=why))
    if table["slice"].notna().any():
        columns.append(Column("slice", "Slice", "d", missing="all", why=why))
    return columns
