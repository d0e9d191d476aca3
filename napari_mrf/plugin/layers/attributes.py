"""Scale, units, names and colors of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.colormaps import valid_colors
from napari_mrf.plugin.layers.metadata import MAPS_KEY, PARAMETER_KEY, SET_KEY
from napari_mrf.plugin.layers.order import place_in_front
from napari_mrf.plugin.layers.subjects import of_subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

_SPATIAL_LABELS = ("z", "y", "x")


def spatial_attributes(
    affine: Any, voxel_sizes_mm: tuple[float, float, float] | None, orientation: DisplayOrientation
) -> dict[str, Any]:
    """Return scale, units and axis labels, (z, y, x), that a layer of a grid must declare."""
    scale = (1.0, 1.0, 1.0)
    if voxel_sizes_mm is not None:
        scale = orientation.in_screen_order(voxel_sizes_mm)
    unit = "pixel" if affine is None else "mm"
    return {"scale": scale, "units": (unit,) * 3, "axis_labels": _SPATIAL_LABELS}


def voxel_sizes(maps: ParameterMaps) -> tuple[float, float, float] | None:
    """Return the voxel sizes (z, y, x) of maps in mm, None where the grid is not known."""
    if maps.affine is None:
        return None
    x, y, z = np.sqrt((maps.affine[:3, :3] ** 2).sum(axis=0))
    return float(z), float(y), float(x)


def layer_name(set_name: str, key: str) -> str:
    """Return the name of a layer of a set, without its subject."""
    return f"{set_name} · {key}"


def add_image(
    viewer: Any,
    values: Any,
    set_name: str,
    key: str,
    maps: ParameterMaps,
    *,
    limits: tuple[float, float],
    colormap: Any,
    visible: bool,
    title: str = "",
    at: int | None = None,
    subject: str | None = None,
) -> Any:
    """Add an image of a set of maps, values (Z, Y, X) in screen order, and return its layer.

    It is inserted at the index `at` of the layer list, by default in front of all other images,
    and belongs to the current subject or the one of that key.
    """
    from napari.layers import Image

    orientation = DisplayOrientation.from_affine(maps.affine)
    # The color bar is switched by what is in front: see `widgets.canvas_texts`.
    layer = Image(
        values,
        rgb=False,
        contrast_limits=limits,
        colormap=colormap,
        **of_subject(viewer, layer_name(set_name, title or key), visible=visible, subject=subject),
        **spatial_attributes(maps.affine, voxel_sizes(maps), orientation),
    )
    layer.metadata.update({SET_KEY: set_name, PARAMETER_KEY: key, MAPS_KEY: maps})
    viewer.layers.insert(place_in_front(viewer) if at is None else at, layer)
    return layer


def parameter_colormap(key: str) -> Any:
    """Return the colormap of a parameter over its display limits."""
    # The logarithmic remap depends on the display limits, so the name says whose it is.
    return napari_colormap(valid_colors(key), f"{PARAMETERS[key].colormap} {key}")


def napari_colormap(
    colors: NDArray[np.floating], name: str, *, no_value: Sequence[float] | None = None
) -> Any:
    """Return (n, 4) colors as a colormap of that name.

    NaN gets the color `no_value` (red, green, blue; 0-1), and is transparent without one.
    """
    from napari.utils import Colormap

    nan_color = (0.0, 0.0, 0.0, 0.0) if no_value is None else (*no_value, 1.0)
    return Colormap(colors=colors, name=name, display_name=name, nan_color=nan_color)
