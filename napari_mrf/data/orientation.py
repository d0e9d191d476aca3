"""Display orientation: from file order to screen order and back, the patient upright.

Slices stay slices: the slowest file axis (z) is the one that is leafed through. In the plane
the rows and columns are flipped, and swapped where needed, so that

- axial slices show anterior at the top and the patient's right at the left (radiological),
- coronal slices show superior at the top and the patient's right at the left,
- sagittal slices show superior at the top and anterior at the left.

Oblique grids are taken for the nearest of these; nothing is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POSITIVE = "RAS"
_NEGATIVE = "LPI"
# World directions in which a screen axis runs, in order of preference: down the rows
# the patient's posterior or inferior, along the columns left or posterior, through the
# slices towards superior, anterior or right.
_DOWN = (2, -1), (1, -1)
_ALONG = (0, -1), (1, -1)


@dataclass(frozen=True)
class DisplayOrientation:
    """The flips and the swap between file order (Z, Y, X) and screen order.

    Parameters
    ----------
    axes : tuple of int
        File axis (0 = z, 1 = y, 2 = x) shown as slice, row and column.
    flips : tuple of bool
        Whether the screen axis runs against the file axis.
    letters : tuple of (str, str)
        Patient direction at the start and at the end of each screen axis, such as
        ``("I", "S"), ("A", "P"), ("R", "L")``; empty strings without geometry.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)
    letters: tuple[tuple[str, str], ...] = (("", ""), ("", ""), ("", ""))

    @classmethod
    def from_affine(cls, affine: NDArray[np.float64] | None) -> DisplayOrientation:
        """Return the orientation that shows a grid upright.

        Parameters
        ----------
        affine : ndarray or None
            (4, 4), voxel indices (x, y, z) to mm right, anterior, superior. None shows the
            file as it is, without letters.
        """
        if affine is None:
            return cls()
        from nibabel.orientations import io_orientation

        world = io_orientation(np.asarray(affine))  # rows x, y, z: world axis, sign
        world_axes = {2 - i: int(world[i, 0]) for i in range(3)}  # keys are file axes z, y, x
        signs = {2 - i: int(world[i, 1]) for i in range(3)}
        in_plane = {world_axes[1]: 1, world_axes[2]: 2}  # world axis to file axis
        row_world, row_sign = next(pair for pair in _DOWN if pair[0] in in_plane)
        column_world = next(world_axis for world_axis in in_plane if world_axis != row_world)
        column_sign = dict(_ALONG)[column_world]
        axes = (0, in_plane[row_world], in_plane[column_world])
        wanted = (1, row_sign, column_sign)
        flips = tuple(signs[axis] != sign for axis, sign in zip(axes, wanted, strict=True))
        letters = tuple(
            _ends(world_axes[axis], sign) for axis, sign in zip(axes, wanted, strict=True)
        )
        return cls(axes, (flips[0], flips[1], flips[2]), letters)

    def to_screen(self, volume: Any) -> Any:
        """Return a view of (..., Z, Y, X) data in screen order (..., slice, row, column)."""
        leading = volume.ndim - 3
        order = (*range(leading), *(leading + axis for axis in self.axes))
        step = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)
        return volume.transpose(order)[(..., *step)]

    def to_file(self, image: Any) -> Any:
        """Return a view of (..., slice, row, column) data in file order (..., Z, Y, X)."""
        leading = image.ndim - 3
        step = tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)
        inverse = (self.axes.index(0), self.axes.index(1), self.axes.index(2))
        order = (*range(leading), *(leading + axis for axis in inverse))
        return image[(..., *step)].transpose(order)

    def screen_index(
        self, voxel: tuple[int, int, int], spatial_shape: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        """Return (slice, row, column) of the file voxel (z, y, x) in a (Z, Y, X) grid."""
        slice_, row, column = (
            spatial_shape[axis] - 1 - voxel[axis] if flip else voxel[axis]
            for axis, flip in zip(self.axes, self.flips, strict=True)
        )
        return slice_, row, column

    def file_index(
        self, position: tuple[int, int, int], spatial_shape: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        """Return the file voxel (z, y, x) at (slice, row, column); inverse of `screen_index`."""
        voxel = [0, 0, 0]
        for index, axis, flip in zip(position, self.axes, self.flips, strict=True):
            voxel[axis] = spatial_shape[axis] - 1 - index if flip else index
        return voxel[0], voxel[1], voxel[2]

    def in_screen_order(self, values: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return per-axis values (z, y, x), such as voxel sizes, in screen order."""
        slice_, row, column = (values[axis] for axis in self.axes)
        return slice_, row, column


def _ends(world_axis: int, sign: int) -> tuple[str, str]:
    low, high = _NEGATIVE[world_axis], _POSITIVE[world_axis]
    return (low, high) if sign > 0 else (high, low)
