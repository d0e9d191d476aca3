"""Density compensation: the area of k-space that each radial sample stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
