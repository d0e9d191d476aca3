"""Copy and export of the traces that the inspector shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QApplication

from napari_mrf.analysis.inspection.traces import values_table
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.overwriting import ask_export_path
from napari_mrf.plugin.panels.inspect.work import Export, export
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.inspect.panel import InspectPanel
    from napari_mrf.plugin.panels.inspect.readings import InspectReadings


class InspectExport:
    """Acts on *Copy* and *Export*.

    Parameters
    ----------
    viewer : napari viewer
        Whose series it is.
    panel : InspectPanel
        With the buttons.
    bond : Bond
        For as long as the panel lives.
    readings : InspectReadings
        With the traces that are drawn.
    """

    def __init__(
        self, viewer: Any, panel: InspectPanel, bond: Bond, readings: InspectReadings
    ) -> None:
        self.panel, self.session, self.readings = panel, session_of(viewer), readings
        self.job = Job()
        panel.copy_requested.connect(self.copy_values)
        panel.export_requested.connect(self._on_export_requested)
        bond.connect(self.job.changed, self._on_job_changed)

    def copy_values(self) -> None:
        """Copy the values of all voxels that are shown, tab-separated with a header."""
        drawn = self.readings.drawn
        table = values_table((*drawn.voxel, *drawn.resting.pins))
        table.insert(0, "series", self.session.series_name)
        present(QApplication.clipboard()).setText(
            table.to_csv(sep="\t", index=False, lineterminator="\n")
        )
        self.panel.notice.say("Copied the values of the voxels shown.", kind="note")

    def export_to(self, path: str | Path, kind: str) -> None:
        """Write the traces that are drawn; `kind` is a key of `panel.EXPORTS`."""
        series, drawn = self.session.series, self.readings.drawn
        if series is None or not drawn.traces or self.job.status.is_running:
            return
        what = Export(
            drawn.traces,
            drawn.colors,
            series.sequence,
            self.panel.component_picker.currentText(),
            self.panel.residual_box.isChecked(),
            self.session.series_name,
        )
        self.job.start("Exporting", export, what, Path(path), kind)

    def _on_export_requested(self, kind: str) -> None:
        if not self.readings.drawn.traces:
            self.panel.notice.say("Nothing is drawn yet. Move the mouse over the image first.")
            return
        path = ask_export_path(self.panel, "Export", "fingerprints", kind)
        if path:
            self.export_to(path, kind)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        elif status.state is JobState.DONE:
            self.panel.notice.say("Export finished.", kind="note")
