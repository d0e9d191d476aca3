"""Work on layers, one per turn of the event loop, so that the window answers a click at once.

To add a layer takes napari 70-140 ms, and to remove it as much again, since napari then searches
the whole process for garbage. A click therefore shows its answer in the panel and leaves
the layers to the turns that follow, with a pause for painting before each.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QTimer

from napari_mrf.plugin.session import one_per_viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qtpy.QtWidgets import QWidget

_PAUSE_MS = 5
_END = object()
WAITING = object()
"""Yielded by work that cannot go on yet: the work of others takes its turns meanwhile."""

SESSION = "session"
"""So begin the owners of the work that shows a session. Until its end no other subject may be
shown, or it would get the rest; see `LayerTurns.after`."""

_WAIT_MS = 100


class LayerTurns:
    """The work on the layers of one viewer that is still to do.

    Parameters
    ----------
    viewer : napari viewer
        Its window, where it has one, ends the work when it goes.
    """

    def __init__(self, viewer: Any) -> None:
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        self._waiting: dict[str, Iterator[Any]] = {}
        self._running: Iterator[Any] | None = None
        self._later: list[tuple[str, Callable[[], object]]] = []
        self._is_calling = False
        self._timer = QTimer(window)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._take_turn)

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners of the work that is left, in the order in which it will be done."""
        return tuple(self._waiting)

    def begin(self, owner: str, pieces: Iterable[Any], panel: QWidget | None = None) -> None:
        """Do one piece per turn from the next turn on; its earlier work is finished first.

        Parameters
        ----------
        owner : str
            Whose work it is.
        pieces : iterable
            A generator; every ``yield`` ends a turn, ``yield WAITING`` with nothing done.
        panel : QWidget, optional
            The panel that the pieces change; the work ends with it.
        """
        self._finish(owner)
        self._waiting[owner] = iter(pieces) if panel is None else _while_alive(panel, iter(pieces))
        self._timer.start()

    def begin_next(self, owner: str, pieces: Iterable[Any]) -> None:
        """Do one piece per turn before all other work; earlier work of this owner is dropped."""
        others = {one: it for one, it in self._waiting.items() if one != owner}
        self._waiting = {owner: iter(pieces), **others}
        self._timer.start()

    def is_left(self, owners: str) -> bool:
        """Return whether there is work of owners whose names begin so."""
        return any(one.startswith(owners) for one in self._waiting)

    def after(self, owners: str, act: Callable[[], object]) -> None:
        """Call something once no work of owners whose names begin so is left; now, if none is.

        What waits is called in its order, each only when those before have left no such work.
        """
        self._later.append((owners, act))
        self._call_later()

    def finish(self, owner: str | None = None) -> None:
        """Do now the rest of an owner's work, or of all work."""
        self._finish(owner)
        self._call_later()

    def _finish(self, owner: str | None) -> None:
        while self._waiting if owner is None else owner in self._waiting:
            pieces = self._waiting.pop(next(iter(self._waiting)) if owner is None else owner)
            while (piece := self._next_piece(pieces)) is not _END:
                if piece is WAITING:
                    time.sleep(_WAIT_MS / 1000)

    def drop(self, owner: str | None = None) -> None:
        """Drop the rest of an owner's work, or of all work."""
        if owner is None:
            self._waiting.clear()
        else:
            self._waiting.pop(owner, None)
        self._call_later()

    def _take_turn(self) -> None:
        if not self._waiting:
            return
        owner, pieces = next(iter(self._waiting.items()))
        piece: Any = _END
        try:
            piece = self._next_piece(pieces)
        finally:
            # The piece itself may have dropped its owner's work.
            if piece in (_END, WAITING) and self._waiting.get(owner) is pieces:
                del self._waiting[owner]
                if piece is WAITING:
                    self._waiting[owner] = pieces  # behind the others
            if self._waiting:
                self._timer.start(_WAIT_MS if piece is WAITING else _PAUSE_MS)
            self._call_later()

    def _call_later(self) -> None:
        if self._running is not None or self._is_calling:  # what is called may ask the user
            return
        self._is_calling = True
        try:
            while self._later and not self.is_left(self._later[0][0]):
                _, act = self._later.pop(0)
                act()
        finally:
            self._is_calling = False

    def _next_piece(self, pieces: Iterator[Any]) -> Any:
        """Do one piece; return what it yields, and ``_END`` after the last."""
        if pieces is self._running:
            return _END  # asked for from within a piece
        before, self._running = self._running, pieces
        try:
            return next(pieces, _END)
        finally:
            self._running = before


def _while_alive(panel: QWidget, pieces: Iterator[Any]) -> Iterator[Any]:
    while isalive(panel) and (piece := next(pieces, _END)) is not _END:
        yield piece


layer_turns_of = one_per_viewer(LayerTurns)
"""Return the turns of a viewer."""
