"""The acquisition in a temporal subspace: coefficient images to k-space samples, and back.

A fingerprint is a combination of a few shapes over time, its coefficients; a series is a stack of
coefficient images, then, and each readout sees the combination that belongs to its pulse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.threads import indices_in_order
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace import nufft
from napari_mrf.kspace.spreading import Spreading, coil_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ACCURACY = 1e-5  # the truncation of the subspace is hundreds of times larger


class SubspaceOperator:
    """Coefficient images (K, Y, X) to the samples that every coil measures, and its adjoint.

    Sample n of readout r in coil c is
    ``sum_k basis[r, k] sum_x maps[c, x] image[k, x] exp(-2 pi i k_rn·x)``.

    Parameters
    ----------
    basis : ndarray
        (readouts, K) complex: the temporal basis at the pulse of each readout.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel, -0.5 to 0.5.
    coil_maps : ndarray
        (coils, Y, X) complex64.
    workers : int, optional
        Threads; by default one per CPU core. Results do not depend on it.

    Raises
    ------
    MRFInputError
        ``"bad-kspace"`` when the parts do not fit together.

    References
    ----------
    Zhao et al., MRM 2018, doi 10.1002/mrm.26701; Assländer et al., MRM 2018,
    doi 10.1002/mrm.26639.
    """

    def __init__(
        self,
        basis: NDArray[np.complexfloating],
        coordinates: NDArray[np.floating],
        coil_maps: NDArray[np.complexfloating],
        *,
        workers: int | None = None,
    ) -> None:
        if basis.ndim != 2 or coordinates.ndim != 3 or len(basis) != len(coordinates):
            raise MRFInputError(
                "bad-kspace", "the basis does not fit the readouts",
                expected="a basis (readouts, K) and coordinates (readouts, samples, 2)",
                found=f"shapes {basis.shape} and {coordinates.shape}",
            )  # fmt: skip
        self.basis = np.ascontiguousarray(basis, np.complex64)
        self.coordinates = coordinates
        self.coil_maps = np.ascontiguousarray(coil_maps, np.complex64)
        self._workers = workers

    @property
    def rank(self) -> int:
        """Number of coefficients K."""
        return int(self.basis.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the images."""
        _, y, x = self.coil_maps.shape
        return int(y), int(x)

    def forward(self, images: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
        """Return the samples (coils, readouts, samples) of coefficient images (K, Y, X)."""
        grid = self.coordinates.shape[:2]

        def of_coil(coil: int) -> NDArray[np.complex64]:
            seen = nufft.forward(
                (images * self.coil_maps[coil]).astype(np.complex64), self.coordinates,
                epsilon=_ACCURACY,
            )  # fmt: skip
            total = np.zeros(grid, np.complex64)
            for k in range(self.rank):
                total += self.basis[:, k, None] * seen[k]
            return total

        n_coils = len(self.coil_maps)
        return np.stack(list(indices_in_order(of_coil, n_coils, workers=self._workers)))

    def adjoint(self, samples: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
        """Return coefficient images (K, Y, X) of samples (coils, readouts, samples)."""
        images = np.zeros((self.rank, *self.shape), np.complex64)
        spreading = Spreading(self.coordinates, self.shape)
        seen = coil_images(spreading, samples, self.basis, workers=self._workers)
        for coil_map, image in zip(self.coil_maps, seen, strict=True):
            images += coil_map.conj() * image
        return images
