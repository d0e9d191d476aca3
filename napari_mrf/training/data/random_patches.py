"""Patches of random slices as training data, made while the network learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.by_kind import RANDOM_SUBJECTS
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.data.random_slices import SliceNumber, SlicePlan
from napari_mrf.training.data.slice_makers import SliceMakers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.data.random_slices import Patch
    from napari_mrf.training.recipe import RandomImages, Recipe


class RandomPatches:
    """Patches of slices that nobody sees twice, see `TrainingData` and `MadeInOrder`.

    A slice is a function of the seed, its role, the epoch and its number, noise included: a
    training that goes on from its checkpoint sees what it would have seen, on any number of
    processes. Patches of a slice go to different batches.

    Parameters
    ----------
    makers : SliceMakers
        Who makes them.
    normalization : Normalization
        Scales the maps.
    role : int
        Of `SliceNumber`.
    n_patches, per_slice : int
        Patches an epoch, and of a slice.
    batch : int
        Patches a step.
    keeps : bool
        Whether patches stay in memory, as those do that every epoch is judged by.
    """

    def __init__(
        self,
        makers: SliceMakers,
        normalization: Normalization,
        *,
        role: int,
        n_patches: int,
        per_slice: int,
        batch: int,
        keeps: bool,
    ) -> None:
        self._makers, self._normalization = makers, normalization
        self._role, self._n_patches, self._per_slice = role, n_patches, per_slice
        self._batch, self._keeps = batch, keeps
        self._epoch = 0
        self._made: dict[int, Patch] = {}
        self._stream: Iterator[list[Patch]] = iter(())
        self._next_slice: int | None = None

    def __len__(self) -> int:
        return self._n_patches

    def start_epoch(self, epoch: int) -> None:
        """Forget the slices of another epoch."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._begin_at(None)

    def order(self) -> Tensor:
        """Return the rows in the order of their slices, those of a slice batches apart."""
        rows = torch.arange(self._n_patches)
        number, patch = rows // self._per_slice, rows % self._per_slice
        apart = -(-self._batch // self._per_slice)
        turn = (number + patch * apart) * self._per_slice + patch
        return torch.argsort(turn, stable=True)

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return patches with their maps and where they count; the noise is their own.

        Any rows at any time; in another order than `order`, or twice, slices are made again.
        """
        patches = [self._patch(row) for row in rows.tolist()]
        signals, maps, counted = (
            torch.from_numpy(np.stack(one)).to(generator.device)
            for one in zip(*patches, strict=True)
        )
        return Batch(signals, self._normalization.scaled(maps), counted)

    def close(self) -> None:
        """End the processes."""
        self._begin_at(None)
        self._makers.close()

    def _patch(self, row: int) -> Patch:
        wanted = row // self._per_slice
        if row not in self._made and (self._next_slice is None or wanted < self._next_slice):
            self._begin_at(wanted)
        while row not in self._made:
            assert self._next_slice is not None  # noqa: S101 - begun above
            first = self._next_slice * self._per_slice
            self._made.update(enumerate(next(self._stream), first))
            self._next_slice += 1
        return self._made[row] if self._keeps else self._made.pop(row)

    def _begin_at(self, number: int | None) -> None:
        """Make slices from a number on; None makes none."""
        if not self._keeps or number is None:
            self._made.clear()
        close = getattr(self._stream, "close", None)
        if close is not None:  # what is under way is dropped
            close()
        self._next_slice = number
        n_slices = -(-self._n_patches // self._per_slice)
        to_make = range(n_slices if number is None else number, n_slices)
        self._stream = self._makers.slices(
            SliceNumber(self._role, self._epoch, one) for one in to_make
        )


def random_images(
    recipe: Recipe,
    data: RandomImages,
    sequence: Sequence,
    normalization: Normalization,
    info: NetworkInfo,
    *,
    workers: int | None = None,
) -> tuple[RandomPatches, RandomPatches]:
    """Return training and validation patches of the kind ``random`` for networks on images.

    Parameters
    ----------
    recipe, data, sequence, normalization, info
        As all kinds of data have them.
    workers : int, optional
        Processes, see `SliceMakers`.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` for patches that do not suit the network or do not fit into a slice, and
        ``"wrong-sequence"`` where there is no random subject for the kind.
    """
    if data.patch % info.alignment:
        raise MRFInputError(
            "bad-recipe", f"data.patch does not fit the network {info.name}",
            expected=f"a multiple of {info.alignment} voxels", found=data.patch,
        )  # fmt: skip
    if data.patch + 2 * info.margin > data.matrix_lower:
        raise MRFInputError(
            "bad-recipe", "the patches are larger than the slices",
            expected=f"data.patch of {data.matrix_lower - 2 * info.margin} or less",
            found=data.patch, hint="Make the patches smaller, or data.matrix_lower larger.",
        )  # fmt: skip
    RANDOM_SUBJECTS[sequence.kind]  # or an error
    ranges = {key: (one.lower, one.upper) for key, one in recipe.maps.items()}
    plan = SlicePlan(sequence, data, recipe.noise, ranges, info.margin, recipe.optimisation.seed)
    makers = SliceMakers(plan, workers)

    def patches(role: int, n_patches: int) -> RandomPatches:
        return RandomPatches(
            makers, normalization, role=role, n_patches=n_patches,
            per_slice=plan.per_slice(role), batch=recipe.optimisation.batch, keeps=role == 1,
        )  # fmt: skip

    return patches(0, data.patches), patches(1, data.validation_patches)
