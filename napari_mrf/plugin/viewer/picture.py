"""Picture of what the canvas shows, as data: the map in front, its slice, zoom and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_hex
from napari.layers import Image

from napari_mrf.plots.picture_figure import Picture
from napari_mrf.plugin.layers.error_maps import ERROR_KEY, GRAY_LEGEND
from napari_mrf.plugin.layers.metadata import series_of
from napari_mrf.plugin.layers.regions import REGIONS_KEY, TABLE_KEY
from napari_mrf.plugin.viewer.canvas_texts import letters_in_view
from napari_mrf.plugin.viewer.titles import has_scale, title_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_N_COLORS = 256
_SERIES_TITLES = {"phase": "Phase (rad)", "mean": "Mean magnitude (a.u.)"}


def layer_in_view(viewer: Any) -> Any:
    """Return the image that is visible in front: a map, an error map or the series; or None."""
    for layer in reversed(viewer.layers):
        is_ours = isinstance(layer, Image) and (has_scale(layer) or series_of(layer) is not None)
        if is_ours and layer.visible:
            return layer
    return None


def picture_of_view(viewer: Any) -> Picture | None:
    """Return what is seen of the image in front; None without one, and in 3D."""
    layer = layer_in_view(viewer)
    if layer is None or viewer.dims.ndisplay != 2:
        return None
    rows, columns = _pixels_in_view(viewer, layer)
    regions = _regions_in_view(viewer, layer)
    labels = None if regions is None else _plane(viewer, regions)[rows, columns]
    letters = letters_in_view(viewer) or [("", ""), ("", "")]
    series = series_of(layer)
    component = "" if series is None else layer.data.component
    low, high = layer.contrast_limits
    is_error = ERROR_KEY in layer.metadata
    return Picture(
        values=np.asarray(_plane(viewer, layer)[rows, columns], np.float64),
        title=_title(layer, component),
        limits=(float(low), float(high)),
        colors=np.asarray(layer.colormap.map(np.linspace(0, 1, _N_COLORS))),
        pixel_mm=_pixel_mm(viewer, layer),
        letters=(letters[0], letters[1]),
        labels=labels,
        region_colors={} if regions is None else {
            number: to_hex([channel / 255 for channel in label.color])
            for number, label in regions.metadata[TABLE_KEY].items()
        },
        no_value=to_hex(layer.colormap.nan_color[:3]) if is_error else "white",
        no_value_note=GRAY_LEGEND if is_error else "",
    )  # fmt: skip


def _title(layer: Any, component: str) -> str:
    if component:
        return _SERIES_TITLES.get(component, f"{component.capitalize()} (a.u.)")
    return title_of(layer.metadata).split("\n")[0]


def _axes_in_view(viewer: Any, layer: Any) -> list[int]:
    """Return the axes of a layer that go down and across the canvas."""
    return [axis - (viewer.dims.ndim - layer.ndim) for axis in viewer.dims.displayed]


def _plane(viewer: Any, layer: Any) -> NDArray[Any]:
    """Return the plane of a layer that is shown, (rows, columns)."""
    displayed = _axes_in_view(viewer, layer)
    at = np.round(np.asarray(layer.world_to_data(viewer.dims.point))).astype(int)
    shape = layer.data.shape
    index = tuple(
        slice(None) if axis in displayed else int(np.clip(at[axis], 0, shape[axis] - 1))
        for axis in range(layer.ndim)
    )
    plane = np.asarray(layer.data[index])
    return plane if displayed[0] < displayed[1] else plane.T


def _steps(viewer: Any, layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the first pixel of a plane lies on the canvas, and how far the next one is."""
    displayed = _axes_in_view(viewer, layer)
    world = list(viewer.dims.displayed)
    first = np.zeros(layer.ndim)
    origin = np.asarray(layer.data_to_world(first))
    offset = viewer.dims.ndim - layer.ndim
    steps = []
    for axis, on_canvas in zip(displayed, world, strict=True):
        one = first.copy()
        one[axis] = 1
        steps.append((np.asarray(layer.data_to_world(one)) - origin)[on_canvas - offset])
    return origin[[axis - offset for axis in world]], np.array(steps)


def _pixels_in_view(viewer: Any, layer: Any) -> tuple[slice, slice]:
    """Return the rows and columns that the canvas shows, at least in part; all if none."""
    origin, step = _steps(viewer, layer)
    shape = _plane(viewer, layer).shape
    camera = viewer.scene.camera
    half = np.array(viewer.canvas.size) / (2 * camera.zoom)
    center = np.array(camera.center[-2:])
    low = np.floor((center - half - origin) / step + 0.5).astype(int).clip(0, shape)
    high = (np.floor((center + half - origin) / step + 0.5).astype(int) + 1).clip(0, shape)
    if np.any(high <= low):
        return slice(None), slice(None)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _pixel_mm(viewer: Any, layer: Any) -> tuple[float, float] | None:
    displayed = _axes_in_view(viewer, layer)
    if any(str(layer.units[axis]) not in ("mm", "millimeter") for axis in displayed):
        return None
    step = np.abs(_steps(viewer, layer)[1])
    return float(step[0]), float(step[1])


def _regions_in_view(viewer: Any, layer: Any) -> Any:
    """Return the visible layer of regions on the grid of an image, or None."""
    for one in reversed(viewer.layers):
        if REGIONS_KEY in one.metadata and one.visible and TABLE_KEY in one.metadata:
            same = tuple(one.data.shape) == tuple(layer.data.shape)[-3:]
            return one if same else None
    return None
