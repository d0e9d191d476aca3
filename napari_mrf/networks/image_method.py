"""Networks that look at a voxel and its neighbors, as reconstruction methods.

Whole slices are estimated, in tiles that overlap by what the network sees around a voxel: there
are no seams, and the maps do not depend on the size of the tiles or on the mask. All voxels of
a slice enter as they were measured, air with its noise too, as in training. Voxels without
signal or with values that are not finite enter as silence (zeros, which canonical
fingerprints of silence are), and so does what lies outside the field of view.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import n_threads
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.networks.method import TrainedMethod
from napari_mrf.networks.tiles import halves, tiles_of
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, Subspace, frames_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.networks.tiles import Tile
    from napari_mrf.reconstruction.method import ReconstructionUpdate
    from napari_mrf.reconstruction.slicewise import Reconstruction

# On a core half a second: a run can be cancelled between two tiles.
_TILE_FLOPS = 4e10
# Of what a network sees on a side: smaller tiles would look at more than twice what they give.
_SMALLEST_SIDE = 5
# Voxels whose patches are looked at together: a hundred keep a core as busy as more, their states
# fit into its caches, and few voxels are computed that nobody wants.
_SIDE_OF_PATCHES = 10


class ImageNetworkMethod(TrainedMethod):
    """Maps by a network that looks at neighbors; see `TrainedMethod` for the parameters."""

    tile_flops: float = _TILE_FLOPS
    """Work of a tile on one core; results do not depend on it."""

    def __init__(self, sequence: Sequence, **options: Any) -> None:
        super().__init__(sequence, **options)
        self._most_voxels: float = math.inf  # that the memory has been seen to hold

    def _fill(self, run: Reconstruction) -> Iterator[ReconstructionUpdate]:
        unlike = self._unlike_training(run)
        if unlike is not None:
            run.warnings.append(unlike)
        subspace = self._subspace_of(run.series)
        slices = self.iter_slices(
            run.series, run.chosen, run.sample, as_coefficients=subspace is not None
        )
        for z, slab in slices:
            if slab is None:
                yield run.update(z)
                continue
            wanted = _silence_unusable(run, z, slab, are_frames=subspace is None)
            yield run.update(z)
            n_voxels = min(self._for_every_core(wanted), self._most_voxels)
            tiles = tiles_of(wanted, self.runner.info, n_voxels)
            seen = slab if subspace is None else subspace.coordinates(slab)
            estimates = self.runner.each(partial(self._of_tile, seen, subspace), tiles)
            for tile, scaled in zip(tiles, estimates, strict=True):
                down, across = np.nonzero(wanted[tile.place])
                rows, columns = down + tile.rows.start, across + tile.columns.start
                values = np.ascontiguousarray(slab[:, rows, columns].T)
                signals = values if subspace is None else Coefficients(values, subspace)
                found = self.runner.judged(signals, scaled[down, across])
                if unlike is not None:
                    found = replace(found, uncertainty={})
                run.filled.store((z, rows, columns), found)
                run.fits.add((z, rows, columns), run.fits.measured(frames_of(signals)))
                run.done += len(signals)
                yield run.update(z)

    def describe_reading(self, series: MRFSeries) -> dict[str, Any]:
        """Return what is used of a series that has coefficients, for the provenance."""
        if self._subspace_of(series) is None:
            return super().describe_reading(series)
        return {"used": "coefficients"}

    def _subspace_of(self, series: MRFSeries) -> Subspace | None:
        """Return the subspace of a series that is read by its coefficients."""
        if series.subspace is None or not self.runner.takes_coefficients:
            return None
        return Subspace(self._basis_of(series.subspace))

    def _unlike_training(self, run: Reconstruction) -> MapsWarning | None:
        """Return why no standard deviations are given, though the network has some."""
        if all(one.deviation is None for one in self.card.maps):
            return None
        if run.series.subspace is not None:
            given = "made in a subspace"
        elif self.conditioning.smooth > 0:
            given = "smoothed"
        else:
            return None
        return MapsWarning(
            "no-deviations",
            f"Standard deviations of {self.card.name} are not given: these images were {given}, "
            "and it learned from gridded ones with all their noise, where it was tested how often "
            "its intervals hold the truth.",
        )

    def _for_every_core(self, wanted: NDArray[np.bool_]) -> float:
        """Return what a tile looks at: less than it may, where cores would have none."""
        most, info = self.runner.n_voxels(self.tile_flops), self.runner.info
        cores, context = n_threads(), max(info.margin, info.reach)
        if self.runner.device.type != "cpu":
            return most
        if info.looks_at_patches:
            most = min(most, (_SIDE_OF_PATCHES + 2 * context) ** 2)
        if cores == 1:
            return most
        side = max(math.sqrt(wanted.sum() / cores), _SMALLEST_SIDE * context)
        return min(most, (side + 2 * context) ** 2)

    def _of_tile(
        self, slab: NDArray[np.complex64], subspace: Subspace | None, tile: Tile
    ) -> NDArray[np.float32]:
        """Return scaled maps (h, w, M); out of memory, of half the tile, then on the CPU."""
        seen = tile.seen(slab)
        scaled = self.runner.scaled(seen, subspace)
        if scaled is not None:
            margin = self.runner.info.margin
            return scaled[tile.rows.output(margin), tile.columns.output(margin)]
        parts = halves(tile, slab.shape[1:], self.runner.info)
        if not parts:
            self.runner.leave_the_gpu()
            return self._of_tile(slab, subspace, tile)
        self._most_voxels = min(self._most_voxels, seen[..., 0].size / 2)
        along = 0 if parts[0].rows != tile.rows else 1
        return np.concatenate([self._of_tile(slab, subspace, part) for part in parts], axis=along)


def _silence_unusable(
    run: Reconstruction, z: int, slab: NDArray[np.complex64], *, are_frames: bool
) -> NDArray[np.bool_]:
    """Set fingerprints that cannot be used to zero, and return the chosen voxels that can.

    A constant fingerprint carries no contrast over time; all zeros are its usual form, and the
    only one that coefficients have to the last bit.
    """
    finite, constant = np.ones((2, *slab.shape[1:]), bool)
    for frame in slab:
        finite &= np.isfinite(frame)
        constant &= frame == (slab[0] if are_frames else 0)
    silent = finite & constant
    chosen = run.chosen[z]
    run.set_aside(z, chosen & ~finite, chosen & silent)
    usable = finite & ~silent
    slab[:, ~usable] = 0
    run.done += int(np.sum(chosen & ~usable))
    wanted: NDArray[np.bool_] = chosen & usable
    return wanted
