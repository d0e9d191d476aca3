"""Measured B1 maps as Image layers over a series, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.b1_map import B1Map
from napari_mrf.data.geometry import check_same_grid
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers.attributes import parameter_colormap, spatial_attributes
from napari_mrf.plugin.layers.metadata import GRID_KEY, MAPS_KEY, TITLE_KEY
from napari_mrf.plugin.layers.place import check_shown_in_place
from napari_mrf.plugin.layers.regions import RegionGrid
from napari_mrf.plugin.layers.subjects import of_subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries

FILE_KEY = "mrf_b1_file"
"""Metadata of a B1 map that came from a file: its path, sha256 and warnings."""
_WHAT = "the B1 map {} lies on another grid than the series"


def show_b1(
    viewer: Any, values: NDArray[Any], series: MRFSeries, name: str, file: dict[str, Any]
) -> Any:
    """Add a B1 map (Z, Y, X) in file order, in any unit, as an Image layer and return it.

    Parameters
    ----------
    viewer : napari viewer
        Where to show it.
    values : ndarray
        On the grid of the series.
    series : MRFSeries
        What it lies over.
    name : str
        Of the layer.
    file : dict
        ``path``, ``sha256`` and ``warnings``, as in `B1Map.of`.
    """
    orientation = DisplayOrientation.from_affine(series.affine)
    shown = np.array(orientation.to_screen(values.astype(np.float32)))
    ours = of_subject(viewer, name)
    ours["metadata"] |= {
        GRID_KEY: RegionGrid.of_series(series),
        TITLE_KEY: "B1",
        FILE_KEY: file,
    }
    return viewer.add_image(
        shown,
        rgb=False,
        colormap=parameter_colormap("B1"),
        **ours,
        **spatial_attributes(series.affine, series.voxel_sizes_mm, orientation),
    )


def b1_from_layer(layer: Any, series: MRFSeries, unit: str, shown: Any = None) -> B1Map:
    """Return the B1 map that an Image layer shows over a series.

    Parameters
    ----------
    layer : napari.layers.Image
        (slice, row, column) in screen order, as layers over the series are.
    series : MRFSeries
        The series it belongs to.
    unit : {"relative", "percent"}
        Of its values.
    shown : napari layer, optional
        The layer of the series.

    Raises
    ------
    MRFInputError
        ``"bad-b1"`` for another grid or place, and what `B1Map.of` raises.
    """
    what = _WHAT.format(layer.name)
    hint = "Load it from its file, or resample it to the grid of the series first."
    grid = layer.metadata.get(GRID_KEY)
    if grid is None:
        maps = layer.metadata.get(MAPS_KEY)
        grid = RegionGrid.of_series(series) if maps is None else RegionGrid.of_maps(maps)
    check_same_grid(grid, series, what, code="bad-b1", hint=hint)
    values = np.asarray(layer.data)
    expected = grid.screen_shape
    if values.shape != expected:
        raise MRFInputError("bad-b1", what, expected=f"shape {expected}",
                            found=f"shape {values.shape}", hint=hint)  # fmt: skip
    check_shown_in_place(
        layer, grid, f"the B1 map {layer.name} lies elsewhere", shown=shown, code="bad-b1"
    )
    return B1Map.of(
        grid.orientation.to_file(values), affine=series.affine, unit=unit,
        **layer.metadata.get(FILE_KEY, {}),
    )  # fmt: skip
