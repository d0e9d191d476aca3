"""Texts on the canvas: patient directions, title and color bar of the map in front, names.

Of all visible maps the one in front has the title and the only color bar; napari would stack one
for each. In the grid view each visible image has its name and its color bar in its own box.

Directions and title belong to the canvas and not to the scene: they stay in place at any zoom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from napari.components.overlays import TextOverlay

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers import MAPS_KEY, PARAMETER_KEY, SET_KEY, series_of
from napari_mrf.plugin.layers.outlines import write_names_in
from napari_mrf.plugin.layers.raw_preview import is_preview
from napari_mrf.plugin.layers.subjects import is_here
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.titles import has_scale, set_label, title_of, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_EDGES = {
    "mrf_left": ("middle_left", 1, 0),
    "mrf_right": ("middle_right", 1, 1),
    "mrf_top": ("top_center", 0, 0),
    "mrf_bottom": ("bottom_center", 0, 1),
}
_TITLE = "mrf_title"
_UNITS = "mrf_units"
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
        overlays[_UNITS] = TextOverlay(position="bottom_right", font_size=11)
        self._named: WeakSet[Any] = WeakSet()
        viewer.canvas.overlay_tiling.top_right = "vertical"
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed,
                      viewer.layers.events.reordered, viewer.dims.events.order,
                      viewer.dims.events.ndisplay, viewer.canvas.grid.events.enabled):  # fmt: skip
            event.connect(self._on_changed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        session_of(viewer).subject_changed.connect(self._on_changed)
        for layer in viewer.layers:
            self._follow(layer)
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
        maps = [layer for layer in reversed(viewer.layers) if has_scale(layer)]
        in_grid = viewer.canvas.grid.enabled
        shown = [layer for layer in (maps if in_grid else _uncovered(viewer)) if layer.visible]
        for layer in maps:
            layer.colorbar.visible = layer in shown[: None if in_grid else 1]
        self._name_boxes(viewer, in_grid)
        write_names_in(viewer, "black" if shown and _is_light(shown[0]) else "white")
        texts = {_TITLE: "" if in_grid or not shown else _title_among(shown[0], maps),
                 _UNITS: _units_of(shown) if in_grid else ""}  # fmt: skip
        for name, text in texts.items():
            if overlays[name].text != text:
                overlays[name].text = text
                # Else napari moves it to where its new width belongs one drawing too late.
                overlays[name].events.position.emit(overlays[name].position)
            overlays[name].visible = bool(text)

    def _name_boxes(self, viewer: Any, in_grid: bool) -> None:
        """Show the names of the images in the grid; names that the user shows stay."""
        for layer in viewer.layers:
            is_box = (
                in_grid and layer.visible and (has_scale(layer) or series_of(layer) is not None)
            )
            if is_box and not layer.name_overlay.visible:
                layer.name_overlay.position = "bottom_left"  # the color bar is at the top
                layer.name_overlay.visible = True
                self._named.add(layer)
            elif not is_box and layer in self._named:
                layer.name_overlay.visible = False
                self._named.discard(layer)

    def _follow(self, layer: Any) -> None:
        layer.events.visible.connect(self._on_changed)
        layer.events.opacity.connect(self._on_changed)

    def _on_inserted(self, event: Any) -> None:
        self._follow(event.value)

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


def _is_light(layer: Any) -> bool:
    """Return whether most of a map is light: one of differences is white around zero."""
    red, green, blue, _ = layer.colormap.map([0.5])[0]
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT)


def _uncovered(viewer: Any) -> list[Any]:
    """Return the maps, from the front, that no opaque series or preview of raw data covers."""
    maps = []
    for layer in reversed(viewer.layers):
        if has_scale(layer):
            maps.append(layer)
        elif layer.visible and layer.opacity == 1 and (
            series_of(layer) is not None or is_preview(layer)
        ):  # fmt: skip
            break
    return maps


def _title_among(shown: Any, maps: list[Any]) -> str:
    """Return the title of the map in front, with its set where there are several."""
    title, label = title_of(shown.metadata), set_label(shown)
    several = len({set_label(one) for one in maps if SET_KEY in one.metadata}) > 1
    # Below it, as a long line would run into the letter at the top.
    return f"{title}\n{label}" if several and label else title


def _units_of(maps: list[Any]) -> str:
    """Return the units of the maps in the grid, whose color bars have none."""
    units = {one.metadata[PARAMETER_KEY]: unit for one in maps if (unit := unit_of(one.metadata))}
    return "   ".join(f"{key}: {unit}" for key, unit in sorted(units.items()))


show_canvas_texts = one_per_viewer(CanvasTexts)
"""Switch the texts of a viewer on; once is enough."""
