"""The line of a dock that shows what is being prepared."""

from __future__ import annotations

from qtpy.QtCore import QCoreApplication, QTimer

from napari_mrf.plugin.jobs import JobState, JobStatus
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.preparation.preparation import PREPARATION
from napari_mrf.plugin.present import present

_LOOK_MS = 250
_MARGIN = 8


class PreparationRow(ProgressRow):
    """A bar, a sentence and a Cancel button while code is being compiled; starts that."""

    def __init__(self) -> None:
        super().__init__(
            "Stop preparing; what is used first then takes longer. It goes on when napari is "
            "started again."
        )
        self.setToolTip("napari-mrf compiles its code for this computer. You can work meanwhile; "
                        "what needs it waits by itself.")  # fmt: skip
        self.setContentsMargins(_MARGIN, 2, _MARGIN, 2)
        self.cancel_requested.connect(self._on_cancel_requested)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        present(QCoreApplication.instance()).aboutToQuit.connect(PREPARATION.stop)
        PREPARATION.start()
        self.look()

    def look(self) -> None:
        """Show how far it is; stop looking when all is done."""
        progress = PREPARATION.progress()
        if progress is None:
            self._timer.stop()
            self.hide()
            return
        if not self._timer.isActive():
            self._timer.start()
        status = JobStatus(
            JobState.RUNNING, done=round(10 * progress.done_s), total=round(10 * progress.total_s)
        )
        self.show_status(status, progress.sentence)

    def _on_cancel_requested(self) -> None:
        PREPARATION.stop()
