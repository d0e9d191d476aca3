"""Titles, units and short names of layers with a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers import PARAMETER_KEY, SET_KEY, TITLE_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORT = 8


def has_scale(layer: Any) -> bool:
    """Return whether a layer is a picture with a color bar: a map, a companion, an error."""
    return TITLE_KEY in layer.metadata or layer.metadata.get(PARAMETER_KEY) in {
        *PARAMETERS,
        *DEVIATIONS,
        "quality",
    }


def title_of(metadata: Mapping[str, Any]) -> str:
    """Return what a layer with a scale shows, with its unit: ``"Water T1 (ms)"``."""
    if TITLE_KEY in metadata:
        return str(metadata[TITLE_KEY])
    key = metadata[PARAMETER_KEY]
    if key in PARAMETERS:
        return PARAMETERS[key].title
    if key == "quality":
        return "Quality"
    parameter = PARAMETERS[DEVIATIONS[key]]
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{parameter.label}, SD{unit}"


def set_label(layer: Any) -> str:
    """Return the name of the set of a layer, with the subject where the name of the layer has it.

    Parameters
    ----------
    layer : napari layer
        Named after its set and its map; with several subjects the subject precedes them.
    """
    name = str(layer.metadata.get(SET_KEY, ""))
    before, found, _ = layer.name.rpartition(f"{name} · ")
    return before + name if found and name else name


def unit_of(metadata: Mapping[str, Any]) -> str:
    """Return the unit of a map or of its standard deviation; empty for a ratio or another layer."""
    key = metadata.get(PARAMETER_KEY, "")
    key = DEVIATIONS.get(key, key)
    return PARAMETERS[key].unit if key in PARAMETERS else ""


def short_label(key: str) -> str:
    """Return the label of a parameter where it fits on a small button, else its key."""
    label = PARAMETERS[key].label
    return label if len(label) <= _SHORT else key
