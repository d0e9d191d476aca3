"""Garbage is taken apart in the thread of the window alone, while other threads compute.

Python searches for reference cycles in whichever thread happens to allocate, and takes apart
what it finds there. Windows, layers and plots are full of cycles, and Qt, OpenGL and the timers
of matplotlib must not be touched beside their own thread. So Python's automatic search rests
while a thread of this package runs, and a timer of the window searches as often as Python would.
It rests by its threshold: dask switches the search on after each slice of an array, even where it
was off.

What is in no cycle dies with its last reference, and a thread that outlives a closed window may
hold that one. PySide6 deletes an object in whichever thread lets go of it; its timers go on then,
and end the program where they next fire. So a thread leaves what it was given to the window.
"""

from __future__ import annotations

import gc
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERVAL_MS = 100
_GROWN = 1.25


class GarbageWatch:
    """Keeps count of the threads that run, and collects for them.

    All but `leave` is called in the thread of the window.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads = 0
        self._limit = 0  # new objects after which Python searches
        self._is_quiet = False
        self._timer: QTimer | None = None
        self._settled = 0
        self._left: list[object] = []
        self._left_before: list[object] = []  # the last turn

    @property
    def is_held(self) -> bool:
        """Whether the automatic search rests."""
        return self._limit > 0

    def hold(self) -> None:
        """Let the automatic search rest, unless somebody else has taken it over."""
        limit, *others = gc.get_threshold()
        if limit and gc.isenabled():
            self._limit = limit
            gc.set_threshold(0, *others)

    def give_back(self) -> None:
        """Let Python search again, if it was this watch that let it rest."""
        if self.is_held:
            gc.set_threshold(self._limit, *gc.get_threshold()[1:])
            self._limit = 0

    def enter(self) -> None:
        """Note that a thread is about to start; every call is answered by one of `leave`."""
        with self._lock:
            self._threads += 1
        self._is_quiet = False
        self.hold()
        if self._timer is None or not isalive(self._timer):
            self._timer = QTimer(QCoreApplication.instance())
            self._timer.setInterval(_INTERVAL_MS)
            self._timer.timeout.connect(self.tend)
        self._timer.start()

    def leave(self, was_given: object = None) -> None:
        """Note, in the thread itself, that it has nothing more to do.

        The automatic search is not due here: it would begin in this thread at once.

        Parameters
        ----------
        was_given : object
            All that the thread was given, for the thread of the window to let go of.
        """
        with self._lock:
            self._threads -= 1
            self._left.append(was_given)

    def tend(self) -> None:
        """Collect what is due; give the search back to Python some time after the last thread."""
        if self.is_held:
            self.hold()  # others may have set the threshold again
            self.collect()
        # A thread that has left is perhaps not gone yet: it is let alone for a turn.
        with self._lock:
            left, self._left_before, self._left = self._left_before, self._left, []
            is_idle = not self._threads
        left.clear()
        if not (is_idle and self._is_quiet):
            self._is_quiet = is_idle
            return
        if self._timer is not None:
            self._timer.stop()
        self.give_back()

    def collect(self) -> None:
        """Search the generations that Python would search now."""
        counts, limits = gc.get_count(), gc.get_threshold()
        limit = self._limit or limits[0]
        if not limit or counts[0] <= limit or not gc.isenabled():
            return
        if counts[1] <= limits[1]:
            gc.collect(0)
        elif counts[2] <= limits[2] or not self._has_grown():
            gc.collect(1)
        else:
            gc.collect()
            self._settled = len(gc.get_objects(generation=2))

    def _has_grown(self) -> bool:
        """Whether so much has got old since the last full search that another is worth its time."""
        n_old = len(gc.get_objects(generation=2))
        if not self._settled:
            self._settled = n_old
        return n_old > _GROWN * self._settled


GARBAGE = GarbageWatch()
"""The watch of this process."""


def start_thread(work: Callable[[], Any], *, name: str, daemon: bool = False) -> None:
    """Run a function in a thread of its own that leaves garbage to the window.

    Parameters
    ----------
    work : callable
        Without arguments.
    name : str
        Of the thread.
    daemon : bool
        Whether the process may end before it.
    """
    given = [work]

    def run() -> None:
        try:
            given[0]()
        finally:
            GARBAGE.leave(given.pop())

    thread = Thread(target=run, name=name, daemon=daemon)
    del work
    GARBAGE.enter()
    try:
        thread.start()
    except RuntimeError:  # no more threads
        GARBAGE.leave()
        raise
