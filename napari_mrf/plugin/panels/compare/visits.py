"""Two visits that are open in the window: picked, compared in a thread, shown, saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobState, JobStatus, Step, as_steps
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.panels.compare.visits_window import VisitsWindow
from napari_mrf.plugin.panels.shared.texts import piece_sentence
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.analysis.visits.study import VisitComparison
    from napari_mrf.plugin.panels.compare.panel import ComparePanel
    from napari_mrf.plugin.session import MapsSet, Regions

_MIXED = "mixed-provenance"


@dataclass(frozen=True, eq=False)
class OpenVisit:
    """Maps of a subject of the window, with its regions.

    Parameters
    ----------
    name : str
        Of the subject, with the set where that differs between the visits.
    maps_set : MapsSet
        The maps.
    regions : Regions
        What is drawn on the subject.
    """

    name: str
    maps_set: MapsSet
    regions: Regions

    def record(self) -> dict[str, Any]:
        """Return where it comes from, JSON-ready."""
        maps_set, regions = self.maps_set, self.regions
        labels: dict[str, Any] = {"path": regions.path or "drawn in the viewer"}
        if regions.carried is not None:
            labels["carried"] = dict(regions.carried)
        return {
            "maps": {"path": maps_set.folder or f"in the viewer: {maps_set.name}",
                     "provenance": maps_set.maps.provenance or None},
            "labels": labels,
        }  # fmt: skip


def compare_open_visits(
    subject: str,
    visits: tuple[OpenVisit, OpenVisit],
    options: RoiOptions,
    repeatability: Mapping[str, float],
    allow_mixed: bool,
) -> Generator[Step, None, VisitComparison]:
    """Compare two visits of the window in steps.

    Raises
    ------
    MRFInputError
        ``"mixed-provenance"``, ``"same-scan"``, and what `subject_changes` raises.
    """
    yield Step(detail="the regions")
    from napari_mrf.analysis.provenance import check_made_alike, mixed_texts
    from napari_mrf.analysis.visits.changes import Visit, subject_changes
    from napari_mrf.analysis.visits.study import check_two_scans, comparison_of
    from napari_mrf.io.labels.label_maps import LabelMap

    one, other = (each.maps_set.maps.provenance for each in visits)
    check_two_scans(subject, (one, other))
    names = visits[0].name, visits[1].name
    made = dict(zip(names, (one, other), strict=True))
    warnings = check_made_alike(made, allow_mixed=allow_mixed)
    texts = mixed_texts(made)
    first, second = (
        Visit(each.name, each.maps_set.maps,
              LabelMap(each.regions.labels, each.regions.affine, ""),
              {label: of.name for label, of in each.regions.table.items() if label})
        for each in visits
    )  # fmt: skip
    mixed = "; ".join(f"{name}: {text}" for name, text in texts.items() if text)
    found = subject_changes(subject, first, second, options=options, repeatability=repeatability,
                            mixed=mixed)  # fmt: skip
    records = {each.name: each.record() for each in visits}
    return comparison_of([(subject, found, records)], names, options, repeatability,
                         tuple(warnings))  # fmt: skip


def write_visits(
    found: VisitComparison, folder: str, overwrite: bool
) -> Generator[Step, None, list[Path]]:
    """Write tables, figures and the page in steps."""
    from napari_mrf.report.visits import iter_save_visits

    steps = iter_save_visits(found, folder, overwrite=overwrite)
    return (yield from as_steps(steps, Step.saying))


class CompareVisits:
    """Controller of the button *Two visits…* and of its window.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the subjects.
    panel : ComparePanel
        The view with the button.
    options : callable
        Returns the options of the comparison, of which those of the regions count.
    """

    def __init__(
        self, viewer: ViewerModel, panel: ComparePanel, options: Callable[[], ComparisonOptions]
    ) -> None:
        self.viewer, self.panel = viewer, panel
        self.session = session_of(viewer)
        self._options = options
        self.job, self.writing = Job(), Job()
        self.window: VisitsWindow | None = None
        self._visits: dict[str, OpenVisit] = {}
        self._compared: tuple[OpenVisit, OpenVisit] | None = None
        self._folder = ""
        self._action: Callable[[], None] | None = None
        panel.visits_requested.connect(self.open)
        bond = Bond(panel)
        for signal, slot in (
            (self.session.subjects_changed, self._offer),
            (self.session.maps_changed, self._offer),
            (self.session.regions_changed, self._offer),
            (self.job.changed, self._on_changed),
            (self.job.succeeded, self._on_compared),
            (self.writing.changed, self._on_writing_changed),
            (self.writing.succeeded, self._on_written),
        ):
            bond.connect(signal, slot)
        self._offer()

    def open(self) -> None:
        """Open the window, or bring it to the front."""
        if self._window() is not None:
            self._window().raise_()  # type: ignore[union-attr]
            return
        window = self.window = VisitsWindow(self.panel)
        window.finished.connect(window.deleteLater)
        window.plot.follow(self.viewer)
        window.picked.connect(self._show_needs)
        window.run_requested.connect(self.run)
        window.cancel_requested.connect(self.job.cancel)
        window.save_requested.connect(self._on_save_requested)
        window.notice.cure_requested.connect(self._on_cure)
        self._offer()
        window.show()

    def run(self, *, allow_mixed: bool = False) -> None:
        """Compare the two visits that are picked."""
        from napari_mrf.analysis.visits.study import repeatability_of

        window = self._window()
        if window is None or self._needs(window):
            return
        window.notice.clear()
        words = [one.strip() for one in window.repeatability.text().split(",") if one.strip()]
        try:
            if wrong := [one for one in words if "=" not in one]:
                raise MRFInputError("bad-option", "a repeatability coefficient is written as "
                                    "MAP=NUMBER", found=wrong[0],
                                    hint="Write FF=2% or T1H2O=40.")  # fmt: skip
            repeatability = repeatability_of(words)
            options = self._options().rois
        except MRFInputError as error:
            self._tell(error.sentence())
            return
        picked = window.visits()
        visits = self._visits[picked[0]], self._visits[picked[1]]
        self._compared = visits
        self.job.start("Two visits", compare_open_visits, self._subject(visits), visits, options,
                       repeatability, allow_mixed)  # fmt: skip

    def _subject(self, visits: tuple[OpenVisit, OpenVisit]) -> str:
        """Return what both visits are called where that is the same, without what tells them."""
        titles = {
            self.session.title_of(one.key)
            for one in self.session.subjects
            if any(self.session.regions_of(one.key) is each.regions for each in visits)
        }
        return titles.pop() if len(titles) == 1 else "the subject"

    def _window(self) -> VisitsWindow | None:
        alive = self.window is not None and isalive(self.window) and self.window.isVisible()
        return self.window if alive else None

    def _offer(self, *_: Any) -> None:
        """Offer all maps of subjects with regions, and say whether a result is out of date."""
        session = self.session
        self._visits = {}
        for subject in session.subjects:
            regions, sets = session.regions_of(subject.key), session.maps_sets_of(subject.key)
            if regions is not None:
                for name, one in sets.items():
                    self._visits[f"{subject.name} · {name}"] = OpenVisit(subject.name, one, regions)
        self.panel.visits_button.setEnabled(len(session.subjects) > 1)
        window = self.window
        if window is None or not isalive(window):
            return
        names, picked = list(self._visits), window.visits()
        first, second = (
            one if one in names else other
            for one, other in zip(picked, self._of_subjects(names), strict=True)
        )
        window.set_visits(names, (first, second))
        self._show_needs()
        if window.found is not None and self._compared is not None and self._is_old(self._compared):
            self._tell("Maps or regions have changed since: compare again.")

    def _of_subjects(self, names: list[str]) -> list[str]:
        """Return maps of the first two subjects."""
        by_subject: dict[str, str] = {}
        for name in names:
            by_subject[self._visits[name].name] = name
        return [*by_subject.values(), "", ""][:2]

    def _is_old(self, compared: tuple[OpenVisit, OpenVisit]) -> bool:
        now = {(id(one.maps_set.maps), id(one.regions.labels)) for one in self._visits.values()}
        return not {(id(one.maps_set.maps), id(one.regions.labels)) for one in compared} <= now

    def _needs(self, window: VisitsWindow) -> str:
        picked = window.visits()
        if any(one not in self._visits for one in picked):
            return ("Open both visits, reconstruct them and give both regions (the ROIs step can "
                    "carry them from one to the other).")  # fmt: skip
        if self._visits[picked[0]].name == self._visits[picked[1]].name:
            return "Pick two different visits."
        return "Wait for this comparison, or cancel it." if self.job.status.is_running else ""

    def _show_needs(self, *_: Any) -> None:
        if self.window is not None and isalive(self.window):
            self.window.set_needs(self._needs(self.window))

    def _tell(
        self, text: str, *, kind: str = "problem", cure: str = "",
        action: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._action = action
        window = self._window()
        if window is not None:
            window.notice.say(text, kind=kind, cure=cure)

    def _on_cure(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()

    def _on_changed(self, status: JobStatus) -> None:
        window = self._window()
        if window is None:
            return
        window.progress.show_status(status, piece_sentence(status))
        self._show_needs()
        if status.failure is not None and status.state is JobState.FAILED:
            is_mixed = getattr(status.failure.error, "code", "") == _MIXED
            self._tell(status.failure.sentence,
                       cure="Compare them all the same" if is_mixed else "",
                       action=partial(self.run, allow_mixed=True) if is_mixed else None
                       )  # fmt: skip

    def _on_compared(self, found: VisitComparison) -> None:
        window = self._window()
        if window is None:
            return
        window.show_found(found)
        texts = list(found.warnings)
        if found.is_mixed:
            texts.insert(0, "The maps were not made in one way: a change may be that of the "
                         "method.")  # fmt: skip
        if texts:
            self._tell(" ".join(texts), kind="problem" if found.is_mixed else "note")

    def _on_save_requested(self) -> None:
        window = self._window()
        folder = "" if window is None else ask_folder(window, "Write the results to a folder")
        if folder:
            self.save(folder)

    def save(self, folder: str, *, overwrite: bool = False) -> None:
        """Write the changes that are shown into a folder."""
        window = self._window()
        if window is not None and window.found is not None and not self.writing.status.is_running:
            self._folder = folder
            self.writing.start("Saving the visits", write_visits, window.found, folder, overwrite)

    def _on_writing_changed(self, status: JobStatus) -> None:
        window = self._window()
        if window is None:
            return
        window.save_button.setEnabled(not status.is_running)
        window.progress.show_status(status, piece_sentence(status))
        again = partial(self.save, self._folder, overwrite=True)
        if status.failure is not None and not asks_to_overwrite(window, status, again):
            self._tell(status.failure.sentence)

    def _on_written(self, paths: list[Path]) -> None:
        self._tell(f"Saved to {paths[-1].parent}: look at visits.html", kind="note")
