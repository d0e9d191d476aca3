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
    from napari_mrf.reconstruction.edges import EdgeWords

_TOLERATED_EDGE_SHARE = 0.05


def scale_warnings(maps: ParameterMaps) -> list[MapsWarning]:
    """Warn of a scale of the series that float32 cannot hold, large or small."""
    if maps.m0 is None or maps.quality is None:
        return []
    matched = maps.quality > 0
    size = np.hypot(maps.m0.real, maps.m0.imag, dtype=np.float64)
    held = (size >= np.finfo(np.float32).tiny) & (size <= np.finfo(np.float32).max)
    n = int(np.sum(matched & ~held))
    if n == 0:
        return []
    name = "M0 and PD leave" if "PD" in maps else "M0 leaves"
    message = (
        f"{name} the range of single precision in {n:,} of {int(matched.sum()):,} voxels and mean "
        "nothing there. Divide the series by a constant; the other maps do not change."
    )
    return [MapsWarning("scale-out-of-range", message, voxels=n)]


def edge_warnings(maps: ParameterMaps, words: EdgeWords) -> list[MapsWarning]:
    """Warn of every map that lies on an edge in many voxels.

    Values outside are pulled to the edge, and pull the other maps with them. Voxels where a map
    means little (its validity rule) do not count.
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
                f"{key} lies on {words.edge} in {n_edge:,} of {n:,} voxels{where}: "
                f"{words.reasons}. {words.cure}"
            )
            warnings.append(MapsWarning("on-edge", message, voxels=n_edge))
    return warnings
