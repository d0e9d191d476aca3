"""Straight spokes through the center of k-space, and where gradient delays move them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SHIFTS = 6
_STRAIGHT = 0.1  # samples
_NEAR_CENTER = 8.0  # samples: coordinates of a file may hold delays already
# Of directions of twice the angle, for which 1/2 is even.
_LEAST_SPREAD = 0.02


@dataclass(frozen=True, eq=False)
class Spokes:
    """Spokes of equally spaced samples.

    Parameters
    ----------
    directions : ndarray
        (readouts, 2) unit vectors (y, x) in which the samples of each follow one another.
    step : float
        Cycles/voxel from one sample to the next.
    """

    directions: NDArray[np.float64]
    step: float

    def responses(self) -> NDArray[np.float64]:
        """Return the move (6, readouts, 2) of each spoke for one sample of each shift.

        With the angle a of a spoke from the x axis towards the y axis, the first three move it
        along itself: by cos² a (the delay of x), sin² a (of y) and sin 2a (their cross-term).
        The others move it across, to larger angles: by 1, sin 2a and cos 2a.
        """
        y, x = self.directions.T
        along = np.stack([x * x, y * y, 2 * x * y])
        across = np.stack([np.ones_like(x), 2 * x * y, x * x - y * y])
        turned = np.stack([x, -y], axis=-1)
        moves = (along[..., None] * self.directions, across[..., None] * turned)
        return np.concatenate(moves)

    def shifted(
        self, coordinates: NDArray[np.floating], shifts: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return coordinates (readouts, samples, 2) of spokes moved by six shifts (samples)."""
        moves = self.step * np.tensordot(shifts, self.responses(), axes=1)
        return np.asarray(coordinates + moves[:, None])


def of_axes(x: float, y: float, cross: float = 0.0) -> NDArray[np.float64]:
    """Return the six shifts of spokes whose axes are shifted by samples.

    A spoke of direction u moves by S u, S = ((x, cross), (cross, y)): as Rosenzweig et al.,
    MRM 2019, doi 10.1002/mrm.27506, have it, and the program ``traj`` of BART.
    """
    return np.array([x, y, cross, 0.0, (y - x) / 2.0, cross])


def spokes_of(coordinates: NDArray[np.floating]) -> Spokes | None:
    """Return the spokes that coordinates are, None where they are none.

    Parameters
    ----------
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel. All readouts are straight, through
        the center of k-space, with samples equally far apart, in more than two directions.
    """
    count = coordinates.shape[1]
    if count < 3:
        return None
    steps = (coordinates[:, -1] - coordinates[:, 0]) / (count - 1)
    sizes = np.linalg.norm(steps, axis=-1)
    step = float(sizes.mean())
    if step == 0.0 or np.abs(sizes - step).max() * count > _STRAIGHT * step:
        return None
    directions = steps / sizes[:, None]
    line = coordinates[:, :1] + np.arange(count)[:, None] * steps[:, None]
    first, (y, x) = coordinates[:, 0], directions.T
    distances = np.abs(first[:, 0] * x - first[:, 1] * y)
    nearest = -np.einsum("rd,rd->r", first, directions) / step
    double = np.stack([2 * x * y, x * x - y * y])
    spread = np.linalg.eigvalsh(np.cov(double, bias=True))[0]
    if (
        np.abs(coordinates - line).max() > _STRAIGHT * step
        or distances.max() > _NEAR_CENTER * step
        or nearest.min() < -_NEAR_CENTER
        or nearest.max() > count - 1 + _NEAR_CENTER
        or spread < _LEAST_SPREAD
    ):
        return None
    return Spokes(directions, step)
