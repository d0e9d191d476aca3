"""Scenes of a viewer: the layers of a picture, its title, its colors, what is read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QColor

from napari_mrf.plugin.layers import SET_KEY
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.layers.subjects import is_shown
from napari_mrf.plugin.viewer.pictures.cuts import is_painted, value_at
from napari_mrf.plugin.viewer.pictures.picture import Scene
from napari_mrf.plugin.viewer.titles import has_scale, set_label, title_of, unit_of

if TYPE_CHECKING:
    from napari_mrf.plugin.viewer.pictures.planes import Plane


def front_map(viewer: Any) -> Any | None:
    """Return the visible layer with a scale that is in front, or None."""
    seen = (layer for layer in reversed(viewer.layers) if layer.visible and has_scale(layer))
    return next(seen, None)


def scene_of(
    viewer: Any, plane: Plane | None, layers: list[Any], scaled: Any, *, titled: bool = True
) -> Scene:
    """Return the scene of these layers: titled after the one with the scale, on the canvas' color.

    Parameters
    ----------
    viewer : napari viewer
        Whose canvas it resembles.
    plane : Plane or None
        None while the canvas shows a volume.
    layers : list of napari layer
        From the back to the front.
    scaled : napari layer or None
        The map among them.
    titled : bool
        Whether title and color bar are shown, and what the picture leaves out.
    """
    color = QColor.fromRgbF(*map(float, viewer.canvas.background_color)).name()
    if plane is None:
        return Scene(None, background=color, message="Pictures show slices:\nleave the 3D view.")
    names = [layer.name for layer in layers if not is_painted(layer)] if titled else []
    left_out = f"Not shown here: {', '.join(names)}" if names else ""
    if scaled is None or not titled:
        return Scene(plane, layers, background=color, left_out=left_out)
    title = "\n".join(one for one in (title_of(scaled.metadata), set_label(scaled)) if one)
    return Scene(plane, layers, scaled, title, color, left_out=left_out)


def reading_of(layer: Any, position: tuple[float, ...]) -> str:
    """Return the value of a map at a world position with its unit; empty outside of it."""
    value = value_at(layer, position)
    if value is None:
        return ""
    if not np.isfinite(value):
        return "no value"
    return f"{value:.4g} {unit_of(layer.metadata)}".strip()


def position_at(viewer: Any, place: tuple[float, float]) -> tuple[float, ...]:
    """Return world coordinates of all axes: (down, along) on the canvas, the sliders elsewhere."""
    position = list(viewer.dims.point)
    down, along = viewer.dims.displayed[-2:]
    position[down], position[along] = place
    return tuple(position)


def stays_with(layer: Any, chosen: Any) -> bool:
    """Return whether a layer is seen beside a map of its subject too: series, regions, pins."""
    set_name = layer.metadata.get(SET_KEY)
    if has_scale(layer) or set_name not in (None, chosen.metadata.get(SET_KEY)):
        return False
    subject, here = layer.metadata.get(SUBJECT_KEY), chosen.metadata.get(SUBJECT_KEY)
    if subject is not None and here is not None and subject != here:
        return False
    return is_shown(layer)
