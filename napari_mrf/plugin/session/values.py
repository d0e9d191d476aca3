"""Values of a session: maps of a run, regions, the region that is chosen, voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


@dataclass(frozen=True, eq=False)
class MapsSet:
    """The complete maps of one run.

    Parameters
    ----------
    name : str
        The method and what differs from other runs (``"water-fat slice 3"``); layers are named
        after it.
    maps : ParameterMaps
        The result, in file order.
    series_name : str
        Name of the series it came from; empty for maps from disk.
    seconds : float
        How long the run took; 0 for maps from disk.
    folder : str
        Where the set is saved; empty while it is in no file.
    """

    name: str
    maps: ParameterMaps
    series_name: str = ""
    seconds: float = 0.0
    folder: str = ""


@dataclass(frozen=True)
class PartialMaps:
    """Maps of a run that is not finished: the arrays go on filling, so receivers copy them.

    Parameters
    ----------
    set_name : str
        The set they belong to.
    maps : ParameterMaps
        As filled so far.
    z : int or None
        File slice that changed; None for all.
    """

    set_name: str
    maps: ParameterMaps
    z: int | None


@dataclass(frozen=True, eq=False)
class Regions:
    """A snapshot of the regions of interest, which nobody writes to.

    Parameters
    ----------
    labels : ndarray
        (Z, Y, X) uint16 in file order; 0 is no region.
    table : mapping
        The label of each number.
    path : str
        The file they were loaded from or saved to; empty while they are in no file.
    affine : ndarray or None
        (4, 4) to mm of the grid they are drawn on.
    carried : mapping or None
        How they were carried from another scan, JSON-ready; they may have been edited since.
    """

    labels: NDArray[np.uint16]
    table: Mapping[int, Label]
    path: str = ""
    affine: NDArray[np.float64] | None = None
    carried: Mapping[str, Any] | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self.labels.shape


@dataclass(frozen=True)
class RegionChoice:
    """The region that the user has chosen.

    Parameters
    ----------
    label : int
        Its number.
    z : int or None
        The slice in file order; None for the region as a whole.
    """

    label: int
    z: int | None = None


Voxel = tuple[int, int, int]
"""(z, y, x) in file order."""


def is_inside(voxel: Voxel, series: MRFSeries | None) -> bool:
    """Return whether a voxel lies in a series; none does where there is none."""
    if series is None:
        return False
    return all(0 <= index < n for index, n in zip(voxel, series.spatial_shape, strict=True))
