"""Slices on their way through the iterations, a few of them in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_mrf.compute.steps import Steps
from napari_mrf.data.maps import FLAGS, FlagBits
from napari_mrf.reconstruction.method import VoxelResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.matching.spatiotemporal.patch_search import Candidates, PatchSearch
    from napari_mrf.matching.spatiotemporal.similarity import Similarity, SliceFeatures
    from napari_mrf.reconstruction.method import ReconstructionUpdate
    from napari_mrf.reconstruction.slicewise import Reconstruction

ITERATIONS = 2
"""Rounds; from the second on the maps of the previous one have a say."""

_VOXELS_AT_ONCE = 1024


class Pipeline:
    """Takes slices in rising order; finishes each as soon as its neighbors are far enough.

    What a voxel gets does not depend on which others are wanted: all tissue around it takes
    part. Wanted voxels outside the tissue keep the values of the matcher.

    Parameters
    ----------
    similarity : Similarity
        Prepared.
    search : PatchSearch
        Of the series' grid.
    run : Reconstruction
        Its maps are filled.
    tissue : ndarray
        (Z, Y, X) bool voxels that take part, whether they are wanted or not.
    """

    def __init__(
        self,
        similarity: Similarity[Any, Any],
        search: PatchSearch,
        run: Reconstruction,
        tissue: NDArray[np.bool_],
    ) -> None:
        self._similarity, self._search, self._run = similarity, search, run
        self._tissue = tissue
        wanted = np.asarray(run.chosen.any(axis=(1, 2)))
        # An iteration looks one slice further.
        near = [wanted]
        for _ in range(ITERATIONS):
            near.insert(0, np.asarray(ndimage.binary_dilation(near[0])))
        self.looked_at = (tissue & near[0][:, None, None]) | run.chosen
        """(Z, Y, X) bool voxels whose fingerprints are read."""
        self._read = {int(z) for z in np.flatnonzero(self.looked_at.any(axis=(1, 2)))}
        self._waiting = [{int(z) for z in np.flatnonzero(one)} & self._read for one in near[1:]]
        self._features: dict[int, SliceFeatures] = {}
        # By iteration but the last: the maps that its slices have after it.
        self._maps: list[dict[int, NDArray[np.float32]]] = [{} for _ in range(ITERATIONS - 1)]
        self._steps = 0
        self._all_steps = sum(search.n_steps(z) for waiting in self._waiting for z in waiting)
        self._all_steps += sum(_chunks(int(self.looked_at[z].sum())) for z in self._read)
        self.outside = 0
        """Wanted voxels of tissue that no training subject covers."""

    def taking(self, z: int, slab: NDArray[np.complex64]) -> Iterator[ReconstructionUpdate]:
        """Take in a slice (T, Y, X) and finish what can be finished."""
        yield from self._compared(z, slab)
        for iteration in range(ITERATIONS):
            for ready in sorted(self._waiting[iteration]):
                if self._is_ready(ready, iteration):
                    yield from self._iterated(ready, iteration)
                    self._waiting[iteration].remove(ready)
        for old in [one for one in self._features if one < z - ITERATIONS]:
            del self._features[old]

    def _update(self, z: int) -> ReconstructionUpdate:
        """Count a step, and return how far that is in voxels."""
        run = self._run
        self._steps = min(self._steps + 1, self._all_steps)
        run.done = run.counts["voxels"] * self._steps // self._all_steps
        return run.update(z)

    def _compared(self, z: int, slab: NDArray[np.complex64]) -> Iterator[ReconstructionUpdate]:
        """Keep what fingerprints are compared by, and what the matcher says of them."""
        read = self._usable(z, slab)
        rows, columns = np.nonzero(read)
        matcher, found, kept = self._similarity.matcher, [], []
        for start in range(0, len(rows), _VOXELS_AT_ONCE):
            of = slice(start, start + _VOXELS_AT_ONCE)
            signals = matcher.condition(np.ascontiguousarray(slab[:, rows[of], columns[of]].T))
            kept.append(signals)
            found.append(matcher.match(signals))
            self._run.fits.add((z, rows[of], columns[of]), self._run.fits.measured(signals))
            yield self._update(z)
        if not found:
            self._read.discard(z)
            for waiting in self._waiting:
                waiting.discard(z)
            return
        signals, result = np.concatenate(kept), VoxelResult.joined(found)
        seen = read & self._tissue[z]
        self._features[z] = self._similarity.features(signals, result, read, seen)

    def _usable(self, z: int, slab: NDArray[np.complex64]) -> NDArray[np.bool_]:
        """Return the voxels that can be read; flag and count wanted ones that cannot."""
        wanted = self._run.chosen[z]
        finite = np.isfinite(slab).all(axis=0)
        # A constant fingerprint carries no contrast over time; all zeros are its usual form.
        silent = finite & (slab == slab[0]).all(axis=0)
        self._run.set_aside(z, wanted & ~finite, wanted & silent)
        return np.asarray(self.looked_at[z] & finite & ~silent)

    def _neighbors(self, z: int) -> list[int]:
        return [one for one in (z - 1, z, z + 1) if one in self._read]

    def _is_ready(self, z: int, iteration: int) -> bool:
        before = self._maps[iteration - 1] if iteration else self._features
        return all(one in before for one in self._neighbors(z))

    def _iterated(self, z: int, iteration: int) -> Iterator[ReconstructionUpdate]:
        last = iteration == ITERATIONS - 1
        features = {one: self._features[one] for one in self._neighbors(z)}
        here = features[z]
        wanted = here.seen & self._run.chosen[z] if last else here.seen
        maps = self._maps[iteration - 1] if iteration else None
        searching = Steps(self._search.searching(z, wanted, features, maps))
        for _ in searching:
            yield self._update(z)
        candidates = searching.result
        merged = {
            key: np.where(candidates.count > 0, values, here.own[key])
            for key, values in candidates.maps.items()
        }
        if last:
            self._finish(z, merged, wanted, candidates)
        else:
            self._maps[iteration][z] = np.nan_to_num(self._search.scaled(merged))

    def _finish(
        self,
        z: int,
        merged: dict[str, NDArray[np.float32]],
        compared: NDArray[np.bool_],
        candidates: Candidates,
    ) -> None:
        here = self._features[z]
        rows, columns = np.nonzero(here.read & self._run.chosen[z])
        at = (rows, columns)
        values = {key: image[at].astype(np.float32) for key, image in merged.items()}
        quality, m0 = self._similarity.judged(here, at, values)
        every = {key: here.own[key][at] for key in here.own} | values
        keys = tuple(self._run.filled.maps)
        # Averages of tissue lie on no edge; what is the matcher's own does as it says.
        averaged = sum(FLAGS[f"{key}-edge"] for key in merged)
        flags = here.flags[at]
        flags[candidates.count[at] > 0] &= ~FlagBits(averaged)
        if "PD" in keys:
            every["PD"] = np.abs(m0)
        result = VoxelResult(
            parameters={key: every[key] for key in keys},
            quality=quality,
            m0=m0,
            flags=flags,
        )
        self._run.filled.store((z, rows, columns), result)
        self.outside += int(np.sum(compared & (candidates.count == 0)))


def _chunks(n_voxels: int) -> int:
    return -(-n_voxels // _VOXELS_AT_ONCE)
