"""Progress of reading: who reads a file to its end tells how far it is, to whoever asked."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tell = Callable[[int, int], object]

_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def reading_told_to(tell: Tell) -> Iterator[None]:
    """Have the files that are read in the body, in this thread, tell how far they are.

    Parameters
    ----------
    tell : callable
        Called with (bytes read, bytes in all) of the file that is being read. What it raises
        ends the reading.
    """
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def tell_read(done: int, total: int) -> None:
    """Tell that so many bytes of so many have been read."""
    tell = _TELL.get()
    if tell is not None:
        tell(done, total)
