"""What a session is made of: sets of maps, regions, and which of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.io.labels.label_table import Label


@dataclass(frozen=True, eq=False)
class MapsSet:
    """The complete maps of one run.

    Parameters
    ----------
    name : str
        The method, followed by what sets the run apart (``"water-fat slice 3"``); layers are
        named after it.
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


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of interest as they stand: a snapshot that nobody writes to.

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
    """

    labels: NDArray[np.uint16]
    table: Mapping[int, Label]
    path: str = ""
    affine: NDArray[np.float64] | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self.labels.shape


@dataclass(frozen=True)
class RegionChoice:
    """The region under discussion.

    Parameters
    ----------
    label : int
        Its number.
    z : int or None
        The slice in file order; None for the region as a whole.
    """

    label: int
    z: int | None = None
