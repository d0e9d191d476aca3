"""A series as coefficient images and a temporal basis: frames are made when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SubspaceSignal:
    """The complex images (T, Z, Y, X) of coefficients; indexed like an array.

    Parameters
    ----------
    basis : ndarray
        (T, K) complex64, the basis by temporal frame.
    coefficients : ndarray
        (K, Z, Y, X) complex64.
    """

    basis: NDArray[np.complex64]
    coefficients: NDArray[np.complex64]

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, Z, Y, X)."""
        return (len(self.basis), *self.coefficients.shape[1:])

    @property
    def ndim(self) -> int:
        """Four."""
        return 4

    @property
    def dtype(self) -> np.dtype[np.complex64]:
        """complex64."""
        return np.dtype(np.complex64)

    def __getitem__(self, index: Any) -> NDArray[np.complex64]:
        """Return the part that numpy's basic indexing (numbers, slices, ``...``) asks for."""
        whole = index if isinstance(index, tuple) else (index,)
        if Ellipsis in whole:
            at = whole.index(Ellipsis)
            missing = self.ndim - (len(whole) - 1)
            whole = (*whole[:at], *(slice(None),) * missing, *whole[at + 1 :])
        frames, place = (whole[0], whole[1:]) if whole else (slice(None), ())
        basis, coefficients = self.basis[frames], self.coefficients[(slice(None), *place)]
        return np.asarray(np.tensordot(basis, coefficients, axes=1), np.complex64)
