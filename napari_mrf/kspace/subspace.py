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
from napari_mrf.kspace.trajectory import inside

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.kspace.toeplitz import SubspaceKernels

# Of the ratio of noise to signal. The energy of images lies at low frequencies, which are measured
# far more densely than the mean: independent voxels of that energy, for which the ratio itself
# would be right, are too strong a prior for the others. The louder a scan, the lower are the
# frequencies where noise and signal are equal, and the smaller the factor that is best there
# (docs/raw.md).
_WEIGHT = 60.0
_LOUD = 6e-6  # of the ratio to the mean sample density: beyond, the factor falls with its root
# Of the mean sample density: the least that is needed to solve the equations.
_LEAST = 2e-5
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
        (readouts, samples, 2), (ky, kx) in cycles/voxel. Samples beyond ±0.5, which images of
        these voxels cannot hold, are left out.
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
        self._basis, self._shape = basis, shape
        # The images are periodic in k-space, the object is not.
        self._counts, self._measured = inside(coordinates), coordinates
        self._coordinates = np.where(self._counts[..., None], coordinates, 0.0)
        self._device, self._workers = device, workers
        self._density = float((np.abs(basis[:, 0]) ** 2).sum() * coordinates.shape[1])
        self._falls = (singular_values[0] / singular_values) ** 2
        self._kernels: SubspaceKernels | None = None

    def reconstructing(
        self, samples: NDArray[np.complex64], noise: float
    ) -> Generator[float, None, CoefficientImages]:
        """Reconstruct a slice; shares of the work done are yielded, chances to cancel.

        Parameters
        ----------
        samples : ndarray
            (coils, readouts, samples) complex64 of equal, independent noise.
        noise : float
            Its variance (of the complex number, real and imaginary part together).

        Returns
        -------
        CoefficientImages
            Of the same scale as the samples.
        """
        device = self._device
        if not self._counts.all():
            samples = samples * self._counts
        if self._kernels is None:
            self._kernels = subspace_kernels(
                self._basis,
                self._coordinates,
                self._shape,
                weights=self._counts,
                workers=self._workers,
            ).on(device)
            yield 0.2
        estimating = Steps(
            estimating_coil_maps(
                samples, self._basis, self._measured, self._shape, workers=self._workers
            )
        )
        for _ in estimating:
            yield 0.25
        maps, power = estimating.result.maps, estimating.result.power
        seen = SubspaceOperator(self._basis, self._coordinates, maps, workers=self._workers)
        right = np.zeros((self._basis.shape[1], *self._shape), np.complex64)
        for coil, image in enumerate(seen.coil_images(samples)):
            right += maps[coil].conj() * image
            yield 0.25 + 0.2 * (coil + 1) / len(samples)
        coil_maps = torch.from_numpy(maps).to(device)
        operator = NormalOperator(self._kernels, coil_maps)
        prior = self._prior(power, noise).to(device)
        filters = circulant(self._kernels, coil_maps)
        inverse = torch.linalg.inv(filters + torch.diag(prior).to(filters.dtype))
        solutions = solving(
            lambda x: operator(x) + prior[:, None, None] * x,
            torch.from_numpy(right).to(device),
            lambda x: filtered(inverse, x),
        )
        steps, left = 0, 1.0
        while left > _CLOSE and steps < _MOST_STEPS:
            images, left = next(solutions)
            steps += 1
            yield 0.45 + 0.55 * min(steps / 20, 1.0)
        return CoefficientImages(images.cpu().numpy(), steps)

    def _prior(self, power: float, noise: float) -> torch.Tensor:
        """Return the weight (K,) of the square of each coefficient."""
        ratio = noise / power if power > 0 else 0.0
        loud = ratio / (_LOUD * self._density)
        weights = (_WEIGHT * ratio / max(loud, 1.0) ** 0.5 + _LEAST * self._density) * self._falls
        return torch.from_numpy(weights.astype(np.float32))
