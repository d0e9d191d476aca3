"""The same voxels reconstructed again and again, from fingerprints that are changed in between.

Whatever does not depend on the fingerprints (dictionary, tables, weights) is prepared once. What
a method learns from the series itself (the prior and the noise of refinement) is learned once,
from the unchanged fingerprints: importance asks what a given method does with its input, not
what another method, taught by a damaged series, would do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.steps import Steps
from napari_mrf.reconstruction.voxel_sample import VoxelSample, reading_slab
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method
    from napari_mrf.reconstruction.slicewise import Voxels

    Fingerprints = Iterator[tuple[Voxels, NDArray[np.complex64] | None]]

Values = dict[str, "NDArray[np.float32]"]
"""(N,) by key of the map."""


class Reconstructor(ABC):
    """Reconstructs chosen voxels of a series from fingerprints that a caller changes.

    Attributes
    ----------
    places : ndarray
        (3, N) file indices z, y, x of the voxels that have a usable signal.
    signals : ndarray
        (N, T) complex64; changed in place by the caller.
    used_frames : ndarray of bool
        (T,) frames that the method looks at.
    """

    def __init__(self, method: Method, series: MRFSeries) -> None:
        self.method = method
        self.series = series
        self.places: NDArray[np.intp] = np.zeros((3, 0), np.intp)
        self.signals: NDArray[np.complex64] = np.zeros((0, series.n_frames), np.complex64)
        self.used_frames = np.ones(series.n_frames, bool)

    def gather(self, chosen: NDArray[np.bool_]) -> Generator[None, None, None]:
        """Read the fingerprints of the voxels chosen in a (Z, Y, X) mask.

        Those that are not finite or constant in time are left out, as in a reconstruction.
        """
        places, signals = [], []
        for where, part in self._read(chosen):
            if part is not None:
                good = np.isfinite(part).all(axis=1) & ~(part == part[:, :1]).all(axis=1)
                z, rows, columns = where
                places.append(np.stack([np.full(good.sum(), z), rows[good], columns[good]]))
                signals.append(part[good])
            yield
        if places:
            self.places = np.concatenate(places, axis=1)
            self.signals = np.concatenate(signals)

    @abstractmethod
    def _read(self, chosen: NDArray[np.bool_]) -> Fingerprints:
        """Yield places and fingerprints; None while reading."""

    @abstractmethod
    def values(self) -> Generator[None, None, Values]:
        """Reconstruct `signals` as they are now; the first time they must be unchanged.

        Returns
        -------
        dict of str to ndarray
            (N,) float32 by map.
        """


def make_reconstructor(method: Method, series: MRFSeries, mask: NDArray[np.bool_]) -> Reconstructor:
    """Return the fast way for methods that look at single fingerprints, else the general one.

    Parameters
    ----------
    method : Method
        Any.
    series : MRFSeries
        What it reconstructs.
    mask : ndarray of bool
        (Z, Y, X) the chosen voxels.
    """
    if isinstance(method, VoxelwiseMethod):
        return FingerprintReconstructor(method, series)
    return SeriesReconstructor(method, series, mask)


class FingerprintReconstructor(Reconstructor):
    """For methods that look at one fingerprint at a time: only the chosen voxels are touched.

    Fingerprints go to the method in chunks of its own size, so a method that computes in
    batches gets batches. The phase sign and smoothing in plane come before the caller's
    changes, since they need whole slices; frames left out and averaging in time after them.
    """

    def __init__(self, method: VoxelwiseMethod, series: MRFSeries) -> None:
        super().__init__(method, series)
        self._method = method
        kept = method.conditioning.kept_frames(method.sequence)
        if series.n_frames != kept.size:  # a truncated scan holds the kept frames only
            self.used_frames[:] = False
            self.used_frames[kept] = True
        self._has_learned = False

    def _read(self, chosen: NDArray[np.bool_]) -> Fingerprints:
        yield from self._method.iter_fingerprints(self.series, chosen)

    def values(self) -> Generator[None, None, Values]:
        """Reconstruct; see `Reconstructor.values`."""
        method = self._method
        if method.needs_second_pass and not self._has_learned:
            yield from self._learn()
        parts = []
        for start in range(0, len(self.signals), method.chunk_size):
            signals = method.condition(self.signals[start : start + method.chunk_size])
            if method.needs_second_pass:
                parts.append(method.improve(signals, method.match(signals)).parameters)
            else:
                parts.append(method.maps_alone(signals))
            yield
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _learn(self) -> Generator[None, None, None]:
        sample = VoxelSample(len(self.signals))
        for start in range(0, len(self.signals), self._method.chunk_size):
            chunk = self.signals[start : start + self._method.chunk_size]
            signals = self._method.condition(chunk)
            sample.add(signals, self._method.match(signals))
            yield
        self._method.learn(*sample.collected())
        self._has_learned = True


class SeriesReconstructor(Reconstructor):
    """For methods that look at neighbors: the whole series is reconstructed every time.

    Holds a copy of the series in memory, in which the chosen voxels are exchanged.
    """

    def __init__(self, method: Method, series: MRFSeries, mask: NDArray[np.bool_]) -> None:
        super().__init__(method, series)
        self._mask = mask
        self._copy: MRFSeries | None = None

    def _read(self, chosen: NDArray[np.bool_]) -> Fingerprints:
        signal = np.empty(self.series.signal.shape, np.complex64)
        for z in range(len(chosen)):
            rows, columns = np.nonzero(chosen[z])
            reading = Steps(reading_slab(self.series, z))
            for _ in reading:
                yield (z, rows[:0], columns[:0]), None
            slab = reading.result
            signal[:, z] = slab
            yield (z, rows, columns), np.ascontiguousarray(slab[:, rows, columns].T)
        self._copy = replace(self.series, signal=signal)

    def values(self) -> Generator[None, None, Values]:
        """Reconstruct; see `Reconstructor.values`."""
        assert self._copy is not None  # noqa: S101 - gathered before
        z, y, x = self.places
        self._copy.signal[:, z, y, x] = self.signals.T
        update = None
        for update in self.method.iter_reconstruct(self._copy, self._mask):  # noqa: B007
            yield
        if update is None:
            raise RuntimeError(f"the method {self.method.name} gave no maps")
        return {key: update.maps[key][z, y, x] for key in self.method.parameters}
