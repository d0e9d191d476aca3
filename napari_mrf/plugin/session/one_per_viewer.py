"""Objects of which there is one for each viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")


def unwrapped(proxy: Any) -> Any:
    """Return the napari object behind the proxy that plugins are handed."""
    return getattr(proxy, "__wrapped__", proxy)


def one_per_viewer(make: Callable[[Any], _Made]) -> Callable[[Any], _Made]:
    """Return a function that makes one object for each viewer and keeps it with the viewer.

    Parameters
    ----------
    make : callable
        Called with a viewer when its object is first asked for. The object must not keep the
        viewer alive: it refers to it weakly.

    Returns
    -------
    callable
        Takes a viewer, or the proxy of it that plugins are handed, and returns its object.
    """
    kept: WeakKeyDictionary[Any, _Made] = WeakKeyDictionary()

    def of(viewer: Any) -> _Made:
        viewer = unwrapped(viewer)
        if viewer not in kept:
            kept[viewer] = make(viewer)
        return kept[viewer]

    return of
