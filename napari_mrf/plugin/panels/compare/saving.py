"""Saving of the report and the tables from the Compare panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.kit.overwriting import ask_save_path, asks_to_overwrite
from napari_mrf.plugin.panels.compare.work import write_report, write_tables
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_mrf.plugin.panels.compare.panel import ComparePanel
    from napari_mrf.plugin.panels.compare.results_controller import CompareResultsBinding


class CompareSaving:
    """Controller of the buttons that write the report, CSV tables and the Excel file.

    Parameters
    ----------
    panel : ComparePanel
        The view with the buttons.
    results : CompareResultsBinding
        The controller with the comparison and the selected regions.
    tell : callable
        Shows a message in the panel, see `CompareBinding.tell`.
    """

    def __init__(
        self, panel: ComparePanel, results: CompareResultsBinding, tell: Callable[..., None]
    ) -> None:
        self.panel = panel
        self.results = results
        self.tell = tell
        self.writing = Job()
        self._tables_path, self._written = "", results.compared
        view = panel.results
        view.report_requested.connect(self._on_report_requested)
        view.csv_requested.connect(self._on_csv_requested)
        view.excel_requested.connect(self._on_excel_requested)
        self.bond = Bond(panel)
        self.bond.connect(self.writing.changed, self._on_writing_changed)
        view.writing_row.follow(self.writing, self.bond, tell)
        self.bond.connect(self.writing.succeeded, self._on_written)

    def save_report(self, path: str) -> None:
        """Write HTML and PDF of what is selected."""
        compared = self.results.compared
        if compared is not None and not self.writing.status.is_running:
            self._written = compared
            self.panel.notice.clear()
            self.writing.start("Writing the report", write_report, compared.comparison, path,
                               self.results.selection(),
                               self.panel.statistics.study.text())  # fmt: skip

    def save_tables(self, path: str, *, overwrite: bool = False) -> None:
        """Write the tables of what is selected: ``.xlsx``, or CSV files into a folder."""
        compared = self.results.compared
        if compared is not None and not self.writing.status.is_running:
            self._tables_path, self._written = path, compared
            self.panel.notice.clear()
            self.writing.start("Writing the tables", write_tables, compared.comparison, path,
                               self.results.selection(), overwrite)  # fmt: skip

    def _on_report_requested(self) -> None:
        from napari_mrf.report.comparison.save import report_paths

        path = ask_save_path(
            self.panel, "Write the report", "report.html", "Report (*.html)", written=report_paths
        )
        if path:
            self.save_report(path)

    def _on_csv_requested(self) -> None:
        folder = ask_folder(self.panel, "Write CSV tables to a folder")
        if folder:
            self.save_tables(folder)

    def _on_excel_requested(self) -> None:
        path = ask_save_path(
            self.panel, "Write the tables", "comparison.xlsx", "Excel (*.xlsx)",
            complete=lambda path: path if path.lower().endswith(".xlsx") else f"{path}.xlsx",
        )  # fmt: skip
        if path:
            self.save_tables(path, overwrite=True)

    def _on_writing_changed(self, status: JobStatus) -> None:
        self.panel.results.set_writing(status.is_running)
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.clear()
            if not asks_to_overwrite(self.panel, status, self._replace_tables):
                self.tell(status.failure.sentence)

    def _replace_tables(self) -> None:
        if self.results.compared is self._written:  # another subject may be shown by now
            self.save_tables(self._tables_path, overwrite=True)

    def _on_written(self, paths: Sequence[Path]) -> None:
        unsaved_of(self.results.viewer).mark_saved("compare", self._written)
        names = " and ".join(str(path) for path in paths[:2])
        more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
        self.tell(f"Saved to {names}{more}", kind="note")
