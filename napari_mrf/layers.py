"""The bridge from nouns to napari layers, and back: the only file that makes layers.

Every layer shows its data in screen order (see `napari_mrf.orientation`), carries the noun it
was made from in its metadata, and declares scale, units and axis labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.colormaps import valid_colors
from napari_mrf.component_view import ComponentView
from napari_mrf.errors import MRFInputError
from napari_mrf.io.maps_writer import DEVIATIONS
from napari_mrf.maps import FLAGS, ParameterMaps
from napari_mrf.orientation import DisplayOrientation
from napari_mrf.parameters import PARAMETERS, validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.series import MRFSeries

SERIES_KEY = "mrf_series"
SET_KEY = "mrf_set"
PARAMETER_KEY = "mrf_parameter"
MAPS_KEY = "mrf_maps"
COMPANIONS = ("quality", "flags", "mask", "uncertainty")
"""What a set of maps can show on demand beside its parameters."""

# Wide enough for undersampled series, narrow enough to see differences in good ones; a value
# that the prior alone gives (water T1 300 ms, fat T1 35 ms) is at or beyond the upper end.
_DEVIATION_SHARE = 0.15
_DEVIATION_COLORMAP = "magma"
# Matched fingerprints correlate by 0.9 and more; from 0 on all of them would look the same.
_QUALITY_LIMITS = (0.8, 1.0)
_PEAK_KEY = "mrf_peak"
_SPATIAL_LABELS = ("z", "y", "x")


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
        A key of `component_view.COMPONENTS`.
    peak : float, optional
        Upper display limit, from `peak_magnitude` when not given.
    """
    orientation = DisplayOrientation.from_affine(series.affine)
    peak = peak_magnitude(series) if peak is None else peak
    limits, colormap = _component_display(component, peak)
    spatial = _spatial_attributes(series.affine, series.voxel_sizes_mm, orientation)
    attributes = {
        "name": name,
        "rgb": False,
        "multiscale": False,
        "contrast_limits": limits,
        "colormap": colormap,
        "scale": (1.0, *spatial["scale"]),
        "units": ("pixel", *spatial["units"]),
        "axis_labels": ("frame", *spatial["axis_labels"]),
        "metadata": {SERIES_KEY: series, _PEAK_KEY: peak},
    }
    return ComponentView(series.signal, orientation, component), attributes, "image"


def peak_magnitude(series: MRFSeries) -> float:
    """Return the 99.7th percentile of the magnitude in a few frames of the middle slice."""
    z = series.spatial_shape[0] // 2
    frames = sorted({int(t) for t in np.linspace(0, series.n_frames - 1, 6)})
    values = np.concatenate([np.abs(np.asarray(series.signal[t, z])).ravel() for t in frames])
    values = values[np.isfinite(values)]
    peak = float(np.percentile(values, 99.7)) if values.size else 0.0
    return peak if peak > 0 else 1.0


def show_component(layer: Any, component: str) -> None:
    """Let a series layer show magnitude, phase, real or imaginary part."""
    series = layer.metadata[SERIES_KEY]
    orientation = DisplayOrientation.from_affine(series.affine)
    limits, colormap = _component_display(component, layer.metadata[_PEAK_KEY])
    layer.data = ComponentView(series.signal, orientation, component)
    layer.contrast_limits_range = limits
    layer.contrast_limits = limits
    layer.colormap = colormap


def series_of(layer: Any) -> MRFSeries | None:
    """Return the series that a layer shows, or None."""
    series: MRFSeries | None = layer.metadata.get(SERIES_KEY)
    return series


def replace_series(layer: Any, series: MRFSeries) -> None:
    """Keep the same data under another sequence or mask in the layer's metadata."""
    layer.metadata[SERIES_KEY] = series


def find_set(viewer: Any, set_name: str) -> dict[str, Any]:
    """Return the layers of a set of maps by parameter or companion name."""
    return {
        layer.metadata[PARAMETER_KEY]: layer
        for layer in viewer.layers
        if layer.metadata.get(SET_KEY) == set_name
    }


def show_maps(viewer: Any, set_name: str, maps: ParameterMaps) -> None:
    """Show the maps of a set, in the layers it has or in new ones with the first map visible.

    Parameters
    ----------
    viewer : napari viewer
        Where to show them.
    set_name : str
        Layers are named ``"<set_name> · <parameter>"``.
    maps : ParameterMaps
        Complete, or still empty (NaN) and filled by `show_slice`.
    """
    orientation = DisplayOrientation.from_affine(maps.affine)
    existing = find_set(viewer, set_name)
    for key in [key for key in existing if key not in PARAMETERS]:
        viewer.layers.remove(existing.pop(key))
    front = next((key for key in ("FF", "T1") if key in maps), next(iter(maps), None))
    for key in reversed(list(maps)):
        values = np.array(orientation.to_screen(maps[key]))
        if key in existing:
            existing[key].data = values
            existing[key].metadata[MAPS_KEY] = maps
        else:
            parameter = PARAMETERS[key]
            _add_image(
                viewer,
                values,
                set_name,
                key,
                maps,
                limits=parameter.display_limits,
                colormap=_colormap(key),
                visible=key == front,
            )


def show_slice(viewer: Any, set_name: str, maps: ParameterMaps, z: int | None) -> None:
    """Copy one finished file slice, or all of them, into the layers of a set."""
    orientation = DisplayOrientation.from_affine(maps.affine)
    for key, layer in find_set(viewer, set_name).items():
        if key not in maps:
            continue
        values = orientation.to_screen(maps[key])
        if z is None:
            layer.data[...] = values
        else:
            at = orientation.screen_index((z, 0, 0), maps.spatial_shape)[0]
            layer.data[at] = values[at]
        layer.refresh()


def apply_validity(
    viewer: Any, set_name: str, maps: ParameterMaps, thresholds: Mapping[str, float] | None
) -> None:
    """Hide what the validity rules leave out, or show all; the maps keep every value.

    Parameters
    ----------
    viewer : napari viewer
        Where the set is shown.
    set_name : str
        Name of the set.
    maps : ParameterMaps
        Its maps.
    thresholds : mapping or None
        Fat-fraction threshold by parameter; None shows every value.
    """
    rules = {} if thresholds is None or "FF" not in maps else validity_rules(thresholds)
    orientation = DisplayOrientation.from_affine(maps.affine)
    for name, layer in find_set(viewer, set_name).items():
        key = DEVIATIONS.get(name, name)
        values = (maps.uncertainty if name in DEVIATIONS else maps).get(key)
        if values is None or PARAMETERS[key].validity is None:
            continue
        if key in rules:
            values = np.where(rules[key].mask(maps["FF"]), values, np.float32(np.nan))
        layer.data = np.array(orientation.to_screen(values))


def companion_layers(viewer: Any, set_name: str, companion: str) -> list[Any]:
    """Return the layers that show a companion of a set; none while it is not shown."""
    return [
        layer
        for key, layer in find_set(viewer, set_name).items()
        if key == companion or (companion == "uncertainty" and key in DEVIATIONS)
    ]


def show_companion(viewer: Any, set_name: str, maps: ParameterMaps, companion: str) -> list[Any]:
    """Add the layers of a companion of a set and return them.

    Quality (from 0.8 to 1), flags and mask are one layer, uncertainty is one a map: its standard
    deviation, in the unit of the map, from 0 to a fixed share of the map's own display range.

    Raises
    ------
    KeyError
        For a companion that the maps do not have.
    """
    if companion == "uncertainty" and maps.uncertainty:
        front = next(iter(maps.uncertainty))
        return [
            _add_deviation(viewer, set_name, maps, key, visible=key == front)
            for key in reversed(list(maps.uncertainty))
        ]
    return [_add_companion(viewer, set_name, maps, companion)]


def deviation_limits(key: str) -> tuple[float, float]:
    """Return the display limits of the standard deviation of a parameter."""
    low, high = PARAMETERS[key].display_limits
    return 0.0, _DEVIATION_SHARE * (high - low)


def _add_deviation(
    viewer: Any, set_name: str, maps: ParameterMaps, key: str, *, visible: bool
) -> Any:
    from matplotlib import colormaps

    orientation = DisplayOrientation.from_affine(maps.affine)
    colors = colormaps[_DEVIATION_COLORMAP](np.linspace(0, 1, 256))
    unit = PARAMETERS[key].unit
    return _add_image(
        viewer,
        np.array(orientation.to_screen(maps.uncertainty[key])),
        set_name,
        f"{key}_std",
        maps,
        limits=deviation_limits(key),
        colormap=_napari_colormap(colors, "standard deviation"),
        visible=visible,
        title=f"{key} SD ({unit})" if unit else f"{key} SD",
    )


def _add_companion(viewer: Any, set_name: str, maps: ParameterMaps, companion: str) -> Any:
    orientation = DisplayOrientation.from_affine(maps.affine)
    if companion == "quality" and maps.quality is not None:
        from matplotlib import colormaps

        values = np.array(orientation.to_screen(maps.quality))
        colors = colormaps["cividis"](np.linspace(0, 1, 256))
        return _add_image(
            viewer,
            values,
            set_name,
            "quality",
            maps,
            limits=_QUALITY_LIMITS,
            colormap=_napari_colormap(colors, "quality"),
            visible=True,
        )
    if companion == "flags" and maps.flags is not None:
        values, names = maps.flags, FLAGS
    elif companion == "mask":
        first = next(iter(maps.values()))
        values, names = np.isfinite(first).astype(np.uint8), {"reconstructed": 1}
    else:
        raise KeyError(companion)
    present = [int(value) for value in np.unique(values) if value]
    words = [", ".join(name for name, bit in names.items() if value & bit) for value in present]
    layer = viewer.add_labels(
        np.array(orientation.to_screen(values)),
        name=_layer_name(set_name, companion),
        features={"index": [0, *present], "meaning": ["", *words]},
        opacity=0.6,
        metadata={SET_KEY: set_name, PARAMETER_KEY: companion, MAPS_KEY: maps},
        **_spatial_attributes(maps.affine, _voxel_sizes(maps), orientation),
    )
    layer.editable = False
    return layer


def show_mask(viewer: Any, mask: NDArray[np.bool_], series: MRFSeries, name: str) -> Any:
    """Add a mask (Z, Y, X) in file order as a Labels layer over its series and return it."""
    orientation = DisplayOrientation.from_affine(series.affine)
    return viewer.add_labels(
        np.array(orientation.to_screen(mask.astype(np.uint8))),
        name=name,
        opacity=0.4,
        **_spatial_attributes(series.affine, series.voxel_sizes_mm, orientation),
    )


def mask_from_layer(layer: Any, series: MRFSeries) -> NDArray[np.bool_]:
    """Return the mask (Z, Y, X) in file order that a Labels layer shows over a series.

    Parameters
    ----------
    layer : napari.layers.Labels
        Any label counts. Painted over the series it may have its four axes; then a label in
        any frame counts.
    series : MRFSeries
        The series it belongs to.

    Raises
    ------
    MRFInputError
        ``"bad-mask"`` for another grid or an empty mask.
    """
    orientation = DisplayOrientation.from_affine(series.affine)
    labels = np.asarray(layer.data) != 0
    if labels.ndim == 4:
        labels = labels.any(axis=0)
    if labels.ndim == 2:
        labels = labels[np.newaxis]
    expected = tuple(series.spatial_shape[axis] for axis in orientation.axes)
    if labels.shape != expected:
        raise MRFInputError(
            "bad-mask",
            f"the mask {layer.name} lies on another grid",
            expected=f"shape {expected}",
            found=f"shape {labels.shape}",
            hint="Draw it on a Labels layer made for this series.",
        )
    if not labels.any():
        raise MRFInputError(
            "bad-mask", f"the mask {layer.name} is empty", hint="Paint the voxels to reconstruct."
        )
    return np.ascontiguousarray(orientation.to_file(labels))


def maps_of(metadata: Mapping[str, Any]) -> tuple[ParameterMaps, str] | None:
    """Return the maps that a layer's metadata belong to and its key in them, or None."""
    maps = metadata.get(MAPS_KEY)
    return None if maps is None else (maps, metadata[PARAMETER_KEY])


def _add_image(
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
) -> Any:
    orientation = DisplayOrientation.from_affine(maps.affine)
    # The color bar is switched by what is in front: see `widgets.canvas_texts`.
    return viewer.add_image(
        values,
        name=_layer_name(set_name, title or key),
        rgb=False,
        contrast_limits=limits,
        colormap=colormap,
        visible=visible,
        metadata={SET_KEY: set_name, PARAMETER_KEY: key, MAPS_KEY: maps},
        **_spatial_attributes(maps.affine, _voxel_sizes(maps), orientation),
    )


def _layer_name(set_name: str, key: str) -> str:
    return f"{set_name} · {key}"


def _colormap(key: str) -> Any:
    # The logarithmic remap depends on the display limits, so the name says whose it is.
    return _napari_colormap(valid_colors(key), f"{PARAMETERS[key].colormap} {key}")


def _napari_colormap(colors: NDArray[np.floating], name: str) -> Any:
    from napari.utils import Colormap

    return Colormap(colors=colors, name=name, display_name=name)


def _component_display(component: str, peak: float) -> tuple[tuple[float, float], Any]:
    if component == "phase":
        from matplotlib import colormaps

        colors = colormaps["twilight"](np.linspace(0, 1, 256))
        return (-np.pi, np.pi), _napari_colormap(colors, "twilight phase")
    return ((0.0, peak) if component == "magnitude" else (-peak, peak)), "gray"


def _voxel_sizes(maps: ParameterMaps) -> tuple[float, float, float] | None:
    if maps.affine is None:
        return None
    x, y, z = np.sqrt((maps.affine[:3, :3] ** 2).sum(axis=0))
    return float(z), float(y), float(x)


def _spatial_attributes(
    affine: Any, voxel_sizes_mm: tuple[float, float, float] | None, orientation: DisplayOrientation
) -> dict[str, Any]:
    scale = (1.0, 1.0, 1.0)
    if voxel_sizes_mm is not None:
        scale = orientation.in_screen_order(voxel_sizes_mm)
    unit = "pixel" if affine is None else "mm"
    return {"scale": scale, "units": (unit,) * 3, "axis_labels": _SPATIAL_LABELS}
