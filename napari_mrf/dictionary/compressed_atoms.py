"""A dictionary in the space of its first temporal vectors, and what that leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.dictionary.temporal_basis import TemporalBasis

_AT_ONCE = 4096
# What rounding in float64 leaves of a residual, the root of a difference of numbers near 1.
_ROUNDING = 1e-7


@dataclass(frozen=True, eq=False)
class CompressedAtoms:
    """Unit-norm atoms over R temporal vectors instead of K frames.

    Parameters
    ----------
    basis : TemporalBasis
        Of the atoms.
    coefficients : ndarray
        (A, R) complex128; their norm is below 1 by what is left out.
    residuals : ndarray
        (A,) norm of what is left out of each unit-norm atom, 0-1.
    """

    basis: TemporalBasis
    coefficients: NDArray[np.complex128]
    residuals: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        atoms: NDArray[np.complex64],
        norms: NDArray[np.float64],
        basis: TemporalBasis,
        rank: int,
    ) -> CompressedAtoms:
        """Compress (A, K) atoms of norms (A,) to a rank."""
        coefficients = np.empty((len(atoms), rank), np.complex128)
        for start in range(0, len(atoms), _AT_ONCE):
            of = slice(start, start + _AT_ONCE)
            coefficients[of] = basis.project(atoms[of], norms[of], rank)
        return cls(basis, coefficients, np.where(norms > 0, left_out(coefficients), 0.0))

    @property
    def rank(self) -> int:
        """Number of vectors R."""
        return int(self.coefficients.shape[1])

    def project(
        self, signals: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Compress fingerprints (N, K) of norms (N,).

        Returns
        -------
        tuple of ndarray
            Coefficients (N, R) of the unit-norm fingerprints, and the norm (N,) of what they
            leave out of each.
        """
        coefficients = self.basis.project(signals, norms, self.rank)
        return coefficients, left_out(coefficients)

    def describe(self, parameters: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        """Return rank, energy and residuals, and which atom is worst, for the provenance."""
        worst = int(np.argmax(self.residuals))
        return {
            "rank": self.rank,
            "energy_kept": self.basis.energy_kept(self.rank),
            "median_residual": float(np.median(self.residuals)),
            "worst_residual": float(self.residuals[worst]),
            "worst_atom": {key: float(values[worst]) for key, values in parameters.items()},
        }


def left_out(coefficients: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the norm (N,) of what coefficients (N, R) leave out of unit-norm fingerprints."""
    kept = np.sum(coefficients.real**2 + coefficients.imag**2, axis=1)
    return np.asarray(np.sqrt(np.clip(1.0 - kept, 0.0, 1.0)) + _ROUNDING)
