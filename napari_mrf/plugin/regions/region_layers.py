"""The layers that regions are drawn in: one Labels layer and the Shapes layer of its polygons."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal

from napari_mrf.data.geometry import grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers import outlines as polygons
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.regions import RegionGrid
from napari_mrf.plugin.layers.subjects import claim
from napari_mrf.plugin.layers.voxels import layer_of_series
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import session_of
from napari_mrf.rois.label_set import foreign_labels, with_unknown_labels
from napari_mrf.rois.muscles import default_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.rois.edits import Edit
    from napari_mrf.rois.polygons import Outline

LAYER_NAME = "ROIs"
_PLACE = ("affine", "scale", "translate", "rotate", "shear")
_FINISHED = ("added", "changed", "removed")


class RegionLayers:
    """The layers of regions of one viewer, with the names and colors of their labels.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    voxels_changed : Signal()
        Voxels were painted, erased, undone or edited.
    painting, painted : Signal()
        The user is at a stroke of the brush; it is finished.
    outlines_changed : Signal(str)
        The user added, changed or removed a polygon: ``"added"``, ``"changed"``, ``"removed"``.
    mode_changed : Signal()
        A polygon is being drawn from now on, or no longer.
    layer, outlines_layer : napari layer or None
        The Labels layer in use and the Shapes layer of its polygons.
    outlines : list of Outline
        The polygons as they were last read or written, in file order.
    table : dict of int to Label
        The label of each number that can be drawn; the clear label is not among them.
    """

    voxels_changed = Signal()
    painting = Signal()
    painted = Signal()
    outlines_changed = Signal(str)
    mode_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self.layer: Any | None = None
        self.outlines_layer: Any | None = None
        self.outlines: list[Outline] = []
        self.table: dict[int, Label] = dict(default_labels())
        self._pen = next(iter(self.table))
        self._is_writing = False

    def present(self) -> list[Any]:
        """Return the layers that there are, the lower one first."""
        return [one for one in (self.layer, self.outlines_layer) if one is not None]

    def grid(self) -> RegionGrid | None:
        """Return the grid to draw on: that of the series, else of the youngest maps, or None."""
        if self._session.series is not None:
            return RegionGrid.of_series(self._session.series)
        maps_set = next(reversed(list(self._session.maps_sets.values())), None)
        return None if maps_set is None else RegionGrid.of_maps(maps_set.maps)

    def show(self) -> None:
        """Show the layers: nobody draws on one that is hidden."""
        for layer in self.present():
            if not layer.visible:
                layer.visible = True

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
        return int(grid.orientation.file_index((at, 0, 0), grid.shape)[0])

    def go_to_slice(self, z: int) -> None:
        """Show a slice, given in file order."""
        viewer, layer = self._viewer(), self.layer
        if viewer is None or layer is None:
            return
        grid = layer.metadata[bridge.REGIONS_KEY]
        at = grid.orientation.screen_index((z, 0, 0), grid.shape)[0]
        viewer.dims.set_point(viewer.dims.ndim - 3, float(layer.data_to_world((at, 0, 0))[0]))

    def is_active(self, layer: Any) -> bool:
        """Return whether a layer is the one that clicks on the canvas are for."""
        viewer = self._viewer()
        return viewer is not None and viewer.layers.selection.active is layer

    def activate_outlines(self) -> bool:
        """Let clicks on the canvas be for the polygons; return whether there are any."""
        viewer, layer = self._viewer(), self.outlines_layer
        if viewer is None or layer is None:
            return False
        viewer.layers.selection.active = layer
        return True

    def is_drawing(self) -> bool:
        """Return whether a click on the canvas sets a vertex."""
        layer = self.outlines_layer
        return layer is not None and self.is_active(layer) and str(layer.mode).startswith("add")

    def add(self, labels: NDArray[Any], table: Mapping[int, Label], name: str = LAYER_NAME) -> Any:
        """Add label values (Z, Y, X) on the present grid as a layer and return it; see `take`."""
        viewer, grid = self._viewer(), present(self.grid())
        return self._keeping_active(
            lambda: bridge.add_regions_layer(viewer, grid, table, labels, name)
        )

    def adopt(self, layer: Any) -> None:
        """Put a Labels layer of the user on the present grid, unless it has one.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` or ``"bad-labels"`` for a layer that regions cannot be drawn on.
        """
        if bridge.grid_of_regions(layer) is not None:
            return
        grid = self.grid()
        if grid is None:
            raise MRFInputError("other-grid", "there is no series to draw on",
                                hint="Load or pick a series first.")  # fmt: skip
        bridge.adopt_layer(layer, grid, self._shown(grid))

    def nearest(self, layer: Any) -> NDArray[np.uint16] | None:
        """Return what a Labels layer shows on the present grid, (Z, Y, X); None without a grid."""
        grid = self.grid()
        return None if grid is None else bridge.nearest_on_grid(layer, grid, self._shown(grid))

    def check_place(self) -> None:
        """Refuse layers that have been moved since, so that they do not show what counts.

        Raises
        ------
        MRFInputError
            ``"other-grid"``.
        """
        for layer in self.present():
            grid = self.layer.metadata[bridge.REGIONS_KEY] if self.layer is not None else None
            if grid is not None:
                bridge.check_regions_place(layer, grid, self._shown(grid))

    def _shown(self, grid: RegionGrid) -> Any:
        """Return the layer of the series if it shows this grid, else None."""
        series = self._session.series
        if series is None or grid_difference(grid, series):
            return None
        return layer_of_series(self._viewer(), series)

    def take(self, layer: Any) -> None:
        """Use a Labels layer on a grid, with its names and its polygons."""
        self.layer = layer
        claim(self._viewer(), layer)
        table = layer.metadata.get(bridge.TABLE_KEY)
        if table is None:
            table = foreign_labels(np.unique(layer.data).tolist(), bridge.table_names(layer))
            bridge.show_table(layer, table)
        self.table = dict(table)
        layer.events.paint.connect(self._on_paint)
        layer.events.labels_update.connect(self._on_labels_update)
        layer.events.set_data.connect(self._on_voxels)
        for name in _PLACE:
            layer.events[name].connect(self._on_voxels)
        self.take_outlines(polygons.find_outlines(self._viewer(), layer))

    def take_outlines(self, layer: Any | None) -> None:
        """Use a Shapes layer for the polygons; None when the user has removed it."""
        self.outlines_layer = layer
        self.outlines = []
        if layer is not None:
            self.outlines = polygons.read_outlines(layer)[0]
            layer.events.data.connect(self._on_shapes)
            layer.events.mode.connect(self._on_mode)
            for name in _PLACE:
                layer.events[name].connect(self._on_voxels)

    def let_go(self) -> None:
        """Use no layer any more; both stay in the viewer as they are."""
        if self.layer is not None:
            self.layer.events.paint.disconnect(self._on_paint)
            self.layer.events.labels_update.disconnect(self._on_labels_update)
            self.layer.events.set_data.disconnect(self._on_voxels)
            for name in _PLACE:
                self.layer.events[name].disconnect(self._on_voxels)
        if self.outlines_layer is not None:
            self.outlines_layer.events.data.disconnect(self._on_shapes)
            self.outlines_layer.events.mode.disconnect(self._on_mode)
            for name in _PLACE:
                self.outlines_layer.events[name].disconnect(self._on_voxels)
        self.layer, self.outlines_layer, self.outlines = None, None, []

    def ensure_outlines_layer(self) -> None:
        """Add a layer for the polygons where there is none."""
        if self.outlines_layer is None:
            viewer = self._viewer()
            self.take_outlines(
                self._keeping_active(lambda: polygons.add_outlines_layer(viewer, self.layer))
            )

    def read_outlines(self) -> int:
        """Read the polygons anew and return how many shapes are not usable as such."""
        self.outlines, n_unusable = polygons.read_outlines(self.outlines_layer)
        return n_unusable

    def show_outlines(self, outlines: Sequence[Outline]) -> None:
        """Make these the polygons, in a layer that is added where there is none."""
        if outlines:
            self.ensure_outlines_layer()
        self.outlines = list(outlines)
        if self.outlines_layer is not None:
            with self._writing():
                polygons.show_outlines(self.outlines_layer, outlines, self.table)
                polygons.set_pen(self.outlines_layer, self.table[self._pen])

    def apply(self, edit: Edit) -> None:
        """Change voxels."""
        with self._writing():
            bridge.apply_edit(self.layer, edit)

    def show_labels(self, labels: NDArray[np.uint16]) -> None:
        """Make these the label values, (Z, Y, X) in file order; napari's own undo knows nothing."""
        layer = present(self.layer)
        shown = layer.metadata[bridge.REGIONS_KEY].orientation.to_screen(labels)
        if not np.array_equal(layer.data, shown):
            layer.data[...] = shown
            layer.refresh()

    def finish_polygon(self) -> None:
        """Finish a polygon that is half drawn; drawing goes on."""
        if self.outlines_layer is not None:
            polygons.finish_polygon(self.outlines_layer)

    def is_half_drawn(self) -> bool:
        """Return whether a polygon has corners and is not finished."""
        layer = self.outlines_layer
        return layer is not None and polygons.is_half_drawn(layer)

    def take_back_corner(self) -> bool:
        """Take back the last corner of a half-drawn polygon; return whether there was one."""
        layer = self.outlines_layer
        return layer is not None and polygons.take_back_corner(layer)

    def end_drawing(self) -> None:
        """Finish a polygon that is half drawn, and draw no other."""
        if self.outlines_layer is not None:
            polygons.end_drawing(self.outlines_layer)

    def name_of(self, label: int) -> str:
        """Return the name of a label; one that is in no table is named by its number."""
        return self.table[label].name if label in self.table else f"Label {label}"

    def name_unknown(self, drawn: Collection[int]) -> None:
        """Give a name to each of these labels that has none."""
        if any(label not in self.table for label in drawn):
            self.table = with_unknown_labels(self.table, drawn)
            bridge.show_table(self.layer, self.table)

    def set_table(self, table: Mapping[int, Label], drawn: Collection[int]) -> None:
        """Use other names, colors and numbers; drawn labels without a name get one."""
        self.table = with_unknown_labels({k: v for k, v in table.items() if k}, drawn)
        if self.layer is not None:
            bridge.show_table(self.layer, self.table)
        if self.outlines_layer is not None:
            with self._writing():
                polygons.recolor_outlines(self.outlines_layer, self.table)
        self.set_pen(self._pen)

    def set_pen(self, label: int) -> None:
        """Draw this label from now on, with polygons and with the brush."""
        if label not in self.table:
            return
        self._pen = label
        if self.layer is not None:
            self.layer.selected_label = label
        layer = self.outlines_layer
        if layer is not None:
            mode, is_drawing = layer.mode, self.is_drawing()
            if is_drawing:
                polygons.end_drawing(layer)  # a polygon that is half drawn keeps its own name
            polygons.set_pen(layer, self.table[label])
            if is_drawing:
                layer.mode = mode

    def _keeping_active(self, add: Callable[[], Any]) -> Any:
        viewer = present(self._viewer())
        is_any = viewer.layers.selection.active is not None
        with keeping_selection(viewer) if is_any else nullcontext():
            return add()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False

    def _on_voxels(self, event: Any = None) -> None:
        self.voxels_changed.emit()

    def _on_labels_update(self, event: Any = None) -> None:
        if not self._is_writing:
            self.painting.emit()

    def _on_paint(self, event: Any = None) -> None:
        self.voxels_changed.emit()
        if not self._is_writing:
            self.painted.emit()

    def _on_shapes(self, event: Any) -> None:
        action = str(event.action)
        if str(event.source.mode) == "vertex_remove":
            if action == "changing":
                polygons.drop_remains(event.source)
            elif action == "changed":
                polygons.forget_shape(event.source, event.data_indices[0])
        if not self._is_writing and action in _FINISHED and self.layer is not None:
            self.outlines_changed.emit(action)

    def _on_mode(self, event: Any = None) -> None:
        self.mode_changed.emit()
