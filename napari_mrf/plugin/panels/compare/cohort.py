"""The comparison of several subjects from the panel: folders, run, and result."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_mrf.analysis.provenance import MIXED
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.panels.compare.cohort_dialog import CohortDialog
from napari_mrf.plugin.panels.compare.cohort_work import (
    CohortFolders,
    ComparedCohort,
    compare_cohort,
)
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.plugin.panels.compare.panel import ComparePanel

_TITLE = "Several subjects"


class CompareCohort:
    """Controller of the button *Several subjects…*.

    Parameters
    ----------
    viewer : napari viewer
        The viewer; its session runs the comparison.
    panel : ComparePanel
        The view.
    options : callable
        Returns the options of the comparison.
    """

    def __init__(
        self, viewer: ViewerModel, panel: ComparePanel, options: Callable[[], ComparisonOptions]
    ) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self._options = options
        self._folders: CohortFolders | None = None
        self._allows_mixed = False
        self.dialog: CohortDialog | None = None
        panel.cohort_requested.connect(self.ask)

    def ask(self) -> None:
        """Ask for the folders; those of the last time are filled in."""
        self.dialog = CohortDialog(self.panel, self._folders)
        self.dialog.chosen.connect(self.run)
        self.dialog.finished.connect(self.dialog.deleteLater)
        self.dialog.open()

    def run(
        self, folders: CohortFolders, *, overwrite: bool = False, allow_mixed: bool = False
    ) -> None:
        """Compare the subjects of these folders and write the results."""
        self._folders = folders
        self._allows_mixed = allow_mixed
        self.panel.notice.clear()
        try:
            options = replace(self._options(), allow_mixed=allow_mixed)
        except MRFInputError as error:
            self.panel.notice.say(error.sentence(), kind="problem")
            return
        self.session.comparison.start(_TITLE, compare_cohort, folders, options, overwrite,
                                      self.panel.statistics.study.text())  # fmt: skip

    def mixed_cure(self, status: JobStatus) -> Callable[[], None] | None:
        """Return what takes subjects together that were refused as made in different ways."""
        failure, folders = status.failure, self._folders
        error = None if failure is None else failure.error
        if status.title != _TITLE or folders is None or getattr(error, "code", "") != MIXED:
            return None
        return partial(self.run, folders, allow_mixed=True)

    def asks_to_overwrite(self, status: JobStatus) -> bool:
        """Ask whether to replace earlier results; return False if this was not the failure."""
        folders = self._folders
        if status.title != _TITLE or folders is None:
            return False
        again = partial(self.run, folders, overwrite=True, allow_mixed=self._allows_mixed)
        return asks_to_overwrite(self.panel, status, again)


def state_of(cohort: ComparedCohort) -> str:
    """Return the line for the section header."""
    n, comparison = len(cohort.comparison.subjects), cohort.comparison
    subjects = "1 subject" if n == 1 else f"{n} subjects"
    return f"{subjects}, {comparison.test_name} against {comparison.reference_name}"


def sentence_of(cohort: ComparedCohort) -> str:
    """Return the place of the results and their warnings."""
    return "\n".join([f"Report and tables are in {cohort.output}", *cohort.comparison.warnings])
