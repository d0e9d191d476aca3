"""Every minute, what is in no file is kept beside the user's files, so that no crash takes it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any
from weakref import ref

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.panels.session.kept import Kept
from napari_mrf.plugin.panels.session.place import session_place_of
from napari_mrf.plugin.panels.session.study import outlines_in, study_of
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.plugin.panels.session.work import Study

INTERVAL_MS = 60_000


class Autosave(QObject):
    """Keeps the unsaved work of one viewer.

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
        self._place = session_place_of(viewer)
        self.kept = Kept()
        self._study: Study | None = None  # as it was kept last
        self._writing: Study | None = None
        self._told = ""
        self.job = Job()
        self.job.changed.connect(self._on_job_changed)
        self.job.succeeded.connect(self._on_kept)
        session_of(viewer).saved.connect(self._on_saved)
        self.timer = QTimer(self)
        self.timer.setInterval(INTERVAL_MS)
        self.timer.timeout.connect(self.keep)
        self.timer.start()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.keep)

    @property
    def folder(self) -> Path:
        """Where the work of this window is kept."""
        return self.kept.folder

    def keep(self) -> None:
        """Keep the work if it has changed; forget what was kept if nothing is unsaved."""
        viewer = self._viewer()
        # Layers that are on their way are no work of the user.
        if viewer is None or self.job.status.is_running or layer_turns_of(viewer).owners:
            return
        study = study_of(viewer)
        if not self._is_unsaved(study):
            self.discard()
        elif self._study is None or not _is_same(study, self._study):
            self._writing = study
            self.job.start("Keeping unsaved work", self.kept.keep, study)

    def discard(self) -> None:
        """Delete what was kept: it is saved, or not wanted."""
        self.job.cancel()
        if self._study is not None or self.kept.folder.is_dir():
            self._study = None
            self.kept.discard()
            self.changed.emit()

    def adopt(self, folder: Path) -> None:
        """Go on with the folder of a window that is gone, whose work is here now."""
        self.discard()
        self.kept = Kept(folder)
        self.keep_soon()

    def keep_soon(self) -> None:
        """Keep the work in the next turn of the event loop."""
        if isalive(self._soon):  # the window may be gone
            self._soon.start(0)

    def _is_unsaved(self, study: Study) -> bool:
        viewer = self._viewer()
        items = () if viewer is None else unsaved_of(viewer).items()
        return outlines_in(study) != self._place.outlines or any(
            one.step in ("reconstruct", "rois") for one in items
        )

    def _on_saved(self) -> None:
        self.keep_soon()

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None and self._told != status.failure.sentence:
            self._told = status.failure.sentence
            self.failed.emit(f"Unsaved work could not be kept in {self.folder}. {self._told}")

    def _on_kept(self, study: Study) -> None:
        self._study, self._told = study, ""
        self.changed.emit()


def _is_same(one: Study, other: Study) -> bool:
    """Return whether two studies would be kept alike; where the user looks is no work."""
    for field in fields(one):
        now, before = getattr(one, field.name), getattr(other, field.name)
        if field.name == "view" or now is before:
            continue
        if not isinstance(now, (str, tuple, dict)) or now != before:
            return False
    return True


autosave_of = one_per_viewer(Autosave)
"""Return the autosave of a viewer."""
