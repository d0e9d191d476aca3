"""Texts on the canvas: patient directions, title and color bar of the map in front, names.

Of all visible maps the one in front has the title and the only color bar; napari would stack one
for each.

Directions and title belong to the canvas and not to the scene: they stay in place at any zoom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.components.overlays import TextOverlay

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers import MAPS_KEY, PARAMETER_KEY, SET_KEY, TITLE_KEY, series_of
from napari_mrf.plugin.layers.outlines import write_names_in
from napari_mrf.plugin.layers.subjects import is_here
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_EDGES = {
    "mrf_left": ("middle_left", 1, 0),
    "mrf_right": ("middle_right", 1, 1),
    "mrf_top": ("top_center", 0, 0),
    "mrf_bottom": ("bottom_center", 0, 1),
}
_TITLE = "mrf_title"
_OWNER = "canvas texts"
_LIGHT = 0.75


class CanvasTexts:
    """Keeps the letters, the title and the color bar of one viewer up to date.

    A color bar costs as much as a layer, and one that is shown for a moment as well: it follows
    in the next turn.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        overlays = viewer.canvas.overlays
        for name, (position, _, _) in _EDGES.items():
            overlays[name] = TextOverlay(position=position, font_size=14)
        overlays[_TITLE] = TextOverlay(position="top_right", font_size=11)
        viewer.canvas.overlay_tiling.top_right = "vertical"
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed,
                      viewer.layers.events.reordered, viewer.dims.events.order,
                      viewer.dims.events.ndisplay):  # fmt: skip
            event.connect(self._on_changed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        session_of(viewer).subject_changed.connect(self._on_changed)
        for layer in viewer.layers:
            layer.events.visible.connect(self._on_changed)
        self.update()

    def update(self) -> None:
        """Write letters and title of the map in front, and show its color bar."""
        viewer = self._viewer()
        if viewer is None:
            return
        overlays = viewer.canvas.overlays
        letters = letters_in_view(viewer)
        for name, (_, displayed, end) in _EDGES.items():
            text = letters[displayed][end] if letters else ""
            overlays[name].text = text
            overlays[name].visible = bool(text)
        maps = [layer for layer in reversed(viewer.layers) if _has_scale(layer)]
        shown = [layer for layer in maps if layer.visible]
        for layer in maps:
            layer.colorbar.visible = bool(shown) and layer is shown[0]
        write_names_in(viewer, "black" if shown and _is_light(shown[0]) else "white")
        title = _title_of_first([layer.metadata for layer in shown])
        overlays[_TITLE].text = title
        overlays[_TITLE].visible = bool(title)

    def _on_inserted(self, event: Any) -> None:
        event.value.events.visible.connect(self._on_changed)

    def _on_changed(self, event: Any = None) -> None:
        viewer = self._viewer()
        if viewer is not None and _OWNER not in layer_turns_of(viewer).owners:
            layer_turns_of(viewer).begin_next(_OWNER, self._by_turns())

    def _by_turns(self) -> Iterator[None]:
        self.update()
        yield


def letters_in_view(viewer: Any) -> list[tuple[str, str]]:
    """Return the patient directions (top, bottom) and (left, right) of the canvas; none in 3D."""
    if viewer.dims.ndisplay != 2:
        return []
    for layer in reversed(viewer.layers):
        noun = series_of(layer) or layer.metadata.get(MAPS_KEY)
        if noun is not None and is_here(viewer, layer):
            by_axis = DisplayOrientation.from_affine(noun.affine).letters
            # The last three world axes are slice, row and column.
            spatial = [axis - (viewer.dims.ndim - 3) for axis in viewer.dims.displayed]
            return [by_axis[axis] if axis >= 0 else ("", "") for axis in spatial]
    return []


def title_of(layer: Any) -> str:
    """Return what a layer shows, with its unit; empty for one without a scale."""
    return _title_of_first([layer.metadata]) if _has_scale(layer) else ""


def _has_scale(layer: Any) -> bool:
    return TITLE_KEY in layer.metadata or layer.metadata.get(PARAMETER_KEY) in {
        *PARAMETERS,
        *DEVIATIONS,
        "quality",
    }


def _is_light(layer: Any) -> bool:
    """Return whether most of a map is light: one of differences is white around zero."""
    red, green, blue, _ = layer.colormap.map([0.5])[0]
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT)


def _title_of_first(maps: list[dict[str, Any]]) -> str:
    """Return the title of the map in front, with its set where several are visible."""
    if not maps:
        return ""
    if TITLE_KEY in maps[0]:
        return str(maps[0][TITLE_KEY])
    several = len({metadata.get(SET_KEY) for metadata in maps}) > 1
    title = _title(maps[0][PARAMETER_KEY])
    return f"{maps[0][SET_KEY]}: {title}" if several else title


def _title(key: str) -> str:
    if key in PARAMETERS:
        return PARAMETERS[key].title
    if key == "quality":
        return "Quality"
    parameter = PARAMETERS[DEVIATIONS[key]]
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{parameter.label}, SD{unit}"


show_canvas_texts = one_per_viewer(CanvasTexts)
"""Switch the texts of a viewer on; once is enough."""
