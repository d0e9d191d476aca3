"""Digital objects with known truth, their simulated acquisition, and the samples."""

from __future__ import annotations

from napari_mrf.phantoms.acquire import acquire
from napari_mrf.phantoms.brain import brain
from napari_mrf.phantoms.brain_sample import brain_sample_directory, make_brain_sample
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.sample import make_sample, sample_directory
from napari_mrf.phantoms.thigh import thigh

__all__ = [
    "Phantom",
    "acquire",
    "brain",
    "brain_sample_directory",
    "make_brain_sample",
    "make_sample",
    "sample_directory",
    "thigh",
]
