"""Files in and out: series, masks, maps. One file per format, one line each in `formats.FORMATS`.

The public names are imported when first used, so that naming this package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.io.cohort import find_series
    from napari_mrf.io.fingerprints import save_fingerprints
    from napari_mrf.io.label_maps import LabelMap, load_labels, save_labels
    from napari_mrf.io.label_table import Label, load_label_table, save_label_table
    from napari_mrf.io.maps_reader import load_maps
    from napari_mrf.io.maps_writer import save_maps
    from napari_mrf.io.masks import load_mask
    from napari_mrf.io.parameter_table import load_parameter_table
    from napari_mrf.io.series_reader import load_series
    from napari_mrf.io.series_writer import save_series
    from napari_mrf.io.unpack import clear_unpacked_cache

_HOMES = {
    "Label": "label_table",
    "LabelMap": "label_maps",
    "atomic_write": "atomic",
    "clear_unpacked_cache": "unpack",
    "find_series": "cohort",
    "load_label_table": "label_table",
    "load_labels": "label_maps",
    "load_maps": "maps_reader",
    "load_mask": "masks",
    "load_parameter_table": "parameter_table",
    "load_series": "series_reader",
    "save_fingerprints": "fingerprints",
    "save_label_table": "label_table",
    "save_labels": "label_maps",
    "save_maps": "maps_writer",
    "save_series": "series_writer",
}

__all__ = [
    "Label",
    "LabelMap",
    "atomic_write",
    "clear_unpacked_cache",
    "find_series",
    "load_label_table",
    "load_labels",
    "load_maps",
    "load_mask",
    "load_parameter_table",
    "load_series",
    "save_fingerprints",
    "save_label_table",
    "save_labels",
    "save_maps",
    "save_series",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"napari_mrf.io.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'napari_mrf.io' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
