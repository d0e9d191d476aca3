"""Whether two reconstructions lie on one grid, and how the grids differ where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.label_maps import grid_difference
from napari_mrf.io.maps_reader import same_place

if TYPE_CHECKING:
    from napari_mrf.maps import ParameterMaps


def check_same_grid(reference: ParameterMaps, test: ParameterMaps) -> str:
    """Refuse two reconstructions on different grids.

    Parameters
    ----------
    reference, test : ParameterMaps
        With or without geometry.

    Returns
    -------
    str
        What cannot be told because a geometry is missing; empty otherwise.

    Raises
    ------
    MRFInputError
        ``"other-grid"``, saying in words how the grids differ.
    """
    shapes = reference.spatial_shape, test.spatial_shape
    unknown = reference.affine is None or test.affine is None
    if shapes[0] == shapes[1] and (unknown or same_place(reference.affine, test.affine)):
        if unknown:
            both = reference.affine is None and test.affine is None
            return (
                f"{'Both reconstructions have' if both else 'One reconstruction has'} no geometry: "
                "they have one shape, but whether they lie in the same place cannot be told."
            )
        return ""
    difference = grid_difference(shapes[1], test.affine, shapes[0], reference.affine)
    raise MRFInputError(
        "other-grid",
        f"the test lies on another grid than the reference: {difference}",
        expected=f"shape {shapes[0]}",
        found=f"shape {shapes[1]}",
        hint="Reconstruct both from one series, or resample one of them to the grid of the other.",
    )
