"""The driver of every method: it reads slice by slice, and records what it did.

What a method does with a slice is its own: `voxelwise` hands single fingerprints on,
`image_network_method` tiles. Memory stays bounded by one slice.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.series import check_mask
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction import foreground
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.held_b1 import checked_b1, held_b1
from napari_mrf.reconstruction.method import Method, ReconstructionUpdate
from napari_mrf.reconstruction.provenance import reconstruction_record
from napari_mrf.reconstruction.voxel_sample import empty_slab, read_slab
from napari_mrf.reconstruction.warnings import edge_warnings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import VoxelResult

Voxels = tuple[int, "NDArray[np.intp]", "NDArray[np.intp]"]
"""Places in one slice: z, rows, columns."""

_FRAMES_CONDITIONED = 10
_Result = TypeVar("_Result")


def result_of(steps: Generator[Any, None, _Result]) -> _Result:
    """Return what a generator returns, after all of its steps."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: _Result = done.value
            return result


@dataclass
class Reconstruction:
    """One series on its way to maps.

    Parameters
    ----------
    series : MRFSeries
        What is reconstructed.
    chosen : ndarray of bool
        (Z, Y, X) voxels that get values.
    maps : ParameterMaps
        Filled as results come.
    done : int
        Chosen voxels that are finished.
    counts : dict of str to int
        Voxels in all, without signal, not finite.
    warnings : list of str
        Sentences that a user should read.
    b1 : ndarray or None
        (Z, Y, X) float32 relative B1 that is held, NaN where it is fitted; None without a map.
    """

    series: MRFSeries
    chosen: NDArray[np.bool_]
    maps: ParameterMaps
    done: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    b1: NDArray[np.float32] | None = None

    def update(self, z: int | None = None, stage: str = "matching") -> ReconstructionUpdate:
        """Return where the reconstruction stands."""
        return ReconstructionUpdate(self.done, self.counts["voxels"], self.maps, z, stage)


class SlicewiseMethod(Method):
    """A method that takes a series slice by slice.

    Parameters
    ----------
    sequence : Sequence
        What is reconstructed.
    conditioning : Conditioning, optional
        Frames used, averaging in time and in plane, sign of the phase.
    """

    def __init__(self, sequence: Sequence, conditioning: Conditioning | None = None) -> None:
        self.sequence = sequence
        self.notes: list[str] = []
        """Sentences that a user should read, from `prepare`."""
        self.conditioning = conditioning or Conditioning()
        self._kept = self.conditioning.kept_frames(sequence)

    def preparing(self) -> Generator[None, None, Any]:
        """Build what is needed, once, in the worker; every yield is a chance to cancel.

        Returns
        -------
        object
            What was built, for the method's own use.
        """
        yield from ()

    def prepare(self) -> Any:
        """Build what is needed, at one go, and return it; it is built once."""
        return result_of(self.preparing())

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
        maps = self._empty_maps(series)
        preparing = ReconstructionUpdate(0, 0, maps, stage="preparing")
        yield preparing
        for _ in self.preparing():
            yield preparing
        chosen, rule = None, ""
        for chosen, rule in self._mask(series, mask):  # noqa: B007 - the last one counts
            yield preparing
        assert chosen is not None  # noqa: S101 - _mask yields at least once
        total = int(chosen.sum())
        if total == 0:
            raise MRFInputError(
                "nothing-to-reconstruct",
                "the series has no signal"
                if rule.startswith("automatic")
                else "the mask holds no voxel",
                path=series.source_path,
                hint="Pick another series or mask.",
            )
        counts = {"voxels": total, "no_signal": 0, "not_finite": 0}
        run = Reconstruction(series, chosen, maps, counts=counts)
        held = None if given is None else held_b1(self, given, chosen)
        if held is not None:
            run.b1 = held.values
            run.warnings += held.warnings
        yield from self._fill(run)
        maps.provenance = reconstruction_record(self, self.conditioning, series, rule, counts)
        if held is not None:
            maps.provenance["b1"] = held.record
        maps.provenance["warnings"] = [*self.notes, *edge_warnings(maps), *run.warnings]
        run.done = total
        yield run.update(stage="done")

    def iter_slices(
        self, series: MRFSeries, chosen: NDArray[np.bool_]
    ) -> Iterator[tuple[int, NDArray[np.complex64] | None]]:
        """Yield z and (T, Y, X) of the slices with chosen voxels, one in memory at a time.

        The sign of the phase and smoothing in plane are applied. While a slice is being read,
        None is yielded in its place: a chance to cancel. A slice lies where the one before it
        was: what is wanted of it later has to be copied.

        Parameters
        ----------
        series : MRFSeries
            (T, Z, Y, X).
        chosen : ndarray of bool
            (Z, Y, X).
        """
        room = empty_slab(series)
        for z in range(len(chosen)):
            if not chosen[z].any():
                continue
            slab = None
            for slab in read_slab(series, z, into=room):  # noqa: B007 - the last one counts
                yield z, None
            assert slab is not None  # noqa: S101 - a series has frames
            if self.conditioning.changes_slices:
                silent = ~np.any(slab, axis=0)
                for frame in range(0, len(slab), _FRAMES_CONDITIONED):
                    part = slice(frame, frame + _FRAMES_CONDITIONED)
                    slab[part] = self.conditioning.on_frames(slab[part], silent)
                    yield z, None
            yield z, slab

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
                "the series was loaded as magnitude, and matching needs the phase",
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

    def _mask(
        self, series: MRFSeries, mask: NDArray[np.bool_] | None
    ) -> Iterator[tuple[NDArray[np.bool_] | None, str]]:
        if mask is not None:
            yield check_mask(mask, series.spatial_shape), "given"
        elif series.mask is not None:
            yield series.mask, "of the series"
        else:
            for found in foreground.iter_foreground_mask(series):
                yield found, f"automatic: {foreground.RULE}"

    def _empty_maps(self, series: MRFSeries) -> ParameterMaps:
        shape = series.spatial_shape

        def empty() -> NDArray[np.float32]:
            return np.full(shape, np.nan, np.float32)

        return ParameterMaps(
            {key: empty() for key in self.parameters},
            quality=empty(),
            m0=np.full(shape, complex(np.nan, np.nan), np.complex64),
            flags=np.zeros(shape, np.uint8),
            affine=series.affine,
        )

    def _store(self, maps: ParameterMaps, at: Voxels, result: VoxelResult) -> None:
        assert maps.quality is not None  # noqa: S101 - made by _empty_maps
        assert maps.m0 is not None  # noqa: S101
        assert maps.flags is not None  # noqa: S101
        for key, values in result.parameters.items():
            maps[key][at] = values
        for key, values in result.uncertainty.items():
            if key not in maps.uncertainty:
                maps.uncertainty[key] = np.full(maps.spatial_shape, np.nan, np.float32)
            maps.uncertainty[key][at] = values
        maps.quality[at] = result.quality
        maps.m0[at] = result.m0
        maps.flags[at] = result.flags
