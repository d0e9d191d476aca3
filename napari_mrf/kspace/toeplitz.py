"""Samples of coefficient images, and back, at one go: a convolution instead of two NUFFTs.

Forward and adjoint of `SubspaceOperator`, one after the other, multiply coefficient images
with a (K, K) matrix of convolutions. Their spectra on a grid of twice the size are computed
once for a trajectory (all slices and coils share them), and an application costs two FFTs for
each coil and coefficient. Exact up to the accuracy of the NUFFT that makes the spectra.

References
----------
Fessler et al., IEEE TSP 2005, doi 10.1109/TSP.2005.853152; Tamir et al., MRM 2017,
doi 10.1002/mrm.26102 (shuffling); Mani et al., MRM 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.threads import each_on_one_core, indices_in_order
from napari_mrf.kspace import nufft
from napari_mrf.kspace.subspace_operator import ACCURACY

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SubspaceKernels:
    """Spectra of the convolutions between coefficients.

    Parameters
    ----------
    spectra : Tensor
        (K (K + 1) / 2, 2 Y, 2 X) complex64, pairs (k, l) with k <= l in the order of `pairs`;
        (l, k) is the conjugate.
    rank : int
        K.
    """

    spectra: torch.Tensor
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the images."""
        _, y, x = self.spectra.shape
        return y // 2, x // 2

    def on(self, device: torch.device) -> SubspaceKernels:
        """Return the same spectra in the memory of a device."""
        return SubspaceKernels(self.spectra.to(device), self.rank)


def pairs(rank: int) -> list[tuple[int, int]]:
    """Return the pairs (k, l) of coefficients with k <= l."""
    return [(k, other) for k in range(rank) for other in range(k, rank)]


def subspace_kernels(
    basis: NDArray[np.complexfloating],
    coordinates: NDArray[np.floating],
    shape: tuple[int, int],
    *,
    weights: NDArray[np.floating] | NDArray[np.bool_] | None = None,
    workers: int | None = None,
) -> SubspaceKernels:
    """Compute the spectra for a trajectory.

    Parameters
    ----------
    basis : ndarray
        (readouts, K) complex: the temporal basis at the pulse of each readout.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel.
    shape : tuple of int
        (Y, X) of the images.
    weights : ndarray, optional
        (readouts, samples) what the samples count; 1 by default, as it should be for samples
        of equal noise.
    workers : int, optional
        Threads; results do not depend on it.
    """
    rank, (n_y, n_x) = basis.shape[1], shape
    weights = np.ones(coordinates.shape[:2]) if weights is None else weights
    wanted = pairs(rank)
    spectra = torch.empty((len(wanted), 2 * n_y, 2 * n_x), dtype=torch.complex64)

    def compute(index: int) -> None:
        k, other = wanted[index]
        product = (basis[:, k].conj() * basis[:, other])[:, None] * weights
        response = nufft.adjoint(
            product.astype(np.complex64)[None], coordinates, (2 * n_y, 2 * n_x), epsilon=ACCURACY
        )[0]
        # Shifts of a full matrix size do not occur; without them the operator is Hermitian.
        response[0], response[:, 0] = 0, 0
        spectra[index] = torch.from_numpy(
            np.fft.fft2(np.fft.ifftshift(response)).astype(np.complex64)
        )

    for _ in indices_in_order(compute, len(wanted), workers=workers):
        pass
    return SubspaceKernels(spectra, rank)


class NormalOperator:
    """The adjoint of the acquisition after the acquisition, on coefficient images.

    Parameters
    ----------
    kernels : SubspaceKernels
        Of the trajectory.
    coil_maps : Tensor
        (coils, Y, X) complex64, on the device of the kernels.
    """

    def __init__(self, kernels: SubspaceKernels, coil_maps: torch.Tensor) -> None:
        self._kernels, self._maps = kernels, coil_maps
        self._on_cpu = coil_maps.device.type == "cpu"
        if self._on_cpu:
            from napari_mrf.kspace.toeplitz_kernel import convolve

            self._convolve = convolve
            self._flat = kernels.spectra.reshape(len(kernels.spectra), -1).numpy()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the result (K, Y, X) for coefficient images (K, Y, X)."""
        of_coils = each_on_one_core(
            lambda coil: self._of_coil(images, self._maps[coil]), list(range(len(self._maps)))
        )
        total = torch.zeros_like(images)
        for part in of_coils:
            total += part
        return total

    def _of_coil(self, images: torch.Tensor, coil_map: torch.Tensor) -> torch.Tensor:
        n_y, n_x = self._kernels.shape
        spectra = torch.fft.fft2(images * coil_map, s=(2 * n_y, 2 * n_x))
        product = self._times_kernels(spectra)
        # Along y first: the rows that are cut off need no transform along x.
        product = torch.fft.ifft(product, dim=-2)[:, :n_y]
        seen: torch.Tensor = torch.fft.ifft(product, dim=-1)[..., :n_x]
        return coil_map.conj() * seen

    def _times_kernels(self, spectra: torch.Tensor) -> torch.Tensor:
        if self._on_cpu:
            flat = spectra.reshape(len(spectra), -1).contiguous().numpy()
            product = np.empty_like(flat)
            self._convolve(self._flat, flat, product)
            return torch.from_numpy(product).reshape(spectra.shape)
        result = torch.zeros_like(spectra)
        for kernel, (k, other) in zip(
            self._kernels.spectra, pairs(self._kernels.rank), strict=True
        ):
            result[k] += kernel * spectra[other]
            if k != other:
                result[other] += kernel.conj() * spectra[k]
        return result
