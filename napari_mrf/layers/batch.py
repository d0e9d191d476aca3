"""Layers added or removed in one go: one redraw, and no search for garbage in between."""

from __future__ import annotations

import gc
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def layers_in_one_go(
    viewer: Any, *, keeps_active: bool = False, removes: bool = False
) -> Iterator[None]:
    """Let a viewer take in what happens to its layers when all of it has happened.

    Napari rebuilds its scene after every layer, and after removing one it searches everything in
    the process for garbage: 0.4 s once torch and numba are loaded. What is alive now is kept out
    of that search, so that it finds only what has become garbage meanwhile; the next search of
    Python finds the rest. On Windows napari needs the search when layers are removed, as it frees
    what the driver would stumble over, and it gets it.

    Parameters
    ----------
    viewer : napari viewer
        Whose layers change.
    keeps_active : bool
        Whether the same layers are selected afterwards; the newest is otherwise. Not for removing.
    removes : bool
        Whether layers are removed.
    """
    with ExitStack() as stack:
        if not (removes and sys.platform == "win32"):
            gc.freeze()
            stack.callback(gc.unfreeze)
        if keeps_active:
            selection = viewer.layers.selection
            # Every layer that becomes active for a moment would be shown with all its controls;
            # in the end nothing has changed, so there is nothing to tell.
            for emitter in (selection.events.active, selection.events.changed):
                stack.enter_context(emitter.blocker())
            stack.callback(_select, selection, selection.active, set(selection))
        stack.enter_context(viewer.layers.batched_update())
        yield


def _select(selection: Any, active: Any, selected: set[Any]) -> None:
    selection.active = active
    if active is None:
        selection.update(selected)
