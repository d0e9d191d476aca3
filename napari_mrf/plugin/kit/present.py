"""Parts that Qt makes for a widget, without the None that its type stubs allow."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def present(part: T | None) -> T:
    """Return a part of a widget: its header, viewport, style, layout or action.

    Parameters
    ----------
    part : object or None
        The stubs of PyQt6 say None for every pointer of C++.

    Raises
    ------
    RuntimeError
        If the widget has no such part.
    """
    if part is None:
        raise RuntimeError("the widget has no such part")
    return part
