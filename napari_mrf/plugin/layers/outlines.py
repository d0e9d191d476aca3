"""The polygons that regions were drawn with, as a Shapes layer beside their Labels layer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.metadata import NAMES_KEY, SUBJECT_KEY
from napari_mrf.plugin.layers.order import PINS_KEY, place_of_regions
from napari_mrf.plugin.layers.regions import REGIONS_KEY, UNNAMED_COLOR, edge_color
from napari_mrf.plugin.layers.subjects import of_subject, plain_name
from napari_mrf.rois.polygons import Outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.plugin.layers.regions import RegionGrid

OUTLINES_KEY = "mrf_outlines_of"
"""Metadata of a Shapes layer of polygons: (id of the Labels layer, its `RegionGrid`)."""

_GIVEN_UP, _UNUSABLE = "given up", "unusable"
_SELECTING = ("select", "direct", "vertex_insert", "vertex_remove")
EDGE_WIDTH = 0.6  # voxels
_TEXT = {"string": "{text}", "size": 9, "color": "white", "anchor": "center"}


def add_outlines_layer(viewer: Any, regions: Any) -> Any:
    """Add an empty layer for the polygons of a layer of regions and return it."""
    from napari.layers import Shapes

    grid = regions.metadata[REGIONS_KEY]
    layer = Shapes(
        None,
        ndim=3,
        edge_width=EDGE_WIDTH,
        face_color="transparent",
        features={
            "label": np.empty(0, int),
            "name": np.empty(0, object),
            "text": np.empty(0, object),
        },
        text=_TEXT,
        **of_subject(viewer, f"{plain_name(regions)} outlines",
                     subject=regions.metadata.get(SUBJECT_KEY)),
        **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
    )  # fmt: skip
    layer.metadata[OUTLINES_KEY] = (regions.unique_id, grid)
    viewer.layers.insert(place_of_regions(viewer), layer)
    return layer


def write_names_in(viewer: Any, color: str) -> None:
    """Write names of regions and numbers of pins in a color that stands out from the map."""
    for layer in viewer.layers:
        is_named = OUTLINES_KEY in layer.metadata or PINS_KEY in layer.metadata
        if is_named and layer.metadata.get(NAMES_KEY, "white") != color:
            layer.metadata[NAMES_KEY] = color
            layer.text.color = color


def prepare_outlines() -> None:
    """Compile the functions that napari draws polygons with: 35 s, once per installation.

    Napari does it when the first layer of shapes is made and when it holds the first polygon, in
    the thread of the window. This may run in any thread: the layer is in no viewer.
    """
    from napari.layers import Shapes

    corners = np.array([[0, 1, 1], [0, 1, 5], [0, 3, 3], [0, 5, 5]], np.float64)
    layer = Shapes(ndim=3)
    layer.add_polygons([corners])
    layer.add_paths([corners[:2]])  # what a polygon is while it is being drawn: other types


def find_outlines(viewer: Any, regions: Any) -> Any | None:
    """Return the polygons' layer of a layer of regions, or None."""
    for layer in viewer.layers:
        if layer.metadata.get(OUTLINES_KEY, (None,))[0] == regions.unique_id:
            return layer
    return None


def set_pen(layer: Any, label: Label) -> None:
    """Give polygons that are drawn from now on the name and the color of a label."""
    layer.selected_data = set()
    layer.feature_defaults = {"label": label.index, "name": label.name, "text": label.name}
    with layer.block_update_properties():  # which would change what is selected, if anything were
        layer.current_edge_color = edge_color(label)
        layer.current_face_color = "transparent"


def end_drawing(layer: Any) -> None:
    """Finish a polygon that is half drawn, without the corner that follows the mouse.

    Another mode ends it too, but with that corner, wherever the mouse has gone since.
    """
    finish_polygon(layer)
    layer.mode = "pan_zoom"


def finish_polygon(layer: Any) -> None:
    """Finish a polygon that is half drawn; drawing goes on."""
    layer.remove([])  # removes nothing, and finishes


def is_half_drawn(layer: Any) -> bool:
    """Return whether a polygon has corners and is not finished."""
    return str(layer.mode) == "add_polygon" and bool(layer._is_creating)


def take_back_corner(layer: Any) -> bool:
    """Take back the last corner of a polygon that is half drawn; return whether there was one."""
    if not is_half_drawn(layer):
        return False
    index = layer._moving_value[0]
    vertices = layer._data_view.shapes[index].data
    if len(vertices) < 3:  # one corner, and the one that follows the mouse
        finish_polygon(layer)
        return True
    fewer = np.delete(vertices, -2, axis=0)
    layer._data_view.edit(index, fewer, new_type="path" if len(fewer) < 3 else None)
    layer._value = layer._moving_value = (index, len(fewer) - 1)
    layer._last_cursor_position = np.full(2, np.nan)  # a click at the same place is another one
    layer.refresh()
    return True


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
        by_label.setdefault(outline.label, []).append(to_screen(outline, grid))
    for label, polygons in by_label.items():
        if label in table:
            set_pen(layer, table[label])
            layer.add_polygons(polygons, edge_width=EDGE_WIDTH, edge_color=edge_color(table[label]))
    layer.selected_data = set()
    _write_names_once(layer)


def _write_names_once(layer: Any) -> None:
    """Write the name of a region once in every slice, on its largest polygon."""
    largest: dict[Any, tuple[float, int]] = {}
    entries = _entries(layer)
    for index, entry in enumerate(entries):
        if isinstance(entry, Outline):
            place, size = (entry.label, entry.z), float(np.prod(np.ptp(entry.vertices, axis=0)))
            largest[place] = max(largest.get(place, (-1.0, 0)), (size, -index))
    named = {-index for _, index in largest.values()}
    features = layer.features
    texts = [
        name if index in named or not isinstance(entries[index], Outline) else ""
        for index, name in enumerate(features["name"])
    ]
    if texts != features["text"].tolist():
        _set_features(layer, features.assign(text=texts))


def to_screen(outline: Outline, grid: RegionGrid) -> NDArray[np.float64]:
    """Return the vertices (n, 3) of a polygon in screen order."""
    points = np.array([(outline.z, y, x) for y, x in outline.vertices])
    return turned(points, grid, to_file=False)


def _entries(layer: Any) -> list[Outline | str]:
    """Return the outline of every shape, or the reason why it is not one."""
    drop_remains(layer)
    grid = layer.metadata[OUTLINES_KEY][1]
    entries: list[Outline | str] = []
    labels = layer.features["label"].to_numpy()
    for points, kind, label in zip(layer.data, layer.shape_type, labels, strict=True):
        in_file = turned(np.asarray(points, float), grid, to_file=True)
        # Python's sets of a few points take a tenth of the time of numpy's.
        places = [tuple(point) for point in in_file.tolist()]
        slices = {round(z) for z, _, _ in places}
        if len(set(places)) < 3:
            entries.append(_GIVEN_UP)  # after a click or two
        elif kind not in ("polygon", "rectangle") or len(slices) > 1 or not label or label != label:
            entries.append(_UNUSABLE)
        else:
            vertices = tuple((y, x) for _, y, x in places)
            entries.append(Outline(int(label), slices.pop(), vertices))
    return entries


def recolor_outlines(layer: Any, table: Mapping[int, Label]) -> None:
    """Give the polygons the present names and colors of their labels."""
    drop_remains(layer)
    labels = [int(label) for label in layer.features["label"]]
    if labels:
        names = [_name(table, label) for label in labels]
        _set_features(layer, {"label": labels, "name": names, "text": names})
        _write_names_once(layer)
        layer.edge_color = [
            edge_color(table[label]) if label in table else np.array(UNNAMED_COLOR)
            for label in labels
        ]


def forget_shape(layer: Any, index: int) -> None:
    """Forget name and color of a shape that went with its third vertex; napari keeps them."""
    if len(layer.features) > len(layer.data):
        _set_features(layer, layer.features.drop(index=index).reset_index(drop=True))
    shapes = layer._data_view
    for name in ("_edge_color", "_face_color"):
        if len(getattr(shapes, name)) > len(layer.data):
            setattr(shapes, name, np.delete(getattr(shapes, name), index, axis=0))


def select_outlines(layer: Any, label: int, z: int) -> int:
    """Select the polygons of a region in a slice (file order); return how many there are."""
    chosen = {
        index
        for index, entry in enumerate(_entries(layer))
        if isinstance(entry, Outline) and (entry.label, entry.z) == (label, z)
    }
    layer.selected_data = chosen
    return len(chosen)


def selected_outlines(layer: Any, z: int) -> list[Outline]:
    """Return the polygons in a slice (file order) that are seen to be selected."""
    if layer is None or str(layer.mode) not in _SELECTING:
        return []
    return [
        entry
        for index, entry in enumerate(_entries(layer))
        if index in layer.selected_data and isinstance(entry, Outline) and entry.z == z
    ]


def _set_features(layer: Any, features: Any) -> None:
    """Set the table of features and keep the pen: napari would take that of the last row."""
    pen = layer.feature_defaults.copy()
    layer.features = features
    layer.feature_defaults = pen


def drop_remains(layer: Any) -> None:
    """Drop what a polygon of a click or two has left.

    Napari forgets it but not its row in the table of features nor its colors; the next polygon
    would get that row's name, and the one after it its color.
    """
    if len(layer.features) > len(layer.data):
        _set_features(layer, layer.features.iloc[: len(layer.data)].reset_index(drop=True))
    # No public call takes a color away: those that are set replace only the first ones.
    shapes = layer._data_view
    for name in ("_edge_color", "_face_color"):
        if len(getattr(shapes, name)) > len(layer.data):
            setattr(shapes, name, getattr(shapes, name)[: len(layer.data)])


def _name(table: Mapping[int, Label], label: int) -> str:
    return table[label].name if label in table else f"Label {label}"


def turned(points: NDArray[np.float64], grid: RegionGrid, *, to_file: bool) -> NDArray[np.float64]:
    """Turn (n, 3) positions from screen order to file order or back."""
    orientation = grid.orientation
    turned = np.empty_like(points)
    for at, (axis, flip) in enumerate(zip(orientation.axes, orientation.flips, strict=True)):
        source, target = (at, axis) if to_file else (axis, at)
        values = points[:, source]
        turned[:, target] = grid.shape[axis] - 1 - values if flip else values
    return turned
