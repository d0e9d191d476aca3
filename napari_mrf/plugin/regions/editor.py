"""Draws regions and keeps the session's regions up to date.

There is one editor a viewer, not one a panel: drawing goes on when the panel is closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.layers import outlines as polygons
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.regions.outline_sync import RegionsInStep
from napari_mrf.plugin.regions.region_layers import LAYER_NAME
from napari_mrf.plugin.session import Regions, one_per_viewer
from napari_mrf.rois import edits
from napari_mrf.rois.label_set import with_unknown_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.rois.polygons import Outline


class RegionsEditor(RegionsInStep):
    """Everything that can be done to the regions of one viewer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._shared: Regions | None = None
        self._is_receiving = False
        self.session.regions_changed.connect(self._on_session_regions)
        found = [layer for layer in viewer.layers if bridge.grid_of_regions(layer) is not None]
        if found:
            self.use_layer(found[-1])
        elif self.session.regions is not None:
            self._on_session_regions(self.session.regions)

    def has_layers(self) -> bool:
        """Return whether the layers to draw in are there."""
        return self.layer is not None and self.outlines_layer is not None

    def start_drawing(self, label: int) -> bool:
        """Let clicks on the canvas set the vertices of a polygon; False where it cannot be."""
        for _ in self.start_by_turns(label):
            pass
        return self.is_drawing()

    def start_by_turns(self, label: int) -> Iterator[None]:
        """Start drawing; yield after every layer that this takes."""
        viewer = self._viewer()
        if viewer is None or not self._ensure_layer():
            return
        yield
        if viewer.dims.ndisplay != 2 or viewer.dims.displayed[0] < viewer.dims.ndim - 2:
            self.told.emit("Polygons are drawn in the slices of the series, one at a time. Switch "
                           "to the 2D view and do not turn the axes.", "problem")  # fmt: skip
            return
        if self.outlines_layer is None:
            self._is_writing = True
            self._connect_outlines(polygons.add_outlines_layer(viewer, self.layer))
            self._is_writing = False
            yield
        self.outlines_layer.visible = True
        viewer.layers.selection.active = self.outlines_layer
        self.set_pen(label)
        self.outlines_layer.mode = "add_polygon"

    def stop_drawing(self) -> None:
        """Let clicks on the canvas be clicks again; a polygon that is half drawn is finished."""
        if self.outlines_layer is not None:
            polygons.end_drawing(self.outlines_layer)

    def copy_to_next_slice(self, regions: Iterable[int]) -> None:
        """Copy regions from the slice in view to the next one, and go there."""
        labels = self.labels()
        if labels is None:
            return
        grid = self.layer.metadata[bridge.REGIONS_KEY]
        source = self.slice_in_view()
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
            for one in self._known
            if one.z == source and one.label in set(wanted) - refused
        ]
        self._do(edit, [*self._known, *copies])
        self._tell_kept(edit, [
            f"{self._name(label)} is drawn in the next slice already and was left as it is there."
            for label in sorted(refused)
        ])  # fmt: skip
        self.go_to_slice(target)

    def fill_between_slices(self, regions: Iterable[int]) -> None:
        """Interpolate regions in the slices between those in which they are drawn."""
        labels = self.labels()
        if labels is None:
            return
        edit = edits.fill_between(labels, regions)
        self._do(edit, self._known)
        sentences = [
            f"{self._name(label)} leaves nothing in slice {z}: its outlines lie too far apart, or "
            "others are in the way. Draw it there."
            for label, z in edit.left_out
        ]
        if edit.changes_nothing and not sentences:
            sentences = ["There is no empty slice between two drawn ones."]
        self._tell_kept(edit, sentences)

    def delete(self, label: int, z: int | None = None) -> None:
        """Delete a region with its polygons, in one slice or in all."""
        labels = self.labels()
        if labels is None:
            return
        self._do(
            edits.delete_region(labels, label, z),
            [one for one in self._known if one.label != label or z not in (None, one.z)],
        )

    def undo(self) -> None:
        """Take the last change of the regions back, with the polygons that belong to it."""
        if self.layer is not None:
            self.layer.undo()
            self.flush()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.layer is not None:
            self.layer.redo()
            self.flush()

    def show_labels(
        self, labels: NDArray[Any], table: Mapping[int, Label], *, name: str = LAYER_NAME
    ) -> None:
        """Show a label map (Z, Y, X) on the present grid in a layer of its own and draw on it.

        The layer in use before stays in the layer list, hidden.
        """
        viewer, grid = self._viewer(), self.grid()
        if viewer is None or grid is None:
            return
        former = [self.layer, self.outlines_layer]
        table = with_unknown_labels({k: v for k, v in table.items() if k}, np.unique(labels))
        layer = self._keeping_active(
            lambda: bridge.add_regions_layer(viewer, grid, table, labels, name)
        )
        self.use_layer(layer)
        for one in former:
            if one is not None:
                one.visible = False
                if viewer.layers.selection.active is one:
                    viewer.layers.selection.active = layer

    def outlines(self) -> list[Outline]:
        """Return the polygons that are drawn, in file order."""
        return list(self._known)

    def put_back_outlines(self, outlines: Iterable[Outline]) -> None:
        """Show the polygons of regions that are drawn already; no voxel changes.

        Those that hold no voxel of their region in their slice do not fit and are left out.
        Polygons that are drawn now stay, and then none is put back.
        """
        labels = self.labels()
        if labels is None or self._known:
            return
        fitting = [one for one in outlines if one.label in self._table and _fits(one, labels)]
        if fitting:
            self._write_outlines(fitting)
            self._journal().remember(labels, self._known)
            self.changed.emit()

    def _share(self, labels: NDArray[np.uint16] | None) -> None:
        """Make what is drawn the session's regions; it is in a file while no voxel changes."""
        former = self.session.regions
        if self._is_receiving:
            return
        if labels is None or not self.slices:
            if self._shared is not None:
                self._shared = None
                self.session.set_regions(None)
            return
        is_saved = former is not None and np.array_equal(former.labels, labels)
        drawn = {label: self._table[label] for label in self.slices}
        affine = self.layer.metadata[bridge.REGIONS_KEY].affine
        self._shared = Regions(labels, drawn, former.path if is_saved else "", affine)
        self.session.set_regions(self._shared)

    def _on_session_regions(self, regions: Regions | None) -> None:
        """Show what somebody else made the regions, in a layer of its own."""
        if regions is self._shared:
            return
        shown = [one for one in (self.layer, self.outlines_layer) if one is not None]
        self._shared = regions
        grid = self.grid()
        if regions is None:
            self._let_go()
            for layer in shown:
                layer.visible = False
            self.changed.emit()
        elif grid is not None and not grid_difference(regions, grid):
            self._is_receiving = True
            try:
                self.show_labels(regions.labels, {**self._table, **regions.table})
            finally:
                self._is_receiving = False


def _fits(outline: Outline, labels: NDArray[np.uint16]) -> bool:
    if not 0 <= outline.z < len(labels):
        return False
    mask = outline.mask((labels.shape[1], labels.shape[2]))
    return bool((labels[outline.z][mask] == outline.label).any())


regions_editor_of = one_per_viewer(RegionsEditor)
"""Return the editor of a viewer."""
