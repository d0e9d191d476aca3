"""Saves what an Importance panel shows, and asks before anything is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.panels.importance.store import importance_store_of
from napari_mrf.plugin.panels.importance.work import save

if TYPE_CHECKING:
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel


class ImportanceSaving:
    """Writes the result to a folder of the user's choice.

    Parameters
    ----------
    viewer : napari viewer
        Whose result it is.
    panel : ImportancePanel
        Where the button is.
    """

    def __init__(self, viewer: Any, panel: ImportancePanel) -> None:
        self.panel = panel
        self.store = importance_store_of(viewer)
        self.job = Job()
        self._directory = ""
        panel.save_requested.connect(self._on_save_requested)
        self.bond = Bond(panel)
        self.bond.connect(self.job.changed, self._on_job_changed)

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the result to a folder, with the changes per voxel of the map that is shown."""
        result, key = self.store.result, self.panel.current_map()
        if result is None or self.job.status.is_running:
            return
        self._directory = directory
        layers = [key] if key in result.voxel_change else []
        self.job.start("Saving importance", save, result, directory, layers,
                       self.panel.fisher_box.isChecked(), overwrite)  # fmt: skip

    def _on_save_requested(self) -> None:
        directory = QFileDialog.getExistingDirectory(self.panel, "Save importance to a folder")
        if directory:
            self.save_to(directory)

    def _on_job_changed(self, status: JobStatus) -> None:
        self.panel.set_saving(status.is_running)
        if status.state is JobState.DONE:
            self.panel.notice.say(f"Saved to {self._directory}", kind="note")
        elif status.failure is not None:
            self.panel.notice.clear()
            if not asks_to_overwrite(self.panel, status, self._overwrite):
                self.panel.notice.say(status.failure.sentence)

    def _overwrite(self) -> None:
        self.save_to(self._directory, overwrite=True)
