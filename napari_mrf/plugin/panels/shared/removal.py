"""The question before a subject is removed; the subject bar and the Series step both ask it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plugin.kit.overwriting import is_confirmed
from napari_mrf.plugin.layers.regions import grid_of_regions
from napari_mrf.plugin.layers.subjects import layers_of_subject
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def asks_to_remove(parent: QWidget, viewer: Any, key: str) -> bool:
    """Remove a subject from the window if the user agrees; return whether that is so."""
    session = session_of(viewer)
    regions = session.regions_of(key)
    lost = [f"the maps {one.name}" for one in session.maps_sets_of(key).values() if not one.folder]
    # Those of another reader are in a layer of their own, and in no file that is known.
    drawn = [one for one in layers_of_subject(viewer, key)
             if grid_of_regions(one) is not None and np.asarray(one.data).any()]  # fmt: skip
    n_saved = int(regions is not None and bool(regions.path))
    lost += ["regions"] if len(drawn) > n_saved else []
    detail = f"Not saved: {', '.join(lost)}." if lost else "All its results are saved."
    question = f"Remove {session.name_of(key)} with its maps and regions from this window?"
    if not is_confirmed(parent, "Remove a subject", question, action="Remove", detail=detail):
        return False
    remove = partial(subjects_display_of(viewer).remove, key)
    layer_turns_of(viewer).after(SESSION, remove)
    return True
