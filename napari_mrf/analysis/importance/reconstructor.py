"""The same voxels reconstructed again and again, from fingerprints that are changed in between.

Whatever does not depend on the fingerprints (dictionary, tables, weights) is prepared once. What
a method learns from the series itself (the prior and the noise of refinement) is learned once,
from the unchanged fingerprints: importance asks what a given method does with its input, not
what another method, taught by a damaged series, would do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_mrf.compute.steps import Steps
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.voxel_sample import VoxelSample, reading_slab
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method
    from napari_mrf.reconstruction.slicewise import Voxels


Step = TypeVar("Step")

Values = dict[str, "NDArray[np.float32]"]
"""(N,) by key of the map."""


@dataclass
class Fingerprints:
    """The fingerprints of the chosen voxels that have a usable signal.

    Parameters
    ----------
    places : ndarray
        (3, N) file indices z, y, x.
    signals : ndarray
        (N, T) complex64.
    """

    places: NDArray[np.intp]
    signals: NDArray[np.complex64]


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
    counted : ndarray of bool
        (N,) voxels whose changes count; the others only take part.
    """

    def __init__(self, fingerprints: Fingerprints, n_frames: int) -> None:
        self.places = fingerprints.places
        self.signals = fingerprints.signals
        self.used_frames = np.ones(n_frames, bool)
        self.counted = np.ones(len(self.signals), bool)

    def keep(self, voxels: NDArray[np.bool_] | NDArray[np.intp]) -> None:
        """Go on with some of the voxels only, given by mask or index."""
        self.places, self.signals = self.places[:, voxels], self.signals[voxels]
        self.counted = self.counted[voxels]

    @abstractmethod
    def values(self, step: Step) -> Generator[Step, None, Values]:
        """Reconstruct `signals` as they are now; the first time they must be unchanged.

        Parameters
        ----------
        step : object
            Yielded after each chunk: a chance to cancel.

        Returns
        -------
        dict of str to ndarray
            (N,) float32 by map.
        """


def make_reconstructor(
    method: Method, series: MRFSeries, chosen: NDArray[np.bool_], step: Step
) -> Generator[Step, None, Reconstructor]:
    """Read the fingerprints of the chosen voxels, and return what reconstructs them.

    It is the fast way for methods that look at single fingerprints, else the general one.

    Parameters
    ----------
    method : Method
        Any.
    series : MRFSeries
        What it reconstructs.
    chosen : ndarray of bool
        (Z, Y, X). Voxels whose signal is not finite or constant in time are left out, as in a
        reconstruction.
    step : object
        Yielded while reading: a chance to cancel.
    """
    used = np.zeros(series.n_frames, bool)
    used[method.frames_in(series) if isinstance(method, SlicewiseMethod) else slice(None)] = True
    if isinstance(method, VoxelwiseMethod):
        parts = method.iter_fingerprints(series, chosen)
        found = yield from _gathered(parts, used, step)
        return FingerprintReconstructor(method, used, found)
    signal = yield from _read_whole(series, step)
    found = yield from _gathered(_fingerprints_of(signal, chosen), used, step)
    return SeriesReconstructor(method, replace(series, signal=signal), chosen, found)


def _gathered(
    parts: Iterator[tuple[Voxels, NDArray[np.complex64] | None]],
    used: NDArray[np.bool_],
    step: Step,
) -> Generator[Step, None, Fingerprints]:
    """Return the usable ones of fingerprints that come in parts, None while reading.

    The frames (T,) that are used decide.
    """
    places, signals = [np.zeros((3, 0), np.intp)], [np.zeros((0, used.size), np.complex64)]
    for (z, rows, columns), part in parts:
        if part is not None:
            seen = part[:, used]
            good = np.isfinite(seen).all(axis=1) & ~(seen == seen[:, :1]).all(axis=1)
            places.append(np.stack([np.full(good.sum(), z), rows[good], columns[good]]))
            signals.append(part[good])
        yield step
    return Fingerprints(np.concatenate(places, axis=1), np.concatenate(signals))


def _read_whole(series: MRFSeries, step: Step) -> Generator[Step, None, NDArray[np.complex64]]:
    """Return the series in memory, (T, Z, Y, X)."""
    signal = np.empty(series.signal.shape, np.complex64)
    for z in range(signal.shape[1]):
        reading = Steps(reading_slab(series.signal, z))
        for _ in reading:
            yield step
        signal[:, z] = reading.result
    return signal


def _fingerprints_of(
    signal: NDArray[np.complex64], chosen: NDArray[np.bool_]
) -> Iterator[tuple[Voxels, NDArray[np.complex64]]]:
    for z, of_slice in enumerate(chosen):
        rows, columns = np.nonzero(of_slice)
        yield (z, rows, columns), np.ascontiguousarray(signal[:, z, rows, columns].T)


class FingerprintReconstructor(Reconstructor):
    """For methods that look at one fingerprint at a time: only the chosen voxels are touched.

    Fingerprints go to the method in chunks of its own size, so a method that computes in
    batches gets batches. The phase sign and smoothing in plane come before the caller's
    changes, since they need whole slices; frames left out and averaging in time after them.
    """

    def __init__(
        self, method: VoxelwiseMethod, used: NDArray[np.bool_], fingerprints: Fingerprints
    ) -> None:
        super().__init__(fingerprints, used.size)
        self._method = method
        self.used_frames = used
        self._has_learned = False

    def values(self, step: Step) -> Generator[Step, None, Values]:
        """Reconstruct; see `Reconstructor.values`."""
        method = self._method
        if method.needs_second_pass and not self._has_learned:
            yield from self._learn(step)
        parts = []
        for start in range(0, len(self.signals), method.chunk_size):
            signals = method.condition(self.signals[start : start + method.chunk_size])
            if method.needs_second_pass:
                parts.append(method.improve(signals, method.match(signals)).parameters)
            else:
                parts.append(method.maps_alone(signals))
            yield step
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _learn(self, step: Step) -> Iterator[Step]:
        sample = VoxelSample(len(self.signals))
        for start in range(0, len(self.signals), self._method.chunk_size):
            chunk = self.signals[start : start + self._method.chunk_size]
            signals = self._method.condition(chunk)
            sample.add(signals, self._method.match(signals))
            yield step
        self._method.learn(*sample.collected())
        self._has_learned = True


class SeriesReconstructor(Reconstructor):
    """For methods that look at neighbors: the whole series is reconstructed every time.

    Holds a copy of the series in memory, in which the chosen voxels are exchanged.
    """

    def __init__(
        self,
        method: Method,
        copy: MRFSeries,
        mask: NDArray[np.bool_],
        fingerprints: Fingerprints,
    ) -> None:
        super().__init__(fingerprints, copy.n_frames)
        self._method, self._copy, self._mask = method, copy, mask

    def values(self, step: Step) -> Generator[Step, None, Values]:
        """Reconstruct; see `Reconstructor.values`."""
        z, y, x = self.places
        self._copy.signal[:, z, y, x] = self.signals.T
        for update in self._method.iter_reconstruct(self._copy, self._mask):
            maps = update.maps
            yield step
        return {key: maps[key][z, y, x] for key in self._method.parameters}
