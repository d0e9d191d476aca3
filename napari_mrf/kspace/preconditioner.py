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

from napari_mrf.kspace.fourier import fft2, ifft2
from napari_mrf.kspace.toeplitz import half_steps, hermitian_products, pairs

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
        (K (K + 1) / 2, Y, X) complex64, a Hermitian matrix for each frequency of an FFT of the
        images: its upper triangle, in the order of `pairs`.
    """
    n_y, n_x = kernels.shape
    power = sum(
        torch.fft.fft2(one, s=(2 * n_y, 2 * n_x)).abs() ** 2 for one in coil_maps
    )  # fmt: skip
    overlap = torch.fft.ifft2(power).conj() / (4 * n_y * n_x)
    # Shifts of one size of the images are one to an FFT of them, and the four parts of a
    # spectrum are told apart by the signs they have there.
    weights = torch.fft.fft2(overlap.reshape(2, n_y, 2, n_x), dim=(0, 2)).permute(0, 2, 1, 3)
    weights = weights * half_steps((n_y, n_x), coil_maps.device).conj()
    filters = torch.zeros_like(kernels.spectra[0, 0])
    for index in range(len(filters)):
        responses = ifft2(kernels.spectra[:, :, index].clone())
        filters[index] = fft2((responses * weights).sum((0, 1)))
    return filters


def inverted(filters: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Return the inverse of a filter of `circulant` with the weights (K,) of a prior on it."""
    rank, shape = len(prior), filters.shape[1:]
    k, other = torch.tensor(pairs(rank), device=filters.device).T
    matrices = torch.empty((*shape, rank, rank), dtype=filters.dtype, device=filters.device)
    matrices[..., other, k] = filters.permute(1, 2, 0).conj()
    matrices[..., k, other] = filters.permute(1, 2, 0)
    inverse = torch.linalg.inv(matrices + torch.diag(prior).to(filters.dtype))
    return inverse[..., k, other].permute(2, 0, 1).contiguous()


def filtered(filters: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return coefficient images (coils, K, Y, X) after a filter (K (K + 1) / 2, Y, X)."""
    return ifft2(hermitian_products(filters, fft2(images.clone())))
