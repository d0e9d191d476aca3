"""Adding layers without selecting them, and removing several in one batch."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def keeping_selection(viewer: Any) -> Iterator[None]:
    """Keep the selection while layers are added.

    Every layer that becomes active for a moment would be shown with all its controls; in the end
    nothing has changed, so nobody is told.
    """
    selection = viewer.layers.selection
    active, selected = selection.active, set(selection)
    with ExitStack() as stack:
        for emitter in (selection.events.active, selection.events.changed):
            stack.enter_context(emitter.blocker())
        try:
            yield
        finally:
            selection.active = active
            if active is None:
                selection.update(selected)


def remove_together(viewer: Any, layers: Iterable[Any]) -> None:
    """Remove layers in one batch: napari searches for garbage once, and draws once."""
    with viewer.layers.batched_update():
        for layer in layers:
            viewer.layers.remove(layer)
