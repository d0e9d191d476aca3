"""Temporal importance as a layer: the change of every voxel, frame by frame."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.layers.attributes import napari_colormap, spatial_attributes, voxel_sizes
from napari_mrf.plugin.layers.metadata import TITLE_KEY
from napari_mrf.plugin.layers.order import place_in_front, show_in_front
from napari_mrf.plugin.layers.subjects import is_here, of_subject

if TYPE_CHECKING:
    from napari_mrf.analysis.importance.result import Importance

IMPORTANCE_KEY = "mrf_importance"
_COLORMAP = "magma"
# A few voxels that a permutation throws far off would darken all others.
_UPPER_PERCENTILE = 99.0
_LEAST_SHARE = 1e-3
_MOST_VALUES = 1_000_000


def importance_limits(importance: Importance, key: str) -> tuple[float, float]:
    """Return the display limits of the changes of a map: 0 to their 99th percentile.

    Taken over all frames, so that frames compare, and a million values at most; never below a
    thousandth of the map's own display range.
    """
    values = importance.voxel_change[key]
    # Every voxel counts in some frames: the steps through the frames and the voxels are coprime.
    values = values.reshape(-1)[:: _sparing_step(*values.shape)]
    values = values[np.isfinite(values)]
    low, high = PARAMETERS[key].display_limits
    least = _LEAST_SHARE * (high - low)
    return 0.0, max(float(np.percentile(values, _UPPER_PERCENTILE)) if values.size else 0.0, least)


def importance_layer(viewer: Any, method: str, key: str) -> Any:
    """Return the current subject's layer with the importance of the frames for a map, or None."""
    for layer in viewer.layers:
        if layer.metadata.get(IMPORTANCE_KEY) == (method, key) and is_here(viewer, layer):
            return layer
    return None


def show_importance(
    viewer: Any, importance: Importance, key: str, limits: tuple[float, float] | None = None
) -> Any:
    """Show the absolute change of a map in every voxel, frame by frame, and return the layer.

    Parameters
    ----------
    viewer : napari viewer
        Where the series is: the first axis of the layer is its frame axis.
    importance : Importance
        Complete or filling in.
    key : str
        Map.
    limits : tuple of float, optional
        Display limits; those of `importance_limits` without them.

    Raises
    ------
    MRFInputError
        ``"not-kept"``.
    """
    from matplotlib import colormaps
    from napari.layers import Image

    orientation = DisplayOrientation.from_affine(importance.affine)
    data = orientation.to_screen(importance.change_maps(key))
    limits = limits or importance_limits(importance, key)
    layer = importance_layer(viewer, importance.method, key)
    if layer is not None:
        layer.data = data
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        show_in_front(viewer, layer)
        return layer
    sizes = voxel_sizes(ParameterMaps({}, affine=importance.affine))
    spatial = spatial_attributes(importance.affine, sizes, orientation)
    unit = f" ({PARAMETERS[key].unit})" if PARAMETERS[key].unit else ""
    layer = Image(
        data,
        rgb=False,
        multiscale=False,
        contrast_limits=limits,
        colormap=napari_colormap(colormaps[_COLORMAP](np.linspace(0, 1, 256)), "frame importance"),
        **of_subject(viewer, f"{importance.method} · {key} frame importance{unit}"),
        scale=(1.0, *spatial["scale"]),
        units=("pixel", *spatial["units"]),
        axis_labels=("frame", *spatial["axis_labels"]),
    )
    layer.metadata[IMPORTANCE_KEY] = importance.method, key
    layer.metadata[TITLE_KEY] = f"Change of {key}{unit}\n{importance.method}"
    viewer.layers.insert(place_in_front(viewer), layer)
    return layer


def _sparing_step(n_groups: int, n_voxels: int) -> int:
    """Return a step that takes a million of (n_groups, n_voxels) values, spread over both."""
    step = max(-(-n_groups * n_voxels // _MOST_VALUES), 1)
    while gcd(step, n_voxels) > 1:
        step += 1
    return step
