"""Files in and out: series, masks, maps. One file per format, one line each in `formats.FORMATS`.

The public names are imported when first used, so that naming this package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mrf.data.label import Label
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.io.bids.dataset import BidsSeries, find_bids_series
    from napari_mrf.io.bids.scan_writer import Regions, ScanTarget
    from napari_mrf.io.dicom.identity import load_identity
    from napari_mrf.io.formats.gzip_cache import clear_unpacked_cache
    from napari_mrf.io.labels.label_maps import LabelMap, load_labels, save_labels
    from napari_mrf.io.labels.label_table import load_label_table, save_label_table
    from napari_mrf.io.labels.masks import load_mask
    from napari_mrf.io.maps.b1 import load_b1, resample_b1
    from napari_mrf.io.maps.reader import load_maps
    from napari_mrf.io.maps.writer import save_maps
    from napari_mrf.io.raw.reader import is_raw, load_raw
    from napari_mrf.io.series.folders import find_series
    from napari_mrf.io.series.reader import load_series
    from napari_mrf.io.series.writer import save_series
    from napari_mrf.io.tables.fingerprints import save_fingerprints
    from napari_mrf.io.tables.parameter_table import load_parameter_table

_HOMES = {
    "BidsSeries": "io.bids.dataset",
    "Label": "data.label",
    "LabelMap": "io.labels.label_maps",
    "Regions": "io.bids.scan_writer",
    "ScanTarget": "io.bids.scan_writer",
    "atomic_write": "io.atomic",
    "clear_unpacked_cache": "io.formats.gzip_cache",
    "find_bids_series": "io.bids.dataset",
    "find_series": "io.series.folders",
    "is_raw": "io.raw.reader",
    "load_b1": "io.maps.b1",
    "load_identity": "io.dicom.identity",
    "load_label_table": "io.labels.label_table",
    "load_labels": "io.labels.label_maps",
    "load_maps": "io.maps.reader",
    "load_mask": "io.labels.masks",
    "load_parameter_table": "io.tables.parameter_table",
    "load_raw": "io.raw.reader",
    "load_series": "io.series.reader",
    "resample_b1": "io.maps.b1",
    "save_fingerprints": "io.tables.fingerprints",
    "save_label_table": "io.labels.label_table",
    "save_labels": "io.labels.label_maps",
    "save_maps": "io.maps.writer",
    "save_series": "io.series.writer",
}

__all__ = [
    "BidsSeries",
    "Label",
    "LabelMap",
    "Regions",
    "ScanTarget",
    "atomic_write",
    "clear_unpacked_cache",
    "find_bids_series",
    "find_series",
    "is_raw",
    "load_b1",
    "load_identity",
    "load_label_table",
    "load_labels",
    "load_maps",
    "load_mask",
    "load_parameter_table",
    "load_raw",
    "load_series",
    "resample_b1",
    "save_fingerprints",
    "save_label_table",
    "save_labels",
    "save_maps",
    "save_series",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"napari_mrf.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'napari_mrf.io' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
