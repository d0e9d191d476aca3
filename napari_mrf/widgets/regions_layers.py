"""The layers that regions are drawn in, kept in step: one Labels layer and its polygons.

The Labels layer is the truth: what is colored is what is counted. A polygon is turned into voxels
as soon as it is finished, moved or deleted; see `rois.edits` for what that does to each voxel.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.errors import MRFInputError
from napari_mrf.layers import outlines as polygons
from napari_mrf.layers import regions as bridge
from napari_mrf.layers.batch import keeping_selection
from napari_mrf.layers.order import bring_to_front
from napari_mrf.layers.regions import RegionGrid
from napari_mrf.rois import edits
from napari_mrf.rois.label_set import foreign_labels, with_unknown_labels
from napari_mrf.rois.muscles import default_labels
from napari_mrf.rois.undrawn import find_undrawn
from napari_mrf.session import session_of
from napari_mrf.widgets.regions_journal import RegionsJournal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.io.label_table import Label
    from napari_mrf.rois.polygons import Outline

LAYER_NAME = "ROIs"
_QUIET_MS = 100
_FINISHED = ("added", "changed", "removed")


class RegionsLayers(QObject):
    """The layers of regions of one viewer.

    Attributes
    ----------
    changed : Signal()
        The layer, the table, what is drawn, or whether a polygon is being drawn.
    told : Signal(str, str)
        A sentence for the user and its kind, "problem" or "note"; an empty one takes it back.
    layer, outlines_layer : napari layer or None
        The Labels layer in use and the Shapes layer of its polygons.
    slices : dict of int to tuple of int
        The slices, in file order, in which each label is drawn.
    """

    changed = Signal()
    told = Signal(str, str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self.session = session_of(viewer)
        self.layer: Any | None = None
        self.outlines_layer: Any | None = None
        self.slices: dict[int, tuple[int, ...]] = {}
        self._table = default_labels()
        self._pen = next(iter(self._table))
        self._known: list[Outline] = []
        self._journals: WeakKeyDictionary[Any, RegionsJournal] = WeakKeyDictionary()
        self._labels: NDArray[np.uint16] | None = None
        self._is_writing = False
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
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def table(self) -> Mapping[int, Label]:
        """The label of each number that can be drawn; the clear label is not among them."""
        return self._table

    def grid(self) -> RegionGrid | None:
        """Return the grid to draw on: that of the series, else of the youngest maps, or None."""
        if self.session.series is not None:
            return RegionGrid.of_series(self.session.series)
        maps_set = next(reversed(self.session.maps_sets.values()), None)
        return None if maps_set is None else RegionGrid.of_maps(maps_set.maps)

    def labels(self) -> NDArray[np.uint16] | None:
        """Return the label values, (Z, Y, X) in file order, None before anything was drawn."""
        return None if self.layer is None else bridge.labels_of(self.layer)

    def slice_in_view(self) -> int:
        """Return the slice that is shown, in file order."""
        viewer, layer = self._viewer(), self.layer
        if viewer is None or layer is None:
            return 0
        grid = layer.metadata[bridge.REGIONS_KEY]
        at = round(float(layer.world_to_data(viewer.dims.point)[-3]))
        at = int(np.clip(at, 0, grid.shape[0] - 1))
        return grid.orientation.file_index((at, 0, 0), grid.shape)[0]

    def go_to_slice(self, z: int) -> None:
        """Show a slice, given in file order."""
        viewer, layer = self._viewer(), self.layer
        if viewer is None or layer is None:
            return
        grid = layer.metadata[bridge.REGIONS_KEY]
        at = grid.orientation.screen_index((z, 0, 0), grid.shape)[0]
        viewer.dims.set_point(viewer.dims.ndim - 3, float(layer.data_to_world((at, 0, 0))[0]))

    def is_drawing(self) -> bool:
        """Return whether a click on the canvas sets a vertex."""
        layer, viewer = self.outlines_layer, self._viewer()
        if layer is None or viewer is None or viewer.layers.selection.active is not layer:
            return False
        return str(layer.mode).startswith("add")

    def use_layer(self, layer: Any) -> None:
        """Draw on a Labels layer from now on.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` or ``"bad-labels"`` for a layer that regions cannot be drawn on.
        """
        grid = bridge.grid_of_regions(layer)
        if grid is None:
            grid = self.grid()
            if grid is None:
                raise MRFInputError("other-grid", "there is no series to draw on",
                                    hint="Load or pick a series first.")  # fmt: skip
            bridge.adopt_layer(layer, grid)
        self._let_go()
        self.layer = layer
        table = layer.metadata.get(bridge.TABLE_KEY)
        if table is None:
            table = foreign_labels(np.unique(layer.data).tolist(), bridge.table_names(layer))
            bridge.show_table(layer, table)
        self._table = dict(table)
        layer.events.paint.connect(self._on_labels_changed)
        layer.events.set_data.connect(self._on_labels_changed)
        self._connect_outlines(polygons.find_outlines(self._viewer(), layer))
        self._journals.setdefault(layer, RegionsJournal())
        self._labels = None
        self.flush()

    def set_table(self, table: Mapping[int, Label]) -> None:
        """Use other names, colors and numbers; what is drawn without a name gets one."""
        drawn = self.slices
        self._table = with_unknown_labels({k: v for k, v in table.items() if k}, drawn)
        if self.layer is not None:
            bridge.show_table(self.layer, self._table)
        if self.outlines_layer is not None:
            self._is_writing = True
            polygons.recolor_outlines(self.outlines_layer, self._table)
            self._is_writing = False
        self._labels = None  # the same voxels under other names are other regions
        self.set_pen(self._pen)
        self.flush()

    def set_pen(self, label: int) -> None:
        """Draw this label from now on, with polygons and with the brush."""
        if label not in self._table:
            return
        self._pen = label
        if self.layer is not None:
            self.layer.selected_label = label
        layer = self.outlines_layer
        if layer is not None:
            mode, is_drawing = layer.mode, self.is_drawing()
            if is_drawing:
                polygons.end_drawing(layer)  # a polygon that is half drawn keeps its own name
            polygons.set_pen(layer, self._table[label])
            if is_drawing:
                layer.mode = mode

    def flush(self) -> None:
        """Find out now what is drawn, and share it."""
        self._timer.stop()
        viewer = self._viewer()
        if viewer is None:
            return
        if self._undrawn_timer.isActive():
            self._remove_undrawn()
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
        self._journals[self.layer].remember(self.labels(), self._known)
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
        journal = self._journals[self.layer]
        remembered = journal.recall(labels)
        if remembered is None:
            journal.remember(labels, self._known)
        elif list(remembered) != self._known:
            self._write_outlines(remembered)

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

    def _ensure_layer(self) -> bool:
        viewer, grid = self._viewer(), self.grid()
        if self.layer is None and viewer is not None and grid is not None:
            empty = np.zeros(grid.shape, np.uint16)
            self.use_layer(self._keeping_active(
                lambda: bridge.add_regions_layer(viewer, grid, self._table, empty, LAYER_NAME)
            ))  # fmt: skip
        return self.layer is not None

    def _keeping_active(self, add: Any) -> Any:
        viewer = self._viewer()
        is_any = viewer.layers.selection.active is not None
        with keeping_selection(viewer) if is_any else nullcontext():
            return add()

    def _connect_outlines(self, layer: Any | None) -> None:
        self.outlines_layer = layer
        self._known = []
        if layer is not None:
            self._known = polygons.read_outlines(layer)[0]
            layer.events.data.connect(self._on_shapes_changed)
            layer.events.mode.connect(self._on_mode_changed)

    def _let_go(self) -> None:
        if self.layer is not None:
            self.layer.events.paint.disconnect(self._on_labels_changed)
            self.layer.events.set_data.disconnect(self._on_labels_changed)
        if self.outlines_layer is not None:
            polygons.end_drawing(self.outlines_layer)
            if self._undrawn_timer.isActive():
                self._remove_undrawn()
            self.outlines_layer.events.data.disconnect(self._on_shapes_changed)
            self.outlines_layer.events.mode.disconnect(self._on_mode_changed)
        self.layer, self.outlines_layer, self._known, self._labels = None, None, [], None
        self.slices = {}

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
        self._journals[self.layer].remember(self.labels(), outlines)
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

    def _on_mode_changed(self, event: Any = None) -> None:
        self.changed.emit()

    def _on_inserted(self, event: Any) -> None:
        # Maps that are added later must not cover the regions. They are moved once everybody
        # has heard of the new layer.
        if self.layer is None or not isinstance(event.value, Image):
            return
        layers = self._viewer().layers
        if layers.index(event.value) > layers.index(self.layer):
            self._covered = True
            self._timer.start()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.outlines_layer:
            self._connect_outlines(None)  # what they colored stays
        elif event.value is self.layer:
            self._let_go()
            self.flush()
        self.changed.emit()

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
