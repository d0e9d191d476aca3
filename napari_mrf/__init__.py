"""Magnetic resonance fingerprinting: from a measured series to parameter maps.

The public names are imported when first used, so that ``import napari_mrf`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__

if TYPE_CHECKING:
    import napari_mrf.data.sequences as sequences
    import napari_mrf.methods as methods
    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.parameters import PARAMETERS, Parameter
    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.errors import MRFInputError
    from napari_mrf.imaging.images import make_images
    from napari_mrf.io import load_b1, load_maps, load_raw, load_series, save_maps, save_series
    from napari_mrf.simulation import crlb, simulate

_HOMES = {
    "B1Map": "data.b1_map",
    "MRFInputError": "errors",
    "MRFSeries": "data.series",
    "PARAMETERS": "data.parameters",
    "Parameter": "data.parameters",
    "ParameterMaps": "data.maps",
    "RawData": "data.raw.raw_data",
    "Sequence": "data.sequence",
    "crlb": "simulation",
    "load_b1": "io",
    "load_maps": "io",
    "load_raw": "io",
    "load_series": "io",
    "make_images": "imaging.images",
    "save_maps": "io",
    "save_series": "io",
    "simulate": "simulation",
}
_MODULES = {"methods": "methods", "sequences": "data.sequences"}

__all__ = [
    "PARAMETERS",
    "B1Map",
    "MRFInputError",
    "MRFSeries",
    "Parameter",
    "ParameterMaps",
    "RawData",
    "Sequence",
    "__version__",
    "crlb",
    "load_b1",
    "load_maps",
    "load_raw",
    "load_series",
    "make_images",
    "methods",
    "save_maps",
    "save_series",
    "sequences",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"napari_mrf.{_MODULES[name]}")
    if name in _HOMES:
        return getattr(import_module(f"napari_mrf.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'napari_mrf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
