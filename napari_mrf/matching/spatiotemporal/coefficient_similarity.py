"""Likeness to atoms of an explicit dictionary, in its compressed space: for FISP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.matching.explicit.compressed import CompressedMatcher
from napari_mrf.matching.spatiotemporal.similarity import Similarity, SliceFeatures, image_of
from napari_mrf.reconstruction.method import in_single_precision

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
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


@dataclass(frozen=True, eq=False)
class Prepared:
    """Atoms of the matcher, as training tissues are compared with them.

    Parameters
    ----------
    tree : cKDTree
        Over log T1 and log T2 of A atoms: signals change with relative changes of relaxation
        times.
    real, imaginary : ndarray
        (A, R) float32 parts of their coefficients, of norm 1.
    norms : ndarray
        (A,) float64 norms of the atoms over all frames.
    compressed : CompressedAtoms
        The space of the coefficients.
    """

    tree: cKDTree
    real: NDArray[np.float32]
    imaginary: NDArray[np.float32]
    norms: NDArray[np.float64]
    compressed: CompressedAtoms

    def nearest(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.int64]:
        """Return the number (N,) of the atom nearest to each tissue (N,)."""
        points = np.stack([values[key] for key in _KEYS], axis=1)
        return np.asarray(self.tree.query(np.log(np.maximum(points, 1e-3)))[1], np.int64)


class CoefficientSimilarity(Similarity[CoefficientFeatures, Prepared]):
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

    def building(self) -> Generator[None, None, Prepared]:
        """Prepare the matcher, whose compressed atoms are compared."""
        made = yield from self.matcher.preparing()
        parameters = made.atoms.dictionary.parameters
        compressed = made.search.space.atoms
        size = np.linalg.norm(compressed.coefficients, axis=1)
        unit = compressed.coefficients / np.where(size > 0, size, 1.0)[:, None]
        return Prepared(
            tree=cKDTree(np.log(np.stack([parameters[key] for key in _KEYS], axis=1))),
            real=np.ascontiguousarray(unit.real, np.float32),
            imaginary=np.ascontiguousarray(unit.imag, np.float32),
            norms=made.atoms.norms,
            compressed=compressed,
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
        coefficients, _ = self.prepare().compressed.project(signals, norms)
        return CoefficientFeatures(
            read=read,
            seen=seen,
            own={key: image_of(values, read, np.nan) for key, values in found.parameters.items()},
            flags=image_of(found.flags, read, 0),
            norms=image_of(norms, read, 0.0),
            real=image_of(coefficients.real.astype(np.float32), read, 0.0),
            imaginary=image_of(coefficients.imag.astype(np.float32), read, 0.0),
        )

    def tissue(
        self, maps: Mapping[str, NDArray[np.float32]], known: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], ...]:
        """Return the number of the atom nearest to each voxel, -1 without tissue."""
        atoms = self.prepare().nearest({key: maps[key][known] for key in _KEYS})
        return (image_of(atoms.astype(np.int32), known, -1),)

    def write(
        self,
        features: CoefficientFeatures,
        tissue: tuple[NDArray[Any], ...],
        displacement: tuple[int, int],
        rows: tuple[int, int],
        out: NDArray[np.float32],
    ) -> None:
        """Write correlations in the compressed space; see `Similarity.write`."""
        from napari_mrf.matching.spatiotemporal.patch_kernel import coefficient_similarity

        atoms = self.prepare()
        coefficient_similarity(
            features.real, features.imaginary, features.seen, *tissue,
            atoms.real, atoms.imaginary, *displacement, *rows, out,
        )  # fmt: skip

    def judged(
        self,
        features: CoefficientFeatures,
        at: tuple[NDArray[np.intp], NDArray[np.intp]],
        values: Mapping[str, NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation and scale; see `Similarity.judged`."""
        atoms = self.prepare()
        atom = atoms.nearest(values)
        signal = features.real[at] + 1j * features.imaginary[at]
        inner = np.sum((atoms.real[atom] - 1j * atoms.imaginary[atom]) * signal, axis=1)
        scale = inner * features.norms[at] / atoms.norms[atom]
        return np.clip(np.abs(inner), 0.0, 1.0).astype(np.float32), in_single_precision(scale)
