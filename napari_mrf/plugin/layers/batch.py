"""Adding layers without selecting them, and removing several in one batch.

Every layer that the plugin removes is removed here; all others were removed by the user.
"""

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


_being_removed: set[int] = set()


def remove_together(viewer: Any, layers: Iterable[Any]) -> None:
    """Remove layers in one batch: napari searches for garbage once, and draws once."""
    layers = list(layers)
    _being_removed.update(map(id, layers))
    try:
        with viewer.layers.batched_update():
            for layer in layers:
                viewer.layers.remove(layer)
    finally:
        _being_removed.difference_update(map(id, layers))


def is_removed_by_user(layer: Any) -> bool:
    """Return whether a layer that is being removed is removed by the user or a script."""
    return id(layer) not in _being_removed
