"""Training subjects of spatiotemporal matching: phantoms, kept on disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf._version import __version__
from napari_mrf.data.signal_kinds import SIGNAL_KINDS, ByKind
from napari_mrf.dictionary import storage
from napari_mrf.dictionary.cache import cache_directory
from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.phantoms.phantom import Phantom

    Shape = tuple[int, int, int]

_LOGGER = logging.getLogger(__name__)
_KIND = "training subject"
_SIDE_VOXELS = 128
# Away from the small seeds that people measure and train networks with.
_FIRST_SEED = 900_001


@dataclass(frozen=True, eq=False)
class TrainingSubject:
    """The tissue of one training subject.

    Parameters
    ----------
    seed : int
        Of the phantom.
    maps : dict of str to ndarray
        (Z, Y, X) float32 by key, what the kind requires (fields are
        the subject's own); NaN where there is no tissue.
    affine : ndarray
        (4, 4), voxel indices (x, y, z) to mm.
    """

    seed: int
    maps: dict[str, NDArray[np.float32]]
    affine: NDArray[np.float64]


def training_subjects(
    sequence: Sequence, n_subjects: int, n_slices: int, slice_thickness_mm: float
) -> Iterator[TrainingSubject]:
    """Yield people of the anatomy of a kind of sequence, from disk where they are kept.

    Thighs are right and left in turn.

    Parameters
    ----------
    sequence : Sequence
        Decides on the anatomy.
    n_subjects : int
        How many.
    n_slices : int
        Z.
    slice_thickness_mm : float
        Distance of slices.
    """
    for number in range(n_subjects):
        seed = _FIRST_SEED + number
        name = (
            f"{sequence.fingerprint()[:16]}-subject-{seed}-{n_slices}x{slice_thickness_mm:.2f}"
            f"-{__version__}.safetensors"
        )
        yield _cached(sequence, seed, n_slices, slice_thickness_mm, cache_directory() / name)


def _cached(
    sequence: Sequence, seed: int, n_slices: int, slice_thickness_mm: float, path: Path
) -> TrainingSubject:
    keys = SIGNAL_KINDS[sequence.kind].required
    if path.exists():
        try:
            tensors, _ = storage.load(path, kind=_KIND, sequence=sequence)
            with storage.understood(path):
                return TrainingSubject(seed, {key: tensors[key] for key in keys}, tensors["affine"])
        except MRFInputError as error:
            _LOGGER.warning("drawing a cached training subject again: %s", error)
    shape = (n_slices, _SIDE_VOXELS, _SIDE_VOXELS)
    phantom = SUBJECTS[sequence.kind](shape, seed, slice_thickness_mm)
    maps = {
        key: np.where(phantom.foreground, phantom.maps[key], np.nan).astype(np.float32)
        for key in keys
    }
    try:
        tensors = {**maps, "affine": phantom.affine}
        storage.save(path, tensors, kind=_KIND, sequence=sequence, contents=phantom.settings)
    except MRFInputError as error:
        _LOGGER.warning("the training subject could not be cached: %s", error)
    return TrainingSubject(seed, maps, phantom.affine)


def _thigh(shape: Shape, seed: int, slice_thickness_mm: float) -> Phantom:
    side = "right" if seed % 2 else "left"
    return thigh(shape, seed=seed, side=side, slice_thickness_mm=slice_thickness_mm)


def _head(shape: Shape, seed: int, slice_thickness_mm: float) -> Phantom:
    return brain(shape, seed=seed, slice_thickness_mm=slice_thickness_mm)


SUBJECTS: ByKind[Callable[[Shape, int, float], Phantom]] = ByKind(
    "training subject", {"spoiled": _thigh, "fisp": _head}
)
"""Phantom drawn for each kind of sequence, from shape, seed and distance of slices (mm)."""
