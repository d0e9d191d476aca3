"""Measured series and their maps as training data: single fingerprints, or patches of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import pad

from napari_mrf.errors import MRFInputError
from napari_mrf.training.data.batches import Batch, Kept
from napari_mrf.training.data.measured_subject import read_subject

if TYPE_CHECKING:
    from collections.abc import Sequence as Several

    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.data.batches import TrainingData
    from napari_mrf.training.data.measured_subject import MeasuredSubject
    from napari_mrf.training.recipe import MeasuredSeries, Recipe

Place = tuple[int, int, int, int]
"""Subject, slice, and the first row and column of the maps of a patch."""


@dataclass(frozen=True)
class MeasuredFingerprints:
    """Fingerprints of single voxels, see `TrainingData`.

    Parameters
    ----------
    signals : Tensor
        (N, T) complex64.
    maps : Tensor
        (N, M) scaled.
    """

    signals: Tensor
    maps: Tensor
    _kept: Kept = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", Kept(self.signals, self.maps))

    def __len__(self) -> int:
        return len(self.signals)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing: what was measured stays."""

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return fingerprints (N, T) and their maps (N, M); no noise is added."""
        signals, maps = self._kept.on(generator.device)
        rows = rows.to(signals.device)
        return Batch(signals[rows], maps[rows])


class MeasuredPatches:
    """Patches of images with the rim that the network takes off, see `TrainingData`.

    Beyond the edge of an image there is no signal.

    Parameters
    ----------
    subjects : sequence of MeasuredSubject
        Where the patches come from.
    places : sequence of Place
        Which patches.
    patch : int
        Voxels along an edge of the maps.
    margin : int
        Voxels that the network takes off each side.
    """

    def __init__(
        self,
        subjects: Several[MeasuredSubject],
        places: Several[Place],
        patch: int,
        margin: int,
    ) -> None:
        self._subjects, self._places = subjects, places
        self._patch, self._margin = patch, margin

    def __len__(self) -> int:
        return len(self._places)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing: what was measured stays."""

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return images (N, T, H, W), their maps (N, M, h, w) and where they count."""
        parts = [self._patch_at(self._places[int(row)]) for row in rows]
        signals, maps, counted = (
            torch.stack(one).to(generator.device) for one in zip(*parts, strict=True)
        )
        return Batch(signals, maps, counted)

    def _patch_at(self, place: Place) -> tuple[Tensor, Tensor, Tensor]:
        index, z, y, x = place
        subject = self._subjects[index]
        wide = self._patch + 2 * self._margin
        real = torch.view_as_real(subject.signals[z]).movedim(-1, 0)
        signals = _window(real, y - self._margin, x - self._margin, wide)
        return (
            torch.complex(signals[0], signals[1]),
            _window(subject.maps[z], y, x, self._patch),
            _window(subject.counted[z][None], y, x, self._patch)[0],
        )


def _window(image: Tensor, y: int, x: int, size: int) -> Tensor:
    """Return rows y … and columns x … of (…, Y, X), zero beyond the image."""
    inside = image[..., max(y, 0) : y + size, max(x, 0) : x + size]
    left, above = max(-x, 0), max(-y, 0)
    return pad(
        inside, (left, size - left - inside.shape[-1], above, size - above - inside.shape[-2])
    )


def series_data(
    recipe: Recipe,
    data: MeasuredSeries,
    sequence: Sequence,
    normalization: Normalization,
    info: NetworkInfo,
) -> tuple[TrainingData, TrainingData]:
    """Return training and validation data of the kind ``series``.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` when there is too little to hold any out, or patches do not suit the
        network, and what `read_subject` raises.
    """
    if data.patch % info.alignment:
        raise MRFInputError(
            "bad-recipe", f"data.patch does not fit the network {info.name}",
            expected=f"a multiple of {info.alignment} voxels", found=data.patch,
        )  # fmt: skip
    subjects, others = (
        [read_subject(one, recipe.folder, list(recipe.maps), sequence, normalization)
         for one in files]
        for files in (data.subjects, data.validation_subjects)
    )  # fmt: skip
    places = _places(subjects, data.patch)
    if others:
        held_out = _places(others, data.patch)
    else:
        others = subjects
        places, held_out = _parted(places, data.validation_share, recipe.optimisation.seed)
    make = _patches if info.kind == "image" else _fingerprints
    return make(subjects, places, data.patch, info), make(others, held_out, data.patch, info)


def _places(subjects: Several[MeasuredSubject], patch: int) -> list[Place]:
    """Return the patches, edge to edge, in which any voxel counts."""
    return [
        (index, z, y, x)
        for index, subject in enumerate(subjects)
        for z, counted in enumerate(subject.counted)
        for y in range(0, counted.shape[0], patch)
        for x in range(0, counted.shape[1], patch)
        if bool(counted[y : y + patch, x : x + patch].any())
    ]


def _parted(places: list[Place], share: float, seed: int) -> tuple[list[Place], list[Place]]:
    """Hold a share of the patches out: single voxels would be too much like their neighbors."""
    if len(places) < 2:
        raise MRFInputError(
            "bad-recipe", "the series has too few patches to set some aside for validation",
            expected="two or more", found=str(len(places)),
            hint="Name validation_subjects, or make data.patch smaller.",
        )  # fmt: skip
    n_held = min(max(round(share * len(places)), 1), len(places) - 1)
    order = np.random.default_rng(seed).permutation(len(places))
    held = set(order[:n_held].tolist())
    return (
        [place for at, place in enumerate(places) if at not in held],
        [place for at, place in enumerate(places) if at in held],
    )


def _patches(
    subjects: Several[MeasuredSubject], places: list[Place], patch: int, info: NetworkInfo
) -> TrainingData:
    return MeasuredPatches(subjects, places, patch, info.margin)


def _fingerprints(
    subjects: Several[MeasuredSubject], places: list[Place], patch: int, info: NetworkInfo
) -> TrainingData:
    signals, maps = [], []
    for index, z, y, x in places:
        subject = subjects[index]
        window = (slice(y, y + patch), slice(x, x + patch))
        counted = subject.counted[z][window]
        signals.append(subject.signals[z][:, *window][:, counted].T)
        maps.append(subject.maps[z][:, *window][:, counted].T)
    return MeasuredFingerprints(torch.cat(signals), torch.cat(maps))
