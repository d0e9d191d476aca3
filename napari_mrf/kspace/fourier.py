"""The FFT of tensors on any device, in the plane or along one direction.

Apart from its users for what is measured: on the CPU, that of scipy, in place, takes a half to a
fifth of the time of torch's, of complex64 images of 192 x 192 and 350 x 350.
"""

from __future__ import annotations

import scipy.fft
import torch


def fft2(images: torch.Tensor) -> torch.Tensor:
    """Return the spectra of images (..., Y, X), which are lost."""
    if images.device.type == "cpu":
        return torch.from_numpy(scipy.fft.fft2(images.numpy(), overwrite_x=True))
    spectra: torch.Tensor = torch.fft.fft2(images)
    return spectra


def ifft2(spectra: torch.Tensor) -> torch.Tensor:
    """Return the images of spectra (..., Y, X), which are lost."""
    if spectra.device.type == "cpu":
        return torch.from_numpy(scipy.fft.ifft2(spectra.numpy(), overwrite_x=True))
    images: torch.Tensor = torch.fft.ifft2(spectra)
    return images


def fft(images: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the spectra of images along one dimension; the images are lost."""
    if images.device.type == "cpu":
        return torch.from_numpy(scipy.fft.fft(images.numpy(), axis=dim, overwrite_x=True))
    spectra: torch.Tensor = torch.fft.fft(images, dim=dim)
    return spectra


def ifft(spectra: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the images of spectra along one dimension; the spectra are lost."""
    if spectra.device.type == "cpu":
        return torch.from_numpy(scipy.fft.ifft(spectra.numpy(), axis=dim, overwrite_x=True))
    images: torch.Tensor = torch.fft.ifft(spectra, dim=dim)
    return images
