"""Fingerprints out of a series: a slice read in pieces, and an even sample of voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps import FlagBits
from napari_mrf.reconstruction.method import VoxelResult

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

_FRAMES_PER_READ = 25
_SAMPLED_VOXELS = 2000
_VOXELS_OF_SERIES = 300


def reading_slab(
    images: Any, z: int, into: NDArray[np.complex64] | None = None
) -> Generator[None, None, NDArray[np.complex64]]:
    """Read one slice (T, Y, X) of frames or of other images; yields after every few of them.

    A slice of 512 x 512 voxels is 367 MB, which takes a second and more from a disk: who waits
    can cancel in between.

    Parameters
    ----------
    images : ndarray or dask array
        (T, Z, Y, X).
    z : int
        Which slice.
    into : ndarray, optional
        An earlier slice that is done with: fresh memory costs as much time as a small network.
    """
    slab = empty_slab(images) if into is None else into
    for start in range(0, len(slab), _FRAMES_PER_READ):
        slab[start : start + _FRAMES_PER_READ] = images[start : start + _FRAMES_PER_READ, z]
        yield
    return slab


def empty_slab(images: Any) -> NDArray[np.complex64]:
    """Return room for one slice (T, Y, X) of images (T, Z, Y, X)."""
    return np.empty((images.shape[0], *images.shape[2:]), np.complex64)


class SeriesSample:
    """An even sample of the voxels of a series, as measured; taken as slices go by.

    Parameters
    ----------
    chosen : ndarray of bool
        (Z, Y, X) voxels to sample, of which about 300 are kept.
    """

    def __init__(self, chosen: NDArray[np.bool_]) -> None:
        every = np.flatnonzero(chosen)
        n_kept = min(len(every), _VOXELS_OF_SERIES)
        kept = every[np.arange(n_kept) * len(every) // max(n_kept, 1)]
        self._places = np.unravel_index(kept, chosen.shape)
        self._signals: list[NDArray[np.complex64]] = []

    def take(
        self, z: int, slab: NDArray[np.complex64], basis: NDArray[np.complex64] | None = None
    ) -> None:
        """Take what lies in a slice (T, Y, X); each slice once, in rising order.

        Slices (K, Y, X) of coefficients come with their basis (T, K).
        """
        here = self._places[0] == z
        _, rows, columns = (places[here] for places in self._places)
        signals = slab[:, rows, columns] if basis is None else basis @ slab[:, rows, columns]
        self._signals.append(np.ascontiguousarray(signals.T))

    def collected(self) -> NDArray[np.complex64]:
        """Return fingerprints (N, T) of the slices taken."""
        return np.concatenate(self._signals)


class VoxelSample:
    """Every k-th voxel of a series as it goes by, with its first result.

    Parameters
    ----------
    total : int
        Voxels to come; about 2000 of them are kept.
    """

    def __init__(self, total: int) -> None:
        self._step = max(1, total // _SAMPLED_VOXELS)
        self._seen = 0
        self._signals: list[NDArray[np.complex64]] = []
        self._results: list[VoxelResult] = []

    def add(self, signals: NDArray[np.complex64], result: VoxelResult) -> None:
        """Take what falls on the sample; which voxels does not depend on chunks."""
        first = -self._seen % self._step
        self._seen += len(signals)
        if first < len(signals):
            of = slice(first, None, self._step)
            self._signals.append(signals[of].copy())
            self._results.append(result.part(of))

    def collected(self) -> tuple[NDArray[np.complex64], VoxelResult]:
        """Return fingerprints (N, T) and results; empty when nothing had a signal."""
        if not self._signals:
            nothing = np.zeros(0, np.float32)
            return np.zeros((0, 0), np.complex64), VoxelResult(
                {}, nothing, nothing.astype(np.complex64), nothing.astype(FlagBits)
            )
        return np.concatenate(self._signals), VoxelResult.joined(self._results)
