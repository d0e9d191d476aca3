"""Polygons that draw nothing, and why: others own their voxels, a limit, or they hold none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_mrf.rois.polygons import Outline


@dataclass(frozen=True)
class Undrawn:
    """A new polygon that changes no voxel.

    Parameters
    ----------
    outline : Outline
        The polygon.
    owners : tuple of int
        The labels to which all its voxels belong already, the largest share first; empty for a
        polygon that holds no voxel.
    is_outside : bool
        Whether it lies outside the image.
    is_beyond_limit : bool
        Whether its voxels that are free lie where nothing may be drawn.
    """

    outline: Outline
    owners: tuple[int, ...]
    is_outside: bool = False
    is_beyond_limit: bool = False

    def sentence(self, name_of: Callable[[int], str]) -> str:
        """Say so, with the names of the owners."""
        if self.is_beyond_limit:
            return "Nothing was drawn: no free voxel of it lies in the range of Draw only."
        if self.owners:
            *others, last = map(name_of, self.owners)
            names = f"{', '.join(others)} and {last}" if others else last
            return f"Nothing was drawn: all its voxels already belong to {names}."
        if self.is_outside:
            return "Nothing was drawn: the polygon lies outside the image."
        return "Nothing was drawn: the polygon does not contain the center of any voxel."


def find_undrawn(
    labels: NDArray[Any],
    before: Sequence[Outline],
    after: Sequence[Outline],
    allowed: NDArray[np.bool_] | None = None,
) -> list[Undrawn]:
    """Return which of the new polygons change no voxel of a label map.

    Parameters
    ----------
    labels : ndarray
        (Z, Y, X), with the polygons of before drawn.
    before, after : sequence of Outline
        All polygons, those that did not change too.
    allowed : ndarray of bool, optional
        (Z, Y, X), where may be drawn; everywhere by default.

    Returns
    -------
    list of Undrawn
        In the order of after; one entry for every polygon, alike or not.
    """
    found = []
    new = Counter(after) - Counter(before)
    for outline in new.elements():
        mask = None
        if 0 <= outline.z < len(labels):
            mask = outline.mask((labels.shape[1], labels.shape[2]))
        if mask is None or not mask.any():
            found.append(Undrawn(outline, (), mask is None or _is_outside(outline, mask.shape)))
        elif (labels[outline.z][mask] != 0).all():
            numbers, counts = np.unique(labels[outline.z][mask], return_counts=True)
            order = np.argsort(-counts, kind="stable")
            found.append(Undrawn(outline, tuple(numbers[order].tolist())))
        elif (
            allowed is not None and not (allowed[outline.z] & mask & (labels[outline.z] == 0)).any()
        ):
            found.append(Undrawn(outline, (), is_beyond_limit=True))
    return found


def _is_outside(outline: Outline, shape: tuple[int, ...]) -> bool:
    """Return whether a polygon lies beyond one side of a slice; voxels reach 0.5 around centers."""
    points = np.array(outline.vertices)
    beyond = (points.max(axis=0) <= -0.5) | (points.min(axis=0) >= np.array(shape) - 0.5)
    return bool(beyond.any())
