"""Companion layers of a set of maps: quality, flags, mask, standard deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps import FLAGS
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers.attributes import (
    add_image,
    layer_name,
    napari_colormap,
    spatial_attributes,
    voxel_sizes,
)
from napari_mrf.plugin.layers.batch import keeping_selection, remove_together
from napari_mrf.plugin.layers.maps import values_on_screen
from napari_mrf.plugin.layers.metadata import MAPS_KEY, PARAMETER_KEY, SET_KEY, find_set
from napari_mrf.plugin.layers.subjects import is_shown, of_subject, show
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps


COMPANIONS = ("quality", "flags", "mask", "uncertainty")
"""Companions of a set of maps, shown on demand beside its parameters."""

# Wide enough for undersampled series, narrow enough to see differences in good ones; a value
# that the prior alone gives (water T1 300 ms, fat T1 35 ms) is at or beyond the upper end.
_DEVIATION_SHARE = 0.15
_DEVIATION_COLORMAP = "magma"
# Matched fingerprints correlate by 0.9 and more; from 0 on all of them would look the same.
_QUALITY_LIMITS = (0.8, 1.0)


def companion_layers(
    viewer: Any, set_name: str, companion: str, subject: str | None = None
) -> list[Any]:
    """Return the layers that show a companion of a set; none while it is not shown."""
    return [
        layer
        for key, layer in find_set(viewer, set_name, subject).items()
        if key == companion or (companion == "uncertainty" and key in DEVIATIONS)
    ]


def is_companion_shown(
    viewer: Any, set_name: str, companion: str, subject: str | None = None
) -> bool:
    """Return whether any layer of a companion of a set is visible with its subject."""
    layers = companion_layers(viewer, set_name, companion, subject)
    return any(is_shown(layer) for layer in layers)


def hide_companion(viewer: Any, set_name: str, companion: str) -> None:
    """Hide the layers of a companion; to show them again costs less than to add new ones."""
    for layer in companion_layers(viewer, set_name, companion):
        show(viewer, layer, False)


def show_companion(viewer: Any, set_name: str, maps: ParameterMaps, companion: str) -> list[Any]:
    """Show the layers of a companion of a set and return them, the one in front first.

    Layers that are missing are added.

    Quality (from 0.8 to 1), flags and mask are one layer, uncertainty is one per map: its standard
    deviation, in the unit of the map, from 0 to a fixed share of the map's own display range.

    Raises
    ------
    KeyError
        For a companion that the maps do not have.
    """
    for _ in companion_by_turns(viewer, set_name, maps, companion):
        pass
    return companion_layers(viewer, set_name, companion)[::-1]


def companion_by_turns(
    viewer: Any,
    set_name: str,
    maps: ParameterMaps,
    companion: str,
    thresholds: Callable[[], Mapping[str, float] | None] | None = None,
    subject: str | None = None,
) -> Iterator[Any]:
    """Show a companion like `show_companion`, yielding every layer; the selection stays.

    Parameters
    ----------
    viewer : napari viewer
        Where to show it.
    set_name : str
        Name of the set.
    maps : ParameterMaps
        Its maps.
    companion : str
        One of `COMPANIONS`.
    thresholds : callable, optional
        Returns what `apply_validity` takes, asked before every layer.
    subject : str, optional
        Key of the subject; the one that is current now without.
    """
    subject = session_of(viewer).subject.key if subject is None else subject
    existing = find_set(viewer, set_name, subject)
    if companion != "uncertainty" or not maps.uncertainty:
        if companion in existing:
            show(viewer, existing[companion])
        else:
            with keeping_selection(viewer):
                existing[companion] = _add_companion(viewer, set_name, maps, companion, subject)
        yield existing[companion]
        return
    front = [f"{key}_std" for key in maps.uncertainty if f"{key}_std" in existing]
    if front and not is_companion_shown(viewer, set_name, companion, subject):
        show(viewer, existing[front[0]])
    layer: Any | None = None
    for key in maps.uncertainty:
        earlier = find_set(viewer, set_name, subject).get(f"{key}_std")
        if earlier is not None:
            layer = earlier
            continue
        valid = thresholds() if thresholds is not None else None
        values = values_on_screen(maps, f"{key}_std", valid)
        above = layer if layer in viewer.layers else None
        with keeping_selection(viewer):
            layer = _add_deviation(viewer, set_name, maps, key, values, above, subject)
        yield layer
        if above is None and layer in viewer.layers:
            show(viewer, layer)
            yield layer


def renew_companions(
    viewer: Any,
    set_name: str,
    maps: ParameterMaps,
    thresholds: Callable[[], Mapping[str, float] | None] | None = None,
    *,
    are_complete: bool = True,
    subject: str | None = None,
) -> Iterator[None]:
    """Update the companion layers of a set for other maps, yielding after every layer.

    They are empty until the maps are complete; those that the maps lack are removed.
    """
    lacking = []
    for name, layer in find_set(viewer, set_name, subject).items():
        if name in PARAMETERS:
            continue
        if not are_complete:
            empty = np.nan if layer.data.dtype.kind == "f" else 0
            layer.data = np.full(screen_shape(maps), empty, layer.data.dtype)
            yield
            continue
        valid = thresholds() if thresholds is not None else None
        values = companion_values(maps, name, valid)
        if values is None:
            lacking.append(layer)
            continue
        layer.data = values
        layer.metadata[MAPS_KEY] = maps
        if name == "flags":
            layer.features = meanings_of_bits(maps.flags, FLAGS)
        yield
    if lacking:
        remove_together(viewer, lacking)
        yield


def deviation_limits(key: str) -> tuple[float, float]:
    """Return the display limits of the standard deviation of a parameter."""
    low, high = PARAMETERS[key].display_limits
    return 0.0, _DEVIATION_SHARE * (high - low)


def _add_deviation(
    viewer: Any,
    set_name: str,
    maps: ParameterMaps,
    key: str,
    values: NDArray[np.float32],
    above: Any | None,
    subject: str,
) -> Any:
    """Add a standard deviation, hidden, below another layer or in front of all pictures."""
    from matplotlib import colormaps

    colors = colormaps[_DEVIATION_COLORMAP](np.linspace(0, 1, 256))
    unit = PARAMETERS[key].unit
    return add_image(
        viewer,
        values,
        set_name,
        f"{key}_std",
        maps,
        limits=deviation_limits(key),
        colormap=napari_colormap(colors, "SD"),
        visible=False,
        title=f"{key} SD ({unit})" if unit else f"{key} SD",
        at=None if above is None else viewer.layers.index(above),
        subject=subject,
    )


def _add_companion(
    viewer: Any, set_name: str, maps: ParameterMaps, companion: str, subject: str
) -> Any:
    values = companion_values(maps, companion, None)
    if values is None:
        raise KeyError(companion)
    if companion == "quality":
        from matplotlib import colormaps

        colors = colormaps["cividis"](np.linspace(0, 1, 256))
        return add_image(
            viewer,
            values,
            set_name,
            "quality",
            maps,
            limits=_QUALITY_LIMITS,
            colormap=napari_colormap(colors, "quality"),
            visible=True,
            subject=subject,
        )
    names = FLAGS if companion == "flags" else {"reconstructed": 1}
    orientation = DisplayOrientation.from_affine(maps.affine)
    attributes = of_subject(viewer, layer_name(set_name, companion), subject=subject)
    # Whoever hears of the layer asks for these at once.
    attributes["metadata"] |= {SET_KEY: set_name, PARAMETER_KEY: companion, MAPS_KEY: maps}
    layer = viewer.add_labels(
        values,
        features=meanings_of_bits(values, names),
        opacity=0.6,
        **attributes,
        **spatial_attributes(maps.affine, voxel_sizes(maps), orientation),
    )
    layer.editable = False
    return layer


def companion_values(
    maps: ParameterMaps, name: str, thresholds: Mapping[str, float] | None
) -> NDArray[Any] | None:
    """Return the values of a companion in screen order, or None where the maps lack it."""
    if name in DEVIATIONS:
        has = DEVIATIONS[name] in maps.uncertainty
        return values_on_screen(maps, name, thresholds) if has else None
    in_file_order = {"quality": maps.quality, "flags": maps.flags}.get(name)
    if name == "mask":
        in_file_order = np.isfinite(next(iter(maps.values()))).astype(np.uint8)
    if in_file_order is None:
        return None
    return np.array(DisplayOrientation.from_affine(maps.affine).to_screen(in_file_order))


def screen_shape(maps: ParameterMaps) -> tuple[int, ...]:
    """Return the shape of the maps in screen order."""
    return tuple(
        maps.spatial_shape[axis] for axis in DisplayOrientation.from_affine(maps.affine).axes
    )


def meanings_of_bits(values: Any, names: Mapping[str, int]) -> dict[str, list[Any]]:
    """Return the features that name what the bits of a Labels layer mean."""
    present = [int(value) for value in np.unique(values) if value]
    words = [", ".join(name for name, bit in names.items() if value & bit) for value in present]
    return {"index": [0, *present], "meaning": ["", *words]}
