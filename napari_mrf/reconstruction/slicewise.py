"""The base of all methods: reads a series slice by slice, and records what was done.

Each method treats a slice in its own way: `voxelwise` hands single fingerprints on, methods of
images tiles. Memory stays bounded by one slice.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.steps import Steps, result_of
from napari_mrf.data.maps import FLAGS, FlagBits, ParameterMaps
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.conditioning import Conditioning, fewest_frames
from napari_mrf.reconstruction.edges import EdgeWords
from napari_mrf.reconstruction.foreground import choosing_voxels
from napari_mrf.reconstruction.frame_contents import FrameContents
from napari_mrf.reconstruction.held_b1 import checked_b1, held_b1
from napari_mrf.reconstruction.method import Method, ReconstructionUpdate, VoxelResult
from napari_mrf.reconstruction.poor_fit import PoorFits
from napari_mrf.reconstruction.provenance import reconstruction_record
from napari_mrf.reconstruction.voxel_sample import SeriesSample, empty_slab, reading_slab
from napari_mrf.reconstruction.warnings import edge_warnings, scale_warnings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps_warning import MapsWarning
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.data.subspace_signal import SubspaceSignal

Voxels = tuple[int, "NDArray[np.intp]", "NDArray[np.intp]"]
"""Places in one slice: z, rows, columns."""

_FRAMES_CONDITIONED = 10


@dataclass(frozen=True, eq=False)
class FilledMaps:
    """Maps that are being filled, and those of their arrays that any reconstruction fills.

    Parameters
    ----------
    maps : ParameterMaps
        NaN where nothing has been found yet.
    quality, m0, flags : ndarray
        (Z, Y, X), those of `maps`.
    """

    maps: ParameterMaps
    quality: NDArray[np.float32]
    m0: NDArray[np.complex64]
    flags: NDArray[np.uint16]

    @classmethod
    def empty(cls, keys: tuple[str, ...], series: MRFSeries) -> FilledMaps:
        """Return maps of some parameters, on the grid of a series, without values."""
        shape = series.spatial_shape

        def empty() -> NDArray[np.float32]:
            return np.full(shape, np.nan, np.float32)

        quality, flags = empty(), np.zeros(shape, FlagBits)
        m0 = np.full(shape, complex(np.nan, np.nan), np.complex64)
        maps = ParameterMaps(
            {key: empty() for key in keys},
            quality=quality,
            m0=m0,
            flags=flags,
            affine=series.affine,
        )
        return cls(maps, quality, m0, flags)

    def store(self, at: Voxels, result: VoxelResult) -> None:
        """Put in what was found at some voxels of a slice."""
        maps = self.maps
        for key, values in result.parameters.items():
            maps[key][at] = values
        for key, values in result.uncertainty.items():
            if key not in maps.uncertainty:
                maps.uncertainty[key] = np.full(maps.spatial_shape, np.nan, np.float32)
            maps.uncertainty[key][at] = values
        self.quality[at] = result.quality
        self.m0[at] = result.m0
        self.flags[at] = result.flags

    def stored(self, at: Voxels, b1: NDArray[np.float32] | None = None) -> VoxelResult:
        """Return what was found at some voxels of a slice, without uncertainty.

        B1 (Z, Y, X), where it was given and held, goes with it.
        """
        return VoxelResult(
            parameters={key: values[at] for key, values in self.maps.items()},
            quality=self.quality[at],
            m0=self.m0[at],
            flags=self.flags[at],
            b1=None if b1 is None else b1[at],
        )


@dataclass
class Reconstruction:
    """One series on its way to maps.

    Parameters
    ----------
    series : MRFSeries
        The measurement.
    chosen : ndarray of bool
        (Z, Y, X) voxels that get values.
    filled : FilledMaps
        Filled as results come.
    done : int
        Chosen voxels that are finished.
    counts : dict of str to int
        Voxels in all, without signal, not finite.
    warnings : list of MapsWarning
        What a user should read.
    fits : PoorFits
        Learns the noise of every fingerprint that is estimated.
    b1 : ndarray or None
        (Z, Y, X) float32 relative B1 that is held, NaN where it is fitted; None without a map.
    sample : SeriesSample
        Fingerprints by which the series as a whole is judged.
    """

    series: MRFSeries
    chosen: NDArray[np.bool_]
    filled: FilledMaps
    fits: PoorFits
    done: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[MapsWarning] = field(default_factory=list)
    b1: NDArray[np.float32] | None = None
    sample: SeriesSample = field(init=False)

    def __post_init__(self) -> None:
        self.sample = SeriesSample(self.chosen)

    def update(self, z: int | None = None, stage: str = "matching") -> ReconstructionUpdate:
        """Return where the reconstruction stands."""
        return ReconstructionUpdate(self.done, self.counts["voxels"], self.filled.maps, z, stage)

    def set_aside(
        self, at: int | Voxels, not_finite: NDArray[np.bool_], silent: NDArray[np.bool_]
    ) -> None:
        """Flag and count voxels, of a slice or of some places in it, that give no values."""
        for name, these in (("not-finite", not_finite), ("no-signal", silent)):
            self.filled.flags[at] |= these * FlagBits(FLAGS[name])
            self.counts[name.replace("-", "_")] += int(np.sum(these))


class SlicewiseMethod(Method):
    """A method that takes a series slice by slice.

    Parameters
    ----------
    sequence : Sequence
        That of the series.
    conditioning : Conditioning, optional
        Frames used, averaging in time and in plane, sign of the phase.
    """

    def __init__(self, sequence: Sequence, conditioning: Conditioning | None = None) -> None:
        self.sequence = sequence
        self.notes: list[MapsWarning] = []
        """What a user should read, from `prepare`."""
        self.conditioning = conditioning or Conditioning()
        self._kept = self.conditioning.kept_frames(sequence)
        self._contents: FrameContents | None = None

    @property
    def edge_words(self) -> EdgeWords:
        """How warnings speak of the edges of what the method can give."""
        return EdgeWords()

    def preparing(self) -> Generator[None, None, Any]:
        """Build what is needed, once, in the worker; every yield is a chance to cancel.

        Returns
        -------
        object
            Everything built, for the method's own use.
        """
        yield from ()

    def prepare(self) -> Any:
        """Build what is needed, at one go, and return it; it is built once."""
        return result_of(self.preparing())

    def describe_reading(self, series: MRFSeries) -> dict[str, Any]:
        """Return what the method used of a series that has coefficients, for the provenance."""
        return {} if series.subspace is None else {"used": "frames"}

    @abstractmethod
    def _fill(self, run: Reconstruction) -> Iterator[ReconstructionUpdate]:
        """Fill the maps at the chosen voxels, slice by slice."""

    def iter_reconstruct(
        self,
        series: MRFSeries,
        mask: NDArray[np.bool_] | None = None,
        b1: B1Map | NDArray[np.floating] | None = None,
    ) -> Iterator[ReconstructionUpdate]:
        """Reconstruct in chunks; see `Method.iter_reconstruct`."""
        self.check(series)
        given = None if b1 is None else checked_b1(self, b1, series)
        filled = FilledMaps.empty(self.parameters, series)
        maps = filled.maps
        preparing = ReconstructionUpdate(0, 0, maps, stage="preparing")
        yield preparing
        for _ in self.preparing():
            yield preparing
        self._contents = self._new_contents(series)
        choosing = Steps(choosing_voxels(series, mask, self.frames_in(series), self._contents))
        for _ in choosing:
            yield preparing
        chosen, rule, lost = choosing.result
        series.check_complex(np.flatnonzero(chosen.any(axis=(1, 2))))
        total = int(chosen.sum())
        if total == 0:
            raise MRFInputError(
                "nothing-to-reconstruct",
                "the series has no signal" if rule.startswith("automatic") else "the mask is empty",
                path=series.source_path,
                hint="Pick another series or mask.",
            )
        counts = {"voxels": total, "no_signal": 0, "not_finite": 0}
        fits = PoorFits(self.sequence, self.conditioning, series.spatial_shape)
        run = Reconstruction(series, chosen, filled, fits, counts=counts, warnings=lost)
        held = None if given is None else held_b1(self, given, chosen)
        if held is not None:
            run.b1 = held.values
            run.warnings += held.warnings
        yield from self._fill(run)
        filled.flags[fits.found(filled.quality)] |= FLAGS["poor-fit"]
        run.warnings += self._plausibility(run)
        maps.provenance = reconstruction_record(self, self.conditioning, series, rule, counts)
        maps.provenance["input"] |= self.describe_reading(series)
        if held is not None:
            maps.provenance["b1"] = held.record
        found = [*edge_warnings(maps, self.edge_words), *scale_warnings(maps)]
        warnings = [*self.notes, *found, *run.warnings]
        maps.provenance["warnings"] = [warning.as_dict() for warning in warnings]
        run.done = total
        yield run.update(stage="done")

    def _plausibility(self, run: Reconstruction) -> list[MapsWarning]:
        from napari_mrf.reconstruction.plausibility import Plausibility

        without = run.counts["no_signal"] + run.counts["not_finite"]
        judge = Plausibility(self.sequence, self._kept, run.sample.collected())
        return judge.warnings(run.counts["voxels"] - without)

    def iter_slices(
        self,
        series: MRFSeries,
        chosen: NDArray[np.bool_],
        sample: SeriesSample | None = None,
        *,
        as_coefficients: bool = False,
    ) -> Iterator[tuple[int, NDArray[np.complex64] | None]]:
        """Yield z and (T, Y, X) of the slices with chosen voxels, one in memory at a time.

        The sign of the phase and smoothing in plane are applied. While a slice is being read,
        None is yielded in its place: a chance to cancel. A slice lies where the one before it
        was: what is wanted of it later has to be copied. Slices whose frames hold nothing, or
        each its own scale, are refused (see `FrameContents`).

        Parameters
        ----------
        series : MRFSeries
            (T, Z, Y, X).
        chosen : ndarray of bool
            (Z, Y, X).
        sample : SeriesSample, optional
            Given its voxels of every slice.
        as_coefficients : bool
            Yield (K, Y, X) coefficients, of `conditioned_basis`; the series must have some.
        """
        subspace = series.subspace if as_coefficients else None
        images = series.signal if subspace is None else subspace.coefficients
        basis = None if subspace is None else self._basis_of(subspace)
        room = empty_slab(images)
        contents = self.contents_of(series)
        for z in range(len(chosen)):
            if not chosen[z].any():
                continue
            reading = Steps(reading_slab(images, z, into=room))
            for _ in reading:
                yield z, None
            slab = reading.result
            if not contents.has_seen(z):
                for start in range(0, series.n_frames, _FRAMES_CONDITIONED):
                    some = np.arange(start, min(start + _FRAMES_CONDITIONED, series.n_frames))
                    part = slice(start, start + len(some))
                    frames = slab[part] if subspace is None else subspace[part, z]
                    contents.see(z, some, frames)
                    yield z, None
                contents.check()
            if subspace is not None:
                # As in its frames, which are sums of all coefficients.
                slab[:, ~np.isfinite(slab).all(axis=0)] = np.nan
            if self.conditioning.changes_slices:
                used = self.frames_in(series) if subspace is None else slice(None)
                silent = ~np.any(slab[used], axis=0)
                for frame in range(0, len(slab), _FRAMES_CONDITIONED):
                    part = slice(frame, frame + _FRAMES_CONDITIONED)
                    slab[part] = self.conditioning.on_frames(slab[part], silent)
                    yield z, None
            if sample is not None:
                sample.take(z, slab, basis)
            yield z, slab

    def _basis_of(self, subspace: SubspaceSignal) -> NDArray[np.complex64]:
        """Return the basis (T, K) of all frames, under the sign of the phase that is used."""
        return subspace.basis.conj() if self.conditioning.conjugate else subspace.basis

    def frames_in(self, series: MRFSeries) -> NDArray[np.intp]:
        """Return where in a series the frames lie that are used, rising."""
        if series.n_frames == self._kept.size:
            return np.arange(self._kept.size)
        return self._kept

    def contents_of(self, series: MRFSeries) -> FrameContents:
        """Return what has been seen of the frames of the series that is read."""
        if self._contents is None or not self._contents.are_of(series):
            self._contents = self._new_contents(series)
        return self._contents

    def _new_contents(self, series: MRFSeries) -> FrameContents:
        is_cut = series.n_frames == self._kept.size
        numbers = self._kept if is_cut else np.arange(series.n_frames)
        fewest = fewest_frames(self.sequence)
        return FrameContents(series, self.sequence, self.frames_in(series), numbers, fewest)

    def check(self, series: MRFSeries) -> None:
        """Refuse a series that does not fit.

        Raises
        ------
        MRFInputError
            ``"not-complex"``, ``"wrong-sequence"`` or ``"frames-mismatch"``.
        """
        if series.metadata.get("magnitude_only"):
            raise MRFInputError(
                "not-complex",
                "the series was loaded as magnitude, but matching needs the phase",
                path=series.source_path,
                hint="Load magnitude and phase, or real and imaginary parts, together.",
            )
        if series.sequence is not None and series.sequence != self.sequence:
            raise MRFInputError(
                "wrong-sequence",
                "the series was measured with another sequence",
                path=series.source_path,
                expected=self.sequence.name,
                found=series.sequence.name,
            )
        # A truncated scan that holds just the frames asked for is fine as it is.
        if self.conditioning.frames is None or series.n_frames != self._kept.size:
            series.with_sequence(self.sequence)
