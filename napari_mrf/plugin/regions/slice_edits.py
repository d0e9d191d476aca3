"""Regions slice by slice: copied to the next one, filled in between, deleted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_mrf.plugin.layers.outlines import selected_outlines
from napari_mrf.plugin.layers.regions import REGIONS_KEY
from napari_mrf.plugin.present import present
from napari_mrf.rois import edits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.plugin.regions.editor import RegionsEditor


def copy_to_next_slice(editor: RegionsEditor, regions: Iterable[int], step: int = 1) -> None:
    """Copy regions from the slice in view to the next one, or with -1 back; and go there."""
    editor.ensure_shown()
    labels, layers = editor.labels(), editor.layers
    if labels is None:
        return
    grid = present(layers.layer).metadata[REGIONS_KEY]
    source = layers.slice_in_view()
    at = grid.orientation.screen_index((source, 0, 0), grid.shape)[0] + step
    if not 0 <= at < grid.shape[0]:
        editor.told.emit(f"This is the {'last' if step > 0 else 'first'} slice.", "problem")
        return
    target = grid.orientation.file_index((at, 0, 0), grid.shape)[0]
    wanted = [label for label in regions if source in editor.slices.get(label, ())]
    edit = edits.copy_to_slice(labels, wanted, source, target, editor.rules.allowed())
    refused = {label for label, _ in edit.left_out}
    copies = [
        replace(one, z=target)
        for one in layers.outlines
        if one.z == source and one.label in set(wanted) - refused
    ]
    editor.apply(edit, [*layers.outlines, *copies])
    editor.tell_kept(edit, [
        f"{layers.name_of(label)} is drawn in the {'next' if step > 0 else 'previous'} slice "
        "already and was left as it is there."
        for label in sorted(refused)
    ])  # fmt: skip
    layers.go_to_slice(target)


def fill(editor: RegionsEditor, edit: edits.Edit) -> None:
    """Draw regions that were interpolated between the slices in which they are drawn."""
    editor.ensure_shown()
    editor.apply(edit, editor.layers.outlines)
    sentences = [
        f"{editor.layers.name_of(label)} is still empty in slice {z}: its outlines lie too far "
        "apart, or other regions are in the way. Draw it there."
        for label, z in edit.left_out
    ]
    if edit.changes_nothing and not sentences:
        sentences = ["There is no empty slice between two drawn ones."]
    editor.tell_kept(edit, sentences)


def delete_here(editor: RegionsEditor, label: int) -> None:
    """Delete the outlines that are selected on the canvas, or else a region in this slice."""
    editor.ensure_shown()
    labels, layers = editor.labels(), editor.layers
    z = layers.slice_in_view()
    selected = selected_outlines(layers.outlines_layer, z)
    if labels is None or not (selected or z in editor.slices.get(label, ())):
        editor.told.emit(f"{layers.name_of(label)} is not drawn in slice {z}, and no outline is "
                         "selected.", "note")  # fmt: skip
        return
    if selected:
        left = list((Counter(layers.outlines) - Counter(selected)).elements())
        edit = edits.replace_outlines(labels, layers.outlines, left)
        names = ", ".join(dict.fromkeys(layers.name_of(one.label) for one in selected))
        n = len(selected)
        what = f"the outline of {names}" if n == 1 else f"{n} outlines of {names}"
    else:
        left = [one for one in layers.outlines if (one.label, one.z) != (label, z)]
        edit = edits.delete_region(labels, label, z)
        what = layers.name_of(label)
    editor.apply(edit, left)
    n = len(edit.values)
    voxels = "1 voxel" if n == 1 else f"{n:,} voxels"
    editor.told.emit(f"Deleted {what} in slice {z} ({voxels}). Ctrl+Z brings it back.", "note")
