"""Order of the layers: pins over regions, regions over images, new images over old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.metadata import SET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

PINS_KEY = "mrf_pins"
"""Metadata of the Points layer of pins."""


def place_in_front(viewer: Any) -> int:
    """Return the index in the layer list over all images and under regions and pins.

    These need not be moved over it afterwards, which costs as much as a new layer.
    """
    from napari.layers import Image

    pictures = [
        index
        for index, one in enumerate(viewer.layers)
        if isinstance(one, Image) or SET_KEY in one.metadata
    ]
    return pictures[-1] + 1 if pictures else 0


def place_under_pins(viewer: Any) -> int:
    """Return the index in the layer list over all layers but the pins."""
    places = [index for index, one in enumerate(viewer.layers) if PINS_KEY in one.metadata]
    return places[0] if places else len(viewer.layers)


def show_in_front(viewer: Any, layer: Any) -> None:
    """Show an image over all others; regions and pins stay over it."""
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
