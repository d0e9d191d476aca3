"""The layers that regions are drawn in: one Labels layer and the Shapes layer of its polygons.

What is drawn in them is kept in step by `regions_in_step`.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QObject

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers import outlines as polygons
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.regions import RegionGrid
from napari_mrf.plugin.session import session_of
from napari_mrf.rois.label_set import foreign_labels, with_unknown_labels
from napari_mrf.rois.muscles import default_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.rois.polygons import Outline

LAYER_NAME = "ROIs"


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
        self._labels: NDArray[np.uint16] | None = None
        self._is_writing = False
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
            self._finish_outlines()
            self.outlines_layer.events.data.disconnect(self._on_shapes_changed)
            self.outlines_layer.events.mode.disconnect(self._on_mode_changed)
        self.layer, self.outlines_layer, self._known, self._labels = None, None, [], None
        self.slices = {}

    def _on_mode_changed(self, event: Any = None) -> None:
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.outlines_layer:
            self._connect_outlines(None)  # what they colored stays
        elif event.value is self.layer:
            self._let_go()
            self.flush()
        self.changed.emit()

    def flush(self) -> None:
        """Find out now what is drawn."""

    def _finish_outlines(self) -> None:
        """Do now what is left to do with the polygons."""

    def _on_labels_changed(self, event: Any = None) -> None:
        """Hear that voxels were colored."""

    def _on_shapes_changed(self, event: Any) -> None:
        """Hear that a polygon was added, changed or removed."""
