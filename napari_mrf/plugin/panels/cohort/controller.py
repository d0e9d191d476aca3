"""Controller of the window of a cohort: one for a viewer, whose run goes on while it is closed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.panels.cohort.window import CohortWindow
from napari_mrf.plugin.panels.cohort.work import (
    CLUSTER,
    PAGE,
    SCHEDULER,
    CohortNews,
    CohortParameters,
    run_cohort,
)
from napari_mrf.plugin.panels.shared.catalogue import Catalogue, list_catalogue
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.session.one_per_viewer import one_per_viewer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_mrf.cohort.outcome import Outcome
    from napari_mrf.cohort.run import CohortResult


class CohortRun:
    """Opens the window, runs the cohort, and shows what became of each subject.

    Parameters
    ----------
    viewer : napari viewer
        Whose series says the sequence that is offered first.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.session = session_of(viewer)
        self.job, self.listing = Job(), Job()
        self.window: CohortWindow | None = None
        self._before: CohortParameters | None = None
        self._catalogue = Catalogue()
        self._outcomes: list[Outcome] = []
        self._dashboard = self._end = ""
        self.job.changed.connect(self._on_changed)
        self.job.updated.connect(self._on_updated)
        self.job.succeeded.connect(self._on_succeeded)
        self.listing.succeeded.connect(self._on_listed)

    def open(self, parent: QWidget) -> None:
        """Open the window, or bring it to the front."""
        if (window := self._shown()) is not None and window.isVisible():
            window.raise_()
            return
        window = self.window = CohortWindow(parent)
        window.finished.connect(window.deleteLater)
        window.sequence_changed.connect(self._on_sequence)
        window.method_changed.connect(self._on_method)
        window.start_requested.connect(self.start)
        window.cancel_requested.connect(self.job.cancel)
        window.summary_requested.connect(self._on_summary)
        series, before = self.session.series, self._before
        sequence = before.sequence if before is not None else ""
        if before is None and series is not None and series.sequence is not None:
            name = series.sequence.name
            sequence = name if name in sequences.NAMED else ""
        window.set_sequences(tuple(sequences.NAMED), sequence)
        if before is not None:
            window.restore(before)
        window.add_outcomes(self._outcomes)
        if self._end:
            window.show_end(self._end)
        window.set_status(self.job.status)
        if self.job.status.is_running and self._dashboard:
            window.show_dashboard(self._dashboard)
        window.show()
        self._on_sequence(sequence)

    def start(self) -> None:
        """Reconstruct as the window says; subjects that have just these maps are kept."""
        window = self._shown()
        if window is None or self.job.status.is_running:
            return
        window.notice.clear()
        asked = window.parameters()
        missing = {
            "Say which subjects: a table, or a folder of series.": not asked.subjects,
            "Pick a folder for the results.": not asked.output,
            "Say the address of the scheduler.": asked.place == SCHEDULER and not asked.address,
            "Pick the file that describes the jobs.": asked.place == CLUSTER and not asked.job_file,
        }
        if needed := [text for text, is_missing in missing.items() if is_missing]:
            window.notice.say(" ".join(needed))
            return
        self._before = asked
        self._outcomes, self._dashboard, self._end = [], "", ""
        window.clear_outcomes()
        self.job.start(f"Cohort {Path(asked.subjects).name}", run_cohort, asked)

    def _shown(self) -> CohortWindow | None:
        return self.window if self.window is not None and isalive(self.window) else None

    def _on_sequence(self, name: str) -> None:
        """List the methods of a sequence; of that of each series none but the first one."""
        self.listing.cancel()
        try:
            sequence = sequences.load(name) if name else None
        except MRFInputError as error:
            if (window := self._shown()) is not None:
                window.notice.say(error.sentence())
            return
        self.listing.start("Methods", list_catalogue, sequence)

    def _on_listed(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        if (window := self._shown()) is not None:
            window.set_devices(catalogue.devices)
            wanted = window.method_picker.currentData() or (
                self._before.method if self._before is not None else ""
            )
            window.set_methods(catalogue.methods, wanted)
            self._on_method(window.method_picker.currentData() or "")

    def _on_method(self, name: str) -> None:
        found = (one for one in self._catalogue.methods if one.name == name)
        if (window := self._shown()) is not None:
            window.set_options(next(found, None))

    def _on_changed(self, status: JobStatus) -> None:
        if not status.is_running and self._outcomes:
            counts = Counter(one.state for one in self._outcomes)
            told = ", ".join(f"{n:,} {state}" for state, n in counts.items())
            self._end = f"{counts.total():,} subjects: {told}."
        if (window := self._shown()) is not None:
            window.set_status(status)
            if self._end:
                window.show_end(self._end)

    def _on_updated(self, news: CohortNews) -> None:
        window = self._shown()
        if news.outcome is not None:
            self._outcomes.append(news.outcome)
        self._dashboard = news.dashboard or self._dashboard
        if window is None:
            return
        if news.outcome is not None:
            window.add_outcomes([news.outcome])
        if news.dashboard:
            window.show_dashboard(news.dashboard)
        if news.told:
            window.notice.say(news.told, kind="note")

    def _on_succeeded(self, result: CohortResult) -> None:
        window = self._shown()
        if window is not None and result.error is not None:
            window.notice.say(result.error.sentence())

    def _on_summary(self) -> None:
        page = Path("" if self._before is None else self._before.output) / PAGE
        if page.is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page.resolve())))
        elif (window := self._shown()) is not None:
            window.notice.say(f"There is no {page} yet.")


cohort_run_of = one_per_viewer(CohortRun)
"""Return the cohort of a viewer."""
