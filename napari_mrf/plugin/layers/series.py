"""A series as a layer: a lazy view of its magnitude, phase, real or imaginary part, or mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers.attributes import napari_colormap, spatial_attributes
from napari_mrf.plugin.layers.closeup.mean_view import MEAN, mean_view
from napari_mrf.plugin.layers.component_view import ComponentView
from napari_mrf.plugin.layers.metadata import SERIES_KEY

if TYPE_CHECKING:
    from napari_mrf.data.series import MRFSeries

_PEAK_KEY = "mrf_peak"


def series_layer_data(
    series: MRFSeries, name: str, *, component: str = "magnitude", peak: float | None = None
) -> tuple[Any, dict[str, Any], str]:
    """Return the napari layer data tuple of a series: a lazy view, nothing is copied.

    Parameters
    ----------
    series : MRFSeries
        Kept in the layer's metadata.
    name : str
        Layer name.
    component : str
        A key of `component_view.COMPONENTS`, or ``"mean"``: see `closeup.mean_view`.
    peak : float, optional
        Upper display limit, from `peak_magnitude` when not given.
    """
    orientation = DisplayOrientation.from_affine(series.affine)
    peak = peak_magnitude(series) if peak is None else peak
    limits, colormap = _component_display(component, peak)
    spatial = spatial_attributes(series.affine, series.voxel_sizes_mm, orientation)
    metadata: dict[str, Any] = {SERIES_KEY: series, _PEAK_KEY: peak}
    attributes = {
        "name": name,
        "rgb": False,
        "multiscale": False,
        "contrast_limits": limits,
        "colormap": colormap,
        "scale": (1.0, *spatial["scale"]),
        "units": ("pixel", *spatial["units"]),
        "axis_labels": ("frame", *spatial["axis_labels"]),
        "metadata": metadata,
    }
    return _view(series, orientation, component, metadata), attributes, "image"


def _view(
    series: MRFSeries, orientation: DisplayOrientation, component: str, metadata: dict[str, Any]
) -> Any:
    if component == MEAN:
        return mean_view(series, orientation, metadata)
    return ComponentView(series.signal, orientation, component)


def peak_magnitude(series: MRFSeries) -> float:
    """Return the 99.7th percentile of the magnitude in a few frames of the middle slice."""
    z = series.spatial_shape[0] // 2
    # As one slice: what is computed as it is read, such as means of spokes, is so only once.
    step = max((series.n_frames - 1) // 5, 1)
    values = np.abs(np.asarray(series.signal[::step, z]))
    values = values[np.isfinite(values)]
    peak = float(np.percentile(values, 99.7)) if values.size else 0.0
    return peak if peak > 0 else 1.0


def show_component(layer: Any, component: str) -> None:
    """Show magnitude, phase, real or imaginary part, or the mean, in a series layer."""
    series = layer.metadata[SERIES_KEY]
    orientation = DisplayOrientation.from_affine(series.affine)
    view = _view(series, orientation, component, layer.metadata)
    peak = (view.mean.peak if component == MEAN else 0.0) or layer.metadata[_PEAK_KEY]
    limits, colormap = _component_display(component, peak)
    layer.data = view
    layer.contrast_limits_range = limits
    layer.contrast_limits = limits
    layer.colormap = colormap


def _component_display(component: str, peak: float) -> tuple[tuple[float, float], Any]:
    if component == "phase":
        from matplotlib import colormaps

        colors = colormaps["twilight"](np.linspace(0, 1, 256))
        return (-np.pi, np.pi), napari_colormap(colors, "twilight phase")
    return ((0.0, peak) if component in ("magnitude", MEAN) else (-peak, peak)), "gray"
