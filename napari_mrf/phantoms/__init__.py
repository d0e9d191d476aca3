"""Digital objects with known truth, their simulated acquisition, and the samples."""

from __future__ import annotations

from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.samples.brain import brain_sample_directory, make_brain_sample
from napari_mrf.phantoms.samples.thigh import make_sample, sample_directory
from napari_mrf.phantoms.thigh.phantom import thigh

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
