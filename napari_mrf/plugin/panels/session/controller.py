"""Controller of the session bar: saves subjects to session files and brings them back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.kit.overwriting import ask_save_path, asks_to_overwrite
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.kept import kept_root
from napari_mrf.plugin.panels.session.offer import OfferBinding
from napari_mrf.plugin.panels.session.opening import SessionOpening
from napari_mrf.plugin.panels.session.place import session_places_of
from napari_mrf.plugin.panels.session.study import outlines_in, study_of
from napari_mrf.plugin.panels.session.work import OpenedStudy, SavedStudy, save_study
from napari_mrf.plugin.regions.other_regions import other_regions_of
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.unsaved import in_short, unsaved_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.session.bar import SessionBar
    from napari_mrf.plugin.panels.session.kept import LeftWork
    from napari_mrf.plugin.panels.session.place import SessionPlace
    from napari_mrf.plugin.panels.session.work import Study
    from napari_mrf.plugin.viewer.unsaved import Unsaved

SESSION_FILES = "MRF session (*.mrf.json)"
_ENDING = ".mrf.json"


class SessionBinding:
    """Controller of the session menu.

    Parameters
    ----------
    viewer : napari viewer
        The viewer that is saved and restored.
    bar : SessionBar
        The view.
    bindings : mapping
        The steps of the dock by key; their options are part of a session.
    """

    def __init__(self, viewer: ViewerModel, bar: SessionBar, bindings: Mapping[str, Any]) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar = bar
        self.bindings = bindings
        self.session = session_of(viewer)
        self.job = Job()
        self.opening = SessionOpening(viewer, bar, bindings, self.job, self._show_name,
                                      self._on_left_refused)  # fmt: skip
        self.places = session_places_of(viewer)
        self.unsaved = unsaved_of(viewer)
        other_regions_of(self.viewer)  # which tells what else is not saved
        self._saved_subject = ""
        self._then: Callable[[], None] | None = None
        self._again: Callable[[], None] = self.save
        bar.open_requested.connect(self._on_open_requested)
        bar.save_requested.connect(self._on_save_requested)
        bar.save_as_requested.connect(self._on_save_as_requested)
        bar.cancel_requested.connect(self._on_cancel_requested)
        self.bond = Bond(bar)
        self.bond.connect(self.session.subject_changed, self._show_name)
        self.bond.connect(self.job.changed, self._on_job_changed)
        self.bond.connect(self.job.succeeded, self._on_job_succeeded)
        self.bond.connect(self.unsaved.changed, self._show_unsaved)
        autosave = autosave_of(viewer)
        self.bond.connect(autosave.failed, self._on_autosave_failed)
        bar.set_kept(str(kept_root()))
        bar.folder_requested.connect(self._on_folder_requested)
        self.offer = OfferBinding(viewer, bar.offer, self.restore_left)
        self._show_unsaved()
        self._show_name()

    def save_to(
        self, path: str | Path, *, overwrite: bool = False, then: Callable[[], None] | None = None
    ) -> None:
        """Save the window to a session file.

        Parameters
        ----------
        path : str or Path
            Of the file; its ending is added.
        overwrite : bool
            Whether to replace any file. Without it, one that this window has not written, or
            that has changed since, is replaced only if the user agrees.
        then : callable, optional
            Called once all is saved.
        """
        path = Path(_with_ending(str(path)))
        if self.opening.restoring.is_going_on:  # a part of it would replace the whole
            self.bar.notice.say("A session is still being opened. Save it in a moment.")
        elif not self.job.status.is_running:
            self.bar.notice.clear()
            self._again = partial(self.save_to, path, overwrite=True, then=then)
            self._then = then
            self._saved_subject = self.session.subject.key
            known = None if overwrite else self.place.known_at(path)
            self.job.start(f"Saving {path.name}", save_study, self.study(), path, known)

    def save(self, then: Callable[[], None] | None = None) -> None:
        """Save the current subject to its session file, or ask for one; see `save_to`."""
        if self.place.path is None:
            self._save_as(then)
        else:
            self.save_to(self.place.path, then=then)

    def save_all(self, then: Callable[[], None], *, done: frozenset[str] = frozenset()) -> None:
        """Save every subject with unsaved work, one after the other; see `save_to`.

        Parameters
        ----------
        then : callable
            Called once all is saved; not if the user leaves one out.
        done : frozenset of str
            Keys of subjects that need no saving.
        """
        if self.opening.restoring.is_going_on:  # to show another subject would break it off
            again = partial(self.save_all, then, done=done)
            layer_turns_of(self.viewer).after(SESSION, again)
            return
        left = [one.subject for one in self.unsaved.items() if one.subject not in done]
        if not left:
            then()
            return
        if left[0] != self.session.subject.key:
            self.session.choose_subject(left[0])
        self.save(partial(self.save_all, then, done=done | {left[0]}))

    @property
    def place(self) -> SessionPlace:
        """Where the session of the current subject is saved."""
        return self.places.here

    def open_file(self, path: str | Path) -> None:
        """Add the subject of a session to the window and show it; see `SessionOpening`."""
        self.opening.open_file(path)

    def restore_left(self, left: LeftWork) -> bool:
        """Add work that a crash has left to the window; return whether it is on its way."""
        return self.opening.restore_left(left)

    def study(self) -> Study:
        """Return the content of the window."""
        return study_of(self.viewer)

    def _on_open_requested(self) -> None:
        path = ask_open_path(self.bar, "Open a session", SESSION_FILES)
        if path:
            self.open_file(path)

    def _on_save_requested(self) -> None:
        self.save()

    def _on_save_as_requested(self) -> None:
        self._save_as(None)

    def _save_as(self, then: Callable[[], None] | None) -> None:
        proposal = f"{self.session.series_name or 'study'}{_ENDING}"
        path = ask_save_path(
            self.bar, "Save session", proposal, SESSION_FILES, complete=_with_ending
        )
        if path:
            self.save_to(path, overwrite=True, then=then)

    def _on_folder_requested(self) -> None:
        folder = kept_root()
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _show_unsaved(self) -> None:
        items = self.unsaved.items()
        self.bar.set_unsaved(in_short(items), f"Not saved:\n{_lines(items)}" if items else "")

    def _on_autosave_failed(self, sentence: str) -> None:
        self.bar.notice.say(sentence)

    def _on_cancel_requested(self) -> None:
        self.opening.cancel()

    def _on_left_refused(self, left: LeftWork) -> None:
        self.offer.offer_again(left)

    def _on_job_changed(self, status: JobStatus) -> None:
        self.bar.set_status(status)
        if status.failure is not None and not asks_to_overwrite(
            self.bar, status, self._again, what="it"
        ):
            self.bar.notice.say(status.failure.sentence)
        self.opening.on_job_changed(status)

    def _on_job_succeeded(self, outcome: SavedStudy | OpenedStudy) -> None:
        if isinstance(outcome, SavedStudy):
            self._mark_saved(outcome)
            said = f"Saved to {outcome.path}{_also(outcome)}{self._only(self._saved_subject)}"
            self.bar.notice.say("\n".join([said, *outcome.study.remarks]), kind="note")
            then, self._then = self._then, None
            if then is not None:
                then()
            return
        self.opening.show(outcome)

    def _mark_saved(self, saved: SavedStudy) -> None:
        """Note what was saved; what has changed since is not."""
        session, key = self.session, self._saved_subject
        place = self.places.of(key)
        place.path, place.sha256 = saved.path, saved.sha256
        place.outlines = outlines_in(saved.study)
        for one in saved.study.maps_sets:
            if one.name in saved.folders and session.maps_sets_of(key).get(one.name) is one:
                session.mark_maps_saved(one.name, str(saved.folders[one.name]), key)
        if saved.labels_path is not None and session.regions_of(key) is saved.study.regions:
            session.mark_regions_saved(str(saved.labels_path), key)
        labels = [one.of for one in saved.study.items if one.kind == "labels"]
        other_regions_of(self.viewer).mark_saved(key, labels)
        for result in saved.study.results:
            self.unsaved.mark_saved(result.step, result.of)
        autosave_of(self.viewer).keep_soon()
        self._show_name()

    def _show_name(self, _: Any = None) -> None:
        self.bar.set_name("" if self.place.path is None else self.place.path.name)

    def _only(self, key: str) -> str:
        """Say whose session it is where there are others, which a session file does not hold."""
        if len(self.session.subjects) < 2:
            return ""
        return (f". It holds {self.session.name_of(key)} alone: pick each other subject and save "
                "its session too.")  # fmt: skip


def _lines(items: Iterable[Unsaved]) -> str:
    return "\n".join(str(one) for one in items)


def _also(saved: SavedStudy) -> str:
    """Return the names of maps, labels and results that were saved with the session."""
    labels = [saved.labels_path] if saved.labels_path else []
    places = [*saved.folders.values(), *labels, *saved.results]
    if not places:
        return ""
    names = ", ".join(place.name for place in places)
    return f". Saved with it in {places[0].parent.name}: {names}"


def _with_ending(path: str) -> str:
    if path.lower().endswith(_ENDING):
        return path
    return path.removesuffix(".json").removesuffix(".mrf") + _ENDING
