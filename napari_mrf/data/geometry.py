"""Grids in space: whether two of them are one place, and in words how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

GRID_TOLERANCE_MM = 0.01
"""Voxels at most this far apart are one place: float32 headers and text of 6 digits round so."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns places of DICOM and ITK (left, posterior, superior) into those of NIfTI, and back."""

_WORLD_AXES = ("left and right", "front and back", "head and foot")
_WORLD_ENDS = (("left", "right"), ("back", "front"), ("foot", "head"))  # - and + of RAS
_TELLING_MM = GRID_TOLERANCE_MM / 10


class OnGrid(Protocol):
    """Anything that lies on a grid: a series, maps, regions."""

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """(4, 4), voxel indices (x, y, z) to mm; None where nobody knows."""


class Placed(Protocol):
    """Values that know where they lie: a label map."""

    @property
    def values(self) -> NDArray[Any]:
        """(Z, Y, X)."""

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """(4, 4), voxel indices (x, y, z) to mm; None where nobody knows."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid by itself, as a file has it.

    Parameters
    ----------
    spatial_shape : tuple of int
        (Z, Y, X).
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm.
    """

    spatial_shape: tuple[int, ...]
    affine: NDArray[np.float64] | None = None


def same_place(
    first: NDArray[np.float64] | None,
    second: NDArray[np.float64] | None,
    shape: tuple[int, ...],
) -> bool:
    """Return whether no voxel of two grids lies more than `GRID_TOLERANCE_MM` apart.

    Parameters
    ----------
    first, second : ndarray or None
        (4, 4) to mm. A geometry that nobody knows contradicts none.
    shape : tuple of int
        (Z, Y, X) of both.
    """
    if first is None or second is None:
        return True
    return farthest_apart(first, second, shape) <= GRID_TOLERANCE_MM


def farthest_apart(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]
) -> float:
    """Return how far a voxel of two grids of one shape (Z, Y, X) is apart at most, in mm."""
    return float(np.linalg.norm(_corners_apart(first, second, shape), axis=0).max())


def grid_difference(one: OnGrid, target: OnGrid) -> str:
    """Return in words how a grid differs from a target grid; empty where they are one place."""
    shape, target_shape = tuple(one.spatial_shape), tuple(target.spatial_shape)
    affine, target_affine = one.affine, target.affine
    if shape == target_shape and same_place(affine, target_affine, shape):
        return ""
    if affine is not None and target_affine is not None:
        sizes, target_sizes = (np.linalg.norm(a[:3, :3], axis=0) for a in (affine, target_affine))
        cosines = affine[:3, :3] / sizes * (target_affine[:3, :3] / target_sizes)
        direction = cosines.sum(axis=0)
        if np.any(direction < -0.9):
            world = np.abs(target_affine[:3, :3]).argmax(axis=0)[direction < -0.9]
            return f"{', '.join(_WORLD_AXES[axis] for axis in world)} run the other way"
        if np.any(direction < 0.999):
            return "it is rotated"
        if not np.allclose(sizes, target_sizes, rtol=1e-3):
            shown = (" × ".join(f"{size:.3g}" for size in s) for s in (sizes, target_sizes))
            return "voxels of {} mm instead of {} mm".format(*shown)
        if shape == target_shape:
            return _small_difference(_corners_apart(affine, target_affine, shape))
    found, expected = (" × ".join(map(str, lengths)) for lengths in (shape, target_shape))
    return f"another shape, {found} voxels (z × y × x) instead of {expected}"


def check_same_grid(
    one: OnGrid,
    target: OnGrid,
    what: str,
    *,
    code: str = "other-grid",
    path: str | PathLike[str] | None = None,
    hint: str = "Resample one of them to the grid of the other first.",
) -> None:
    """Refuse what lies on another grid than a target.

    Parameters
    ----------
    one, target : OnGrid
        With or without geometry.
    what : str
        The clause to refuse with: ``"the maps lie on another grid than the series"``.
    code, path, hint : str, path-like, optional
        As in `MRFInputError`.

    Raises
    ------
    MRFInputError
        With the code, saying in words how the grids differ.
    """
    difference = grid_difference(one, target)
    if difference:
        raise MRFInputError(code, f"{what}: {difference}", path=path, hint=hint)


def unknown_place(first: OnGrid, second: OnGrid, names: tuple[str, str]) -> str:
    """Return a sentence where nobody can know that two things of one shape lie in one place."""
    without = [name for one, name in zip((first, second), names, strict=True) if one.affine is None]
    if not without:
        return ""
    text = (f"{' and '.join(without)} {'has' if len(without) == 1 else 'have'} no geometry: "
            f"{' and '.join(names)} have one shape, but whether they lie in the same place cannot "
            "be told.")  # fmt: skip
    return text[0].upper() + text[1:]


def values_on(given: NDArray[Any] | Placed, target: OnGrid, what: str) -> NDArray[Any]:
    """Return the values of a mask, region or label map that lies on a target grid.

    Parameters
    ----------
    given : ndarray or Placed
        (Z, Y, X). Where a bare array lies nobody knows: only its shape can be checked.
    target : OnGrid
        With or without geometry.
    what : str
        As in `check_same_grid`.

    Raises
    ------
    MRFInputError
        ``"other-grid"``.
    """
    values = np.asarray(getattr(given, "values", given))
    check_same_grid(Grid(values.shape, getattr(given, "affine", None)), target, what)
    return values


def _corners_apart(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return (3, 8) in mm: how far the corner voxels are apart, which no other voxel exceeds.

    An axis of one voxel counts as two: a single slice has a thickness and a direction too.
    """
    last = np.maximum(np.array(shape[::-1], np.float64) - 1, 1)
    corners = np.indices((2, 2, 2)).reshape(3, -1) * last[:, None]
    apart = first - second
    moved: NDArray[np.float64] = apart[:3, :3] @ corners + apart[:3, 3:]
    return moved


def _small_difference(moved: NDArray[np.float64]) -> str:
    """Return by how many mm the center, or else a corner, of one of two like grids is off."""
    offset = moved.mean(axis=1)
    telling = max(_TELLING_MM, 0.01 * float(np.abs(offset).max()))  # not what headers round off
    parts = [
        f"{abs(distance):.3g} mm to the {_WORLD_ENDS[axis][int(distance > 0)]}"
        for axis, distance in enumerate(offset)
        if abs(distance) >= telling
    ]
    # Affines may differ by a turn or a scale too small to be told as such before.
    bent = float(np.linalg.norm(moved - offset[:, None], axis=0).max())
    if bent >= _TELLING_MM and bent > np.linalg.norm(offset):
        return f"it is slightly rotated or stretched, by {bent:.2g} mm at the corners"
    return f"it is shifted by {' and '.join(parts)}"
