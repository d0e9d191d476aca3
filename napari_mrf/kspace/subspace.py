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
from napari_mrf.kspace.coefficient_noise import SliceNoise, noise_of_replica, white_noise
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.conjugate_gradients import Iterate, solving
from napari_mrf.kspace.preconditioner import circulant, filtered, inverted
from napari_mrf.kspace.spreading import Spreading, coil_images
from napari_mrf.kspace.toeplitz import NormalOperator, making_kernels, pairs
from napari_mrf.kspace.trajectory import inside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.kspace.toeplitz import SubspaceKernels

# Of the ratio of noise to signal. The energy of images lies at low frequencies, which are measured
# far more densely than the mean: independent voxels of that energy, for which the ratio itself
# would be right, are too strong a prior for the others. The louder a scan, the lower are the
# frequencies where noise and signal are equal, and the smaller the factor that is best there
# (docs/raw.md).
_WEIGHT = 30.0
_LOUD = 2.4e-5  # of the ratio to the mean sample density: beyond, the factor falls with its root
# Of the mean sample density: the least that is needed to solve the equations.
_LEAST = 2e-5
# Later steps change the errors of maps by less than 2 %.
_CLOSE, _MOST_STEPS = 4e-3, 40
# Of the prior's weight over the noise: slices that differ by less share their noise.
_ALIKE = 1.25
# Of the size of the images: weaker noise would drown in the rounding of single precision. No
# stronger than it need be, since the solver treats noise as it does beside the images.
_FAINTEST = 2e-3


@dataclass(frozen=True, eq=False)
class CoefficientImages:
    """The coefficients of a slice.

    Parameters
    ----------
    images : ndarray
        (K, Y, X) complex64.
    steps : int
        Of the solver.
    noise : SliceNoise
        Of the coefficients.
    error_covariance : ndarray
        (K, K) complex64, Hermitian: of what the measurement and the prior leave open, the mean
        over all frequencies of the inverse of the nearest filter.
    """

    images: NDArray[np.complex64]
    steps: int
    noise: SliceNoise
    error_covariance: NDArray[np.complex64]


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
        self._spreading: Spreading | None = None
        self._measured_noise: tuple[float, SliceNoise] | None = None

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
            making = Steps(
                making_kernels(
                    self._basis,
                    self._coordinates,
                    self._shape,
                    weights=self._counts,
                    workers=self._workers,
                )
            )
            for _ in making:
                yield 0.0
            self._kernels = making.result.on(device)
        estimating = Steps(
            estimating_coil_maps(
                samples, self._basis, self._measured, self._shape, workers=self._workers
            )
        )
        for _ in estimating:
            yield 0.2
        maps, power = estimating.result.maps, estimating.result.power
        right = np.zeros((self._basis.shape[1], *self._shape), np.complex64)
        for coil in self._adding(samples, maps, right):
            yield 0.2 + 0.1 * coil / len(samples)
        coil_maps = torch.from_numpy(maps).to(device)
        operator = NormalOperator(self._kernels, coil_maps, workers=self._workers)
        prior = self._prior(power, noise).to(device)
        filters = circulant(self._kernels, coil_maps)
        yield 0.3
        inverse = inverted(filters, prior)
        yield 0.3

        def applying(x: torch.Tensor) -> Generator[None, None, torch.Tensor]:
            seen = yield from operator.applying(x)
            return seen + prior[:, None, None] * x

        def solutions(right: NDArray[np.complex64]) -> Iterator[Iterate]:
            given = torch.from_numpy(right).to(device)
            return solving(applying, given, lambda x: filtered(inverse, x[None])[0])

        for now in solutions(right):
            yield 0.3 + 0.35 * min(now.steps / 25, 1.0)
            if now.left <= _CLOSE or now.steps == _MOST_STEPS:
                break
        images, unsure = now.solution.cpu().numpy(), _left_open(inverse)

        # Noise of variance 1: slices of one trajectory differ in the strength of their prior.
        ratio = noise / power if power > 0 else 0.0
        if self._measured_noise is None or not _are_alike(ratio, self._measured_noise[0]):
            faint = np.zeros_like(right)
            drawn = white_noise(samples.shape, 1.0) * self._counts
            for coil in self._adding(drawn, maps, faint):
                yield 0.65 + 0.1 * coil / len(samples)
            typical = float(np.trace(unsure).real * images[0].size) ** 0.5
            size = max(_FAINTEST * float(np.linalg.norm(images)) / typical, noise**0.5)
            for again in solutions(right + np.float32(size) * faint):
                yield 0.75 + 0.25 * again.steps / now.steps
                if again.steps == now.steps:
                    break
            difference = (again.solution.cpu().numpy() - images) / np.float32(size)
            self._measured_noise = ratio, noise_of_replica(difference, images)
        measured = self._measured_noise[1]
        return CoefficientImages(
            images,
            now.steps,
            SliceNoise(measured.covariance * noise, measured.scale),
            np.float32(noise) * _at_least(measured.covariance, unsure),
        )

    def _adding(
        self,
        samples: NDArray[np.complex64],
        maps: NDArray[np.complex64],
        images: NDArray[np.complex64],
    ) -> Iterator[int]:
        """Add the adjoint of the acquisition to coefficient images, coil by coil."""
        if self._spreading is None:
            self._spreading = Spreading(self._coordinates, self._shape)
            yield 0
        seen = coil_images(self._spreading, samples, self._basis, workers=self._workers)
        for coil, image in enumerate(seen):
            images += maps[coil].conj() * image
            yield coil

    def _prior(self, power: float, noise: float) -> torch.Tensor:
        """Return the weight (K,) of the square of each coefficient."""
        ratio = noise / power if power > 0 else 0.0
        loud = ratio / (_LOUD * self._density)
        weights = (_WEIGHT * ratio / max(loud, 1.0) ** 0.5 + _LEAST * self._density) * self._falls
        return torch.from_numpy(weights.astype(np.float32))


def _are_alike(ratio: float, other: float) -> bool:
    """Return whether the prior is nearly as strong beside the noise."""
    low, high = sorted((ratio, other))
    return high <= _ALIKE * low


def _at_least(
    noise: NDArray[np.complex128], unsure: NDArray[np.complex64]
) -> NDArray[np.complex64]:
    """Return what a near filter leaves open, no less than the noise in any direction."""
    values, vectors = np.linalg.eigh(noise - unsure)
    more = (vectors * np.maximum(values, 0.0)) @ vectors.conj().T
    return np.asarray(unsure + more, np.complex64)


def _left_open(inverse: torch.Tensor) -> NDArray[np.complex64]:
    """Return the mean (K, K) over the frequencies of a filter's upper triangles."""
    triangle = inverse.mean(dim=(1, 2)).cpu().numpy()
    rank = int((2 * len(triangle)) ** 0.5)
    k, other = np.array(pairs(rank)).T
    matrix = np.empty((rank, rank), np.complex64)
    matrix[other, k], matrix[k, other] = triangle.conj(), triangle
    return matrix
