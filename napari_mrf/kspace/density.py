"""Density compensation: the area of k-space that each radial sample stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.kspace.trajectory import RadialTrajectory


def radial_ramp(trajectory: RadialTrajectory, spokes_per_image: int) -> NDArray[np.float64]:
    """Return the weights of one spoke when so many spokes share the half circle.

    A sample at distance k stands for the area |k| dk dtheta with dtheta = pi / spokes; the
    centre sample for its share of a disc of radius dk/2. The weights of all spokes of an
    image add up to the area of the disc that they cover, so that the weighted adjoint NUFFT
    gives images in the units of the object.

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
    weights[trajectory.n_samples // 2] = np.pi * (step / 2.0) ** 2 / spokes_per_image
    return np.asarray(weights)
