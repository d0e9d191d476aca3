"""Controller of the Compare panel: connects it to the viewer and the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.geometry import grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.compare.cohort import CompareCohort, sentence_of, state_of
from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
from napari_mrf.plugin.panels.compare.opening import CompareOpening
from napari_mrf.plugin.panels.compare.panel import SIDES
from napari_mrf.plugin.panels.compare.results_controller import CompareResultsBinding
from napari_mrf.plugin.panels.compare.state import (
    age_of,
    compare_memory_of,
    compared_before,
    sides_of,
    truths_among,
)
from napari_mrf.plugin.panels.compare.visits import CompareVisits
from napari_mrf.plugin.panels.compare.work import Compared, compare_sets
from napari_mrf.plugin.panels.shared.owners import is_own, told_status, whose_failure
from napari_mrf.plugin.preferences import follow_validity, preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.subjects import UNTITLED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.compare.panel import ComparePanel
    from napari_mrf.plugin.session import Regions, Session
    from napari_mrf.plugin.subjects import Subject


class CompareBinding:
    """Controller of the Compare panel: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the maps.
    panel : ComparePanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: ComparePanel) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.memory = compare_memory_of(viewer)
        self._action: Callable[[], None] | None = None
        self._tells_age = False
        panel.side_picked.connect(self._on_side_picked)
        panel.swap_requested.connect(self.swap)
        panel.run_requested.connect(self.run)
        panel.statistics.changed.connect(self._show_needs)
        panel.cancel_requested.connect(self.cancel)
        panel.notice.cure_requested.connect(self._on_cure_requested)
        self.opening = CompareOpening(viewer, panel, self.tell, self._show_sets)
        self.results = CompareResultsBinding(viewer, panel, self.tell)
        self.cohort = CompareCohort(viewer, panel, self._options)
        self.visits = CompareVisits(self.viewer, panel, self._options)
        self.bond = Bond(panel)
        self.bond.connect(self.session.subject_changed, self._on_subject_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.regions_changed, self._on_regions_changed)
        self.bond.connect(self.session.comparison.changed, self._on_run_changed)
        self.bond.connect(self.session.comparison.succeeded, self._on_compared)
        follow_validity(self._on_validity_changed)
        self._show_sets()
        self._show_remembered()

    def run(self) -> None:
        """Compare the two sets that are picked."""
        if self._needs():
            return
        reference, test = (self.session.maps_sets[self.panel.current(side)] for side in SIDES)
        self.panel.notice.clear()
        series = self.session.series
        self.session.comparison.start(
            f"{test.name} against {reference.name}", compare_sets, reference, test,
            self.session.regions, self._options(), dict(self.memory.here.sums),
            self._subject_name(), series.source_sha256 if series is not None else None,
        )  # fmt: skip

    def _subject_name(self) -> str:
        name = self.session.subject.name
        return "" if name == UNTITLED else name

    def tell(
        self, text: str, *, kind: str = "problem", cure: str = "",
        action: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """Show a message in the panel; the button with the cure calls the action."""
        self._action, self._tells_age = action, False
        self.panel.notice.say(text, kind=kind, cure=cure)

    def run_again(self) -> None:
        """Repeat the comparison with the current maps and regions."""
        compared = self.results.compared
        if isinstance(compared, Compared):
            self._pick(reference=compared.reference.name, test=compared.test.name)
            self.run()

    def cancel(self) -> None:
        """Stop and keep the earlier comparison."""
        self.session.comparison.cancel()

    def swap(self) -> None:
        """Exchange reference and test."""
        self._pick(reference=self.panel.current("test"), test=self.panel.current("reference"))

    def state(self) -> dict[str, Any]:
        """Return the choices of the panel in JSON-ready form."""
        return {
            **{side: self.panel.current(side) for side in SIDES},
            **self.panel.rules.chosen(),
            **self.panel.statistics.state(),
            **self.results.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the choices of the panel; missing or unknown ones are kept."""
        self.panel.rules.restore(state)
        self.panel.statistics.restore(state)
        sides = {side: str(state.get(side, "")) for side in SIDES}
        self._pick(**{side: one for side, one in sides.items() if one in self.session.maps_sets})
        self.results.restore(state)

    def show_stored(self, comparison: Comparison, words: Mapping[str, Any]) -> None:
        """Show the comparison of a session file, of the maps and regions of now."""
        compared = compared_before(comparison, words, self.session)
        self.memory.keep(compared, self.session.subject.key)
        self._show_remembered()
        if isinstance(compared, Compared):
            self._tell_notes(compared)

    def _options(self) -> ComparisonOptions:
        return ComparisonOptions(
            RoiOptions(thresholds=preferences().thresholds, **self.panel.rules.chosen()),
            **self.panel.statistics.chosen(),
        )

    def _needs(self) -> str:
        missing = needs_of(self.session, {side: self.panel.current(side) for side in SIDES})
        if not missing:
            try:
                self._options()
            except MRFInputError as error:
                return error.sentence()
        return missing

    def _pick(self, **names: str) -> None:
        """Note what the user wants on a side, and show it."""
        self.memory.here.picked.update(names)
        self._show_sets()

    def _show_sets(self) -> None:
        """Offer the sets, with what is picked, or is usual, on both sides."""
        sets, folder = self.memory.sets(), self.opening.truth_folder()
        reference, test = sides_of(sets, self.memory.here.picked, truths_among(sets, folder))
        names = [one.name for one in sets]
        self.panel.set_sets(names, reference, test, has_truth=folder is not None)
        self._show_needs()

    def _show_remembered(self) -> None:
        """Show the comparison that an earlier panel left, and the one that goes on."""
        compared = self.memory.here.compared
        if compared is not None:
            # What is compared again should be compared in the same way.
            self.panel.rules.show_options(compared.comparison.options.rois)
            self.panel.statistics.show_options(compared.comparison.options)
            self.results.show(compared)
            self._tell_age()
        else:
            self.results.clear()
            self._show_state()
        if self.session.comparison.status.is_running:
            self._on_run_changed(self.session.comparison.status)

    def _show_needs(self) -> None:
        self.panel.set_needs(self._needs())

    def _show_state(self) -> None:
        compared = self.results.compared
        if compared is None:
            self.panel.state_changed.emit("not run")
            return
        state = (
            state_of(compared)
            if isinstance(compared, ComparedCohort)
            else f"{compared.test.name} against {compared.reference.name}"
        )
        is_old = age_of(compared, self.session)
        self.panel.state_changed.emit(f"{state} · out of date" if is_old else state)

    def _tell_age(self) -> None:
        """Say that the comparison is out of date, with the cure, or take that back."""
        text = age_of(self.results.compared, self.session)
        if text:
            can_run = isinstance(self.results.compared, Compared) and not self._needs()
            self.tell(text, cure="Compare again" if can_run else "", action=self.run_again)
            self._tells_age = True
        elif self._tells_age:
            self._tells_age = False
            self.panel.notice.clear()
        self._show_state()

    def _on_cure_requested(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()

    def _on_side_picked(self, side: str) -> None:
        # The other side stays what the user sees, even where that is the same set.
        self.memory.here.picked[side] = self.panel.current(side)
        self._show_needs()

    def _on_subject_changed(self, _: Subject) -> None:
        self.panel.notice.clear()
        self._tells_age = False
        self._show_sets()
        self._show_remembered()

    def _on_maps_changed(self, _: str) -> None:
        self._show_sets()
        self._tell_age()

    def _on_series_changed(self, _: MRFSeries | None) -> None:
        self._show_sets()

    def _on_regions_changed(self, _: Regions | None) -> None:
        self._show_needs()
        self._tell_age()

    def _on_validity_changed(self, _: object) -> None:
        self._tell_age()

    def _on_run_changed(self, status: JobStatus) -> None:
        self.panel.set_status(told_status(self.session, self.session.comparison))
        self._show_needs()
        if status.failure is not None and not self.cohort.asks_to_overwrite(status):
            cure = self.cohort.mixed_cure(status)
            sentence = whose_failure(self.session, self.session.comparison)
            self.tell(sentence, cure="Take them together" if cure else "",
                      action=cure)  # fmt: skip
        if status.state in (JobState.FAILED, JobState.CANCELLED):
            self._show_state()

    def _tell_notes(self, compared: Compared) -> None:
        notes = compared.comparison.warnings
        if notes and not age_of(self.results.compared, self.session):
            self.tell("\n".join(notes), kind="note")

    def _on_compared(self, compared: Compared | ComparedCohort) -> None:
        if not is_own(self.session, self.session.comparison):
            self._show_state()  # it is remembered for its own subject
            if isinstance(compared, ComparedCohort):
                self.tell(sentence_of(compared), kind="note")
        elif isinstance(compared, Compared):
            self.results.show(compared)
            self._tell_age()
            self._tell_notes(compared)
        else:
            self.results.show(compared)
            self._show_state()
            self.tell(sentence_of(compared), kind="note")


def needs_of(session: Session, names: Mapping[str, str]) -> str:
    """Return what the user must do before a comparison; empty if nothing is missing.

    Parameters
    ----------
    session : Session
        The session with maps, series and regions.
    names : mapping of str to str
        The name of the set that is picked, by side.
    """
    sets = session.maps_sets
    if not sets:
        return "Reconstruct the series first, or pick maps from a folder."
    missing = [side for side in SIDES if names[side] not in sets]
    if missing:
        return f"Pick the {' and the '.join(missing)}."
    reference, test = (sets[names[side]] for side in SIDES)
    if reference is test:
        return "Pick two different sets of maps."
    if session.comparison.status.is_running:
        return "Wait for this comparison, or cancel it."
    regions = session.regions
    if regions is not None and grid_difference(regions, reference.maps):
        return ("The regions are not on the grid of the reference. Pick maps of this series, "
                "or load regions for these maps.")  # fmt: skip
    return ""
