"""Voxels and polygons of the regions, kept in step.

The Labels layer is the truth: what is colored is what is counted. A polygon is turned into voxels
as soon as it is finished, moved or deleted; see `rois.edits` for what that does to each voxel.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_mrf.plugin.layers import outlines as polygons
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.layers.order import bring_to_front
from napari_mrf.plugin.regions.region_layers import RegionsLayers
from napari_mrf.plugin.regions.regions_journal import RegionsJournal
from napari_mrf.rois import edits
from napari_mrf.rois.label_set import with_unknown_labels
from napari_mrf.rois.undrawn import find_undrawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_mrf.rois.polygons import Outline

_QUIET_MS = 100
_FINISHED = ("added", "changed", "removed")


class RegionsInStep(RegionsLayers):
    """The layers of regions, whose voxels follow their polygons, and back when undone."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._journals: WeakKeyDictionary[Any, RegionsJournal] = WeakKeyDictionary()
        self._covered = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self.flush)
        self._undrawn_timer = QTimer(self)
        self._undrawn_timer.setSingleShot(True)
        self._undrawn_timer.setInterval(0)
        self._undrawn_timer.timeout.connect(self._remove_undrawn)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def flush(self) -> None:
        """Find out now what is drawn, and share it."""
        self._timer.stop()
        viewer = self._viewer()
        if viewer is None:
            return
        self._finish_outlines()
        if self._covered:
            self._covered = False
            shown = [one for one in (self.layer, self.outlines_layer) if one is not None]
            bring_to_front(viewer, shown)
        labels = self.labels()
        if labels is None:
            self.slices, self._labels = {}, None
            self._share(None)
        elif self._labels is None or not np.array_equal(labels, self._labels):
            self._labels = labels
            self._recall_outlines(labels)
            self.slices = edits.drawn_slices(labels)
            if any(label not in self._table for label in self.slices):
                self._table = with_unknown_labels(self._table, self.slices)
                bridge.show_table(self.layer, self._table)
            self._share(labels)
        self.changed.emit()

    def _do(self, edit: edits.Edit, outlines: Sequence[Outline]) -> None:
        if outlines != self._known:
            self._write_outlines(outlines)
        if not edit.changes_nothing:
            bridge.apply_edit(self.layer, edit)
        self._journal().remember(self.labels(), self._known)
        self.flush()

    def _write_outlines(self, outlines: Sequence[Outline]) -> None:
        viewer = self._viewer()
        self._known = list(outlines)
        if self.outlines_layer is None:
            if not outlines:
                return
            self._connect_outlines(
                self._keeping_active(lambda: polygons.add_outlines_layer(viewer, self.layer))
            )
            self._known = list(outlines)
        self._is_writing = True
        try:
            polygons.show_outlines(self.outlines_layer, outlines, self._table)
            polygons.set_pen(self.outlines_layer, self._table[self._pen])
        finally:
            self._is_writing = False

    def _recall_outlines(self, labels: NDArray[np.uint16]) -> None:
        journal = self._journal()
        remembered = journal.recall(labels)
        if remembered is None:
            journal.remember(labels, self._known)
        elif list(remembered) != self._known:
            self._write_outlines(remembered)

    def _journal(self) -> RegionsJournal:
        return self._journals.setdefault(self.layer, RegionsJournal())

    def _finish_outlines(self) -> None:
        if self._undrawn_timer.isActive():
            self._remove_undrawn()

    def _tell_kept(self, edit: edits.Edit, sentences: Sequence[str] = ()) -> None:
        kept = ", ".join(f"{n:,} with {self._name(label)}" for label, n in edit.kept.items())
        parts = list(sentences)
        if kept:
            total = sum(edit.kept.values())
            voxels = "1 voxel belongs" if total == 1 else f"{total:,} voxels belong"
            parts.append(f"{voxels} to another region already and stayed there: {kept}.")
        self.told.emit(" ".join(parts), "note")

    def _name(self, label: int) -> str:
        return self._table[label].name if label in self._table else f"Label {label}"

    def _on_labels_changed(self, event: Any = None) -> None:
        self._timer.start()

    def _on_shapes_changed(self, event: Any) -> None:
        if self._is_writing or str(event.action) not in _FINISHED or self.layer is None:
            return
        outlines, n_unusable = polygons.read_outlines(self.outlines_layer)
        undrawn = []
        if str(event.action) == "added":
            undrawn = find_undrawn(self.labels(), self._known, outlines)
            outlines = _without(outlines, [one.outline for one in undrawn])
        edit = edits.replace_outlines(self.labels(), self._known, outlines)
        self._known = outlines
        if not edit.changes_nothing:
            bridge.apply_edit(self.layer, edit)
        self._journal().remember(self.labels(), outlines)
        sentences = list(dict.fromkeys(one.sentence(self._name) for one in undrawn))
        if n_unusable:
            sentences.append("Only polygons and rectangles within one slice count as regions; "
                             "delete the other shapes.")  # fmt: skip
        self._tell_kept(edit, sentences)
        self._timer.start()
        if undrawn:
            # What changes no voxel has no step of its own in the layer's undo, so it must not
            # stay. napari is still finishing it: it goes as soon as that is done.
            self._undrawn_timer.start()

    def _remove_undrawn(self) -> None:
        self._undrawn_timer.stop()
        if self.outlines_layer is not None:
            self._write_outlines(self._known)

    def _on_inserted(self, event: Any) -> None:
        # Maps that are added later must not cover the regions. They are moved once everybody
        # has heard of the new layer.
        if self.layer is None or not isinstance(event.value, Image):
            return
        layers = self._viewer().layers
        if layers.index(event.value) > layers.index(self.layer):
            self._covered = True
            self._timer.start()

    def _share(self, labels: NDArray[np.uint16] | None) -> None:
        """Hand what is drawn, (Z, Y, X) in file order, to whom it concerns."""


def _without(outlines: Sequence[Outline], left_out: Sequence[Outline]) -> list[Outline]:
    """Return the polygons without as many of each as are left out, the youngest first."""
    missing = Counter(left_out)
    kept = []
    for outline in reversed(outlines):
        if missing[outline] > 0:
            missing[outline] -= 1
        else:
            kept.append(outline)
    return kept[::-1]
