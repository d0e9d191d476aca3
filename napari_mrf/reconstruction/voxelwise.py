"""The base of all methods that look at one fingerprint at a time.

It leaves out what is no signal, hands blocks of fingerprints to the method, and fills the maps.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_mrf.compute.blocks import padded
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, Subspace, frames_of
from napari_mrf.reconstruction.voxel_sample import VoxelSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.maps_warning import MapsWarning
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.data.subspace_signal import SubspaceSignal
    from napari_mrf.reconstruction.conditioning import Conditioning
    from napari_mrf.reconstruction.method import ReconstructionUpdate, VoxelResult
    from napari_mrf.reconstruction.slicewise import Reconstruction, Voxels
    from napari_mrf.reconstruction.subspace.coefficients import Signals
    from napari_mrf.reconstruction.voxel_noise import VoxelNoise
    from napari_mrf.reconstruction.voxel_sample import SeriesSample

    Chunk: TypeAlias = tuple[Voxels, Signals | None]
    """Places of some voxels and their fingerprints: None while a slice is being read."""

_ROWS_AVERAGED = 256


@dataclass(frozen=True, eq=False)
class Matched:
    """What was found in a chunk of N voxels.

    Parameters
    ----------
    where : Voxels
        The chunk.
    not_finite, silent : ndarray of bool
        (N,) voxels that give no values.
    at : Voxels
        The M others.
    frames : ndarray
        (M, T) their fingerprints.
    result : VoxelResult or None
        None where there are no others.
    noise : tuple of ndarray or None
        See `PoorFits.measured`.
    """

    where: Voxels
    not_finite: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    at: Voxels
    frames: NDArray[np.complex64]
    result: VoxelResult | None = None
    noise: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


class VoxelwiseMethod(SlicewiseMethod):
    """A method whose result in a voxel depends on that voxel's fingerprint alone.

    Parameters
    ----------
    sequence : Sequence
        That of the series.
    conditioning : Conditioning, optional
        Frames used, averaging in time and in plane, sign of the phase.
    """

    chunk_size: int = 512
    """Fingerprints handed to `match` at once; results do not depend on it."""

    workers: int | None = None
    """Threads that a chunk may take, all cores by default; 1 where several are under way."""

    matches_coefficients: bool = False
    """Whether `match` takes `Coefficients` too, without making frames of them."""
    improves_coefficients: bool = False
    """Whether `improve` does."""

    def __init__(self, sequence: Sequence, conditioning: Conditioning | None = None) -> None:
        super().__init__(sequence, conditioning)
        averaging = self.conditioning.averaging(sequence)
        self._averaging = None if averaging is None else averaging.T.astype(np.float32)

    @property
    def needs_second_pass(self) -> bool:
        """Whether `improve` follows once every voxel has been matched."""
        return False

    def learn(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Learn from a sample of voxels and their first results, before the second pass."""

    def noise_at(self, series: MRFSeries, where: Voxels) -> VoxelNoise | None:
        """Return what is known of the noise at some voxels of a slice, for `improve`."""
        return None

    def improve(
        self,
        signals: Signals,
        found: VoxelResult,
        noise: VoxelNoise | None = None,
    ) -> VoxelResult:
        """Estimate (N, T) fingerprints again, from the first pass' results."""
        return found

    def review(self, signals: NDArray[np.complex64], found: VoxelResult) -> list[MapsWarning]:
        """Look at a sample of voxels once all are matched; return what a user should read."""
        return []

    @abstractmethod
    def match(self, signals: Any) -> VoxelResult:
        """Estimate the parameters of (N, T) finite, non-zero, conditioned fingerprints.

        They are `Signals` where the method `matches_coefficients`, else frames.
        """

    def match_with_b1(self, signals: Any, b1: NDArray[np.float32]) -> VoxelResult:
        """Estimate like `match`, with relative B1 (N,) held where it is not NaN.

        Only methods with a `b1_range` are asked to.
        """
        raise NotImplementedError

    def maps_alone(self, signals: NDArray[np.complex64]) -> dict[str, NDArray[np.float32]]:
        """Return the parameters that `match` gives, by key; quality, M0 and flags may be spared."""
        return self.match(signals).parameters

    def condition(self, signals: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Keep and average frames of (N, n_frames) fingerprints, as the atoms have been."""
        if signals.shape[1] != self._kept.size:
            signals = signals[:, self._kept]
        if self._averaging is None:
            return signals
        # In blocks of one size: products of matrices depend on it in the last bit.
        blocks = [
            (padded(signals[start : start + _ROWS_AVERAGED], _ROWS_AVERAGED) @ self._averaging)
            for start in range(0, len(signals), _ROWS_AVERAGED)
        ]
        return np.concatenate(blocks)[: len(signals)].astype(np.complex64)

    def conditioned_basis(self, subspace: SubspaceSignal) -> NDArray[np.complex64]:
        """Return the basis (T, K) of the frames that `match` gets."""
        return self.condition(np.ascontiguousarray(self._basis_of(subspace).T)).T

    def describe_reading(self, series: MRFSeries) -> dict[str, Any]:
        """Return what matching and refining used of a series that has coefficients."""
        if series.subspace is None:
            return {}
        words = {False: "frames", True: "coefficients"}
        used = {"matching": words[self.matches_coefficients]}
        if self.needs_second_pass:
            used["refining"] = words[self.improves_coefficients]
        return {"used": used}

    def _fill(self, run: Reconstruction) -> Iterator[ReconstructionUpdate]:
        sample = VoxelSample(run.counts["voxels"])
        of = run.series.subspace
        subspace = None if of is None else Subspace(self.conditioned_basis(of))
        chunks = self._chunks(run.series, run.chosen, subspace, run.sample)
        for matched in self._each(partial(self._match, run), chunks):
            if matched.result is not None:
                run.filled.store(matched.at, matched.result)
                run.fits.add(matched.at, matched.noise)
                sample.add(matched.frames, matched.result)
            run.set_aside(matched.where, matched.not_finite, matched.silent)
            run.done += len(matched.silent)
            yield run.update(matched.where[0])
        if self.needs_second_pass:
            self.learn(*sample.collected())
            run.done = 0
            improvable = run.chosen & np.isfinite(run.filled.maps[self.parameters[0]])
            for where, signals in self._chunks(run.series, improvable, subspace):
                if signals is not None:
                    some = signals if self.improves_coefficients else frames_of(signals)
                    found = run.filled.stored(where, run.b1)
                    noise = self.noise_at(run.series, where)
                    run.filled.store(where, self.improve(some, found, noise))
                    run.done += len(signals)
                yield run.update(where[0], stage="refining")
        run.warnings += self.review(*sample.collected())

    def _each(self, work: Callable[[Chunk], Matched], chunks: Iterator[Chunk]) -> Iterator[Matched]:
        """Yield `work` of all chunks, in their order; they do not depend on each other."""
        yield from map(work, chunks)

    def _chunks(
        self,
        series: MRFSeries,
        chosen: NDArray[np.bool_],
        subspace: Subspace | None,
        sample: SeriesSample | None = None,
    ) -> Iterator[Chunk]:
        """Yield `iter_fingerprints`, conditioned: as coefficients where there is a subspace."""
        has_one = subspace is not None
        for where, rows in self.iter_fingerprints(series, chosen, sample, as_coefficients=has_one):
            if rows is None:
                yield where, None
            else:
                yield where, Coefficients(rows, subspace) if subspace else self.condition(rows)

    def iter_fingerprints(
        self,
        series: MRFSeries,
        chosen: NDArray[np.bool_],
        sample: SeriesSample | None = None,
        *,
        as_coefficients: bool = False,
    ) -> Iterator[tuple[Voxels, NDArray[np.complex64] | None]]:
        """Yield places and fingerprints of the chosen voxels, one slice in memory at a time.

        The sign of the phase and smoothing in plane are applied; frames are as measured, and
        `condition` is for `match` still to be called. While a slice is being read, places
        without fingerprints are yielded: a chance to cancel.

        Parameters
        ----------
        series : MRFSeries
            (T, Z, Y, X).
        chosen : ndarray of bool
            (Z, Y, X).
        sample : SeriesSample, optional
            Given its voxels of every slice.
        as_coefficients : bool
            Yield (N, K) coefficients, of `conditioned_basis` once conditioned.
        """
        slices = self.iter_slices(series, chosen, sample, as_coefficients=as_coefficients)
        for z, slab in slices:
            rows, columns = np.nonzero(chosen[z])
            if slab is None:
                yield (z, rows[:0], columns[:0]), None
                continue
            for start in range(0, len(rows), self.chunk_size):
                part = slice(start, start + self.chunk_size)
                signals = np.ascontiguousarray(slab[:, rows[part], columns[part]].T)
                yield (z, rows[part], columns[part]), signals

    def _match(self, run: Reconstruction, chunk: Chunk) -> Matched:
        """Match one chunk; the run is only looked at."""
        where, signals = chunk
        z, rows, columns = where
        if signals is None:
            none = np.zeros(0, bool)
            return Matched(where, none, none, where, np.zeros((0, 0), np.complex64))
        frames = frames_of(signals)
        finite = norms_of(frames) > 0.0
        finite[~finite] = np.isfinite(frames[~finite]).all(axis=1)
        # A constant fingerprint carries no contrast over time; all zeros are its usual form.
        silent = finite & (frames[:, -1] == frames[:, 0])
        silent[silent] = (frames[silent] == frames[silent, :1]).all(axis=1)
        good = finite & ~silent
        at = where
        if not good.all():
            at, frames, signals = (z, rows[good], columns[good]), frames[good], signals[good]
        if not len(frames):
            return Matched(where, ~finite, silent, at, frames)
        some = signals if self.matches_coefficients else frames
        result = self._matched(some, None if run.b1 is None else run.b1[at])
        noise = run.fits.measured(frames, self.workers)
        return Matched(where, ~finite, silent, at, frames, result, noise)

    def _matched(self, signals: Signals, b1: NDArray[np.float32] | None) -> VoxelResult:
        return self.match(signals) if b1 is None else self.match_with_b1(signals, b1)
