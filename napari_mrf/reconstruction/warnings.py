"""Warnings about finished maps whose series does not suit the method.

Apart from `slicewise`: what is read off maps is no part of filling them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.maps import FLAGS
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from napari_mrf.data.maps import ParameterMaps

_TOLERATED_EDGE_SHARE = 0.05


def edge_warnings(maps: ParameterMaps) -> list[MapsWarning]:
    """Warn of every map that lies on the edge of its grid in many voxels.

    Values outside the grid are pulled to its edge, and pull the other maps with them. Voxels
    where a map means little (its validity rule) do not count.
    """
    if maps.flags is None:
        return []
    rules = validity_rules()
    warnings = []
    for key, values in maps.items():
        bit = FLAGS.get(f"{key}-edge", 0)
        counted = np.isfinite(values)
        where = ""
        if key in rules and "FF" in maps:
            counted &= rules[key].mask(maps["FF"])
            where = f" with {rules[key].describe()}"
        n_edge, n = int(np.sum(counted & (maps.flags & bit > 0))), int(counted.sum())
        if n_edge > _TOLERATED_EDGE_SHARE * n:
            message = (
                f"{key} lies on the edge of its grid in {n_edge:,} of {n:,} voxels{where}: "
                "the true values may lie outside (a wider grid helps), or the noise is high."
            )
            warnings.append(MapsWarning("on-edge", message, voxels=n_edge))
    return warnings
