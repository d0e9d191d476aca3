"""Coefficient images of a slice from what its coils measured, near the noise limit.

The images are the most likely ones for white noise, with a light prior: the energy of each
coefficient among the fingerprints of the dictionary. It keeps the weak ones, which are measured
worst, from filling up with noise and streaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.steps import Steps
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.conjugate_gradients import solving
from napari_mrf.kspace.preconditioner import circulant, filtered
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.toeplitz import NormalOperator, subspace_kernels

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.kspace.toeplitz import SubspaceKernels

# Of the mean sample density. Errors of the maps of a thigh change by 5 % from 1e-4 to 4e-4.
_WEIGHT = 2e-4
# Later steps change the maps by less than 2 %.
_CLOSE, _MOST_STEPS = 6e-3, 40


@dataclass(frozen=True, eq=False)
class CoefficientImages:
    """The coefficients of a slice.

    Parameters
    ----------
    images : ndarray
        (K, Y, X) complex64.
    steps : int
        Of the solver.
    """

    images: NDArray[np.complex64]
    steps: int


class SubspaceReconstruction:
    """Reconstructs slices that were measured along one trajectory.

    Parameters
    ----------
    basis : ndarray
        (readouts, K) complex: the temporal basis at the pulse of each readout.
    singular_values : ndarray
        (K,) falling, of the fingerprints along the basis.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel.
    shape : tuple of int
        (Y, X) of the images.
    device : torch.device
        Where images are computed.
    workers : int, optional
        Threads; results do not depend on it.
    """

    def __init__(
        self,
        basis: NDArray[np.complexfloating],
        singular_values: NDArray[np.floating],
        coordinates: NDArray[np.floating],
        shape: tuple[int, int],
        *,
        device: torch.device,
        workers: int | None = None,
    ) -> None:
        self._basis, self._coordinates, self._shape = basis, coordinates, shape
        self._device, self._workers = device, workers
        density = float((np.abs(basis[:, 0]) ** 2).sum() * coordinates.shape[1])
        prior = _WEIGHT * density * (singular_values[0] / singular_values) ** 2
        self._prior = torch.from_numpy(prior.astype(np.float32)).to(device)
        self._kernels: SubspaceKernels | None = None

    def reconstructing(
        self, samples: NDArray[np.complex64]
    ) -> Generator[float, None, CoefficientImages]:
        """Reconstruct a slice; shares of the work done are yielded, chances to cancel.

        Parameters
        ----------
        samples : ndarray
            (coils, readouts, samples) complex64 of equal, independent noise.

        Returns
        -------
        CoefficientImages
            Of the same scale as the samples.
        """
        device = self._device
        if self._kernels is None:
            self._kernels = subspace_kernels(
                self._basis, self._coordinates, self._shape, workers=self._workers
            ).on(device)
            yield 0.2
        estimating = Steps(
            estimating_coil_maps(
                samples, self._basis, self._coordinates, self._shape, workers=self._workers
            )
        )
        for _ in estimating:
            yield 0.25
        maps = estimating.result
        seen = SubspaceOperator(self._basis, self._coordinates, maps, workers=self._workers)
        right = np.zeros((self._basis.shape[1], *self._shape), np.complex64)
        for coil, image in enumerate(seen.coil_images(samples)):
            right += maps[coil].conj() * image
            yield 0.25 + 0.2 * (coil + 1) / len(samples)
        coil_maps = torch.from_numpy(maps).to(device)
        operator = NormalOperator(self._kernels, coil_maps)
        prior = self._prior[:, None, None]
        filters = circulant(self._kernels, coil_maps)
        inverse = torch.linalg.inv(filters + torch.diag(self._prior).to(filters.dtype))
        solutions = solving(
            lambda x: operator(x) + prior * x,
            torch.from_numpy(right).to(device),
            lambda x: filtered(inverse, x),
        )
        steps, left = 0, 1.0
        while left > _CLOSE and steps < _MOST_STEPS:
            images, left = next(solutions)
            steps += 1
            yield 0.45 + 0.55 * min(steps / 20, 1.0)
        return CoefficientImages(images.cpu().numpy(), steps)
