"""Regions of interest as layers: one Labels layer that counts, and the polygons drawn for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.layers.attributes import spatial_attributes, voxel_sizes
from napari_mrf.orientation import DisplayOrientation
from napari_mrf.rois.muscles import meaning_of
from napari_mrf.rois.polygons import Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.io.label_table import Label
    from napari_mrf.maps import ParameterMaps
    from napari_mrf.rois.edits import Edit
    from napari_mrf.series import MRFSeries

REGIONS_KEY = "mrf_regions"
"""Metadata of a Labels layer of regions: its `RegionGrid`."""

TABLE_KEY = "mrf_label_table"
"""Metadata of a Labels layer of regions: the `Label` of each number."""

OUTLINES_KEY = "mrf_outlines_of"
"""Metadata of a Shapes layer of polygons: (id of the Labels layer, its `RegionGrid`)."""

_UNNAMED_COLOR = (0.5, 0.5, 0.5, 1.0)
_GIVEN_UP, _UNUSABLE = "given up", "unusable"
_EDGE_WIDTH = 0.6  # voxels
_TEXT = {"string": "{name}", "size": 9, "color": "white", "anchor": "center"}


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
        """How the grid stands on the screen."""
        return DisplayOrientation.from_affine(self.affine)

    @property
    def screen_shape(self) -> tuple[int, int, int]:
        """(slice, row, column)."""
        z, y, x = (self.shape[axis] for axis in self.orientation.axes)
        return z, y, x

    def is_same(self, other: RegionGrid) -> bool:
        """Return whether two grids have the same voxels in the same place."""
        from napari_mrf.io.maps_reader import same_place

        return self.shape == other.shape and same_place(self.affine, other.affine)


def add_regions_layer(
    viewer: Any, grid: RegionGrid, table: Mapping[int, Label], labels: NDArray[Any], name: str
) -> Any:
    """Add label values (Z, Y, X) in file order as a Labels layer and return it."""
    layer = viewer.add_labels(
        np.ascontiguousarray(grid.orientation.to_screen(labels.astype(np.uint16))),
        name=name,
        opacity=0.5,
        metadata={REGIONS_KEY: grid},
        **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
    )
    show_table(layer, table)
    return layer


def adopt_layer(layer: Any, grid: RegionGrid) -> None:
    """Make a Labels layer of the user one of regions: 16 bit, in its place on the grid.

    Raises
    ------
    MRFInputError
        ``"other-grid"`` for another shape, ``"bad-labels"`` for numbers that do not fit.
    """
    data = np.asarray(layer.data)
    if data.shape != grid.screen_shape:
        raise MRFInputError(
            "other-grid",
            f"the layer {layer.name} lies on another grid",
            expected=f"shape {grid.screen_shape}",
            found=f"shape {data.shape}",
            hint="Draw on a layer of this series, or load the labels from a file.",
        )
    if data.size and (data.min() < 0 or data.max() > np.iinfo(np.uint16).max):
        raise MRFInputError("bad-labels", f"the layer {layer.name} has labels beyond 0 to 65535",
                            found=f"{data.min()} to {data.max()}")  # fmt: skip
    if layer.data.dtype != np.uint16 or not isinstance(layer.data, np.ndarray):
        layer.data = data.astype(np.uint16)
    layer.metadata[REGIONS_KEY] = grid


def grid_of_regions(layer: Any) -> RegionGrid | None:
    """Return the grid of a layer of regions, or None for another layer."""
    grid: RegionGrid | None = layer.metadata.get(REGIONS_KEY)
    return grid


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
    from napari.utils.colormaps import DirectLabelColormap

    named = [label for index, label in table.items() if index]
    features: dict[str, list[Any]] = {
        "index": [0, *(label.index for label in named)],
        "name": [None, *(label.name for label in named)],  # nothing is shown for None
        "region": [None, *(meaning_of(label.name).full_name or None for label in named)],
    }
    layer.features = features
    colors: dict[int | None, Any] = {0: np.zeros(4), None: np.array(_UNNAMED_COLOR)}
    colors.update({label.index: edge_color(label) for label in named})
    layer.colormap = DirectLabelColormap(color_dict=colors)
    layer.metadata[TABLE_KEY] = dict(table)


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


def add_outlines_layer(viewer: Any, regions: Any) -> Any:
    """Add an empty layer for the polygons of a layer of regions and return it."""
    grid = regions.metadata[REGIONS_KEY]
    return viewer.add_shapes(
        None,
        ndim=3,
        name=f"{regions.name} outlines",
        edge_width=_EDGE_WIDTH,
        face_color="transparent",
        features={"label": np.empty(0, int), "name": np.empty(0, object)},
        text=_TEXT,
        metadata={OUTLINES_KEY: (regions.unique_id, grid)},
        **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
    )


def find_outlines(viewer: Any, regions: Any) -> Any | None:
    """Return the polygons' layer of a layer of regions, or None."""
    for layer in viewer.layers:
        if layer.metadata.get(OUTLINES_KEY, (None,))[0] == regions.unique_id:
            return layer
    return None


def set_pen(layer: Any, label: Label) -> None:
    """Give polygons that are drawn from now on the name and the color of a label."""
    layer.selected_data = set()  # a color that is set changes what is selected
    layer.feature_defaults = {"label": label.index, "name": label.name}
    layer.current_edge_color = edge_color(label)
    layer.current_face_color = "transparent"


def end_drawing(layer: Any) -> None:
    """Finish a polygon that is half drawn, without the corner that follows the mouse.

    Another mode ends it too, but with that corner, wherever the mouse has gone since.
    """
    layer.remove([])  # removes nothing, and finishes
    layer.mode = "pan_zoom"


def read_outlines(layer: Any) -> tuple[list[Outline], int]:
    """Return the polygons in file order, and how many shapes cannot be used.

    Polygons and rectangles that lie in one slice can; ellipses, lines and polygons drawn
    across slices cannot.
    """
    entries = _entries(layer)
    usable = [outline for outline in entries if isinstance(outline, Outline)]
    return usable, sum(entry == _UNUSABLE for entry in entries)


def show_outlines(layer: Any, outlines: Sequence[Outline], table: Mapping[int, Label]) -> None:
    """Make these the polygons of a layer; other shapes in it stay.

    Only what differs is removed and added, as every polygon costs napari some milliseconds.
    """
    grid = layer.metadata[OUTLINES_KEY][1]
    layer.selected_data = set()
    missing = Counter(outlines)
    gone = []
    for index, entry in enumerate(_entries(layer)):
        if isinstance(entry, Outline):
            if missing[entry] > 0:
                missing[entry] -= 1
            else:
                gone.append(index)
    if gone:
        layer.remove(gone)
    by_label: dict[int, list[NDArray[np.float64]]] = {}
    for outline in missing.elements():
        points = np.array([(outline.z, y, x) for y, x in outline.vertices])
        by_label.setdefault(outline.label, []).append(_turned(points, grid, to_file=False))
    for label, polygons in by_label.items():
        if label in table:
            set_pen(layer, table[label])
            layer.add_polygons(
                polygons, edge_width=_EDGE_WIDTH, edge_color=edge_color(table[label])
            )
    layer.selected_data = set()


def _entries(layer: Any) -> list[Outline | str]:
    """Return the outline of every shape, or why it is none."""
    _drop_remains(layer)
    grid = layer.metadata[OUTLINES_KEY][1]
    entries: list[Outline | str] = []
    labels = layer.features["label"].to_numpy()
    for points, kind, label in zip(layer.data, layer.shape_type, labels, strict=True):
        in_file = _turned(np.asarray(points, float), grid, to_file=True)
        z = np.unique(np.round(in_file[:, 0]))
        if len(in_file) < 3 or len(np.unique(in_file, axis=0)) < 3:
            entries.append(_GIVEN_UP)  # after a click or two
        elif kind not in ("polygon", "rectangle") or len(z) != 1 or not label or label != label:
            entries.append(_UNUSABLE)
        else:
            vertices = tuple(map(tuple, in_file[:, 1:].tolist()))
            entries.append(Outline(int(label), int(z[0]), vertices))
    return entries


def recolor_outlines(layer: Any, table: Mapping[int, Label]) -> None:
    """Give the polygons the present names and colors of their labels."""
    _drop_remains(layer)
    labels = [int(label) for label in layer.features["label"]]
    if labels:
        layer.features = {"label": labels, "name": [_name(table, label) for label in labels]}
        layer.edge_color = [
            edge_color(table[label]) if label in table else np.array(_UNNAMED_COLOR)
            for label in labels
        ]


def bring_to_front(viewer: Any, layers: Iterable[Any]) -> None:
    """Move layers above all others, in the order given."""
    for layer in layers:
        at = viewer.layers.index(layer)
        if at != len(viewer.layers) - 1:
            viewer.layers.move(at, len(viewer.layers))


def _drop_remains(layer: Any) -> None:
    # napari forgets a polygon of a click or two but not its row in the table of features nor its
    # colors; the next polygon would get that row's name, and the one after it its color.
    if len(layer.features) > len(layer.data):
        layer.features = layer.features.iloc[: len(layer.data)].reset_index(drop=True)
    # No public call takes a color away: those that are set replace only the first ones.
    shapes = layer._data_view
    for name in ("_edge_color", "_face_color"):
        if len(getattr(shapes, name)) > len(layer.data):
            setattr(shapes, name, getattr(shapes, name)[: len(layer.data)])


def _name(table: Mapping[int, Label], label: int) -> str:
    return table[label].name if label in table else f"Label {label}"


def _turned(points: NDArray[np.float64], grid: RegionGrid, *, to_file: bool) -> NDArray[np.float64]:
    """Turn (n, 3) positions from screen order to file order or back."""
    orientation = grid.orientation
    turned = np.empty_like(points)
    for at, (axis, flip) in enumerate(zip(orientation.axes, orientation.flips, strict=True)):
        source, target = (at, axis) if to_file else (axis, at)
        values = points[:, source]
        turned[:, target] = grid.shape[axis] - 1 - values if flip else values
    return turned
