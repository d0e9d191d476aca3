"""The acquisition after its adjoint, as convolutions instead of two NUFFTs.

Forward and adjoint of `SubspaceOperator`, one after the other, multiply coefficient images
with a (K, K) matrix of convolutions. Their spectra on a grid of twice the size are computed
once for a trajectory (all slices and coils share them), and an application costs two FFTs for
each coil and coefficient. Exact up to the accuracy of the NUFFT that makes the spectra.

The frequencies of the doubled grid are four grids of the size of the images, half a step apart
(`half_steps`). Each is worked on by itself: nothing is padded with zeros, a fourth of the
memory is needed, and two grids share their transforms along x.

References
----------
Fessler et al., IEEE TSP 2005, doi 10.1109/TSP.2005.853152; Tamir et al., MRM 2017,
doi 10.1002/mrm.26102 (shuffling); Mani et al., MRM 2015.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.devices import n_threads
from napari_mrf.compute.steps import result_of
from napari_mrf.compute.threads import in_order, one_thread_each, with_pauses
from napari_mrf.kspace.fourier import fft, fft2, ifft
from napari_mrf.kspace.spreading import Spreading

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

# So many spectra are made at a time: the more, the fewer times samples are spread.
_PAIRS = 8
# So many coils share the reading of the spectra; their images stay in the last cache.
_COILS = 4


@dataclass(frozen=True, eq=False)
class SubspaceKernels:
    """Spectra of the convolutions between coefficients.

    Parameters
    ----------
    spectra : Tensor
        (2, 2, K (K + 1) / 2, Y, X) complex64: [a, b, :, y, x] at frequency (2 y + a, 2 x + b) of
        the doubled grid, for pairs (k, l) with k <= l in the order of `pairs`; (l, k) is the
        conjugate.
    rank : int
        K.
    """

    spectra: torch.Tensor
    rank: int

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the images."""
        y, x = self.spectra.shape[-2:]
        return y, x

    def on(self, device: torch.device) -> SubspaceKernels:
        """Return the same spectra in the memory of a device."""
        return SubspaceKernels(self.spectra.to(device), self.rank)


def pairs(rank: int) -> list[tuple[int, int]]:
    """Return the pairs (k, l) of coefficients with k <= l."""
    return [(k, other) for k in range(rank) for other in range(k, rank)]


def half_steps(shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Return the waves (2, 2, Y, X) that move the frequencies of an FFT by (a, b) half steps."""
    y, x = (_half_steps(n, device) for n in shape)
    return y[:, None, :, None] * x[None, :, None, :]


def _half_steps(size: int, device: torch.device) -> torch.Tensor:
    """Return the waves (2, size) along one direction."""
    places = torch.arange(size, dtype=torch.float64)
    waves = torch.exp(-1j * torch.pi / size * torch.arange(2)[:, None] * places)
    return waves.to(device, torch.complex64)


def hermitian_products(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return the products of Hermitian matrices with vectors, which are lost.

    Parameters
    ----------
    matrices : Tensor
        (K (K + 1) / 2, Y, X) complex64: the upper triangles, in the order of `pairs`.
    vectors : Tensor
        (coils, K, Y, X) complex64.
    """
    if vectors.device.type != "cpu":
        return _products_of_tensors(matrices, vectors)
    from napari_mrf.kspace.toeplitz_kernel import convolve

    vectors = vectors.contiguous()
    apart = (torch.view_as_real(of).flatten(-3).numpy() for of in (matrices, vectors))
    convolve(*apart)
    return vectors


def _products_of_tensors(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return the same on any device."""
    result = torch.zeros_like(vectors)
    for matrix, (k, other) in zip(matrices, pairs(vectors.shape[1]), strict=True):
        result[:, k] += matrix * vectors[:, other]
        if k != other:
            result[:, other] += matrix.conj() * vectors[:, k]
    return result


def making_kernels(
    basis: NDArray[np.complexfloating],
    coordinates: NDArray[np.floating],
    shape: tuple[int, int],
    *,
    weights: NDArray[np.floating] | NDArray[np.bool_] | None = None,
    workers: int | None = None,
) -> Generator[None, None, SubspaceKernels]:
    """Compute the spectra for a trajectory; every yield is a chance to cancel.

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

    Returns
    -------
    SubspaceKernels
    """
    rank, (n_y, n_x) = basis.shape[1], shape
    counts = np.ones(coordinates.shape[:2]) if weights is None else np.asarray(weights, np.float64)
    k, other = np.transpose(pairs(rank))
    products = basis[:, k].conj() * basis[:, other]
    spectra = torch.empty((2, 2, len(k), n_y, n_x), dtype=torch.complex64)
    spreading = Spreading(coordinates, (2 * n_y, 2 * n_x))
    yield

    def compute(part: int) -> None:
        some = slice(part * _PAIRS, (part + 1) * _PAIRS)
        responses = spreading.adjoint(counts, products[:, some])
        # Shifts of a full matrix size do not occur; without them the operator is Hermitian.
        responses[:, 0], responses[:, :, 0] = 0, 0
        for index, response in enumerate(responses, some.start):
            whole = fft2(torch.from_numpy(np.fft.ifftshift(response)))
            spectra[:, :, index] = whole.reshape(n_y, 2, n_x, 2).permute(1, 3, 0, 2)

    yield from with_pauses(compute, range(-(-len(k) // _PAIRS)), workers=workers)
    return SubspaceKernels(spectra, rank)


def convolved(kernels: SubspaceKernels, images: torch.Tensor) -> torch.Tensor:
    """Return what coils that are the same everywhere make of their images (coils, K, Y, X)."""
    spare, total = torch.empty_like(images), torch.zeros_like(images)
    for b, wave in enumerate(_half_steps(kernels.shape[1], images.device)):
        total += wave.conj() * _filtered(kernels, b, wave * images, spare)
    return total / 4


def _filtered(
    kernels: SubspaceKernels, b: int, images: torch.Tensor, spare: torch.Tensor
) -> torch.Tensor:
    """Return images that waves along x have moved by b half steps after the convolutions.

    Summed over half steps along y, which share the transforms along x. Works in the memory of
    the images and of another tensor of their shape.
    """
    wave = _half_steps(kernels.shape[0], images.device)[1, :, None]
    seen = fft(images, -1)
    total = _multiplied(kernels.spectra[0, b], spare.copy_(seen))
    moved = _multiplied(kernels.spectra[1, b], seen.mul_(wave))
    return ifft(total.addcmul_(moved, wave.conj().resolve_conj()), -1)


def _multiplied(spectra: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return images that are spectra along x already after a convolution; they are lost."""
    return ifft(hermitian_products(spectra, fft(images, -2)), -2)


class NormalOperator:
    """The adjoint of the acquisition after the acquisition, on coefficient images.

    Parameters
    ----------
    kernels : SubspaceKernels
        Of the trajectory.
    coil_maps : Tensor
        (coils, Y, X) complex64, on the device of the kernels.
    workers : int, optional
        Threads; results do not depend on it.
    """

    def __init__(
        self, kernels: SubspaceKernels, coil_maps: torch.Tensor, *, workers: int | None = None
    ) -> None:
        self._kernels, self._maps = kernels, coil_maps
        self._waves = _half_steps(kernels.shape[1], coil_maps.device)
        self._workers = workers
        # New memory costs a sixth of the time: it is kept, as much as threads need at a time.
        self._rooms: list[torch.Tensor] = []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the result (K, Y, X) for coefficient images (K, Y, X)."""
        return result_of(self.applying(images))

    def applying(self, images: torch.Tensor) -> Generator[None, None, torch.Tensor]:
        """Do the same with pauses: a few coils at a time."""
        parts = [
            (b, slice(first, first + _COILS))
            for b in range(2) for first in range(0, len(self._maps), _COILS)
        ]  # fmt: skip
        total = torch.zeros_like(images)
        on_cpu = images.device.type == "cpu"
        workers = min(self._workers or n_threads(), len(parts)) if on_cpu else 1
        with one_thread_each(workers) if workers > 1 else nullcontext() as pool:
            for part in in_order(pool, workers, lambda of: self._part(images, *of), parts):
                total += part
                yield
        return total / 4

    def _part(self, images: torch.Tensor, b: int, coils: slice) -> torch.Tensor:
        maps = self._maps[coils] * self._waves[b]
        try:
            room = self._rooms.pop()
        except IndexError:
            room = images.new_empty((2, min(_COILS, len(self._maps)), *images.shape))
        given, spare = room[:, : len(maps)]
        seen = _filtered(self._kernels, b, torch.mul(maps[:, None], images, out=given), spare)
        total = torch.zeros_like(images)
        for coil_map, of_coil in zip(maps.conj().resolve_conj(), seen, strict=True):
            total.addcmul_(coil_map, of_coil)
        self._rooms.append(room)
        return total
