"""Regions of interest as a Labels layer: its colored voxels are the regions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import check_same_grid
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.errors import MRFInputError
from napari_mrf.io.labels.label_maps import nearest_labels
from napari_mrf.plugin.layers.attributes import spatial_attributes, voxel_sizes
from napari_mrf.plugin.layers.closeup.region_look import FILLED_OPACITY, show_outlined
from napari_mrf.plugin.layers.metadata import GRID_KEY
from napari_mrf.plugin.layers.order import place_of_regions
from napari_mrf.plugin.layers.place import canvas_affine, check_shown_in_place, grid_canvas_affine
from napari_mrf.plugin.layers.subjects import of_subject
from napari_mrf.rois.muscles import meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.rois.edits import Edit

REGIONS_KEY = "mrf_regions"
"""Metadata of a Labels layer of regions: its `RegionGrid`."""

TABLE_KEY = "mrf_label_table"
"""Metadata of a Labels layer of regions: the `Label` of each number."""

CARRIED_KEY = "mrf_carried"
"""Metadata of a Labels layer of regions that were carried from another scan: the record."""

UNNAMED_COLOR = (0.5, 0.5, 0.5, 1.0)
"""Of a label that is in no table: red, green, blue, opacity; 0-1."""


@dataclass(frozen=True, eq=False)
class RegionGrid:
    """The grid that regions are drawn on.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) in file order.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm.
    voxel_sizes_mm : tuple of float or None
        (z, y, x).
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64] | None = None
    voxel_sizes_mm: tuple[float, float, float] | None = None

    @classmethod
    def of_series(cls, series: MRFSeries) -> RegionGrid:
        """Return the grid of a series."""
        return cls(series.spatial_shape, series.affine, series.voxel_sizes_mm)

    @classmethod
    def of_maps(cls, maps: ParameterMaps) -> RegionGrid:
        """Return the grid of parameter maps."""
        return cls(maps.spatial_shape, maps.affine, voxel_sizes(maps))

    @cached_property
    def orientation(self) -> DisplayOrientation:
        """Orientation of the grid on the screen."""
        return DisplayOrientation.from_affine(self.affine)

    @property
    def screen_shape(self) -> tuple[int, int, int]:
        """(slice, row, column)."""
        z, y, x = (self.shape[axis] for axis in self.orientation.axes)
        return z, y, x

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """The shape, by the name that all nouns have for it."""
        return self.shape


def add_regions_layer(
    viewer: Any, grid: RegionGrid, table: Mapping[int, Label], labels: NDArray[Any], name: str
) -> Any:
    """Add label values (Z, Y, X) in file order as a Labels layer and return it."""
    from napari.layers import Labels

    data, attributes, _ = regions_layer_data(grid, table, labels, name)
    ours = of_subject(viewer, name)
    ours["metadata"] |= attributes["metadata"]
    layer = Labels(data, **(attributes | ours))
    show_outlined(layer, True)
    viewer.layers.insert(place_of_regions(viewer), layer)
    return layer


def regions_layer_data(
    grid: RegionGrid, table: Mapping[int, Label], labels: NDArray[Any], name: str
) -> tuple[NDArray[np.uint16], dict[str, Any], str]:
    """Return label values (Z, Y, X) in file order as data, attributes and type of a layer."""
    attributes = {
        "name": name,
        "opacity": FILLED_OPACITY,
        "features": _features(table),
        "colormap": _colormap(table),
        "metadata": {REGIONS_KEY: grid, TABLE_KEY: dict(table)},
        **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
    }
    data = np.ascontiguousarray(grid.orientation.to_screen(labels.astype(np.uint16)))
    return data, attributes, "labels"


def adopt_layer(layer: Any, grid: RegionGrid, shown: Any = None) -> None:
    """Make a Labels layer of the user one of regions: 16 bit, in its place on the grid.

    Parameters
    ----------
    layer : napari.layers.Labels
        In screen order.
    grid : RegionGrid
        To draw on.
    shown : napari layer, optional
        Shows the grid.

    Raises
    ------
    MRFInputError
        ``"other-grid"`` for another shape or place, ``"bad-labels"`` for numbers that do not fit.
    """
    what = f"the layer {layer.name} lies on another grid"
    hint = "Draw on a layer of this series, or load the labels from a file."
    if GRID_KEY in layer.metadata:
        check_same_grid(layer.metadata[GRID_KEY], grid, what, hint=hint)
        grid = layer.metadata[GRID_KEY]
    data = np.asarray(layer.data)
    if data.shape != grid.screen_shape:
        raise MRFInputError(
            "other-grid",
            what,
            expected=f"shape {grid.screen_shape}",
            found=f"shape {data.shape}",
            hint=hint,
        )
    check_regions_place(layer, grid, shown)
    _check_numbers(layer)
    if layer.data.dtype != np.uint16 or not isinstance(layer.data, np.ndarray):
        layer.data = data.astype(np.uint16)
    layer.metadata[REGIONS_KEY] = grid


def check_regions_place(layer: Any, grid: RegionGrid, shown: Any = None) -> None:
    """Refuse regions, or their polygons, that are shown elsewhere than where they count.

    Raises
    ------
    MRFInputError
        ``"other-grid"``.
    """
    check_shown_in_place(
        layer, grid, f"the layer {layer.name} lies elsewhere", shown=shown, code="other-grid"
    )


def grid_of_regions(layer: Any) -> RegionGrid | None:
    """Return the grid of a layer of regions, or None for another layer."""
    grid: RegionGrid | None = layer.metadata.get(REGIONS_KEY)
    return grid


def nearest_on_grid(layer: Any, grid: RegionGrid, shown: Any = None) -> NDArray[np.uint16]:
    """Return the label that a Labels layer shows nearest to every voxel of a grid.

    Parameters
    ----------
    layer : napari.layers.Labels
        Of three axes, anywhere on the canvas.
    grid, shown : RegionGrid, napari layer
        As in `adopt_layer`.

    Returns
    -------
    ndarray
        (Z, Y, X) in file order; 0 where the layer shows nothing.

    Raises
    ------
    MRFInputError
        ``"bad-labels"`` for numbers that do not fit.
    """
    _check_numbers(layer)
    seen = nearest_labels(
        np.asarray(layer.data),
        canvas_affine(layer),
        grid.screen_shape,
        grid_canvas_affine(grid, shown),
    )
    return np.ascontiguousarray(grid.orientation.to_file(seen).astype(np.uint16))


def _check_numbers(layer: Any) -> None:
    data = np.asarray(layer.data)
    if data.size and (data.min() < 0 or data.max() > np.iinfo(np.uint16).max):
        raise MRFInputError("bad-labels", f"the layer {layer.name} has labels outside 0 to 65535",
                            found=f"{data.min()} to {data.max()}")  # fmt: skip


def labels_of(layer: Any) -> NDArray[np.uint16]:
    """Return a copy of the label values, (Z, Y, X) in file order."""
    grid = layer.metadata[REGIONS_KEY]
    return np.array(grid.orientation.to_file(layer.data), dtype=np.uint16, order="C")


def apply_edit(layer: Any, edit: Edit) -> None:
    """Change voxels in one step that the layer's undo takes back."""
    grid = layer.metadata[REGIONS_KEY]
    voxels = grid.orientation
    indices: list[NDArray[np.intp]] = [
        grid.shape[axis] - 1 - edit.voxels[axis] if flip else edit.voxels[axis]
        for axis, flip in zip(voxels.axes, voxels.flips, strict=True)
    ]
    layer.data_setitem(tuple(indices), edit.values)


def show_table(layer: Any, table: Mapping[int, Label]) -> None:
    """Give a Labels layer the names, shown under the mouse, and the colors of its labels."""
    layer.features = _features(table)
    layer.colormap = _colormap(table)
    layer.metadata[TABLE_KEY] = dict(table)


def prepare_colors() -> None:
    """Compile the functions that napari colors labels with.

    Those of the numba dictionary that it looks colors up in are not cached and take 1.5 s in
    every process. This may run in any thread.
    """
    from napari.utils.colormaps import DirectLabelColormap

    colors = DirectLabelColormap(color_dict={1: "red", 2: "blue", None: "gray"})
    colors.map(np.array([[1, 2]], np.uint16))


def _features(table: Mapping[int, Label]) -> dict[str, list[Any]]:
    named = [label for index, label in table.items() if index]
    return {
        "index": [0, *(label.index for label in named)],
        "name": [None, *(label.name for label in named)],  # nothing is shown for None
        "region": [None, *(meaning_of(label.name).full_name or None for label in named)],
    }


def _colormap(table: Mapping[int, Label]) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    colors: dict[int | None, Any] = {0: np.zeros(4), None: np.array(UNNAMED_COLOR)}
    colors.update({
        index: [*edge_color(label)[:3], label.opacity] for index, label in table.items() if index
    })  # fmt: skip
    return DirectLabelColormap(color_dict=colors)


def table_names(layer: Any) -> dict[int, str]:
    """Return the names that the features of any Labels layer give to its labels."""
    features = layer.features
    if "index" not in features or "name" not in features:
        return {}
    pairs = zip(features["index"], features["name"], strict=True)
    return {int(index): name for index, name in pairs if index and isinstance(name, str) and name}


def edge_color(label: Label) -> NDArray[np.float64]:
    """Return the color of a label as red, green, blue, opacity; 0-1."""
    return np.array([*(channel / 255 for channel in label.color), 1.0])
