"""What the companions of a set of maps show: values in screen order, and what bits mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers.maps import values_on_screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps


def companion_values(
    maps: ParameterMaps, name: str, thresholds: Mapping[str, float] | None
) -> NDArray[Any] | None:
    """Return what a companion shows, in screen order, or None where the maps lack it."""
    if name in DEVIATIONS:
        has = DEVIATIONS[name] in maps.uncertainty
        return values_on_screen(maps, name, thresholds) if has else None
    in_file_order = {"quality": maps.quality, "flags": maps.flags}.get(name)
    if name == "mask":
        in_file_order = np.isfinite(next(iter(maps.values()))).astype(np.uint8)
    if in_file_order is None:
        return None
    return np.array(DisplayOrientation.from_affine(maps.affine).to_screen(in_file_order))


def screen_shape(maps: ParameterMaps) -> tuple[int, ...]:
    """Return the shape of the maps in screen order."""
    return tuple(
        maps.spatial_shape[axis] for axis in DisplayOrientation.from_affine(maps.affine).axes
    )


def meanings_of_bits(values: Any, names: Mapping[str, int]) -> dict[str, list[Any]]:
    """Return the features that name what the bits of a Labels layer mean."""
    present = [int(value) for value in np.unique(values) if value]
    words = [", ".join(name for name, bit in names.items() if value & bit) for value in present]
    return {"index": [0, *present], "meaning": ["", *words]}
