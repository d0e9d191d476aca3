"""Edits of a label map by drawing. One rule holds for all of them: no region takes from another.

Every function leaves the label map alone and returns an `Edit`, which can be applied and undone.
Label maps are (Z, Y, X) in file order; 0 is no region. Those that draw take `allowed`, (Z, Y, X) of
bool or None for everywhere: nothing is drawn where it is False.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.rois.polygons import Outline


@dataclass(frozen=True, eq=False)
class Edit:
    """Voxels that change.

    Parameters
    ----------
    voxels : tuple of ndarray
        Indices (z, y, x).
    values : ndarray
        Their labels afterwards.
    kept : mapping of int to int
        How many voxels that were asked for belong to another region and stayed with it, by the
        label of that region.
    left_out : tuple of (int, int)
        (label, slice) that could not be done as asked.
    n_not_allowed : int
        How many free voxels that were asked for lie where nothing may be drawn.
    """

    voxels: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    values: NDArray[Any]
    kept: Mapping[int, int]
    left_out: tuple[tuple[int, int], ...] = ()
    n_not_allowed: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether no voxel changes."""
        return len(self.values) == 0

    def apply(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of a label map with the changes."""
        changed = labels.copy()
        changed[self.voxels] = self.values
        return changed


class _Draft:
    """Slices being changed, and what was in the way."""

    def __init__(self, labels: NDArray[Any], allowed: NDArray[np.bool_] | None = None) -> None:
        self._labels = labels
        self._allowed = allowed
        self._planes: dict[int, NDArray[Any]] = {}
        self._kept: Counter[int] = Counter()
        self._n_not_allowed = 0
        self.left_out: list[tuple[int, int]] = []

    def plane(self, z: int) -> NDArray[Any]:
        if z not in self._planes:
            self._planes[z] = self._labels[z].copy()
        return self._planes[z]

    def add(self, z: int, mask: NDArray[np.bool_], label: int) -> None:
        plane = self.plane(z)
        inside = plane[mask]
        others, counts = np.unique(inside[(inside != 0) & (inside != label)], return_counts=True)
        self._kept.update(dict(zip(others.tolist(), counts.tolist(), strict=True)))
        free = mask & (plane == 0)
        if self._allowed is not None:
            self._n_not_allowed += int((free & ~self._allowed[z]).sum())
            free &= self._allowed[z]
        plane[free] = label

    def erase(self, z: int, mask: NDArray[np.bool_], label: int) -> None:
        plane = self.plane(z)
        plane[mask & (plane == label)] = 0

    def edit(self) -> Edit:
        found = [
            (z, np.flatnonzero(plane.ravel() != self._labels[z].ravel()))
            for z, plane in sorted(self._planes.items())
        ]
        flat = np.concatenate(
            [voxels + z * self._labels[0].size for z, voxels in found] or [np.empty(0, np.intp)]
        )
        values = np.concatenate(
            [self._planes[z].ravel()[voxels] for z, voxels in found]
            or [np.empty(0, self._labels.dtype)]
        )
        z, y, x = np.unravel_index(flat.astype(np.intp), self._labels.shape)
        return Edit((z, y, x), values, dict(self._kept), tuple(self.left_out), self._n_not_allowed)


def replace_outlines(
    labels: NDArray[Any],
    before: Sequence[Outline],
    after: Sequence[Outline],
    allowed: NDArray[np.bool_] | None = None,
) -> Edit:
    """Return what drawing, moving, reshaping and deleting polygons changes.

    A new polygon takes all its voxels that belong to no region. A moved or reshaped one changes
    only what lies between its old and its new outline, so that voxels painted or erased by hand
    stay. A deleted one gives its voxels back, but for those in another polygon of its region.

    Parameters
    ----------
    labels : ndarray
        (Z, Y, X).
    before, after : sequence of Outline
        All polygons, those that did not change too; slices outside the map hold nothing.
    allowed : ndarray of bool, optional
        (Z, Y, X).
    """
    draft = _Draft(labels, allowed)
    gone = Counter(before) - Counter(after)
    new = Counter(after) - Counter(before)
    inside = [one for one in (*gone, *new) if 0 <= one.z < len(labels)]
    shape = labels.shape[1:]
    added = []
    for label, z in dict.fromkeys((one.label, one.z) for one in inside):
        was, stays, wanted = (
            _union([one for one in some if (one.label, one.z) == (label, z)], shape)
            for some in (gone, after, new)
        )
        draft.erase(z, was & ~stays, label)
        added.append((z, wanted & ~was, label))
    for z, mask, label in added:
        draft.add(z, mask, label)
    return draft.edit()


def copy_to_slice(
    labels: NDArray[Any],
    regions: Iterable[int],
    source: int,
    target: int,
    allowed: NDArray[np.bool_] | None = None,
) -> Edit:
    """Return what copying regions from one slice to another changes.

    A region that is drawn in the target slice already is left as it is, and told in `left_out`.
    """
    draft = _Draft(labels, allowed)
    for label in regions:
        mask = labels[source] == label
        if not mask.any():
            continue
        if (labels[target] == label).any():
            draft.left_out.append((label, target))
        else:
            draft.add(target, mask, label)
    return draft.edit()


def fill_between(
    labels: NDArray[Any], regions: Iterable[int], allowed: NDArray[np.bool_] | None = None
) -> Edit:
    """Return what interpolating regions between their drawn slices changes.

    Only slices between two drawn ones are filled, only where the region is not drawn, and only
    voxels that belong to none. Where several interpolated regions ask for a voxel it goes to the
    one that it lies deepest in, at a tie to the smaller number. A slice in which nothing is left
    of a region is told in `left_out`.
    """
    draft = _Draft(labels, allowed)
    deepest: dict[int, tuple[NDArray[np.float64], NDArray[Any]]] = {}
    wanted: list[tuple[int, int]] = []
    for label in sorted(set(regions) - {0}):
        for z, depth in _gaps(labels, label):
            wanted.append((label, z))
            best, owner = deepest.setdefault(
                z, (np.zeros(labels.shape[1:]), np.zeros(labels.shape[1:], labels.dtype))
            )
            mine = depth > best
            best[mine], owner[mine] = depth[mine], label
    for label, z in wanted:
        draft.add(z, deepest[z][1] == label, label)
        if not (draft.plane(z) == label).any():
            draft.left_out.append((label, z))
    return draft.edit()


def delete_region(labels: NDArray[Any], label: int, z: int | None = None) -> Edit:
    """Return what deleting a region changes, in one slice or, without one, in all."""
    draft = _Draft(labels)
    for at in range(len(labels)) if z is None else (z,):
        draft.erase(at, labels[at] == label, label)
    return draft.edit()


def replace_all(labels: NDArray[Any], new: NDArray[Any]) -> Edit:
    """Return the change from one label map to another of the same shape."""
    voxels = np.nonzero(labels != new)
    z, y, x = voxels
    return Edit((z, y, x), new[voxels].astype(labels.dtype), {})


def drawn_slices(labels: NDArray[Any]) -> dict[int, tuple[int, ...]]:
    """Return the slices in which each label is drawn, by label."""
    slices: dict[int, list[int]] = {}
    for z, plane in enumerate(labels):
        counts = np.bincount(plane.ravel()) if plane.dtype.kind == "u" else None
        present = np.unique(plane) if counts is None else np.flatnonzero(counts)
        for label in present.tolist():
            if label:
                slices.setdefault(label, []).append(z)
    return {label: tuple(slices[label]) for label in sorted(slices)}


def _gaps(labels: NDArray[Any], label: int) -> Iterable[tuple[int, NDArray[np.float64]]]:
    drawn = np.flatnonzero((labels == label).any(axis=(1, 2))).tolist()
    for low, high in pairwise(drawn):
        for z in range(low + 1, high):
            fraction = (z - low) / (high - low)
            yield z, depth_between(labels[low] == label, labels[high] == label, fraction)


def _union(outlines: Iterable[Outline], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    for outline in outlines:
        mask |= outline.mask((shape[0], shape[1]))
    return mask


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
