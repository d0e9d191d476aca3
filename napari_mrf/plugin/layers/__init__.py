"""The bridge from nouns to napari layers, and back: the only room that makes layers.

Every layer shows its data in screen order (see `napari_mrf.data.orientation`), carries the noun it
was made from in its metadata, and declares scale, units and axis labels.
"""

from napari_mrf.plugin.layers.b1 import b1_from_layer, show_b1
from napari_mrf.plugin.layers.companions import (
    COMPANIONS,
    companion_by_turns,
    companion_layers,
    deviation_limits,
    hide_companion,
    is_companion_shown,
    renew_companions,
    show_companion,
)
from napari_mrf.plugin.layers.error_maps import ERROR_KEY, error_title, find_errors, show_error
from napari_mrf.plugin.layers.maps import apply_validity, show_maps, show_maps_by_turns, show_slice
from napari_mrf.plugin.layers.masks import mask_from_layer, show_mask
from napari_mrf.plugin.layers.metadata import (
    MAPS_KEY,
    PARAMETER_KEY,
    SERIES_KEY,
    SET_KEY,
    TITLE_KEY,
    find_set,
    maps_of,
    replace_series,
    series_of,
)
from napari_mrf.plugin.layers.pins import pins_layer, pins_of_layer, show_pins
from napari_mrf.plugin.layers.series import peak_magnitude, series_layer_data, show_component
from napari_mrf.plugin.layers.voxels import (
    frame_of,
    layer_of_series,
    show_frame,
    slice_in_view,
    voxel_at,
)

__all__ = [
    "COMPANIONS",
    "ERROR_KEY",
    "MAPS_KEY",
    "PARAMETER_KEY",
    "SERIES_KEY",
    "SET_KEY",
    "TITLE_KEY",
    "apply_validity",
    "b1_from_layer",
    "companion_by_turns",
    "companion_layers",
    "deviation_limits",
    "error_title",
    "find_errors",
    "find_set",
    "frame_of",
    "hide_companion",
    "is_companion_shown",
    "layer_of_series",
    "maps_of",
    "mask_from_layer",
    "peak_magnitude",
    "pins_layer",
    "pins_of_layer",
    "renew_companions",
    "replace_series",
    "series_layer_data",
    "series_of",
    "show_b1",
    "show_companion",
    "show_component",
    "show_error",
    "show_frame",
    "show_maps",
    "show_maps_by_turns",
    "show_mask",
    "show_pins",
    "show_slice",
    "slice_in_view",
    "voxel_at",
]
