"""Place of a layer on the canvas: whether its voxels lie where they would be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_mrf.data.geometry import GRID_TOLERANCE_MM, farthest_apart
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.metadata import series_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Shown(Protocol):
    """A grid that layers show: a series, regions."""

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """(4, 4), voxel indices (x, y, z) to mm."""

    @property
    def voxel_sizes_mm(self) -> tuple[float, float, float] | None:
        """(z, y, x)."""


PLACE_CURE = (
    "Set its affine, scale, translate, rotate and shear to those of the series, or load it from "
    "its file in the panel."
)
"""What to do with a layer that is shown elsewhere."""


def canvas_affine(layer: Any) -> NDArray[np.float64]:
    """Return (4, 4), indices (column, row, slice) of a layer to the canvas (x, y, z).

    A layer of two axes lies in the first slice; of one with more than three the last three count.
    """
    n = min(layer.ndim, 3)
    ends = np.zeros((n + 1, layer.ndim))
    ends[1:, -n:] = np.eye(n)[::-1]
    origin, *steps = (np.asarray(layer.data_to_world(end))[: -n - 1 : -1] for end in ends)
    affine = np.eye(4)
    affine[:n, 3] = origin
    affine[:n, :n] = np.transpose([step - origin for step in steps])
    return affine


def grid_canvas_affine(grid: Shown, shown: Any = None) -> NDArray[np.float64]:
    """Return `canvas_affine` of the layer that shows a grid, or of one made for it."""
    if shown is not None:
        return canvas_affine(shown)
    orientation = DisplayOrientation.from_affine(grid.affine)
    scale = spatial_attributes(grid.affine, grid.voxel_sizes_mm, orientation)["scale"]
    return np.diag([*scale[::-1], 1.0])


def check_shown_in_place(
    layer: Any, grid: Shown, what: str, *, shown: Any = None, code: str, hint: str = PLACE_CURE
) -> None:
    """Refuse a layer whose voxels are shown elsewhere than those of a grid.

    Its values are counted by their index in the array, so what is seen would not be what counts.

    Parameters
    ----------
    layer : napari layer
        In the shape of the grid, in screen order.
    grid : Shown
        Where its voxels are counted.
    what : str
        The clause to refuse with.
    shown : napari layer, optional
        Shows the grid; by default it is taken to be shown without a transform.
    code, hint : str
        As in `MRFInputError`.

    Raises
    ------
    MRFInputError
        With the code, where a voxel is off by more than `GRID_TOLERANCE_MM`.
    """
    series = None if shown is None else series_of(shown)
    if series is not None and (series.affine is None) != (grid.affine is None):
        shown = None  # a missing geometry contradicts none, but is shown in another way
    found, expected = canvas_affine(layer), grid_canvas_affine(grid, shown)
    if layer.ndim == 2:
        found[2] = expected[2]
        found[:2, 2] = expected[:2, 2]
    axes = DisplayOrientation.from_affine(grid.affine).axes
    apart = farthest_apart(found, expected, tuple(grid.spatial_shape[axis] for axis in axes))
    if apart > GRID_TOLERANCE_MM:
        unit = "pixels" if grid.affine is None else "mm"
        raise MRFInputError(code, f"{what}: it is shown up to {apart:.3g} {unit} away from the "
                            "voxels that would be counted", hint=hint)  # fmt: skip
