"""A digital object with known truth: maps, proton density, labels and geometry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps import ParameterMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Phantom:
    """A digital object: the truth in every voxel.

    Parameters
    ----------
    name : str
        For provenance.
    maps : dict of str to ndarray
        (Z, Y, X) float32 by parameter key; NaN outside the foreground.
    m0 : ndarray
        (Z, Y, X) float32 proton density; 0 outside the foreground.
    foreground : ndarray
        (Z, Y, X) bool, where there is signal.
    labels : ndarray
        (Z, Y, X) uint16 tissue labels; 0 is background.
    label_names : dict of int to str
        Name of every label present.
    label_colors : dict of int to tuple
        Its color (red, green, blue; 0-255).
    affine : ndarray
        (4, 4), voxel indices (x, y, z) to mm.
    settings : dict
        JSON-ready record of how it was made, the seed included.
    """

    name: str
    maps: dict[str, NDArray[np.float32]]
    m0: NDArray[np.float32]
    foreground: NDArray[np.bool_]
    labels: NDArray[np.uint16]
    label_names: dict[int, str]
    label_colors: dict[int, tuple[int, int, int]]
    affine: NDArray[np.float64]
    settings: dict[str, Any] = field(default_factory=dict)

    def truth(self) -> ParameterMaps:
        """Return the maps with their geometry, as a perfect reconstruction would give them."""
        return ParameterMaps(
            self.maps,
            m0=self.m0.astype(np.complex64),
            affine=self.affine,
            provenance={"phantom": self.name, **self.settings},
        )
