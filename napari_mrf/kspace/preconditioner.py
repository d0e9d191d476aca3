"""Preconditioner: the acquisition as a filter, inverted.

A convolution that is the same everywhere approximates the acquisition best (in the Frobenius
norm) when its response is that of the trajectory times the autocorrelation of the coil maps.
For one coil that is the same everywhere, this is the optimal circulant of T. Chan. Its inverse
is a (K, K) matrix for each spatial frequency.

References
----------
T. Chan, SIAM Journal on Scientific and Statistical Computing 1988, doi 10.1137/0909051.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_mrf.kspace.toeplitz import pairs

if TYPE_CHECKING:
    from napari_mrf.kspace.toeplitz import SubspaceKernels


def circulant(kernels: SubspaceKernels, coil_maps: torch.Tensor) -> torch.Tensor:
    """Return the filter nearest to the acquisition.

    Parameters
    ----------
    kernels : SubspaceKernels
        Of the trajectory.
    coil_maps : Tensor
        (coils, Y, X) complex64.

    Returns
    -------
    Tensor
        (Y, X, K, K) complex64, Hermitian: for each frequency of an FFT of the images.
    """
    n_y, n_x = kernels.shape
    power = (torch.fft.fft2(coil_maps, s=(2 * n_y, 2 * n_x)).abs() ** 2).sum(0)
    overlap = torch.fft.ifft2(power).conj() / (n_y * n_x)
    matrices = torch.empty(
        (n_y, n_x, kernels.rank, kernels.rank), dtype=torch.complex64, device=coil_maps.device
    )
    for spectrum, (k, other) in zip(kernels.spectra, pairs(kernels.rank), strict=True):
        response = torch.fft.ifft2(spectrum) * overlap
        folded = response.reshape(2, n_y, 2, n_x).sum((0, 2))
        matrices[:, :, k, other] = torch.fft.fft2(folded)
        matrices[:, :, other, k] = matrices[:, :, k, other].conj()
    return matrices


def filtered(matrices: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return coefficient images (K, Y, X) after a filter (Y, X, K, K)."""
    spectra = torch.fft.fft2(images).permute(1, 2, 0)[..., None]
    product = (matrices @ spectra)[..., 0].permute(2, 0, 1).contiguous()
    result: torch.Tensor = torch.fft.ifft2(product)
    return result
