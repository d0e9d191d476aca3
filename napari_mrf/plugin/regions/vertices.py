"""Outlines of regions that have voxels only, and tools to change the vertices of outlines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.outlines import select_outlines
from napari_mrf.plugin.present import present
from napari_mrf.rois.voxel_outlines import outlines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_mrf.plugin.regions.editor import RegionsEditor
    from napari_mrf.rois.polygons import Outline

_MOST_AT_ONCE = 8  # outlines; each costs napari some milliseconds
_MOMENT_S = 0.03

TOOLS = {"edit": "direct", "add": "vertex_insert", "remove": "vertex_remove"}
"""The modes of napari's layer of shapes that move, add and remove vertices."""


def outline_by_turns(
    editor: RegionsEditor, regions: Iterable[int], z: int | None = None
) -> Iterator[None]:
    """Make outlines of the voxels of regions where they have none; yield after every piece.

    Parameters
    ----------
    editor : RegionsEditor
        No voxel changes.
    regions : iterable of int
        Labels.
    z : int, optional
        A slice in file order; by default all.
    """
    labels, layers = editor.labels(), editor.layers
    if labels is None:
        return
    has_one = {(one.label, one.z) for one in layers.outlines}
    missing = [
        (label, at)
        for label in regions
        for at in editor.slices.get(label, ())
        if z in (None, at) and (label, at) not in has_one
    ]
    if missing:
        layers.ensure_outlines_layer()
        yield
    parts = (part for label, at in missing for part in outlines_of(labels[at] == label, label, at))
    for some in in_pieces(parts):
        yield
        layers.show_outlines([*layers.outlines, *some])
        yield
    editor.record()
    editor.changed.emit()


def in_pieces(outlines: Iterable[Outline]) -> Iterator[list[Outline]]:
    """Yield outlines in pieces, each found in a moment and drawn by napari in another."""
    start, some = time.monotonic(), []
    for outline in outlines:
        some.append(outline)
        if len(some) == _MOST_AT_ONCE or time.monotonic() - start > _MOMENT_S:
            yield some
            start, some = time.monotonic(), []
    if some:
        yield some


def start_vertices(editor: RegionsEditor, label: int, tool: str) -> Iterator[None]:
    """Let clicks change the vertices of a region in the slice in view; yield after every piece.

    A region without outlines there gets them, made of its voxels.
    """
    editor.flush()
    layers, z = editor.layers, editor.layers.slice_in_view()
    if z not in editor.slices.get(label, ()):
        editor.told.emit(f"{layers.name_of(label)} is not drawn in this slice.", "note")
        return
    layers.show()
    yield from outline_by_turns(editor, [label], z)
    layers.show()
    if layers.activate_outlines():
        outlines = present(layers.outlines_layer)
        outlines.mode = TOOLS[tool]
        if not select_outlines(outlines, label, z):
            editor.told.emit(f"{layers.name_of(label)} has no outline in this slice.", "note")


def vertex_tool(editor: RegionsEditor) -> str:
    """Return which of the tools is on; empty for none."""
    layer: Any = editor.outlines_layer
    if layer is None or not editor.layers.is_active(layer):
        return ""
    return next((name for name, mode in TOOLS.items() if mode == str(layer.mode)), "")
