"""Objects of which there is one for each viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")

_KEPT = "_napari_mrf"


def unwrapped(proxy: Any) -> Any:
    """Return the napari object behind the proxy that plugins are handed."""
    return getattr(proxy, "__wrapped__", proxy)


def one_per_viewer(make: Callable[[Any], _Made]) -> Callable[[Any], _Made]:
    """Return a function that makes one object for each viewer and keeps it with the viewer.

    The object stands among the attributes of the viewer, as a cached property would: what it holds
    may refer to the viewer, and Python sees the circle and frees both. In a dictionary of weak
    references to viewers such an object would keep the viewer and all its images for ever.

    Parameters
    ----------
    make : callable
        Called with a viewer when its object is first asked for.

    Returns
    -------
    callable
        Takes a viewer, or the proxy of it that plugins are handed, and returns its object.
    """

    def of(viewer: Any) -> _Made:
        viewer = unwrapped(viewer)
        kept: dict[Callable[[Any], _Made], _Made] = vars(viewer).setdefault(_KEPT, {})
        if make not in kept:
            kept[make] = make(viewer)
        return kept[make]

    return of
