"""Golden-angle radial trajectories: where in k-space every spoke is measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN_ANGLE_DEG = 180.0 * (sqrt(5.0) - 1.0) / 2.0
"""111.246 deg: the increment that fills the half circle evenly for any number of spokes."""


@dataclass(frozen=True)
class RadialTrajectory:
    """Straight spokes through the center of k-space, one per pulse.

    Parameters
    ----------
    n_spokes : int
        Number of spokes in the order of acquisition.
    matrix_size : int
        Voxels across the encoded field of view; a spoke reaches 0.5 cycles/voxel.
    readout_oversampling : float
        Samples along a spoke per voxel of the matrix, 1 or more.
    angle_increment_deg, first_angle_deg : float
        Spoke n lies at ``first + n increment`` (deg, from the x axis towards the y axis).

    References
    ----------
    Winkelmann et al., IEEE TMI 2007, doi 10.1109/TMI.2006.885337.
    """

    n_spokes: int
    matrix_size: int
    readout_oversampling: float = 2.0
    angle_increment_deg: float = GOLDEN_ANGLE_DEG
    first_angle_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.n_spokes < 1 or self.matrix_size < 2 or self.readout_oversampling < 1:
            raise MRFInputError(
                "bad-trajectory", "the radial trajectory has values out of range",
                expected="n_spokes >= 1, matrix_size >= 2, readout_oversampling >= 1",
                found=f"{self.n_spokes}, {self.matrix_size}, {self.readout_oversampling:g}",
            )  # fmt: skip

    @property
    def n_samples(self) -> int:
        """Samples per spoke; even, with the center of k-space at index n_samples / 2."""
        return 2 * round(self.matrix_size * self.readout_oversampling / 2)

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """(n_spokes,) angle of every spoke, 0-360 deg."""
        angles = self.first_angle_deg + self.angle_increment_deg * np.arange(self.n_spokes)
        return np.asarray(angles % 360.0)

    @property
    def radii(self) -> NDArray[np.float64]:
        """(n_samples,) signed distance from the center, -0.5 to 0.5 cycles/voxel."""
        return np.arange(-self.n_samples // 2, self.n_samples // 2) / self.n_samples

    def coordinates(self, first: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Return the sample positions of spokes ``first`` to ``stop``.

        Returns
        -------
        ndarray
            (spokes, n_samples, 2), (ky, kx) in cycles/voxel.
        """
        angles = np.deg2rad(self.angles_deg[first:stop])
        directions = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        return np.asarray(self.radii[None, :, None] * directions[:, None, :])

    def undersampling_factor(self, spokes_per_image: int) -> float:
        """Return pi/2 matrix_size / spokes: 1 where the Nyquist criterion is met everywhere."""
        return pi / 2.0 * self.matrix_size / spokes_per_image

    def metadata(self) -> dict[str, Any]:
        """Return the trajectory as JSON-ready values for provenance and sidecars."""
        return {
            "trajectory": "radial",
            "n_spokes": self.n_spokes,
            "matrix_size": self.matrix_size,
            "samples_per_spoke": self.n_samples,
            "angle_increment_deg": self.angle_increment_deg,
            "first_angle_deg": self.first_angle_deg,
        }


def inside(coordinates: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which samples (...) of coordinates (..., 2) lie within ±0.5 cycles/voxel."""
    return np.asarray(np.all(np.abs(coordinates) <= 0.5, axis=-1))
