"""Digital objects with known truth, their simulated acquisition, and the bundled sample.

The public names are imported when first used, so that naming this package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mrf.phantoms.acquire import acquire
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.phantoms.sample import make_sample, sample_directory
    from napari_mrf.phantoms.thigh import thigh

_HOMES = {
    "Phantom": "phantom",
    "acquire": "acquire",
    "make_sample": "sample",
    "sample_directory": "sample",
    "thigh": "thigh",
}

__all__ = ["Phantom", "acquire", "make_sample", "sample_directory", "thigh"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"napari_mrf.phantoms.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'napari_mrf.phantoms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
