"""*Save before closing?*, for a window, and for its last MRF dock, with unsaved work.

The user is asked however the window is closed: by its button, a key or a menu, and also where
napari itself does not ask. A script that calls ``viewer.close()`` is not; what was kept of its
work stays to be restored.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet, ref

from napari.utils.notifications import show_warning
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_mrf.plugin.kit.overwriting import ask_to_save
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.bar import SessionBar
from napari_mrf.plugin.panels.session.controller import SessionBinding
from napari_mrf.plugin.panels.session.docks import docks_of
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.raw.files import raw_files_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.plugin.jobs import JobStatus

_QUESTION = "Save before closing?"
_GUARDS: WeakSet[CloseGuard] = WeakSet()


class CloseGuard(QObject):
    """Asks before unsaved work goes with its window.

    Parameters
    ----------
    viewer : napari viewer
        One without a window needs no guard.
    """

    def __init__(self, viewer: Any) -> None:
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        super().__init__(window)
        self._viewer = ref(viewer)
        self._unsaved = unsaved_of(viewer)
        self._docks = docks_of(viewer)
        self._autosave = autosave_of(viewer)
        self._is_settled = False
        if window is not None:
            window.installEventFilter(self)
            _GUARDS.add(self)

    @property
    def _window(self) -> Any:
        """The window; the guard must not keep it."""
        return self.parent()

    def watch(self, dock: QWidget) -> None:
        """Ask also before a dock closes, if it is the last one."""
        self._docks.add(dock)
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hold back a window that closes; find out in which holder of napari a dock lies."""
        if event is None:
            return False
        if event.type() == QEvent.Type.Close and watched is self._window:
            return self._is_asked_for(event) and self._holds_back(event)
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget):
            self._guard_holder(watched)
        return False

    def _is_asked_for(self, event: QEvent) -> bool:
        """Return whether the user closes the window: a script has closed its content before."""
        content = getattr(self._window, "_qt_viewer", None)
        return event.spontaneous() or (content is not None and not content.isHidden())

    def _holds_back(self, event: QEvent) -> bool:
        if self._is_settled:
            return False
        quits = bool(getattr(self._window, "_quit_app", False))
        are_others_closed = not quits or self._close_others()
        if are_others_closed and not self._unsaved.items():
            self._autosave.discard()
            return False
        event.ignore()
        self._window._quit_app = False  # unless the answer is to close
        if not are_others_closed:
            return True

        def close(*, is_settled: bool = False) -> None:
            # Once the event, or the end of the saving, is dealt with.
            QTimer.singleShot(0, partial(self._close, quits=quits, is_settled=is_settled))

        def drop() -> None:
            self._autosave.discard()
            close(is_settled=True)

        # What came while the rest was saved is asked about again.
        self._ask("", then=close, otherwise=drop)
        return True

    def _close_others(self) -> bool:
        """Close the other windows with unsaved work, as napari quits all; return whether."""
        for other in _GUARDS - {self}:
            window = other._window if isalive(other) else None
            if window is not None and window.isVisible() and other._unsaved.items():
                window.close(quit_app=False, confirm_need=False)
                if isalive(window) and window.isVisible():
                    return False
        return True

    def _close(self, *, quits: bool, is_settled: bool) -> None:
        self._is_settled = is_settled
        try:
            self._window.close(quit_app=quits, confirm_need=False)
        finally:
            self._is_settled = False

    def _ask(self, remark: str, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Ask, and go on at once, after saving, or not at all."""
        items = self._unsaved.items()
        lines = [*map(str, items), *(f"{title}, which still runs" for title in self._running())]
        detail = "\n".join(["Not saved:", *lines, *([remark] if remark else [])])
        answer = ask_to_save(self._window, "Unsaved work", _QUESTION, detail)
        if answer == "save":
            self._saver().save_all(then)
        elif answer == "discard":
            otherwise()

    def _saver(self) -> SessionBinding:
        """Return what saves a session; where no dock is open any more it speaks in the window."""
        docks = self._docks.open()
        if docks:
            binding: SessionBinding = docks[-1].session_binding
            return binding
        bar: Any = SessionBar()
        bar.setParent(self._window)
        bar.hide()
        bar.binding = SessionBinding(present(self._viewer()), bar, {})  # both go with the window
        bar.binding.job.changed.connect(_warn)
        return cast("SessionBinding", bar.binding)

    def _running(self) -> list[str]:
        session, making = session_of(self._viewer()), raw_files_of(self._viewer()).making
        jobs = (session.opening, making, session.reconstruction, session.comparison,
                session.importance)  # fmt: skip
        return [job.status.title for job in jobs if job.status.is_running]

    def _guard_holder(self, dock: QWidget) -> None:
        holder: Any = dock.parentWidget()
        while holder is not None and not hasattr(holder, "destroyOnClose"):
            holder = holder.parentWidget()
        if holder is not None and "destroyOnClose" not in vars(holder):
            # The button of the title calls it, and napari renews the title now and then.
            alive, close = ref(holder), type(holder).destroyOnClose
            holder.destroyOnClose = lambda: self._close_dock(lambda: close(alive()))

    def _close_dock(self, close: Callable[[], None]) -> None:
        if len(self._docks.open()) > 1 or not self._unsaved.items():
            close()
        else:
            self._ask("It stays in this window until that is closed, too.",
                      then=close, otherwise=close)  # fmt: skip


def _warn(status: JobStatus) -> None:
    if status.failure is not None:
        show_warning(status.failure.sentence)


close_guard_of = one_per_viewer(CloseGuard)
"""Return the guard of a viewer."""
