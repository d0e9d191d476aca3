"""The noise of fingerprints that are made of coefficients, where it is known.

Apart from `voxelwise`: matchers build it, each from the covariance that its intervals stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class VoxelNoise:
    """Circular complex noise of N fingerprints, alike up to its size.

    Parameters
    ----------
    factors : ndarray
        (T, K) complex128: the noise of a typical fingerprint is `factors` times K independent
        numbers of variance 1 (of the complex number).
    scale : ndarray
        (N,) float64, the size of the noise beside the typical one.
    """

    factors: NDArray[np.complex128]
    scale: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        basis: NDArray[np.complexfloating],
        covariance: NDArray[np.complexfloating],
        scale: NDArray[np.floating],
    ) -> VoxelNoise:
        """Return that of frames from a basis (T, K) and coefficients of a covariance (K, K)."""
        values, vectors = np.linalg.eigh(covariance.astype(np.complex128))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return cls(basis.astype(np.complex128) @ root, scale.astype(np.float64))

    def part(self, of: slice) -> VoxelNoise:
        """Return that of some of the fingerprints."""
        return VoxelNoise(self.factors, self.scale[of])
