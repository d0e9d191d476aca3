"""Metadata of a layer: the series or the maps that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries

SERIES_KEY = "mrf_series"
SET_KEY = "mrf_set"
PARAMETER_KEY = "mrf_parameter"
MAPS_KEY = "mrf_maps"
GRID_KEY = "mrf_grid"
TITLE_KEY = "mrf_title"
"""Title on the canvas of a layer that is not a map of a set."""
NAMES_KEY = "mrf_color_of_names"
"""Color of the names that a layer writes on the canvas."""
# What changes with the display says nothing of what a layer is.
_LOOKS = (TITLE_KEY, NAMES_KEY)


def series_of(layer: Any) -> MRFSeries | None:
    """Return the series that a layer shows, or None."""
    series: MRFSeries | None = layer.metadata.get(SERIES_KEY)
    return series


def replace_series(layer: Any, series: MRFSeries) -> None:
    """Keep the same data under another sequence or mask in the layer's metadata."""
    layer.metadata[SERIES_KEY] = series


def is_ours(layer: Any) -> bool:
    """Return whether a layer shows a series, maps, regions, pins, errors or importance."""
    return any(str(key).startswith("mrf_") for key in layer.metadata)


def identity_of(layer: Any) -> dict[str, str | list[str]]:
    """Return what a layer of ours shows, JSON-ready; no two layers of a viewer show the same.

    The words of its metadata, as the set and the parameter of a map; what has none (a series,
    regions, a mask) is told by its keys and its name.
    """
    words: dict[str, str | list[str]] = {}
    for key, value in layer.metadata.items():
        if str(key).startswith("mrf_") and key not in _LOOKS:
            is_words = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
            words[key] = value if isinstance(value, str) else list(value) if is_words else ""
    return words if any(words.values()) else {**words, "name": layer.name}


def find_set(viewer: Any, set_name: str) -> dict[str, Any]:
    """Return the layers of a set of maps by parameter or companion name."""
    return {
        layer.metadata[PARAMETER_KEY]: layer
        for layer in viewer.layers
        if layer.metadata.get(SET_KEY) == set_name
    }


def maps_of(metadata: Mapping[str, Any]) -> tuple[ParameterMaps, str] | None:
    """Return the maps that a layer's metadata belong to and its key in them, or None."""
    maps = metadata.get(MAPS_KEY)
    return None if maps is None else (maps, metadata[PARAMETER_KEY])
