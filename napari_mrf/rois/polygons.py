"""Polygons as voxels: a voxel belongs to a polygon when its center lies inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Outline:
    """The polygon of a region in one slice.

    Parameters
    ----------
    label : int
        Number of the region.
    z : int
        Slice in file order.
    vertices : tuple of (float, float)
        (y, x) in voxels, file order; voxel centers lie at whole numbers. The last vertex is
        joined to the first.
    """

    label: int
    z: int
    vertices: tuple[tuple[float, float], ...]

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the voxels inside, (Y, X); read-only."""
        return _cached_mask(self.vertices, shape)


def polygon_mask(
    vertices: NDArray[np.floating] | tuple[tuple[float, float], ...], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return the voxels whose center lies inside a polygon.

    Parameters
    ----------
    vertices : array-like
        (n, 2), (y, x) in voxels. It may leave the image and cross itself.
    shape : tuple of int
        (Y, X).

    Returns
    -------
    ndarray of bool
        (Y, X). Inside means that a ray to the right crosses the outline an odd number of times
        (even-odd rule). Of a center that lies exactly on the outline the half-open rule decides:
        polygons that share an edge never share a voxel and leave none between them. Fewer than
        three vertices hold nothing.

    Raises
    ------
    MRFInputError
        ``"bad-outline"`` for vertices that are not finite (y, x) pairs.
    """
    points = np.asarray(vertices, dtype=np.float64)
    height, width = shape
    if points.size == 0:
        return np.zeros(shape, bool)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise MRFInputError("bad-outline", "the vertices of a polygon must be finite (y, x) pairs",
                            found=f"shape {points.shape}")  # fmt: skip
    # How many crossings of a row lie at or beyond each column: entry k is a crossing that has
    # the centers 0 ... k-1 strictly to its left.
    crossings = np.zeros((height, width + 1), np.int64)
    for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 > y1:  # an edge gives the same crossings in both directions, to the last bit
            y0, x0, y1, x1 = y1, x1, y0, x0
        # Rows y0 <= y < y1: an end point that lies on a row counts for one of its edges only.
        first, last = max(int(np.ceil(y0)), 0), min(int(np.ceil(y1)), height)
        if first >= last:
            continue
        rows = np.arange(first, last)
        at = np.ceil(x0 + (rows - y0) * ((x1 - x0) / (y1 - y0)))
        np.add.at(crossings, (rows, np.clip(at, 0, width).astype(np.int64)), 1)
    to_the_right = crossings[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    mask: NDArray[np.bool_] = to_the_right % 2 == 1
    return mask


@lru_cache(maxsize=512)
def _cached_mask(
    vertices: tuple[tuple[float, float], ...], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    mask = polygon_mask(vertices, shape)
    mask.setflags(write=False)
    return mask


_FAR = 1e6  # voxels; no image is that wide, and NaN is not below it either


def outline_record(outline: Outline) -> dict[str, Any]:
    """Return a polygon as ``{"label", "z", "vertices": [[y, x], ...]}``, in file order."""
    vertices = [[float(y), float(x)] for y, x in outline.vertices]
    return {"label": int(outline.label), "z": int(outline.z), "vertices": vertices}


def outlines_from(records: Any) -> list[Outline]:
    """Return the polygons of a list of records; whatever is none is left out.

    A polygon has a label above 0, a slice and three or more finite vertices (y, x).
    """
    found = (_outline(one) for one in records) if isinstance(records, list) else ()
    return [one for one in found if one is not None]


def _outline(record: Any) -> Outline | None:
    if not isinstance(record, dict):
        return None
    label, z, points = (record.get(key) for key in ("label", "z", "vertices"))
    if type(label) is not int or type(z) is not int or label <= 0 or not isinstance(points, list):
        return None
    pairs = [tuple(point) for point in points if isinstance(point, list | tuple)]
    if len(pairs) != len(points) or len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        return None
    if not all(type(n) in (int, float) and abs(n) < _FAR for n in chain(*pairs)):
        return None
    return Outline(label, z, tuple((float(y), float(x)) for y, x in pairs))
