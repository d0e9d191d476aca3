"""Opening of sessions, one after the other: each becomes a subject of the window."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.kit.overwriting import is_confirmed
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.kept import STUDY_NAME
from napari_mrf.plugin.panels.session.place import session_places_of
from napari_mrf.plugin.panels.session.restoring import SessionRestoring
from napari_mrf.plugin.panels.session.work import open_study
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel

    from napari_mrf.plugin.jobs import Job, JobStatus
    from napari_mrf.plugin.panels.session.bar import SessionBar
    from napari_mrf.plugin.panels.session.kept import LeftWork
    from napari_mrf.plugin.panels.session.work import OpenedStudy

_RESTORING = "Restoring unsaved work"


class SessionOpening:
    """Reads sessions and adds them to the window.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the subjects.
    bar : SessionBar
        The view.
    bindings : mapping
        The steps of the dock by key, whose options are set.
    job : Job
        Reads; it saves, too, so a session may have to wait.
    shown : callable
        Called when the subject of a session has become the current one.
    refused : callable
        Called with the left work that the user does not want in the place of a subject.
    """

    def __init__(
        self, viewer: ViewerModel, bar: SessionBar, bindings: Mapping[str, Any], job: Job,
        shown: Callable[[], None], refused: Callable[[LeftWork], None],
    ) -> None:  # fmt: skip
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar, self.job = bar, job
        self.session = session_of(viewer)
        self.restoring = SessionRestoring(viewer, bar, bindings)
        self._places = session_places_of(viewer)
        self._unsaved = unsaved_of(viewer)
        self._shown, self._refused = shown, refused
        self._left: LeftWork | None = None
        self._waiting: list[Path] = []

    def open_file(self, path: str | Path) -> None:
        """Open a session as soon as those before it have been read."""
        if self.job.status.is_running:
            self._waiting.append(Path(path))
            return
        self.bar.notice.clear()
        self._start(Path(path))

    def restore_left(self, left: LeftWork) -> bool:
        """Open work that a crash has left, as a session that is not saved; return whether."""
        if self.job.status.is_running:
            return False
        folder = left.take_over()
        if folder is None:
            self.bar.notice.say("Another window has taken this work over.", kind="note")
            return True
        self.bar.notice.clear()
        self._left = replace(left, folder=folder)
        self.job.start(_RESTORING, open_study, folder / STUDY_NAME)
        return True

    def cancel(self) -> None:
        """Open nothing more."""
        self._waiting.clear()
        self.job.cancel()

    def on_job_changed(self, status: JobStatus) -> None:
        """Open the next session once the job has ended."""
        if status.state is JobState.CANCELLED and status.title == _RESTORING:
            self.bar.notice.say("The unsaved work is kept, and offered again when napari is "
                                "started next.", kind="note")  # fmt: skip
        if not status.is_running and self._waiting:
            QTimer.singleShot(0, partial(self._start, self._waiting.pop(0)))

    def _start(self, path: Path) -> None:
        self._left = None
        self.job.start(f"Opening {path.name}", open_study, path)

    def show(self, opened: OpenedStudy) -> None:
        """Show a session that was read, once the one before it is there as a whole."""
        layer_turns_of(self.viewer).after(SESSION, partial(self._show, opened, self._left))

    def _show(self, opened: OpenedStudy, left: LeftWork | None) -> None:
        subject = self._subject_of(opened)
        if subject and self._unsaved.items(subject) and not self._asks_to_replace(subject):
            if left is not None:
                self._refused(left)
            return
        word = "" if left is None else f"{left} It is back; save the session to keep it."
        self.restoring.show(
            opened, partial(self._on_shown, opened, left), instead_of=subject,
            kept_in=None if left is None else left.folder, word=word,
        )  # fmt: skip

    def _subject_of(self, opened: OpenedStudy) -> str:
        """Return the key of the subject that a session is of; empty for a new one.

        The file of its series tells it, or where there is none the session file.
        """
        if opened.series is not None:
            return self.session.subject_of(opened.series.series) or ""
        path = opened.contents.path.absolute()
        places = {one.key: self._places.of(one.key).path for one in self.session.subjects}
        return next((key for key, one in places.items() if one and one.absolute() == path), "")

    def _asks_to_replace(self, subject: str) -> bool:
        return is_confirmed(
            self.bar, "Open a session",
            f"{self.session.name_of(subject)} is open already, and some of its work is not saved "
            "yet. Open the session in its place?", action="Open and lose it",
            detail="\n".join(map(str, self._unsaved.items(subject))),
        )  # fmt: skip

    def _on_shown(self, opened: OpenedStudy, left: LeftWork | None) -> None:
        """Save to the file that was opened from now on, as soon as its subject is there."""
        if left is None:
            place = self._places.here
            place.path, place.sha256 = opened.contents.path, opened.sha256
        else:  # it is in no file of the user
            autosave_of(self.viewer).adopt(left.folder)
        self._shown()
