"""The shape between two drawn slices: interpolated signed distances to the outlines.

Raya, Udupa: Shape-based interpolation of multidimensional objects. IEEE Trans Med Imaging
1990;9:32-42. doi 10.1109/42.52980
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of every voxel center to the border of a region, positive inside.

    Parameters
    ----------
    mask : ndarray of bool
        (Y, X), with at least one voxel; the world beyond the image is outside.

    Returns
    -------
    ndarray of float64
        (Y, X), in voxels. The border is half a voxel from the nearest center on its other side.
    """
    from scipy import ndimage

    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded)
    outside = ndimage.distance_transform_edt(~padded)
    return np.where(padded, inside - 0.5, 0.5 - outside)[1:-1, 1:-1]


def depth_between(
    below: NDArray[np.bool_], above: NDArray[np.bool_], fraction: float
) -> NDArray[np.float64]:
    """Return how deep every voxel lies in the region between two slices; positive inside.

    Parameters
    ----------
    below, above : ndarray of bool
        (Y, X), the region in the two drawn slices, at least one voxel each.
    fraction : float
        Where between them, 0 (below) to 1 (above).

    Returns
    -------
    ndarray of float64
        (Y, X), in voxels: the linearly interpolated signed distance; -inf away from both.
        Regions that lie apart may leave nothing in between: no voxel is positive then.
    """
    depth = np.full(below.shape, -np.inf)
    rows = np.flatnonzero((below | above).any(axis=1))
    columns = np.flatnonzero((below | above).any(axis=0))
    # A depth is positive only where one of the two is, so the box of both holds all of it.
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    depth[box] = (1.0 - fraction) * signed_distance(below[box]) + fraction * signed_distance(
        above[box]
    )
    return depth
