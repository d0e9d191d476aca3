"""Digital objects with known truth, their simulated acquisition, and the bundled sample."""

from __future__ import annotations

from napari_mrf.phantoms.acquire import acquire
from napari_mrf.phantoms.brain import brain
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.sample import make_sample, sample_directory
from napari_mrf.phantoms.thigh import thigh

__all__ = ["Phantom", "acquire", "brain", "make_sample", "sample_directory", "thigh"]
