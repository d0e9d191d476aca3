"""Masks as Labels layers over a series, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import check_same_grid
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.metadata import GRID_KEY
from napari_mrf.plugin.layers.place import check_shown_in_place
from napari_mrf.plugin.layers.regions import RegionGrid, grid_of_regions
from napari_mrf.plugin.layers.subjects import of_subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries


def show_mask(viewer: Any, mask: NDArray[Any], series: MRFSeries, name: str) -> Any:
    """Add a mask (Z, Y, X) in file order as a Labels layer over its series and return it.

    It is bool, or whole numbers of which any but 0 counts.
    """
    mask = mask.astype(np.uint8) if mask.dtype == bool else mask
    orientation = DisplayOrientation.from_affine(series.affine)
    attributes = of_subject(viewer, name)
    attributes["metadata"][GRID_KEY] = RegionGrid.of_series(series)
    return viewer.add_labels(
        np.array(orientation.to_screen(mask)),
        opacity=0.4,
        **attributes,
        **spatial_attributes(series.affine, series.voxel_sizes_mm, orientation),
    )


def mask_from_layer(layer: Any, series: MRFSeries, shown: Any = None) -> NDArray[np.bool_]:
    """Return the mask (Z, Y, X) in file order that a Labels layer shows over a series.

    Parameters
    ----------
    layer : napari.layers.Labels
        Any label counts. Painted over the series it may have its four axes; then a label in
        any frame counts.
    series : MRFSeries
        The series it belongs to.
    shown : napari layer, optional
        The layer of the series.

    Raises
    ------
    MRFInputError
        ``"bad-mask"`` for another grid or place, or an empty mask.
    """
    what = f"the mask {layer.name} lies on another grid"
    hint = "Draw it on a Labels layer made for this series."
    grid = layer.metadata.get(GRID_KEY) or grid_of_regions(layer) or RegionGrid.of_series(series)
    check_same_grid(grid, series, what, code="bad-mask", hint=hint)
    labels = np.asarray(layer.data) != 0
    if labels.ndim == 4:
        labels = labels.any(axis=0)
    if labels.ndim == 2:
        labels = labels[np.newaxis]
    expected = grid.screen_shape
    if labels.shape != expected:
        raise MRFInputError(
            "bad-mask",
            what,
            expected=f"shape {expected}",
            found=f"shape {labels.shape}",
            hint=hint,
        )
    check_shown_in_place(
        layer, grid, f"the mask {layer.name} lies elsewhere", shown=shown, code="bad-mask"
    )
    if not labels.any():
        raise MRFInputError(
            "bad-mask", f"the mask {layer.name} is empty", hint="Paint the voxels to reconstruct."
        )
    return np.ascontiguousarray(grid.orientation.to_file(labels))
