"""Patches of measured phantoms as training data for networks that look at neighbors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.errors import MRFInputError
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.data.patches_on_device import N_TURNS, PatchesOnDevice, turned
from napari_mrf.training.data.phantom_slices import PhantomSlices

if TYPE_CHECKING:
    from collections.abc import Sequence as Several

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.data.phantom_slices import PhantomSlice
    from napari_mrf.training.recipe import Noise, PhantomImages, Recipe


class PhantomPatches:
    """Patches at random places of measured slices, see `TrainingData`.

    Every epoch draws its places anew: slices in equal shares, and in each every voxel of
    tissue equally often, turned and mirrored at random. Fully sampled slices get new noise at
    every use; undersampled ones have theirs, and their artifacts, from the scan. Tissue alone
    counts in the loss, and all of it alike (Balsiger et al., MedIA 2020, section 2.5: the mean
    squared error of all maps, water T1 in fat included); air enters the network as measured.

    Parameters
    ----------
    slices : sequence of PhantomSlice
        What is cut.
    columns : sequence of int
        Which of their maps are wanted.
    normalization : Normalization
        Scales the maps.
    noise : Noise
        Of fully sampled patches, one level per patch, as a share of the mean norm of tissue.
    n_patches : int
        An epoch.
    patch : int
        Voxels along an edge of the maps of a patch.
    margin : int
        Voxels that its signals are larger on each side.
    seed : int
        Of the places.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` for patches larger than the smallest slice.
    """

    def __init__(
        self,
        slices: Several[PhantomSlice],
        columns: Several[int],
        normalization: Normalization,
        noise: Noise,
        *,
        n_patches: int,
        patch: int,
        margin: int,
        seed: int,
    ) -> None:
        self._slices, self._columns = slices, list(columns)
        self._normalization, self._noise = normalization, noise
        self._n_patches, self._patch, self._margin, self._seed = n_patches, patch, margin, seed
        self._tissue = [np.argwhere(one.inside) for one in slices]
        self._places: NDArray[np.int64] = np.empty((0, 4), np.int64)
        self._on_device: PatchesOnDevice | None = None
        smallest = min(min(one.inside.shape) for one in slices)
        if patch + 2 * margin > smallest:
            raise MRFInputError(
                "bad-recipe", "the patches are larger than the phantoms",
                expected=f"data.patch of {smallest - 2 * margin} or less", found=patch,
                hint="Make the patches smaller, or the matrix larger.",
            )  # fmt: skip
        self.start_epoch(0)

    def __len__(self) -> int:
        return self._n_patches

    def start_epoch(self, epoch: int) -> None:
        """Draw where the patches of an epoch lie."""
        rng = np.random.default_rng([self._seed, epoch])
        places = []
        for index in np.resize(rng.permutation(len(self._slices)), self._n_patches).tolist():
            corner = rng.choice(self._tissue[index]) - rng.integers(self._patch, size=2)
            room = np.array(self._slices[index].inside.shape) - self._patch - self._margin
            places.append([index, *np.clip(corner, self._margin, room), rng.integers(N_TURNS)])
        self._places = np.array(places, dtype=np.int64)

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return patches with their maps and where they show tissue."""
        if generator.device.type != "cpu":
            return self._batch_on_device(rows, generator)
        cuts = [self._cut(*place) for place in self._places[rows.numpy()].tolist()]
        signals = torch.from_numpy(np.stack([one[0] for one in cuts]))
        maps = torch.from_numpy(np.stack([one[1] for one in cuts]))
        counted = torch.from_numpy(np.stack([one[2] for one in cuts]))
        for at, one in enumerate(cuts):
            if not one[3]:
                signals[at] += self._drawn_noise(signals[at].shape, generator)
        return Batch(signals, self._normalization.scaled(maps), counted)

    def _batch_on_device(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return the same patches as on the CPU, with noise of the device's own."""
        device = generator.device
        if self._on_device is None:
            self._on_device = PatchesOnDevice(
                self._slices, self._columns,
                patch=self._patch, margin=self._margin, device=device,
            )  # fmt: skip
        places = torch.from_numpy(self._places[rows.numpy()]).to(device)
        signals, maps, counted, has_noise = self._on_device.cut(places)
        low, high = math.log(self._noise.sigma_lower), math.log(self._noise.sigma_upper)
        share = torch.rand(len(rows), generator=generator, device=device)
        sigma = torch.exp(low + (high - low) * share) * ~has_noise
        noise = torch.randn((*signals.shape, 2), generator=generator, device=device)
        signals = signals + sigma[:, None, None, None] * torch.view_as_complex(noise)
        return Batch(signals, self._normalization.scaled(maps), counted)

    def _cut(
        self, index: int, y: int, x: int, turn: int
    ) -> tuple[NDArray[np.complex64], NDArray[np.float32], NDArray[np.bool_], bool]:
        """Return signals (T, H, W), maps (M, h, w), tissue (h, w), and whether noise is in."""
        one, patch, margin = self._slices[index], self._patch, self._margin
        rows, columns = slice(y, y + patch), slice(x, x + patch)
        around = (slice(y - margin, y + patch + margin), slice(x - margin, x + patch + margin))
        maps = turned(one.maps[rows, columns][..., self._columns], turn)
        return (
            np.ascontiguousarray(np.moveaxis(turned(one.signals[around], turn), -1, 0)),
            np.ascontiguousarray(np.moveaxis(maps, -1, 0)),
            np.ascontiguousarray(turned(one.inside[rows, columns], turn)),
            one.is_undersampled,
        )

    def _drawn_noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        low, high = math.log(self._noise.sigma_lower), math.log(self._noise.sigma_upper)
        sigma = math.exp(low + (high - low) * float(torch.rand((), generator=generator)))
        return sigma * torch.view_as_complex(torch.randn((*shape, 2), generator=generator))


def phantom_data(
    recipe: Recipe,
    data: PhantomImages,
    sequence: Sequence,
    normalization: Normalization,
    info: NetworkInfo,
) -> tuple[PhantomPatches, PhantomPatches]:
    """Return training and validation patches of the kind ``phantoms``.

    The phantoms are made and measured on first use, which takes seconds to a minute each, and
    kept in the cache of the user.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` for a network that looks at single fingerprints, and what
        `PhantomSlices.load` and `PhantomPatches` raise.
    """
    if info.kind != "image":
        raise MRFInputError(
            "bad-recipe", f"{info.name} looks at single fingerprints, not at images",
            found=f'data.kind = "{data.kind}"', hint='Use data.kind = "random".',
        )  # fmt: skip
    seed = recipe.optimisation.seed
    source = PhantomSlices(sequence, data, recipe.noise, seed)
    columns = [sequence.parameters.index(key) for key in recipe.maps]

    def patches(slices: list[PhantomSlice], n_patches: int, places: int) -> PhantomPatches:
        return PhantomPatches(
            slices, columns, normalization, recipe.noise,
            n_patches=n_patches, patch=data.patch, margin=info.margin, seed=places,
        )  # fmt: skip

    return (
        patches(source.load("training", data.slices), data.patches, seed),
        patches(source.load("validation", data.validation_slices), data.validation_patches, seed),
    )
