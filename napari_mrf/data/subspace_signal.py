"""A series as coefficient images and a temporal basis: frames are made when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CoefficientNoise:
    """How far coefficients lie from those without noise, and from the true ones.

    The covariance of the noise in voxel (z, y, x) is ``scale[z, y, x]**2 * covariance[z]``, that
    of its coefficients with their complex conjugates (circular noise).

    Parameters
    ----------
    covariance : ndarray
        (Z, K, K) complex64, Hermitian, of the noise of a typical voxel of each slice.
    error_covariance : ndarray
        (Z, K, K) complex64, Hermitian: what of the images the measurement leaves open, noise
        and all. Larger than `covariance`, since it holds what the prior of the reconstruction
        stands in for.
    scale : ndarray
        (Z, Y, X) float32, 1 in a typical voxel.
    """

    covariance: NDArray[np.complex64]
    error_covariance: NDArray[np.complex64]
    scale: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SubspaceSignal:
    """The complex images (T, Z, Y, X) of coefficients; indexed like an array.

    Parameters
    ----------
    basis : ndarray
        (T, K) complex64, the basis by temporal frame.
    coefficients : ndarray
        (K, Z, Y, X) complex64, or anything that is indexed like it.
    noise : CoefficientNoise, optional
        Of the coefficients; None where it is not known.
    """

    basis: NDArray[np.complex64]
    coefficients: Any
    noise: CoefficientNoise | None = None

    def __post_init__(self) -> None:
        if self.noise is None:
            return
        rank, (n_slices, *plane) = self.basis.shape[1], self.coefficients.shape[1:]
        expected = {
            "covariance": (n_slices, rank, rank),
            "error_covariance": (n_slices, rank, rank),
            "scale": (n_slices, *plane),
        }
        for name, shape in expected.items():
            values = getattr(self.noise, name)
            if values.shape != shape or not np.isfinite(values).all():
                raise MRFInputError(
                    "bad-covariance",
                    f"the noise of the coefficients ({name}) does not fit them",
                    expected=f"finite numbers of shape {shape}",
                    found=f"shape {values.shape}, "
                    f"{int((~np.isfinite(values)).sum())} numbers that are not finite",
                )

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
        basis = self.basis[frames]
        coefficients = np.asarray(self.coefficients[(slice(None), *place)])
        return np.asarray(np.tensordot(basis, coefficients, axes=1), np.complex64)
