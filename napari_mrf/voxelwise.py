"""The driver of every method that looks at one fingerprint at a time.

It reads slice by slice, leaves out what is no signal, hands blocks of fingerprints to the
method, fills the maps and writes the provenance. Memory stays bounded by one slice.
"""

from __future__ import annotations

import platform
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf import foreground
from napari_mrf._version import __version__
from napari_mrf.conditioning import Conditioning
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import FLAGS, ParameterMaps
from napari_mrf.method import Method, ReconstructionUpdate, VoxelResult
from napari_mrf.parameters import validity_rules
from napari_mrf.series import check_mask
from napari_mrf.voxel_sample import VoxelSample, padded, read_slab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.sequence import Sequence
    from napari_mrf.series import MRFSeries

Voxels = tuple[int, "NDArray[np.intp]", "NDArray[np.intp]"]
"""Places in one slice: z, rows, columns."""

_TOLERATED_EDGE_SHARE = 0.05
_SIGN_MARGIN = 0.01
_SIGN_VOXELS = 300
_ROWS_AVERAGED = 256
_FRAMES_CONDITIONED = 10


class VoxelwiseMethod(Method):
    """A method whose result in a voxel depends on that voxel's fingerprint alone.

    Parameters
    ----------
    sequence : Sequence
        What is reconstructed.
    conditioning : Conditioning, optional
        Frames used, averaging in time and in plane, sign of the phase.
    """

    chunk_size: int = 512
    """Fingerprints handed to `match` at once; results do not depend on it."""

    def __init__(self, sequence: Sequence, conditioning: Conditioning | None = None) -> None:
        self.sequence = sequence
        self.notes: list[str] = []
        """Sentences that a user should read, from `prepare`."""
        self.conditioning = conditioning or Conditioning()
        self._kept = self.conditioning.kept_frames(sequence)
        averaging = self.conditioning.averaging(sequence)
        self._averaging = None if averaging is None else averaging.T.astype(np.float32)

    def preparing(self) -> Iterator[None]:
        """Build what `match` needs, once, in the worker; every yield is a chance to cancel."""
        yield from ()

    def prepare(self) -> None:
        """Build what `match` needs, at one go; nothing where it is there already."""
        for _ in self.preparing():
            pass

    @property
    def needs_second_pass(self) -> bool:
        """Whether `improve` follows once every voxel has been matched."""
        return False

    def learn(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Learn from a sample of voxels and their first results, before the second pass."""

    def improve(self, signals: NDArray[np.complex64], found: VoxelResult) -> VoxelResult:
        """Estimate (N, T) fingerprints again, from the first pass' results."""
        return found

    @abstractmethod
    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Estimate the parameters of (N, T) finite, non-zero, conditioned fingerprints."""

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

    def iter_reconstruct(
        self, series: MRFSeries, mask: NDArray[np.bool_] | None = None
    ) -> Iterator[ReconstructionUpdate]:
        """Reconstruct in chunks; see `Method.iter_reconstruct`."""
        self.check(series)
        maps = self._empty_maps(series)
        yield ReconstructionUpdate(0, 0, maps, stage="preparing")
        for _ in self.preparing():
            yield ReconstructionUpdate(0, 0, maps, stage="preparing")
        chosen, rule = None, ""
        for chosen, rule in self._mask(series, mask):  # noqa: B007 - the last one counts
            yield ReconstructionUpdate(0, 0, maps, stage="preparing")
        assert chosen is not None  # noqa: S101 - _mask yields at least once
        total, done = int(chosen.sum()), 0
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
        sample = VoxelSample(total)
        for where, signals in self._chunks(series, chosen):
            if signals is not None:
                self._fill(maps, where, signals, counts, sample)
                done += len(signals)
            yield ReconstructionUpdate(done, total, maps, z=where[0])
        if self.needs_second_pass:
            self.learn(*sample.collected())
            done, improvable = 0, chosen & np.isfinite(maps[self.parameters[0]])
            for where, signals in self._chunks(series, improvable):
                if signals is not None:
                    self._store(maps, where, self.improve(signals, self._stored(maps, where)))
                    done += len(signals)
                yield ReconstructionUpdate(done, total, maps, z=where[0], stage="refining")
            done = total
        maps.provenance = self._provenance(series, rule, counts)
        maps.provenance["warnings"] = [
            *self.notes,
            *edge_warnings(maps),
            *self._sign_warning(sample),
        ]
        yield ReconstructionUpdate(done, total, maps, stage="done")

    def _chunks(
        self, series: MRFSeries, chosen: NDArray[np.bool_]
    ) -> Iterator[tuple[Voxels, NDArray[np.complex64] | None]]:
        """Yield `iter_fingerprints` with their frames conditioned."""
        for where, signals in self.iter_fingerprints(series, chosen):
            yield where, None if signals is None else self.condition(signals)

    def iter_fingerprints(
        self, series: MRFSeries, chosen: NDArray[np.bool_]
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
        """
        for z in range(len(chosen)):
            if not chosen[z].any():
                continue
            rows, columns = np.nonzero(chosen[z])
            slab = None
            for slab in read_slab(series, z):  # noqa: B007 - the last one counts
                yield (z, rows[:0], columns[:0]), None
            assert slab is not None  # noqa: S101 - a series has frames
            if self.conditioning.changes_slices:
                silent = ~np.any(slab, axis=0)
                for frame in range(0, len(slab), _FRAMES_CONDITIONED):
                    part = slice(frame, frame + _FRAMES_CONDITIONED)
                    slab[part] = self.conditioning.on_frames(slab[part], silent)
                    yield (z, rows[:0], columns[:0]), None
            for start in range(0, len(rows), self.chunk_size):
                part = slice(start, start + self.chunk_size)
                signals = np.ascontiguousarray(slab[:, rows[part], columns[part]].T)
                yield (z, rows[part], columns[part]), signals

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

    def _fill(
        self,
        maps: ParameterMaps,
        where: Voxels,
        signals: NDArray[np.complex64],
        counts: dict[str, int],
        sample: VoxelSample,
    ) -> None:
        assert maps.flags is not None  # noqa: S101 - made by _empty_maps
        finite = np.isfinite(signals).all(axis=1)
        # A constant fingerprint carries no contrast over time; all zeros are its usual form.
        silent = finite & (signals == signals[:, :1]).all(axis=1)
        flags = np.zeros(len(signals), np.uint8)
        flags[~finite] |= FLAGS["not-finite"]
        flags[silent] |= FLAGS["no-signal"]
        counts["not_finite"] += int(np.sum(~finite))
        counts["no_signal"] += int(np.sum(silent))
        good = finite & ~silent
        if good.any():
            z, rows, columns = where
            at = (z, rows[good], columns[good])
            result = self.match(signals[good])
            self._store(maps, at, result)
            sample.add(signals[good], result)
        maps.flags[where] |= flags

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

    def _stored(self, maps: ParameterMaps, at: Voxels) -> VoxelResult:
        assert maps.quality is not None  # noqa: S101 - made by _empty_maps
        assert maps.m0 is not None  # noqa: S101
        assert maps.flags is not None  # noqa: S101
        return VoxelResult(
            parameters={key: maps[key][at] for key in self.parameters},
            quality=maps.quality[at],
            m0=maps.m0[at],
            flags=maps.flags[at],
        )

    def _provenance(self, series: MRFSeries, rule: str, counts: dict[str, int]) -> dict[str, Any]:
        import torch

        return {
            "software": {
                "name": "napari-mrf",
                "version": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "torch": torch.__version__,
            },
            "input": {
                "path": series.source_path,
                "sha256": series.source_sha256,
                "shape_tzyx": [series.n_frames, *series.spatial_shape],
                "warnings": list(series.warnings),
                **series.metadata,
            },
            "sequence": {"name": self.sequence.name, "fingerprint": self.sequence.fingerprint()},
            "method": {"name": self.name, **self.describe()},
            "conditioning": self.conditioning.describe(),
            "mask": rule,
            "counts": counts,
            "validity": {key: rule.describe() for key, rule in validity_rules().items()},
        }

    def _sign_warning(self, sample: VoxelSample) -> list[str]:
        """Return a sentence where the conjugated series fits better (fault of the phase sign)."""
        signals, found = sample.collected()
        if not len(signals):
            return []
        # A wrong sign fits badly everywhere: a few hundred voxels show it.
        few = slice(None, None, -(-len(signals) // _SIGN_VOXELS))
        quality = found.quality[few].astype(np.float64)
        conjugated = self.match(signals[few].conj()).quality.astype(np.float64)
        better, worse = float(conjugated.mean()), float(quality.mean())
        if better - worse < _SIGN_MARGIN or np.mean(conjugated > quality) < 0.5:
            return []
        return [
            f"The series fits better with the opposite phase sign (quality {better:.3f} against "
            f"{worse:.3f}): its phase or frequency sign seems reversed. Try the option conjugate."
        ]


def edge_warnings(maps: ParameterMaps) -> list[str]:
    """Return a sentence for every map that lies on the edge of its grid in many voxels.

    Values outside the grid are pulled to its edge, and pull the other maps with them. Voxels
    where a map means little (its validity rule) do not count.
    """
    if maps.flags is None:
        return []
    rules = validity_rules()
    sentences = []
    for key, values in maps.items():
        bit = FLAGS.get(f"{key}-edge", 0)
        counted = np.isfinite(values)
        where = ""
        if key in rules and "FF" in maps:
            counted &= rules[key].mask(maps["FF"])
            where = f" with {rules[key].describe()}"
        n_edge, n = int(np.sum(counted & (maps.flags & bit > 0))), int(counted.sum())
        if n_edge > _TOLERATED_EDGE_SHARE * n:
            sentences.append(
                f"{key} lies on the edge of its grid in {n_edge:,} of {n:,} voxels{where}: "
                "the true values may lie outside (a wider grid helps), or the noise is high."
            )
    return sentences
