"""Order of the layers: pins, the profile line, regions, and images, new ones over old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.metadata import PREVIEW_KEY, SET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

PINS_KEY = "mrf_pins"
"""Metadata of the Points layer of pins."""

PROFILE_KEY = "mrf_profile"
"""Metadata of the layer of the profile line: the `RegionGrid` that its line lies on."""

_OVER_REGIONS = (PREVIEW_KEY, PROFILE_KEY, PINS_KEY)


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


def place_of_regions(viewer: Any) -> int:
    """Return the index in the layer list over all layers but those that lie over regions."""
    return _place_under(viewer, _OVER_REGIONS)


def place_under_pins(viewer: Any) -> int:
    """Return the index in the layer list over all layers but the pins."""
    return _place_under(viewer, (PINS_KEY,))


def _place_under(viewer: Any, keys: tuple[str, ...]) -> int:
    for at, layer in enumerate(viewer.layers):
        if any(key in layer.metadata for key in keys):
            return at
    return len(viewer.layers)


def show_in_front(viewer: Any, layer: Any) -> None:
    """Show an image over all others; regions and pins stay over it."""
    at, place = viewer.layers.index(layer), place_in_front(viewer)
    if at != place - 1:
        viewer.layers.move(at, place)
    if not layer.visible:  # napari draws again at every assignment
        layer.visible = True


def bring_regions_to_front(viewer: Any, regions: Iterable[Any]) -> None:
    """Move layers of regions above all others, in the order given, and over them what lies there.

    Layers in their places are not moved, which costs as much as new ones.
    """
    over = [[one for one in viewer.layers if key in one.metadata] for key in _OVER_REGIONS]
    wanted = [*regions, *(layer for layers in over for layer in layers)]
    if list(viewer.layers)[len(viewer.layers) - len(wanted) :] != wanted:
        for layer in wanted:
            viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
