"""Objects known to be there, without the None that its type allows."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(part: T | None) -> T:
    """Return an object that is there: a header or viewport of a widget, the series of a session.

    Parameters
    ----------
    part : object or None
        The stubs of PyQt6 say None for every pointer of C++; a session may have no series.

    Raises
    ------
    RuntimeError
        If it is None.
    """
    if part is None:
        raise RuntimeError("a part of the window is missing")
    return part
