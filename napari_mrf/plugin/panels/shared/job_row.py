"""The row of work that writes files: its bar with the time left, and Cancel.

Apart from the panels, since the buttons of several write files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.scrolling import bring_into_view
from napari_mrf.plugin.panels.shared.texts import piece_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.plugin.jobs import Job, JobStatus
    from napari_mrf.plugin.kit.bond import Bond


class JobRow(ProgressRow):
    """Shows a job that counts pieces while it runs, and cancels it."""

    def __init__(self) -> None:
        super().__init__("Stop; files that are there already stay as they are")
        self.bar.setTextVisible(False)

    def follow(self, job: Job, bond: Bond, tell: Callable[..., None]) -> None:
        """Show a job from now on.

        Parameters
        ----------
        job : Job
            Whose title says what is being written.
        bond : Bond
            For as long as the panel lives.
        tell : callable
            Shows a message in the panel, as `Notice.say`.
        """
        self._job, self._tell = job, tell
        bond.connect(job.changed, self._on_changed)
        self.cancel_requested.connect(self._on_cancel)

    def _on_changed(self, status: JobStatus) -> None:
        is_new = status.is_running and self.isHidden()
        self.show_status(status, piece_sentence(status))
        if is_new:
            bring_into_view(self, if_near=True)
        elif status.state is JobState.CANCELLED:
            self._tell(f"{status.title}: cancelled.", kind="note")

    def _on_cancel(self) -> None:
        self._job.cancel()
