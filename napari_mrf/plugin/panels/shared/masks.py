"""Which Labels layer a panel takes as its mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_mrf.plugin.layers import PARAMETER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer


def masks_among(
    layers: Iterable[Layer], before: dict[str, Labels], picked: str, *, otherwise: str
) -> tuple[dict[str, Labels], str]:
    """Return the layers that can be a mask, by name, and the name that is picked now.

    A mask that was renamed stays picked, so the choice is of a layer, not of a name.

    Parameters
    ----------
    layers : iterable of Layer
        Those of the viewer.
    before : dict of str to Labels
        The masks so far.
    picked : str
        The name that was picked among them.
    otherwise : str
        What is picked when that layer is gone.
    """
    layer_before = before.get(picked)
    masks = {
        layer.name: layer
        for layer in layers
        if isinstance(layer, Labels) and layer.metadata.get(PARAMETER_KEY) != "flags"
    }
    return masks, next((name for name, one in masks.items() if one is layer_before), otherwise)
