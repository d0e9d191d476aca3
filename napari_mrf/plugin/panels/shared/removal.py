"""The question before a subject is removed; the subject bar and the Series step both ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.kit.overwriting import is_confirmed
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def asks_to_remove(parent: QWidget, viewer: Any, key: str) -> bool:
    """Remove a subject from the window if the user agrees; return whether it was removed."""
    session = session_of(viewer)
    sets, regions = session.maps_sets_of(key).values(), session.regions_of(key)
    unsaved = [one.name for one in sets if not one.folder]
    lost = [f"the maps {name}" for name in unsaved]
    lost += ["the regions"] if regions is not None and not regions.path else []
    detail = f"Not saved: {', '.join(lost)}." if lost else "All its results are saved."
    question = f"Remove {session.name_of(key)} with its maps and regions from this window?"
    if not is_confirmed(parent, "Remove a subject", question, action="Remove", detail=detail):
        return False
    subjects_display_of(viewer).remove(key)
    return True
