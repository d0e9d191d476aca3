"""Texts at the edge of the canvas: patient directions, and what the map in front shows.

They belong to the canvas and not to the scene, so they stay in place at any zoom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from napari.components.overlays import TextOverlay

from napari_mrf.io.maps_writer import DEVIATIONS
from napari_mrf.layers import MAPS_KEY, PARAMETER_KEY, SET_KEY, series_of
from napari_mrf.orientation import DisplayOrientation
from napari_mrf.parameters import PARAMETERS
from napari_mrf.session import unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

_EDGES = {
    "mrf_left": ("middle_left", 1, 0),
    "mrf_right": ("middle_right", 1, 1),
    "mrf_top": ("top_center", 0, 0),
    "mrf_bottom": ("bottom_center", 0, 1),
}
_TITLE = "mrf_title"


class CanvasTexts:
    """Keeps the letters and the title of one viewer up to date.

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
        for layer in viewer.layers:
            layer.events.visible.connect(self._on_changed)
        self.update()

    def update(self) -> None:
        """Write letters and title for what is in front."""
        viewer = self._viewer()
        if viewer is None:
            return
        overlays = viewer.canvas.overlays
        letters = self._letters(viewer)
        for name, (_, displayed, end) in _EDGES.items():
            text = letters[displayed][end] if letters else ""
            overlays[name].text = text
            overlays[name].visible = bool(text)
        title = "\n".join(_titles(viewer))
        overlays[_TITLE].text = title
        overlays[_TITLE].visible = bool(title)

    def _letters(self, viewer: Any) -> list[tuple[str, str]]:
        if viewer.dims.ndisplay != 2:
            return []
        for layer in reversed(viewer.layers):
            noun = series_of(layer) or layer.metadata.get(MAPS_KEY)
            if noun is not None:
                by_axis = DisplayOrientation.from_affine(noun.affine).letters
                # The last three world axes are slice, row and column.
                spatial = [axis - (viewer.dims.ndim - 3) for axis in viewer.dims.displayed]
                return [by_axis[axis] if axis >= 0 else ("", "") for axis in spatial]
        return []

    def _on_inserted(self, event: Any) -> None:
        event.value.events.visible.connect(self._on_changed)

    def _on_changed(self, event: Any = None) -> None:
        self.update()


def _titles(viewer: Any) -> Iterator[str]:
    """Yield what each visible map shows, the one in front first."""
    maps = [
        layer.metadata
        for layer in reversed(viewer.layers)
        if layer.visible and layer.metadata.get(PARAMETER_KEY) in {*PARAMETERS, *DEVIATIONS}
    ]
    several = len({metadata[SET_KEY] for metadata in maps}) > 1
    for metadata in maps:
        title = _title(metadata[PARAMETER_KEY])
        yield f"{metadata[SET_KEY]}: {title}" if several else title


def _title(key: str) -> str:
    if key in PARAMETERS:
        return PARAMETERS[key].title
    parameter = PARAMETERS[DEVIATIONS[key]]
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{parameter.label}, SD{unit}"


_TEXTS: WeakKeyDictionary[Any, CanvasTexts] = WeakKeyDictionary()


def show_canvas_texts(viewer: Any) -> CanvasTexts:
    """Switch the texts of a viewer on; once is enough."""
    viewer = unwrapped(viewer)
    if viewer not in _TEXTS:
        _TEXTS[viewer] = CanvasTexts(viewer)
    return _TEXTS[viewer]
