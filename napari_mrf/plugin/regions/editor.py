"""The editor of the regions of a viewer, which keeps the session's regions up to date.

There is one editor per viewer, not per panel: drawing goes on when the panel is closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.data.geometry import grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.layers.order import bring_to_front
from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.gone_layers import GoneLayers
from napari_mrf.plugin.regions.outline_sync import OutlineSync
from napari_mrf.plugin.regions.region_layers import LAYER_NAME, RegionLayers
from napari_mrf.plugin.session import Regions, one_per_viewer, session_of
from napari_mrf.rois import edits
from napari_mrf.rois.label_set import with_unknown_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.rois.polygons import Outline

_QUIET_MS = 100


class RegionsEditor(QObject):
    """Everything that can be done to the regions of one viewer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal()
        The layer, the table, what is drawn, or whether a polygon is being drawn.
    told : Signal(str, str)
        A sentence for the user and its kind, ``"problem"`` or ``"note"``; an empty one takes
        the last one back.
    layers : RegionLayers
        The layers that are drawn in.
    slices : dict of int to tuple of int
        The slices, in file order, in which each label is drawn.
    """

    changed = Signal()
    told = Signal(str, str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self.layers = RegionLayers(viewer)
        self._sync = OutlineSync(self.layers)
        self.gone = GoneLayers(viewer)
        self.slices: dict[int, tuple[int, ...]] = {}
        self._labels: NDArray[np.uint16] | None = None
        self._shared: Regions | None = None
        self._is_receiving = False
        self._is_covered = False
        self._is_moved = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self.flush)
        self.layers.voxels_changed.connect(self._flush_later)
        self.layers.mode_changed.connect(self.changed.emit)
        self._sync.edited.connect(self._flush_later)
        self._sync.told.connect(self.told.emit)
        self._session.regions_changed.connect(self._on_session_regions)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        found = [layer for layer in viewer.layers if bridge.grid_of_regions(layer) is not None]
        if found:
            self.use_layer(found[-1])
        elif self._session.regions is not None:
            self._on_session_regions(self._session.regions)

    @property
    def layer(self) -> Any | None:
        """The Labels layer in use."""
        return self.layers.layer

    @property
    def outlines_layer(self) -> Any | None:
        """The Shapes layer of its polygons."""
        return self.layers.outlines_layer

    @property
    def table(self) -> Mapping[int, Label]:
        """The label of each number that can be drawn; the clear label is not among them."""
        return self.layers.table

    def labels(self) -> NDArray[np.uint16] | None:
        """Return the label values, (Z, Y, X) in file order, None before anything was drawn."""
        if self.gone.labels is not None and self._session.regions is not None:
            return self._session.regions.labels
        return self.layers.labels()

    def affine(self) -> NDArray[np.float64] | None:
        """Return the (4, 4) affine to mm of the grid of the regions, None without geometry."""
        if self.layer is not None:
            affine: NDArray[np.float64] | None = self.layer.metadata[bridge.REGIONS_KEY].affine
            return affine
        return None if self._session.regions is None else self._session.regions.affine

    def is_drawing(self) -> bool:
        """Return whether a click on the canvas sets a vertex."""
        return self.layers.is_drawing()

    def use_layer(self, layer: Any) -> None:
        """Draw on a Labels layer from now on.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` or ``"bad-labels"`` for a layer that regions cannot be drawn on.
        """
        self.layers.adopt(layer)
        self._let_go()
        self.gone.forget(but=layer)
        self.layers.take(layer)
        self.flush()

    def show_again(self) -> None:
        """Bring back the layers of the regions that the user deleted; see `GoneLayers`."""
        self.gone.insert()

    def _ensure_shown(self) -> bool:
        """Bring back now what is to be changed; return whether it was gone."""
        was_gone = self.gone.labels is not None
        if was_gone:
            self.gone.insert()
            self.gone.finish()
        return was_gone

    def set_table(self, table: Mapping[int, Label]) -> None:
        """Use other names, colors and numbers; what is drawn without a name gets one."""
        self._ensure_shown()
        self.layers.set_table(table, self.slices)
        self._labels = None  # the same voxels under other names are other regions
        self.flush()

    def set_pen(self, label: int) -> None:
        """Draw this label from now on, with polygons and with the brush."""
        self.layers.set_pen(label)

    def flush(self) -> None:
        """Find out now what is drawn, and make it the session's regions."""
        self._timer.stop()
        viewer = self._viewer()
        if viewer is None:
            return
        self._sync.finish()
        if self._is_covered:
            self._is_covered = False
            bring_to_front(viewer, self.layers.present())
        labels = self._labels_in_place()
        if self.gone.labels is not None:
            pass  # the regions are those of before their layer was deleted
        elif labels is None:
            self.slices, self._labels = {}, None
            self._share(None)
        elif self._labels is None or not np.array_equal(labels, self._labels):
            self._labels = labels
            if self.gone.outlines is None:  # else they come back as they were, or not
                self._sync.recall(labels)
            self.slices = edits.drawn_slices(labels)
            self.layers.name_unknown(self.slices)
            self._share(labels)
        if self.outlines_layer is not None:
            self.gone.outlines = None
        self.changed.emit()

    def _labels_in_place(self) -> NDArray[np.uint16] | None:
        """Return what is drawn, or None, with a word, while it is shown elsewhere."""
        was_moved, self._is_moved = self._is_moved, False
        try:
            self.layers.check_place()
        except MRFInputError as error:
            self._is_moved = True
            self.told.emit(f"No region is counted: {error.sentence()}", "problem")
            return None
        if was_moved:
            self.told.emit("", "")
        return self.labels()

    def start_by_turns(self, label: int) -> Iterator[None]:
        """Let clicks on the canvas set the vertices of a polygon; yield after every new layer."""
        viewer, layers = self._viewer(), self.layers
        if viewer is None or (layers.layer is None and layers.grid() is None):
            return
        self._ensure_shown()
        if layers.layer is None:
            empty = np.zeros(present(layers.grid()).shape, np.uint16)
            self.use_layer(layers.add(empty, layers.table))
        yield
        if viewer.dims.ndisplay != 2 or viewer.dims.displayed[0] < viewer.dims.ndim - 2:
            self.told.emit("Polygons are drawn in the slices of the series, one at a time. Switch "
                           "to the 2D view and do not turn the axes.", "problem")  # fmt: skip
            return
        if layers.outlines_layer is None:
            if self.gone.insert():
                self.gone.finish()
            else:
                layers.ensure_outlines_layer()
            yield
        outlines = present(layers.outlines_layer)
        outlines.visible = True
        viewer.layers.selection.active = outlines
        layers.set_pen(label)
        outlines.mode = "add_polygon"

    def stop_drawing(self) -> None:
        """Let clicks on the canvas be clicks again; a polygon that is half drawn is finished."""
        self.layers.end_drawing()

    def copy_to_next_slice(self, regions: Iterable[int]) -> None:
        """Copy regions from the slice in view to the next one, and go there."""
        self._ensure_shown()
        labels = self.labels()
        if labels is None:
            return
        layers = self.layers
        grid = present(layers.layer).metadata[bridge.REGIONS_KEY]
        source = layers.slice_in_view()
        at = grid.orientation.screen_index((source, 0, 0), grid.shape)[0] + 1
        if at >= grid.shape[0]:
            self.told.emit("This is the last slice.", "problem")
            return
        target = grid.orientation.file_index((at, 0, 0), grid.shape)[0]
        wanted = [label for label in regions if source in self.slices.get(label, ())]
        edit = edits.copy_to_slice(labels, wanted, source, target)
        refused = {label for label, _ in edit.left_out}
        copies = [
            replace(one, z=target)
            for one in layers.outlines
            if one.z == source and one.label in set(wanted) - refused
        ]
        self._apply(edit, [*layers.outlines, *copies])
        self._sync.tell_kept(edit, [
            f"{layers.name_of(label)} is drawn in the next slice already and was left as it is "
            "there."
            for label in sorted(refused)
        ])  # fmt: skip
        layers.go_to_slice(target)

    def fill_between_slices(self, regions: Iterable[int]) -> None:
        """Interpolate regions in the slices between those in which they are drawn."""
        self._ensure_shown()
        labels = self.labels()
        if labels is None:
            return
        edit = edits.fill_between(labels, regions)
        self._apply(edit, self.layers.outlines)
        sentences = [
            f"{self.layers.name_of(label)} is still empty in slice {z}: its outlines lie too far "
            "apart, or other regions are in the way. Draw it there."
            for label, z in edit.left_out
        ]
        if edit.changes_nothing and not sentences:
            sentences = ["There is no empty slice between two drawn ones."]
        self._sync.tell_kept(edit, sentences)

    def delete(self, label: int, z: int | None = None) -> None:
        """Delete a region with its polygons, in one slice or in all."""
        self._ensure_shown()
        labels = self.labels()
        if labels is None:
            return
        self._apply(
            edits.delete_region(labels, label, z),
            [one for one in self.layers.outlines if one.label != label or z not in (None, one.z)],
        )

    def undo(self) -> None:
        """Undo the last change of the regions, with the polygons that belong to it.

        Where that was the deletion of their layer, the layer comes back.
        """
        if not self._ensure_shown() and self.layer is not None:
            self.layer.undo()
            self.flush()

    def redo(self) -> None:
        """Redo the change that was undone last."""
        if self.layer is not None:
            self.layer.redo()
            self.flush()

    def show_labels(
        self, labels: NDArray[Any], table: Mapping[int, Label], *, name: str = LAYER_NAME
    ) -> None:
        """Show a label map (Z, Y, X) on the present grid in a layer of its own and draw on it.

        The layer in use before stays in the layer list, hidden.
        """
        viewer = self._viewer()
        if viewer is None or self.layers.grid() is None:
            return
        former = self.layers.present()
        table = with_unknown_labels({k: v for k, v in table.items() if k}, np.unique(labels))
        layer = self.layers.add(labels, table, name)
        self.use_layer(layer)
        for one in former:
            one.visible = False
            if viewer.layers.selection.active is one:
                viewer.layers.selection.active = layer

    def put_back_outlines(self, outlines: Iterable[Outline]) -> None:
        """Show the polygons of regions that are drawn already; no voxel changes.

        Those that hold no voxel of their region in their slice do not fit and are left out.
        Polygons that are drawn now stay, and then none is put back.
        """
        labels = self.labels()
        if labels is None or self.layers.outlines:
            return
        fitting = [one for one in outlines if one.label in self.table and _fits(one, labels)]
        if fitting:
            self.layers.show_outlines(fitting)
            self.gone.outlines = None
            self._sync.remember()
            self.changed.emit()

    def _apply(self, edit: edits.Edit, outlines: Sequence[Outline]) -> None:
        self._sync.apply(edit, outlines)
        self.flush()

    def _let_go(self) -> None:
        self.layers.end_drawing()
        self._sync.finish()
        self.layers.let_go()
        self._labels, self.slices = None, {}

    def _flush_later(self) -> None:
        self._timer.start()

    def _on_inserted(self, event: Any) -> None:
        if event.value is self.gone.labels:
            self.use_layer(event.value)
        elif event.value is self.gone.outlines and self.layer is not None:
            self._take_back_outlines(event.value)
        # Maps that are added later must not cover the regions. They are moved once everybody
        # has heard of the new layer.
        if self.layer is None or not isinstance(event.value, Image):
            return
        layers = present(self._viewer()).layers
        if layers.index(event.value) > layers.index(self.layer):
            self._is_covered = True
            self._timer.start()

    def _take_back_outlines(self, layer: Any) -> None:
        """Use polygons that were deleted and are back, those that still fit their regions."""
        labels = present(self.layers.labels())
        self.gone.outlines = None
        self.layers.take_outlines(layer)
        fitting = [one for one in self.layers.outlines if _fits(one, labels)]
        if fitting != self.layers.outlines:
            self.layers.show_outlines(fitting)
        self._sync.remember()
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.outlines_layer:
            self.layers.end_drawing()
            self._sync.finish()
            self.gone.outlines = self.outlines_layer
            self.layers.take_outlines(None)  # what they colored stays
        elif event.value is self.layer:
            self._let_layer_go()
        self.changed.emit()

    def _let_layer_go(self) -> None:
        """Stop using a layer that was deleted; what was drawn last is still taken from it."""
        layers, outlines = self.layers, self.outlines_layer or self.gone.outlines
        layers.end_drawing()
        self._is_covered = False
        self.flush()
        layer, slices = self.layer, self.slices
        self._let_go()
        if self._session.regions is not None or self._is_moved:
            self.slices = slices
            self.gone.labels, self.gone.outlines = layer, outlines

    def _share(self, labels: NDArray[np.uint16] | None) -> None:
        """Make what is drawn, (Z, Y, X) in file order, the session's regions.

        They count as saved in their file while neither a voxel nor their place changes.
        """
        if self._is_receiving:
            return
        if labels is None or not self.slices:
            if self._shared is not None:
                self._shared = None
                self._session.set_regions(None)
            return
        former = self._session.regions
        grid = present(self.layer).metadata[bridge.REGIONS_KEY]
        path = ""
        drawn = {label: self.table[label] for label in self.slices}
        if (
            former is not None
            and not grid_difference(former, grid)
            and np.array_equal(former.labels, labels)
        ):
            path = former.path
            if drawn == former.table:
                self._shared = former
                return  # as when their layer is back
        self._shared = Regions(labels, drawn, path, grid.affine)
        self._session.set_regions(self._shared)

    def _on_session_regions(self, regions: Regions | None) -> None:
        """Show regions that were loaded or set elsewhere in a layer of their own."""
        if regions is self._shared:
            return
        shown = self.layers.present()
        self._shared = regions
        self.gone.forget()
        grid = self.layers.grid()
        if regions is None:
            self._let_go()
            for layer in shown:
                layer.visible = False
            self.changed.emit()
        elif grid is not None and not grid_difference(regions, grid):
            self._is_receiving = True
            try:
                self.show_labels(regions.labels, {**self.table, **regions.table})
            finally:
                self._is_receiving = False


def _fits(outline: Outline, labels: NDArray[np.uint16]) -> bool:
    if not 0 <= outline.z < len(labels):
        return False
    mask = outline.mask((labels.shape[1], labels.shape[2]))
    return bool((labels[outline.z][mask] == outline.label).any())


regions_editor_of = one_per_viewer(RegionsEditor)
"""Return the editor of a viewer."""
