"""The tables of region statistics, in the panel and below the image; rows choose regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.data_table import DataTable
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.session import RegionChoice, session_of, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.plugin.kit.notice import Notice
    from napari_mrf.plugin.panels.rois.statistics_panel import RoisStatisticsPanel


class RoisStatisticsTables:
    """Shows the same rows in the panel and in a window, and lets rows choose regions.

    Parameters
    ----------
    viewer : napari viewer
        Whose session it is, and where the window with the table goes.
    panel : RoisStatisticsPanel
        The view.
    notice : Notice
        Where problems are told.
    exported : callable
        Returns what is written to a file, by sheet.
    """

    def __init__(
        self, viewer: Any, panel: RoisStatisticsPanel, notice: Notice,
        exported: Callable[[], dict[str, pd.DataFrame]],
    ) -> None:  # fmt: skip
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.notice = notice
        self.session = session_of(viewer)
        self._exported = exported
        self._shown: tuple[pd.DataFrame, list[Any]] = (pd.DataFrame(), [])
        self._window: DataTable | None = None
        self._adopt(panel.table)
        panel.window_requested.connect(self.open_window)
        self.bond = Bond(panel)
        self.bond.connect(self.session.region_chosen, self.show_chosen)

    def show(self, rows: pd.DataFrame, columns: list[Any]) -> None:
        """Show these rows."""
        self._shown = (rows, columns)
        for table in (self.panel.table, self._window):
            if table is not None:
                table.set_table(rows, columns)

    def open_window(self) -> None:
        """Show the table in a dock below the image, once."""
        if not hasattr(self.viewer, "window"):
            return
        if self._window is None:
            self._window = DataTable("rois")
            self._adopt(self._window)
            self._window.destroyed.connect(self._on_window_destroyed)
            self._dock = self.viewer.window.add_dock_widget(
                self._window, name="ROI statistics", area="bottom"
            )
            self._window.set_table(*self._shown)
            self.show_chosen(self.session.chosen_region)
        self._dock.show()

    def _adopt(self, table: DataTable) -> None:
        table.row_clicked.connect(self._on_row_clicked)
        table.exported.connect(self._on_exported)
        table.export_failed.connect(self.notice.say)
        table.set_export(self._exported)

    def _on_exported(self, path: str) -> None:
        self.notice.say(f"Saved to {path}", kind="note")

    def _on_window_destroyed(self, *_: Any) -> None:
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
        for one in (self.panel.table, self._window):
            if one is not None and (row is None or one.selected_rows() != [row]):
                one.select_row(row)
