"""Voxels and polygons of the regions, kept in step.

The Labels layer is the truth: what is colored is what is counted. A polygon is turned into voxels
as soon as it is finished, moved or deleted; see `rois.edits` for what that does to each voxel.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.present import present
from napari_mrf.rois.edits import replace_outlines
from napari_mrf.rois.undrawn import find_undrawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.plugin.regions.brush import BrushRules
    from napari_mrf.plugin.regions.region_layers import RegionLayers
    from napari_mrf.rois.edits import Edit
    from napari_mrf.rois.polygons import Outline


class OutlineSync(QObject):
    """Makes voxels follow their polygons.

    Parameters
    ----------
    layers : RegionLayers
        The layers of both.
    rules : BrushRules
        Where may be drawn.

    Attributes
    ----------
    edited : Signal()
        A polygon of the user has been turned into voxels.
    told : Signal(str, str)
        A sentence for the user and its kind, ``"note"``; an empty one takes the last one back.
    """

    edited = Signal()
    told = Signal(str, str)

    def __init__(self, layers: RegionLayers, rules: BrushRules) -> None:
        super().__init__()
        self._layers = layers
        self._rules = rules
        self._undrawn_timer = QTimer(self)
        self._undrawn_timer.setSingleShot(True)
        self._undrawn_timer.setInterval(0)
        self._undrawn_timer.timeout.connect(self._remove_undrawn)
        layers.outlines_changed.connect(self._on_outlines_changed)

    def apply(self, edit: Edit, outlines: Sequence[Outline]) -> None:
        """Change voxels and polygons."""
        layers = self._layers
        if outlines != layers.outlines:
            layers.show_outlines(outlines)
        if not edit.changes_nothing:
            layers.apply(edit)

    def finish(self) -> None:
        """Remove now the polygons that drew nothing, if they are still there."""
        if self._undrawn_timer.isActive():
            self._remove_undrawn()

    def tell_kept(self, edit: Edit, sentences: Sequence[str] = ()) -> None:
        """Tell the user these sentences, and which voxels stayed with other regions."""
        name_of = self._layers.name_of
        kept = ", ".join(f"{n:,} with {name_of(label)}" for label, n in edit.kept.items())
        parts = list(sentences)
        if kept:
            total = sum(edit.kept.values())
            voxels = "1 voxel belongs" if total == 1 else f"{total:,} voxels belong"
            parts.append(f"{voxels} to another region already and stayed there: {kept}.")
        if edit.n_not_allowed and self._rules.limit is not None:
            n = edit.n_not_allowed
            voxels = "1 voxel lies" if n == 1 else f"{n:,} voxels lie"
            parts.append(f"{voxels} outside {self._rules.limit.describe()} and stayed free.")
        self.told.emit(" ".join(parts), "note")

    def _on_outlines_changed(self, action: str) -> None:
        layers = self._layers
        labels, before = present(layers.labels()), layers.outlines
        n_unusable = layers.read_outlines()
        undrawn, allowed = [], self._rules.allowed()
        if action == "added":
            undrawn = find_undrawn(labels, before, layers.outlines, allowed)
            layers.outlines = _without(layers.outlines, [one.outline for one in undrawn])
        edit = replace_outlines(labels, before, layers.outlines, allowed)
        if not edit.changes_nothing:
            layers.apply(edit)
        sentences = list(dict.fromkeys(one.sentence(layers.name_of) for one in undrawn))
        if n_unusable:
            sentences.append("Only polygons and rectangles within one slice count as regions; "
                             "delete the other shapes.")  # fmt: skip
        self.tell_kept(edit, sentences)
        self.edited.emit()
        if undrawn:
            # What changes no voxel has no step of its own in the layer's undo, so it must not
            # stay. napari is still finishing it: it goes as soon as that is done.
            self._undrawn_timer.start()

    def _remove_undrawn(self) -> None:
        self._undrawn_timer.stop()
        if self._layers.outlines_layer is not None:
            self._layers.show_outlines(self._layers.outlines)


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
