"""Fingerprints as coefficients: what methods want of T frames, from K numbers.

The frames x = B c of a voxel are combinations of the columns of a basis B (T, K), and so are
those that are left out, averaged or conjugated, of B treated alike. With B = Q R and orthonormal
Q, inner products with any vector v over time, and the norm, follow from u = R c alone:
<v, x> = <Q^H v, u> and |x| = |u|. Nothing is approximated, whether v lies in the subspace or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_mrf.compute.threads import in_parts

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_FEWEST_IN_PART = 512
_VECTORS_AT_ONCE = 4096


class Subspace:
    """The frames that a method uses of a series, as combinations of a basis.

    Parameters
    ----------
    basis : ndarray
        (T, K) complex, conditioned as the frames are; not orthonormal as a rule.
    """

    def __init__(self, basis: NDArray[np.complexfloating]) -> None:
        self.basis = np.asarray(basis, np.complex128)
        self.vectors, self.triangle = np.linalg.qr(self.basis)

    def coordinates(self, images: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return what images (K, Y, X) of coefficients are along the orthonormal `vectors`."""
        turned = self.triangle @ images.reshape(len(images), -1)
        return turned.astype(np.complex64).reshape(-1, *images.shape[1:])


class TimeVectors:
    """Vectors over the frames used, such as atoms, and what a subspace sees of them.

    Parameters
    ----------
    vectors : ndarray
        (M, T).
    """

    def __init__(self, vectors: NDArray[Any]) -> None:
        self._vectors = vectors
        self._seen: tuple[Subspace | None, NDArray[np.complex128]] = None, np.zeros((0, 0), complex)

    def seen_by(self, subspace: Subspace) -> NDArray[np.complex128]:
        """Return (M, K) rows whose products with `Coefficients.unit` are those over all frames.

        They are kept for the next time: a series has one subspace.
        """
        of, seen = self._seen
        if of is not subspace:
            parts = range(0, len(self._vectors), _VECTORS_AT_ONCE)
            vectors = subspace.vectors.conj()
            seen = np.concatenate(
                [self._vectors[n : n + _VECTORS_AT_ONCE] @ vectors for n in parts]
            )
            self._seen = subspace, seen
        return seen


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Fingerprints of N voxels, conditioned, none of them zero; indexed like an array of them.

    Parameters
    ----------
    values : ndarray
        (N, K) complex64, of the basis of the subspace.
    subspace : Subspace
        That of their series.
    """

    values: NDArray[np.complex64]
    subspace: Subspace

    def __len__(self) -> int:
        """Return N."""
        return len(self.values)

    def __getitem__(self, of: slice | NDArray[np.bool_]) -> Coefficients:
        """Return those of some voxels."""
        return Coefficients(self.values[of], self.subspace)

    @property
    def frames(self) -> NDArray[np.complex64]:
        """The fingerprints themselves, (N, T)."""
        return _combined(self.values, self.subspace.basis.T, np.complex64)

    @cached_property
    def _turned(self) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        turned = _combined(self.values, self.subspace.triangle.T, np.complex128)
        norms = np.linalg.norm(turned, axis=1)
        return turned / norms[:, None], norms

    @property
    def norms(self) -> NDArray[np.float64]:
        """(N,) norms of the fingerprints."""
        return self._turned[1]

    @property
    def unit(self) -> NDArray[np.complex128]:
        """(N, K) numbers of norm 1 along orthonormal vectors: the fingerprints, of norm 1."""
        return self._turned[0]

    def products(self, vectors: TimeVectors) -> NDArray[np.complex128]:
        """Return inner products (N, M) of M vectors with the fingerprints, these of norm 1."""
        return _combined(self.unit, vectors.seen_by(self.subspace).conj().T, np.complex128)


Signals: TypeAlias = "NDArray[np.complex64] | Coefficients"
"""Conditioned fingerprints of N voxels, as (N, T) frames or as coefficients."""


def frames_of(signals: Signals) -> NDArray[np.complex64]:
    """Return fingerprints as (N, T) frames."""
    return signals.frames if isinstance(signals, Coefficients) else signals


def _combined(
    rows: NDArray[np.complexfloating], table: NDArray[np.complex128], dtype: DTypeLike
) -> NDArray[Any]:
    """Return the products (N, M) of rows (N, K) with a table (K, M)."""
    from napari_mrf.reconstruction.subspace.coefficients_kernel import combine

    rows = np.ascontiguousarray(rows, np.complex128)
    parts = np.ascontiguousarray(table.real), np.ascontiguousarray(table.imag)
    combined = np.empty((len(rows), table.shape[1]), dtype)
    in_parts(lambda of: combine(rows[of], *parts, combined[of]), len(rows), fewest=_FEWEST_IN_PART)
    return combined
