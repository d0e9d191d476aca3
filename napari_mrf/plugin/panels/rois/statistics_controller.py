"""Controller of the statistics in the ROIs panel, for the current regions, maps and options."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import QTimer

from napari_mrf.analysis.images.unit_checks import check_units
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.sheets import describe_options, exported_sheets
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.coverage import coverage_notes
from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import validity_rules
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobStatus, Step
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.rois.statistics_panel import RoisStatisticsWindow
from napari_mrf.plugin.panels.rois.statistics_table import shown_table
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.session import RegionChoice, session_of, unwrapped
from napari_mrf.plugin.viewer.maps_display import maps_display_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari.components import ViewerModel

    from napari_mrf.plugin.kit.data_table import Column, DataTable
    from napari_mrf.plugin.kit.notice import Notice
    from napari_mrf.plugin.panels.rois.statistics_panel import RoisStatisticsPanel
    from napari_mrf.plugin.session import MapsSet, Regions

    Key = tuple[int, int, str]


_KEPT = 8
_QUIET_MS = 150


class RoisStatisticsBinding:
    """Controller of the statistics: computes them when regions, maps or options change.

    Parameters
    ----------
    viewer : napari viewer
        The viewer; its session is used, and its window can show the table.
    panel : RoisStatisticsPanel
        The view.
    notice : Notice
        The notice for problems.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisStatisticsPanel, notice: Notice) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.notice = notice
        self.session = session_of(viewer)
        self.job = Job()
        self._results: OrderedDict[Key, Measured] = OrderedDict()
        self._running: Key | None = None
        self._measured: Measured | None = None
        self.tables = RoisStatisticsTables(viewer, panel, notice, self._exported)
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self.update)
        panel.maps_changed.connect(self._on_input_changed)
        panel.options_changed.connect(self._on_input_changed)
        panel.view_changed.connect(self._show)
        self.bond = Bond(panel)
        self.bond.connect(self.session.regions_changed, self._on_regions_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(maps_display_of(self.viewer).validity_changed, self._on_validity_changed)
        self.bond.connect(self.job.changed, self._on_job_changed)
        self.bond.connect(self.job.succeeded, self._on_computed)
        panel.validity.setChecked(True)
        self._on_maps_changed("")
        self.update()

    def options(self) -> RoiOptions:
        """Return the options of the statistics."""
        return RoiOptions(
            apply_validity=self.panel.validity.isChecked(),
            thresholds=preferences().thresholds,
            **self.panel.rules.chosen(),
        )

    def update(self) -> None:
        """Show the statistics for the current choice, and compute them if necessary."""
        self._timer.stop()
        maps_set = self.session.maps_sets.get(self.panel.maps_picker.currentText())
        regions = self.session.regions
        reason = ""
        if maps_set is None:
            reason = "Reconstruct the series, or load maps, to measure them."
        elif regions is None:
            reason = "Draw a region, or load labels, to measure them."
        elif difference := grid_difference(regions, maps_set.maps):
            reason = (f"The regions are not on the grid of these maps: {difference}. Pick other "
                      "maps, or load the labels again.")  # fmt: skip
        self.panel.set_state(reason)
        if reason or maps_set is None or regions is None:
            self.job.cancel()
            self._measured = None
            self._show()
            return
        options = self.options()
        key = key_of(maps_set, regions, options)
        if key in self._results:
            self._results.move_to_end(key)
            self.job.cancel()
            self._measured = self._results[key]
            self._show()
        elif key != self._running or not self.job.status.is_running:
            self.job.cancel()
            self._running = key
            self.job.start("ROI statistics", compute, maps_set, regions, options)

    def state(self) -> dict[str, Any]:
        """Return the options of the panel."""
        return {
            "maps": self.panel.maps_picker.currentText(),
            "view": self.panel.view(),
            "per_slice": self.panel.per_slice.isChecked(),
            "validity": self.panel.validity.isChecked(),
            **self.panel.rules.chosen(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the options of the panel; missing or unknown ones are kept."""
        panel = self.panel
        panel.maps_picker.setCurrentText(str(state.get("maps", "")))
        self._show_views()
        at = panel.view_picker.findData(state.get("view"))
        panel.view_picker.setCurrentIndex(max(at, 0))
        panel.per_slice.setChecked(bool(state.get("per_slice", panel.per_slice.isChecked())))
        panel.validity.setChecked(bool(state.get("validity", panel.validity.isChecked())))
        panel.rules.restore(state)
        self.update()

    def _show(self) -> None:
        regions, measured = self.session.regions, self._measured
        self.panel.set_ready(measured is not None and regions is not None)
        if measured is None or regions is None:
            self.tables.show(pd.DataFrame(), [], self.panel.state.text())
            return
        shown, columns = shown_table(
            measured.statistics, regions.table, self.panel.view(),
            per_slice=self.panel.per_slice.isChecked(),
        )  # fmt: skip
        subject = self.session.name_of(self.session.subject.key)
        texts = (subject, measured.maps_set.name, Path(measured.regions.path or "").name)
        self.tables.show(shown, columns, " · ".join(text for text in texts if text))
        self.tables.show_chosen(self.session.chosen_region)
        self.panel.set_state("\n".join(measured.notes))

    def _exported(self) -> dict[str, pd.DataFrame]:
        return {} if self._measured is None else self._measured.sheets(self.session.series_name)

    def _show_views(self) -> None:
        maps_set = self.session.maps_sets.get(self.panel.maps_picker.currentText())
        maps = maps_set.maps if maps_set is not None else {}
        self.panel.set_views([(key, f"{key}, all statistics") for key in maps])
        rules = validity_rules(preferences().thresholds) if "FF" in maps else {}
        self.panel.set_rules(
            ", ".join(f"{key} where {rules[key].describe()}" for key in maps if key in rules)
        )

    def _on_validity_changed(self) -> None:
        self._show_views()
        self.update()

    def _on_regions_changed(self, _: Regions | None) -> None:
        self.update()

    def _on_maps_changed(self, name: str) -> None:
        sets = self.session.maps_sets
        current = self.panel.maps_picker.currentText()
        if current not in sets:
            current = next(reversed(list(sets)), "")
        self.panel.set_maps(list(sets), current)
        self._show_views()
        self._timer.start()

    def _on_input_changed(self, *_: object) -> None:
        self._show_views()
        self.update()

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            error = status.failure.error
            sentence = error.sentence() if isinstance(error, MRFInputError) else (
                status.failure.sentence)  # fmt: skip
            self.notice.say(sentence)

    def _on_computed(self, measured: Measured) -> None:
        self._results[measured.key] = measured
        while len(self._results) > _KEPT:
            self._results.popitem(last=False)
        if measured.key == self._running:
            self._measured = measured
            self._show()


@dataclass(frozen=True, eq=False)
class Measured:
    """The statistics of regions, and what they were computed from.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `roi_statistics`.
    maps_set : MapsSet
        The maps that were measured.
    regions : Regions
        As they were.
    options : RoiOptions
        The choice of voxels.
    notes : tuple of str
        What a user should read about the maps.
    """

    statistics: pd.DataFrame
    maps_set: MapsSet
    regions: Regions
    options: RoiOptions
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """The input by identity; it lives as long as this result."""
        return key_of(self.maps_set, self.regions, self.options)

    def sheets(self, series_name: str) -> dict[str, pd.DataFrame]:
        """Return the tables that are exported, by name of the sheet.

        The series is named as it is now, which tells it from those that came later.
        """
        series = series_name or self.maps_set.series_name
        about = {
            "maps": self.maps_set.name,
            "maps folder": self.maps_set.folder,
            "series": series,
            "labels": self.regions.path or "drawn, not saved yet",
            **carried_words(self.regions),
            **describe_options(self.maps_set.maps, self.options),
            **{f"remark {number}": text for number, text in enumerate(self.notes, 1)},
        }
        return exported_sheets(self.statistics, about, maps_name=self.maps_set.name,
                               series=series)  # fmt: skip


def carried_words(regions: Regions) -> dict[str, str]:
    """Return from which scan regions were carried, for tables; nothing where they were not."""
    if regions.carried is None:
        return {}
    source = regions.carried.get("from", {})
    return {"labels carried from": str(source.get("scan") or source.get("labels"))}


def key_of(maps_set: MapsSet, regions: Regions, options: RoiOptions) -> Key:
    """Return what tells one input of the statistics from another."""
    return id(maps_set.maps), id(regions), repr(options)


def compute(
    maps_set: MapsSet, regions: Regions, options: RoiOptions
) -> Generator[Step, None, Measured]:
    """Compute the statistics of all regions and maps in a thread."""
    yield Step(detail="measuring")
    maps, names = maps_set.maps, {index: label.name for index, label in regions.table.items()}
    notes = check_units(maps, what=maps_set.name)
    notes += coverage_notes(maps, f"{maps_set.name} in the regions", regions.labels > 0)
    statistics = roi_statistics(maps, regions.labels, names, options=options)
    return Measured(statistics, maps_set, regions, options, tuple(notes))


class RoisStatisticsTables:
    """The tables in the panel and in the window: same rows, and a click picks the region.

    Parameters
    ----------
    viewer : napari viewer
        The viewer; its session is used, and its window can show the table.
    panel : RoisStatisticsPanel
        The view.
    notice : Notice
        The notice for problems.
    exported : callable
        Returns the sheets of an exported file by name.
    """

    def __init__(
        self, viewer: ViewerModel, panel: RoisStatisticsPanel, notice: Notice,
        exported: Callable[[], dict[str, pd.DataFrame]],
    ) -> None:  # fmt: skip
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.notice = notice
        self.session = session_of(viewer)
        self._exported = exported
        self._shown: tuple[pd.DataFrame, list[Column]] = (pd.DataFrame(), [])
        self._caption = ""
        self._window: RoisStatisticsWindow | None = None
        self._adopt(panel.table)
        panel.window_requested.connect(self.open_window)
        self.bond = Bond(panel)
        self.bond.connect(self.session.region_chosen, self.show_chosen)

    def show(self, rows: pd.DataFrame, columns: list[Column], caption: str) -> None:
        """Show these rows; in the window also whose they are, or why there are none."""
        self._shown, self._caption = (rows, columns), caption
        if self._window is not None:
            self._window.caption.setText(caption)
        for table in self._tables():
            table.set_table(rows, columns)

    def _tables(self) -> list[DataTable]:
        return [self.panel.table, *([] if self._window is None else [self._window.table])]

    def open_window(self) -> None:
        """Show the table in a dock below the image, once."""
        if not hasattr(self.viewer, "window"):
            return
        if self._window is None:
            self._window = RoisStatisticsWindow()
            self._adopt(self._window.table)
            self._window.destroyed.connect(self._on_window_destroyed)
            self._dock = self.viewer.window.add_dock_widget(
                self._window, name="ROI statistics", area="bottom"
            )
            self.show(*self._shown, self._caption)
            self.show_chosen(self.session.chosen_region)
        self._dock.show()

    def _adopt(self, table: DataTable) -> None:
        table.row_clicked.connect(self._on_row_clicked)
        table.exported.connect(self._on_exported)
        table.export_failed.connect(self.notice.say)
        table.set_export(self._exported)

    def _on_exported(self, path: str) -> None:
        self.notice.say(f"Saved to {path}", kind="note")

    def _on_window_destroyed(self, *_: object) -> None:
        self._window = None

    def _on_row_clicked(self, row: int) -> None:
        table = self.panel.table.table()
        if self.session.regions is None or row >= len(table):
            return
        z = table["slice"].iloc[row]
        choice = RegionChoice(int(table["label"].iloc[row]), None if pd.isna(z) else int(z))
        if choice.label not in self.session.regions.table:
            return
        if choice == self.session.chosen_region:
            regions_pointer_of(self.viewer).show(choice)  # clicked again: go there again
        self.session.choose_region(choice)

    def show_chosen(self, choice: RegionChoice | None) -> None:
        """Select the row of a region in all tables."""
        table = self.panel.table.table()
        row = None
        if choice is not None and "label" in table:
            same = (table["label"] == choice.label).to_numpy()
            slices = table["slice"]
            exact = same & (slices.isna() if choice.z is None else
                            (slices == choice.z).fillna(False)).to_numpy(bool)  # fmt: skip
            rows = exact.nonzero()[0] if exact.any() else same.nonzero()[0]
            row = int(rows[0]) if len(rows) else None
        for one in self._tables():
            if row is None or one.selected_rows() != [row]:
                one.select_row(row)
