"""Likeness to atoms of an explicit dictionary, in its compressed space: for FISP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.matching.explicit.compressed import CompressedMatcher
from napari_mrf.matching.spatiotemporal.similarity import Similarity, SliceFeatures, image_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.reconstruction.method import VoxelResult

_KEYS = ("T1", "T2")


@dataclass(frozen=True, eq=False)
class CoefficientFeatures(SliceFeatures):
    """Compressed fingerprints of a slice.

    Parameters
    ----------
    real, imaginary : ndarray
        (Y, X, R) float32 parts of the coefficients of fingerprints of norm 1. Their own norm
        is smaller by what compression leaves out, so that products are correlations over all
        frames.
    """

    real: NDArray[np.float32]
    imaginary: NDArray[np.float32]


class CoefficientSimilarity(Similarity):
    """Compares fingerprints with training tissues (T1, T2), as the nearest atoms of a dictionary.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"fisp"``.
    dictionary : Dictionary, optional
        By default that of the matcher ``compressed``.
    **conditioning
        Options of `Conditioning`.
    """

    def __init__(
        self, sequence: Sequence, *, dictionary: Dictionary | None = None, **conditioning: Any
    ) -> None:
        self.matcher: CompressedMatcher = CompressedMatcher(
            sequence, device="cpu", dictionary=dictionary, refine=False, **conditioning
        )
        self._tree: cKDTree | None = None

    def preparing(self) -> Iterator[None]:
        """Prepare the matcher, whose compressed atoms are compared."""
        prepared = yield from self.matcher.preparing()
        if self._tree is not None:
            return
        parameters = prepared.atoms.dictionary.parameters
        compressed = prepared.search.compressed
        # Signals change with relative changes of relaxation times.
        self._tree = cKDTree(np.log(np.stack([parameters[key] for key in _KEYS], axis=1)))
        size = np.linalg.norm(compressed.coefficients, axis=1)
        unit = compressed.coefficients / np.where(size > 0, size, 1.0)[:, None]
        self._atoms = (
            np.ascontiguousarray(unit.real, np.float32),
            np.ascontiguousarray(unit.imag, np.float32),
        )

    def features(
        self,
        signals: NDArray[np.complex64],
        found: VoxelResult,
        read: NDArray[np.bool_],
        seen: NDArray[np.bool_],
    ) -> CoefficientFeatures:
        """Return compressed fingerprints; see `Similarity.features`."""
        norms = norms_of(signals)
        coefficients, _ = self.matcher.prepare().search.compressed.project(signals, norms)
        return CoefficientFeatures(
            read=read,
            seen=seen,
            own={key: image_of(values, read, np.nan) for key, values in found.parameters.items()},
            norms=image_of(norms, read, 0.0),
            real=image_of(coefficients.real.astype(np.float32), read, 0.0),
            imaginary=image_of(coefficients.imag.astype(np.float32), read, 0.0),
        )

    def tissue(
        self, maps: Mapping[str, NDArray[np.float32]], known: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], ...]:
        """Return the number of the atom nearest to each voxel, -1 without tissue."""
        atoms = self._nearest({key: maps[key][known] for key in _KEYS})
        return (image_of(atoms.astype(np.int32), known, -1),)

    def write(
        self,
        features: SliceFeatures,
        tissue: tuple[NDArray[Any], ...],
        displacement: tuple[int, int],
        rows: tuple[int, int],
        out: NDArray[np.float32],
    ) -> None:
        """Write correlations in the compressed space; see `Similarity.write`."""
        from napari_mrf.matching.spatiotemporal.patch_kernel import coefficient_similarity

        assert isinstance(features, CoefficientFeatures)  # noqa: S101 - made by features
        coefficient_similarity(
            features.real, features.imaginary, features.seen, *tissue, *self._atoms,
            *displacement, *rows, out,
        )  # fmt: skip

    def judged(
        self,
        features: SliceFeatures,
        at: tuple[NDArray[np.intp], NDArray[np.intp]],
        values: Mapping[str, NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation and scale; see `Similarity.judged`."""
        assert isinstance(features, CoefficientFeatures)  # noqa: S101 - made by features
        atom = self._nearest(values)
        real, imaginary = (part[atom] for part in self._atoms)
        signal = features.real[at] + 1j * features.imaginary[at]
        inner = np.sum((real - 1j * imaginary) * signal, axis=1)
        scale = inner * features.norms[at] / self.matcher.prepare().atoms.norms[atom]
        return np.clip(np.abs(inner), 0.0, 1.0).astype(np.float32), scale.astype(np.complex64)

    def _nearest(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.int64]:
        assert self._tree is not None  # noqa: S101 - made by preparing
        points = np.stack([values[key] for key in _KEYS], axis=1)
        return np.asarray(self._tree.query(np.log(np.maximum(points, 1e-3)))[1], np.int64)
