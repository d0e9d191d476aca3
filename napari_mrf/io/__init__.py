"""Files in and out: series, masks, maps. One file per format, one line each in `formats.FORMATS`.

The public names are imported when first used, so that naming this package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.io.formats.gzip_cache import clear_unpacked_cache
    from napari_mrf.io.labels.label_maps import LabelMap, load_labels, save_labels
    from napari_mrf.io.labels.label_table import Label, load_label_table, save_label_table
    from napari_mrf.io.labels.masks import load_mask
    from napari_mrf.io.maps.reader import load_maps
    from napari_mrf.io.maps.writer import save_maps
    from napari_mrf.io.series.folders import find_series
    from napari_mrf.io.series.reader import load_series
    from napari_mrf.io.series.writer import save_series
    from napari_mrf.io.tables.fingerprints import save_fingerprints
    from napari_mrf.io.tables.parameter_table import load_parameter_table

_HOMES = {
    "Label": "labels.label_table",
    "LabelMap": "labels.label_maps",
    "atomic_write": "atomic",
    "clear_unpacked_cache": "formats.gzip_cache",
    "find_series": "series.folders",
    "load_label_table": "labels.label_table",
    "load_labels": "labels.label_maps",
    "load_maps": "maps.reader",
    "load_mask": "labels.masks",
    "load_parameter_table": "tables.parameter_table",
    "load_series": "series.reader",
    "save_fingerprints": "tables.fingerprints",
    "save_label_table": "labels.label_table",
    "save_labels": "labels.label_maps",
    "save_maps": "maps.writer",
    "save_series": "series.writer",
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
