"""Which layer lies over which: pins over regions, regions over pictures, new pictures over old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.metadata import SET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

PINS_KEY = "mrf_pins"
"""Metadata of the Points layer of pins."""


def place_in_front(viewer: Any) -> int:
    """Return where in the layer list an image lies over all pictures and under what is drawn.

    What is drawn need not be moved over it afterwards, which costs as much as a new layer.
    """
    from napari.layers import Image

    pictures = [
        index
        for index, one in enumerate(viewer.layers)
        if isinstance(one, Image) or SET_KEY in one.metadata
    ]
    return pictures[-1] + 1 if pictures else 0


def place_under_pins(viewer: Any) -> int:
    """Return where in the layer list a layer of regions lies over all others but the pins."""
    places = [index for index, one in enumerate(viewer.layers) if PINS_KEY in one.metadata]
    return places[0] if places else len(viewer.layers)


def show_in_front(viewer: Any, layer: Any) -> None:
    """Let an image be seen over all others; what is drawn stays over it."""
    at, place = viewer.layers.index(layer), place_in_front(viewer)
    if at != place - 1:
        viewer.layers.move(at, place)
    if not layer.visible:  # napari draws again at every assignment
        layer.visible = True


def bring_to_front(viewer: Any, layers: Iterable[Any]) -> None:
    """Move layers above all others, in the order given."""
    for layer in layers:
        at = viewer.layers.index(layer)
        if at != len(viewer.layers) - 1:
            viewer.layers.move(at, len(viewer.layers))
