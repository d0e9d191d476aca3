"""Voxels as polygons: outlines that hold exactly the voxels of a region, with few corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.rois.polygons import Outline, polygon_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_LONGEST = 24  # corners that one side may stand for


def outlines_of(mask: NDArray[np.bool_], label: int, z: int) -> Iterator[Outline]:
    """Yield polygons whose voxels are those of a region in one slice.

    Parameters
    ----------
    mask : ndarray of bool
        (Y, X).
    label, z : int
        The region, and its slice in file order.

    Yields
    ------
    Outline
        One for every part that hangs together by sides of voxels, the largest first. A part with
        holes is one polygon too: a side leads to the hole and back, which crosses every row twice
        and so changes nothing (even-odd rule).
    """
    from scipy import ndimage

    parts, n_parts = ndimage.label(mask)
    boxes = ndimage.find_objects(parts)
    sizes = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    for at in np.argsort(-sizes, kind="stable"):
        box = boxes[at]
        corner = np.array([one.start for one in box])
        vertices = _around(parts[box] == at + 1) + corner
        yield Outline(label, z, tuple(map(tuple, vertices.tolist())))


def _around(part: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the outline (n, 2) of a part that hangs together, its holes in one line with it."""
    from skimage.measure import find_contours

    # Halfway between centers inside and outside: through no center, and as even as voxels allow.
    rings = find_contours(np.pad(part, 1).astype(float), 0.5, fully_connected="low")
    outer, *holes = (simplified(ring[:-1] - 1) for ring in sorted(rings, key=_area, reverse=True))
    for hole in holes:
        apart = ((outer[:, None] - hole[None]) ** 2).sum(axis=2)
        at, start = np.unravel_index(apart.argmin(), apart.shape)
        there = np.roll(hole, -start, axis=0)
        outer = np.concatenate([outer[: at + 1], there, there[:1], outer[at:]])
    return outer


def _area(ring: NDArray[np.float64]) -> float:
    y, x = ring[:-1].T
    return abs(float(y @ np.roll(x, -1) - x @ np.roll(y, -1)))


def simplified(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a closed polygon with fewer corners that holds the same voxels.

    Parameters
    ----------
    ring : ndarray
        (n, 2), (y, x) in voxels; the last corner is joined to the first.

    Returns
    -------
    ndarray
        (m, 2), some of the corners, at least three. A straight side stands for several where no
        center of a voxel lies between it and them: each step changes the polygon by just what
        lies between (even-odd rule).
    """
    while True:
        fewer = _once_simplified(np.roll(ring, -1, axis=0))  # from another corner each time
        if len(fewer) == len(ring):
            return ring
        ring = fewer


def _once_simplified(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    kept, at, n = [0], 0, len(ring)
    closed = np.concatenate([ring, ring[:1]])
    while at < n:
        end = at + 1
        while end < min(at + _LONGEST, n) and _is_empty(closed[at : end + 2]):
            end += 1
        at = end
        kept.append(end)
    return ring[kept[:-1]] if len(kept) > 3 else ring


def _is_empty(corners: NDArray[np.float64]) -> bool:
    """Return whether a polygon holds no center of a voxel, not even on its border."""
    first, last = corners.min(axis=0), corners.max(axis=0)
    if (np.ceil(first) > np.floor(last)).any():
        return True
    low, high = np.floor(first), np.ceil(last)
    height, width = (high - low + 1).astype(int).tolist()
    # Of a center on the border the rule decides the other way round in the mirror.
    return not any(
        polygon_mask(turned, (height, width)).any() for turned in (corners - low, high - corners)
    )
