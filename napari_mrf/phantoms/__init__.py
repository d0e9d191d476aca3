"""Digital objects with known truth, and their simulated acquisition."""

from __future__ import annotations

from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.thigh import thigh

__all__ = ["Phantom", "thigh"]
