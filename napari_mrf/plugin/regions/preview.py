"""Lines that are not regions yet: in a layer of their own, and in no file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.layers import Shapes

from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.batch import keeping_selection, remove_together
from napari_mrf.plugin.layers.metadata import PREVIEW_KEY
from napari_mrf.plugin.layers.order import place_under_pins
from napari_mrf.plugin.layers.outlines import EDGE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.plugin.layers.regions import RegionGrid


class Preview:
    """A layer of lines over the regions of a viewer, while there is something to show.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    name : str
        Of the layer.
    opacity : float
        Of the lines, 0-1.
    """

    def __init__(self, viewer: Any, name: str, *, opacity: float = 0.7) -> None:
        self._viewer = ref(viewer)
        self._name = name
        self._opacity = opacity
        self.layer: Any | None = None

    def open(self, grid: RegionGrid) -> None:
        """Add the layer, empty, where there is none."""
        viewer = self._viewer()
        if viewer is None or (self.layer is not None and self.layer in viewer.layers):
            return
        self.layer = Shapes(
            None,
            ndim=3,
            name=self._name,
            edge_width=EDGE_WIDTH,
            face_color="transparent",
            opacity=self._opacity,
            metadata={PREVIEW_KEY: True},
            **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
        )
        with keeping_selection(viewer):
            viewer.layers.insert(place_under_pins(viewer), self.layer)
        self.layer.editable = False

    def add(self, polygons: Sequence[NDArray[np.float64]], color: NDArray[np.float64]) -> None:
        """Show closed polygons, each (n, 3) in screen order, in one color."""
        if self.layer is not None:
            self.layer.add_polygons(list(polygons), edge_width=EDGE_WIDTH, edge_color=color,
                                    face_color="transparent")  # fmt: skip

    def show_line(self, line: NDArray[np.float64], color: NDArray[np.float64]) -> None:
        """Show one open line (n, 3), in screen order, in place of what is shown."""
        if self.layer is None:
            return
        if len(self.layer.data):
            self.layer.selected_data = set()
            self.layer.remove(list(range(len(self.layer.data))))
        if len(line) > 1:
            self.layer.add_paths([line], edge_width=EDGE_WIDTH, edge_color=color)

    def close(self) -> None:
        """Remove the layer."""
        viewer, layer = self._viewer(), self.layer
        self.layer = None
        if viewer is not None and layer is not None and layer in viewer.layers:
            remove_together(viewer, [layer])
