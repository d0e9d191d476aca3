"""Controller of the results in the Compare panel: plots, points, regions, error layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from napari_mrf.analysis.agreement.agreement_table import agreement_row
from napari_mrf.plots.agreement.agreement_axes import usable
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.compare.error_layers import CompareErrors
from napari_mrf.plugin.panels.compare.results_view import REGIONS_TAB
from napari_mrf.plugin.panels.compare.saving import CompareSaving
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.compare.tables import (
    definitions_of,
    labels_in,
    metrics_of,
    points_of,
    rows_of_region,
    statistics_of,
)
from napari_mrf.plugin.panels.compare.work import LIMITS_FIELD, Compared, selected
from napari_mrf.plugin.panels.shared.figure_export import FigureExport
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.session import RegionChoice, session_of, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
    from napari_mrf.plugin.panels.compare.panel import ComparePanel


_UNNAMED_COLOR = "#808080"


class CompareResultsBinding:
    """Controller of the results: shows a comparison and acts on the signals of the view.

    Parameters
    ----------
    viewer : napari viewer
        The viewer that shows regions and error maps.
    panel : ComparePanel
        The view.
    tell : callable
        Shows a message in the panel, see `CompareBinding.tell`.
    """

    def __init__(self, viewer: ViewerModel, panel: ComparePanel, tell: Callable[..., None]) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.tell = tell
        self.view = panel.results
        self.session = session_of(viewer)
        self.pointer = regions_pointer_of(viewer)
        self.compared: Compared | ComparedCohort | None = None
        self._points = pd.DataFrame()
        self._found: Agreement | None = None
        self._computed_of: object = None
        self._selected: Comparison | None = None
        self._selected_of: object = None
        self._key = ""
        self.memory = compare_memory_of(viewer)
        self.errors = CompareErrors(viewer, panel, tell)
        self.saving = CompareSaving(panel, self, tell)
        self.figures = FigureExport(viewer, self.view.figure_button, tell)
        view = self.view
        view.plot.follow(viewer)
        view.map_changed.connect(self._on_map_changed)
        view.view_changed.connect(self._show_plot)
        view.plot.point_clicked.connect(self._on_point_clicked)
        view.points.row_clicked.connect(self._on_point_clicked)
        view.inclusion.region_clicked.connect(self._on_region_clicked)
        view.inclusion.outlier_clicked.connect(self._on_outlier_clicked)
        view.error_requested.connect(self._on_error_requested)
        panel.regions.selection_changed.connect(self._on_selection_changed)
        self.bond = Bond(panel)
        self.bond.connect(self.session.region_chosen, self._on_region_chosen)

    def show(self, compared: Compared | ComparedCohort) -> None:
        """Show a comparison."""
        self.compared = compared
        comparison = compared.comparison
        self.view.set_metrics(*metrics_of(comparison))
        if self._key not in comparison.maps:
            self._key = comparison.maps[0]
        drawn = labels_in(comparison)
        named = {label: compared.table[label] for label in drawn if label in compared.table}
        self.panel.regions.set_regions(named, self.memory.here.left_out)
        self.errors.set_compared(compared)  # its masks are the regions that are checked by now
        self.view.set_has_regions(bool(drawn))
        self.view.set_in_view(compared.is_in_view)
        self.view.show()
        self._show_map()

    def clear(self) -> None:
        """Show no comparison."""
        self.compared = None
        self.errors.set_compared(None)
        self.panel.regions.set_regions({}, frozenset())  # of another subject
        self.view.hide()

    def show_map(self, key: str) -> None:
        """Show the plots of another map."""
        if self.compared is not None and key in self.compared.comparison.maps:
            self._key = key
            self._show_map()

    def selection(self) -> tuple[list[int] | None, str, int]:
        """Return the labels that are checked, None for all, the scope, and how many there are."""
        regions = self.panel.regions
        return regions.chosen(), self._scope(), regions.list.count()

    def state(self) -> dict[str, Any]:
        """Return the choices in JSON-ready form."""
        left_out = (
            self.panel.regions.left_out()
            if self.compared is not None
            else self.memory.here.left_out
        )
        return {
            "map": self._key,
            "plot": self.view.tab(),
            "by_slice": self.view.by_slice.isChecked(),
            "error": self.view.error_kind(),
            "regions_only": self.view.regions_only.isChecked(),
            "left_out": sorted(left_out),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the choices; missing or unknown ones are kept."""
        view = self.view
        self._key = str(state.get("map", self._key))
        view.set_tab(str(state.get("plot", "")))
        view.by_slice.setChecked(bool(state.get("by_slice", view.by_slice.isChecked())))
        at = view.error_picker.findData(state.get("error"))
        view.error_picker.setCurrentIndex(at if at >= 0 else view.error_picker.currentIndex())
        view.regions_only.setChecked(bool(state.get("regions_only", False)))
        left_out = state.get("left_out", [])
        if isinstance(left_out, list):
            self.memory.here.left_out = frozenset(one for one in left_out if isinstance(one, int))
        if self.compared is not None:
            self.show(self.compared)

    def _scope(self) -> str:
        return "slice" if self.view.by_slice.isChecked() else "pooled"

    def _show_map(self) -> None:
        if self.compared is None:
            return
        comparison = self.compared.comparison
        self.view.maps.select_row(comparison.maps.index(self._key))
        self.view.definitions.setText(definitions_of(comparison, self._key))
        self._show_plot()

    def _show_plot(self) -> None:
        if self.compared is None:
            return
        compared = self.compared
        self._compute(compared)
        comparison, view, key = compared.comparison, self.view, self._key
        kind = view.tab()
        if kind == "blurriness":
            view.plot.show_blurriness(comparison.blurriness, key)
            view.set_note(BLURRINESS_NOTE)
        elif kind == REGIONS_TAB:
            view.points.set_table(*points_of(self._points, key))
            view.set_note(TABLE_NOTE if len(self._points) else "")
        elif self._found is None:
            view.plot.show_nothing(
                "Draw or load regions (step ROIs), then compare again."
                if compared.is_in_view
                else "No folder of regions was given."
            )
            view.set_note("")
        else:
            names = (comparison.reference_name, comparison.test_name)
            view.plot.show_points(kind, self._points, self._found, key, names, _colors(compared))
            note = scatter_note if kind == "scatter" else bland_altman_note
            words = [note(self._found), advice_note(self._key, self._found)]
            view.set_note("" if self._points.empty else " ".join(filter(None, words)))
        self._on_region_chosen(self.session.chosen_region)

    def _compute(self, compared: Compared | ComparedCohort) -> None:
        """Find points and statistics of the map and regions that are shown, where they are new."""
        scope, chosen = self._scope(), self.panel.regions.chosen()
        of = (compared, self._key, scope, None if chosen is None else tuple(chosen))
        if of == self._computed_of:
            return
        self._computed_of = of
        comparison = compared.comparison
        pairs = comparison.pairs
        self._show_inclusion(compared)
        if pairs.empty:
            self._points, self._found = pd.DataFrame(), None
            return
        pairs = pairs[pairs["map"] == self._key]
        if chosen is not None:
            pairs = pairs[pairs["label"].isin(chosen)]
        self._points = usable(pairs, self._key, scope).reset_index(drop=True)
        self._found = comparison.agreement_of(self._key, labels=chosen, scope=scope)
        self.view.set_statistics(*statistics_of(agreement_row(self._key, self._found)))

    def _show_inclusion(self, compared: Compared | ComparedCohort) -> None:
        """Show who is in the agreement, and the outliers where the selection is new."""
        selection, view = self.selection(), self.view.inclusion
        if self._selected is None or (compared, selection) != self._selected_of:
            self._selected_of = compared, selection
            self._selected = selected(compared.comparison, *selection)
            view.set_outliers(self._selected)
        view.set_regions(self._selected, self._key)

    def _on_map_changed(self, row: int) -> None:
        if self.compared is not None:
            self.show_map(self.compared.comparison.maps[row])

    def _on_selection_changed(self) -> None:
        self.memory.here.left_out = self.panel.regions.left_out()
        self._show_plot()
        self.errors.refresh_soon()

    def _on_point_clicked(self, row: int) -> None:
        if row < len(self._points):
            self._choose(self._points.iloc[row])

    def _on_region_clicked(self, row: int) -> None:
        self._choose(self.view.inclusion.regions.table().iloc[row])

    def _on_outlier_clicked(self, row: int) -> None:
        outlier = self.view.inclusion.outliers.table().iloc[row]
        self.show_map(str(outlier["map"]))
        self._choose(outlier)

    def _choose(self, row: pd.Series) -> None:
        """Choose the region of a row with subject, label, name and slice, and go there."""
        regions, label = self.session.regions, row["label"]
        if self.compared is None:
            return
        if not self.compared.is_in_view:
            whose = f"subject {row['subject']}"
            who = f"S{whose[1:]}" if pd.isna(label) else f"{row['name']} of {whose}"
            self.tell(
                f"{who}. Its maps were compared in their folder, not in this window.", kind="note"
            )
            self._mark(rows_of_region(self._points, row))
            return
        if regions is None or pd.isna(label):
            return
        choice = RegionChoice(int(label), None if pd.isna(row["slice"]) else int(row["slice"]))
        if choice.label not in regions.table:
            self.tell(f"The region {row['name']} no longer exists. Compare again.")
            return
        self.pointer.choose(choice)

    def _on_region_chosen(self, choice: RegionChoice | None) -> None:
        rows = []
        is_here = self.compared is not None and self.compared.is_in_view
        if choice is not None and is_here and len(self._points):
            rows = rows_of_region(self._points, {"label": choice.label, "slice": choice.z})
        self._mark(rows)

    def _mark(self, rows: list[int]) -> None:
        if self.view.tab() == REGIONS_TAB:
            self.view.points.select_row(rows[0] if rows else None)
        elif self.view.tab() != "blurriness":
            self.view.plot.highlight(rows)

    def _on_error_requested(self) -> None:
        if isinstance(self.compared, Compared):
            self.errors.show(self.compared, self._key)


def _colors(compared: Compared | ComparedCohort) -> dict[int, str]:
    """Return the color of every region, the same as in the image."""
    table = compared.table
    return {
        label: to_hex([channel / 255 for channel in table[label].color])
        if label in table
        else _UNNAMED_COLOR
        for label in labels_in(compared.comparison)
    }


BLURRINESS_NOTE = "Less energy in the high frequencies means more blur; noise adds energy."
TABLE_NOTE = "Click a row to see the region."


def scatter_note(found: Agreement) -> str:
    """Return the legend of the lines of `draw_scatter`."""
    return "Dotted: identity." + (
        " Solid: regression line." if np.isfinite(found.line.slope) else ""
    )


def bland_altman_note(found: Agreement) -> str:
    """Return the legend of the lines and bands of `draw_bland_altman`."""
    limits = found.limits
    bands = (limits.bias_interval, limits.lower_interval, limits.upper_interval)
    drawn = {
        "Solid: bias.": np.isfinite(limits.bias),
        f"Dash-dotted: limits ({found.basis}).": np.isfinite([limits.lower, limits.upper]).any(),
        "Shaded: 95 % intervals.": np.isfinite(bands).all(axis=1).any(),
    }
    return " ".join(text for text, is_drawn in drawn.items() if is_drawn)


def advice_note(key: str, found: Agreement) -> str:
    """Return what to use in place of plain limits, and why there is no verdict, as sentences."""
    words = str(agreement_row(key, found, LIMITS_FIELD)["advice"]).split("; ")
    words += [one.message for one in (found.equivalence, found.relative) if one is not None]
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in dict.fromkeys(filter(None, words)))
