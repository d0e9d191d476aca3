"""Coil maps from the center of k-space of the measurement itself.

The sensitivities of coils are smooth, so the middle of k-space tells them. Coefficient images of
few voxels are solved for each coil by itself, which needs no density compensation and works for
any trajectory; the maps are the directions in which the coils see the tissue around each voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from napari_mrf.compute.steps import Steps
from napari_mrf.kspace.coils import combination_weights
from napari_mrf.kspace.conjugate_gradients import solving
from napari_mrf.kspace.preconditioner import circulant, filtered, inverted
from napari_mrf.kspace.spreading import Spreading, coil_images
from napari_mrf.kspace.toeplitz import convolved, making_kernels

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

_MATRIX = 64
_COEFFICIENTS = 4
_SMOOTHING_VOXELS = 1.0  # of those of the small matrix
# Of the mean sample density: silent coefficients and places are not solved for.
_WEIGHT = 1e-3
_STEPS = 12


@dataclass(frozen=True, eq=False)
class CoilEstimate:
    """What the center of k-space tells of a slice.

    Parameters
    ----------
    maps : ndarray
        (coils, Y, X) complex64, of unit norm in every voxel. Their common phase is smooth and
        arbitrary; see `coils.combination_weights`.
    power : float
        Mean square of the first coefficient in the tissue: over all voxels, each weighted with
        its own, so that air does not count.
    """

    maps: NDArray[np.complex64]
    power: float


def estimating_coil_maps(
    samples: NDArray[np.complex64],
    basis: NDArray[np.complexfloating],
    coordinates: NDArray[np.floating],
    shape: tuple[int, int],
    *,
    workers: int | None = None,
) -> Generator[None, None, CoilEstimate]:
    """Estimate the coil maps of a slice; every yield is a chance to cancel.

    Parameters
    ----------
    samples : ndarray
        (coils, readouts, samples) complex64 of equal, independent noise.
    basis : ndarray
        (readouts, K) complex; the first four coefficients are used.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel.
    shape : tuple of int
        (Y, X) of the maps.
    workers : int, optional
        Threads; results do not depend on it.

    Returns
    -------
    CoilEstimate

    References
    ----------
    Walsh et al., MRM 2000, doi 10.1002/(SICI)1522-2594(200005)43:5<682::AID-MRM10>3.0.CO;2-G.
    """
    factor = min(1.0, _MATRIX / max(shape))
    small = tuple(max(4, 2 * round(n * factor / 2)) for n in shape)
    scale = np.array([n / m for n, m in zip(shape, small, strict=True)])
    wanted = np.all(np.abs(coordinates) * scale < 0.5, axis=-1)
    columns = np.flatnonzero(wanted.any(axis=0))
    weights = wanted[:, columns].astype(np.float32)
    # Coordinates of samples beyond the small matrix mean nothing there: they weigh nothing.
    places = np.where(weights[..., None] > 0, coordinates[:, columns] * scale, 0.0)
    few = basis[:, :_COEFFICIENTS]
    making = Steps(
        making_kernels(few, places, (small[0], small[1]), weights=weights, workers=workers)
    )
    for _ in making:
        yield
    kernels, size = making.result, few.shape[1]
    one = np.ones((1, *small), np.complex64)
    spreading = Spreading(places, (small[0], small[1]))
    right = np.empty((len(samples), size, *small), np.complex64)
    middle = samples[:, :, columns] * weights
    for coil, image in enumerate(coil_images(spreading, middle, few, workers=workers)):
        right[coil] = image
        yield
    weight = _WEIGHT * float(weights.sum() * np.mean(np.abs(few) ** 2))
    inverse = inverted(circulant(kernels, torch.from_numpy(one)), torch.full((size,), weight))

    def applying(x: torch.Tensor) -> Generator[None, None, torch.Tensor]:
        yield
        return convolved(kernels, x) + weight * x

    # Coils by themselves, all at a time.
    solutions = solving(applying, torch.from_numpy(right), lambda x: filtered(inverse, x))
    for found in solutions:
        yield
        if found.steps == _STEPS:
            break
    images = torch.fft.ifft2(torch.fft.fft2(found.solution) * _taper(small)).numpy()
    images = images.swapaxes(0, 1)
    maps = combination_weights(images, smoothing_voxels=_SMOOTHING_VOXELS)
    # A voxel of the small matrix holds the signal of several.
    squares = (np.abs(images[0]) ** 2).sum(axis=0, dtype=np.float64) / np.prod(scale) ** 2
    power = float((squares**2).sum() / squares.sum()) if squares.any() else 0.0
    return CoilEstimate(_enlarged(maps, shape), power)


def _taper(shape: tuple[int, ...]) -> torch.Tensor:
    """Return a Hann filter over the frequencies of an FFT, against ringing at edges."""
    y, x = (np.cos(np.pi * np.fft.fftfreq(n)) ** 2 for n in shape)
    return torch.from_numpy(np.outer(y, x).astype(np.float32))


def _enlarged(maps: NDArray[np.complex64], shape: tuple[int, int]) -> NDArray[np.complex64]:
    """Return maps (coils, y, x) interpolated to (coils, Y, X), of unit norm in every voxel."""
    along_y, along_x = (_interpolation(n, m) for n, m in zip(shape, maps.shape[1:], strict=True))
    large = along_y @ maps @ along_x.T
    large /= np.linalg.norm(large, axis=0)
    return large.astype(np.complex64)


def _interpolation(size: int, small: int) -> NDArray[np.float64]:
    """Return the matrix (size, small) of cubic splines through values of the small matrix."""
    places = (np.arange(size) - size // 2) * (small / size) + small // 2
    return np.stack(
        [map_coordinates(unit, places[None], order=3, mode="nearest") for unit in np.eye(small)],
        axis=1,
    )
