"""Every minute, what is in no file is kept beside the user's files, so that no crash takes it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any
from weakref import ref

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.panels.session.kept import Kept
from napari_mrf.plugin.panels.session.place import session_places_of
from napari_mrf.plugin.panels.session.study import outlines_in, studies_of
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.plugin.panels.session.work import Study

INTERVAL_MS = 60_000


@dataclass
class _OfSubject:
    """What was kept of a subject: the study as it was kept last, and where."""

    kept: Kept = field(default_factory=Kept)
    study: Study | None = None


class Autosave(QObject):
    """Keeps the unsaved work of one viewer, a folder for each subject.

    Parameters
    ----------
    viewer : napari viewer
        Its window, where it has one, ends the work when it goes.

    Attributes
    ----------
    changed : Signal()
        Work was kept, or what was kept is gone.
    failed : Signal(str)
        Why work could not be kept, in a sentence; once until it can be again.
    job : Job
        The writing.
    timer : QTimer
        Of the interval.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__(getattr(getattr(viewer, "window", None), "_qt_window", None))
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._places = session_places_of(viewer)
        self._studies = studies_of(viewer)
        self._of: dict[str, _OfSubject] = {}
        self._waiting: list[str] = []  # subjects still to be looked at
        self._writing = ""
        self._told = ""
        self.job = Job()
        self.job.changed.connect(self._on_job_changed)
        self.job.succeeded.connect(self._on_kept)
        self._session.saved.connect(self._on_saved)
        self.timer = QTimer(self)
        self.timer.setInterval(INTERVAL_MS)
        self.timer.timeout.connect(self.keep)
        self.timer.start()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.keep)
        self._next = QTimer(self)  # the job that calls has to end first
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._keep_next)

    @property
    def folder(self) -> Path:
        """Where the work on the current subject is kept."""
        return self._kept_of(self._session.subject.key).kept.folder

    def keep(self) -> None:
        """Keep the work that has changed; forget what was kept of what is saved or removed."""
        viewer = self._viewer()
        # Layers that are on their way are no work of the user.
        if viewer is None or self.job.status.is_running or layer_turns_of(viewer).owners:
            return
        self._waiting = list(dict.fromkeys([*(one.key for one in self._session.subjects),
                                            *self._of]))  # fmt: skip
        self._keep_next()

    def discard(self) -> None:
        """Delete what was kept: it is saved, or not wanted."""
        self._waiting.clear()
        self.job.cancel()
        for subject in list(self._of):
            self._discard(subject)

    def adopt(self, folder: Path) -> None:
        """Go on with the folder of a window that is gone, whose work the current subject has."""
        key = self._session.subject.key
        self._discard(key)
        self._of[key] = _OfSubject(Kept(folder))
        self.keep_soon()

    def keep_soon(self) -> None:
        """Keep the work in the next turn of the event loop."""
        if isalive(self._soon):  # the window may be gone
            self._soon.start(0)

    def _kept_of(self, subject: str) -> _OfSubject:
        return self._of.setdefault(subject, _OfSubject())

    def _keep_next(self) -> None:
        """Keep the next subject whose work has changed."""
        while self._waiting:
            subject = self._waiting.pop(0)
            study = self._studies.of(subject)
            if study is None or not self._is_unsaved(subject, study):
                self._discard(subject)
                continue
            mine = self._kept_of(subject)
            if mine.study is None or not _is_same(study, mine.study):
                self._writing = subject
                self.job.start("Keeping unsaved work", mine.kept.keep, study)
                return

    def _discard(self, subject: str) -> None:
        mine = self._of.pop(subject, None)
        if mine is not None and (mine.study is not None or mine.kept.folder.is_dir()):
            mine.kept.discard()
            self.changed.emit()

    def _is_unsaved(self, subject: str, study: Study) -> bool:
        viewer = self._viewer()
        items = () if viewer is None else unsaved_of(viewer).items(subject)
        return bool(items) or outlines_in(study) != self._places.of(subject).outlines

    def _on_saved(self) -> None:
        self.keep_soon()

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None and self._told != status.failure.sentence:
            self._told = status.failure.sentence
            folder = self._kept_of(self._writing).kept.folder
            self.failed.emit(f"Unsaved work could not be kept in {folder}. {self._told}")
        if status.failure is not None and self._waiting:
            self._next.start(0)

    def _on_kept(self, study: Study) -> None:
        if self._writing in self._of:
            self._of[self._writing].study = study
        self._told = ""
        self.changed.emit()
        if self._waiting:
            self._next.start(0)


def _is_same(one: Study, other: Study) -> bool:
    """Return whether two studies would be kept alike; where the user looks is no work."""
    for which in fields(one):
        now, before = getattr(one, which.name), getattr(other, which.name)
        if which.name in ("view", "views", "layers", "results", "remarks") or now is before:
            continue
        if which.name == "panels":
            now, before = _without_voxel(now), _without_voxel(before)
        if not isinstance(now, (str, tuple, dict)) or now != before:
            return False
    return True


def _without_voxel(panels: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the options of the panels without the voxel that the mouse is over."""
    return {key: {name: one for name, one in state.items() if name != "voxel"}
            for key, state in panels.items()}  # fmt: skip


autosave_of = one_per_viewer(Autosave)
"""Return the autosave of a viewer."""
