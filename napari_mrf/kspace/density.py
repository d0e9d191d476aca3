"""Density compensation: the area of k-space that each sample stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.kspace import nufft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.kspace.trajectory import RadialTrajectory


def radial_ramp(trajectory: RadialTrajectory, spokes_per_image: int) -> NDArray[np.float64]:
    """Return the weights of one spoke when so many spokes share the half circle.

    A sample at distance k stands for the area |k| dk dtheta with dtheta = pi / spokes. The
    center sample, where the ramp has its kink, gets dk²/6 dtheta: the Euler-Maclaurin term
    that makes the sum equal to the integral of |k| times a smooth function (a disc of radius
    dk/2 would give dk²/4 and brighten the middle of images by some per cent). So the weighted
    adjoint NUFFT gives images in the units of the object.

    Parameters
    ----------
    trajectory : RadialTrajectory
        The spokes.
    spokes_per_image : int
        Spokes that are gridded together.

    Returns
    -------
    ndarray
        (n_samples,) in (cycles/voxel)².
    """
    step = 1.0 / trajectory.n_samples
    weights = np.abs(trajectory.radii) * step * np.pi / spokes_per_image
    weights[trajectory.n_samples // 2] = step**2 / 6.0 * np.pi / spokes_per_image
    return np.asarray(weights)


_ROUNDS = 15


def sampling_density(
    coordinates: NDArray[np.floating],
    shape: tuple[int, int],
    counts: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the weights of the samples of any trajectory, found by iteration.

    Weights are divided by how dense the weighted samples lie around each of them, until they lie
    equally dense everywhere; as dense as samples of a full grid, so that the weighted adjoint
    NUFFT gives images in the units of the object.

    Parameters
    ----------
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel, of all that are gridded together.
    shape : tuple of int
        (Y, X) of the images.
    counts : ndarray, optional
        (readouts, samples) bool; the others get no weight, wherever they lie.

    Returns
    -------
    ndarray
        (readouts, samples) in (cycles/voxel)².

    References
    ----------
    Pipe and Menon, MRM 1999, doi 10.1002/(SICI)1522-2594(199901)41:1<179::AID-MRM25>3.0.CO;2-V.
    """
    # The density is seen through a kernel whose transform is a triangle over twice the image.
    size = (2 * shape[0], 2 * shape[1])
    triangle = np.outer(*(1.0 - np.abs(np.arange(n) - n // 2) / (n // 2) for n in size))
    weights = np.ones(coordinates.shape[:2]) if counts is None else counts.astype(np.float64)
    for _ in range(_ROUNDS):
        seen = nufft.adjoint(weights[None].astype(np.complex64), coordinates, size)[0]
        density = nufft.forward((seen * triangle)[None].astype(np.complex64), coordinates)[0].real
        weights = weights / np.maximum(density, 1e-6 * density.max())
    return np.asarray(weights)
