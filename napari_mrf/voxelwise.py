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
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import FLAGS, ParameterMaps
from napari_mrf.method import Method, ReconstructionUpdate, VoxelResult
from napari_mrf.parameters import validity_rules
from napari_mrf.series import check_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.series import MRFSeries

_TOLERATED_EDGE_SHARE = 0.05


class VoxelwiseMethod(Method):
    """A method whose result in a voxel depends on that voxel's fingerprint alone."""

    chunk_size: int = 2048
    """Fingerprints handed to `match` at once; results do not depend on it."""

    def prepare(self) -> None:
        """Build what `match` needs; called once, in the worker."""

    @abstractmethod
    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Estimate the parameters of (N, T) finite, non-zero fingerprints."""

    def iter_reconstruct(
        self, series: MRFSeries, mask: NDArray[np.bool_] | None = None
    ) -> Iterator[ReconstructionUpdate]:
        """Reconstruct in chunks; see `Method.iter_reconstruct`."""
        self._check(series)
        maps = self._empty_maps(series)
        yield ReconstructionUpdate(0, 0, maps, stage="preparing")
        self.prepare()
        chosen, rule = self._mask(series, mask)
        total, done = int(chosen.sum()), 0
        counts = {"voxels": total, "no_signal": 0, "not_finite": 0}
        for z in range(len(chosen)):
            if not chosen[z].any():
                continue
            rows, columns = np.nonzero(chosen[z])
            signals = np.ascontiguousarray(series.slab(z)[:, rows, columns].T)
            for start in range(0, len(rows), self.chunk_size):
                part = slice(start, start + self.chunk_size)
                where = (z, rows[part], columns[part])
                self._fill(maps, where, signals[part], counts)
                done += len(rows[part])
                yield ReconstructionUpdate(done, total, maps, z=z)
        maps.provenance = self._provenance(series, rule, counts)
        maps.provenance["warnings"] = edge_warnings(maps)
        yield ReconstructionUpdate(done, total, maps, stage="done")

    def _check(self, series: MRFSeries) -> None:
        if series.sequence is not None and series.sequence != self.sequence:
            raise MRFInputError(
                "wrong-sequence",
                "the series was measured with another sequence",
                path=series.source_path,
                expected=self.sequence.name,
                found=series.sequence.name,
            )
        series.with_sequence(self.sequence)

    def _mask(
        self, series: MRFSeries, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.bool_], str]:
        if mask is not None:
            return check_mask(mask, series.spatial_shape), "given"
        if series.mask is not None:
            return series.mask, "of the series"
        return foreground.foreground_mask(series), f"automatic: {foreground.RULE}"

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
        where: tuple[int, NDArray[np.intp], NDArray[np.intp]],
        signals: NDArray[np.complex64],
        counts: dict[str, int],
    ) -> None:
        assert maps.quality is not None  # noqa: S101 - made by _empty_maps
        assert maps.m0 is not None  # noqa: S101
        assert maps.flags is not None  # noqa: S101
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
            for key, values in result.parameters.items():
                maps[key][at] = values
            maps.quality[at] = result.quality
            maps.m0[at] = result.m0
            flags[good] |= result.flags
        maps.flags[where] = flags

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
            "mask": rule,
            "counts": counts,
            "validity": {key: rule.describe() for key, rule in validity_rules().items()},
        }


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
