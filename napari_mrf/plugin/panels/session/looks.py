"""Looks of the layers of a window, and its view: for a session file, and back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.layers.batch import remove_together
from napari_mrf.plugin.layers.companions import COMPANIONS
from napari_mrf.plugin.layers.metadata import PARAMETER_KEY, SET_KEY, is_ours, series_of
from napari_mrf.plugin.layers.subjects import identity_of, is_here, is_shown, name_alone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_mrf.io.session.file import LayerRecord

_PLAIN = ("visible", "opacity", "gamma", "contour")
_PAIRS = ("contrast_limits_range", "contrast_limits")  # limits lie within their range


def looks_of(viewer: Any, picked: Sequence[Any]) -> list[dict[str, Any]]:
    """Return how those layers of the current subject look that are ours or picked, lowest first.

    As fields of `LayerRecord`.
    """
    selection = viewer.layers.selection
    return [
        {
            "of": identity_of(layer),
            "name": name_alone(layer),
            "is_selected": layer in selection,
            "is_active": layer is selection.active,
            "blending": str(layer.blending),
            "colormap": _colormap_of(layer),
            **{name: _plain(getattr(layer, name)) for name in _PLAIN if hasattr(layer, name)},
            "visible": is_shown(layer),
            **{
                name: tuple(map(float, getattr(layer, name)))
                for name in _PAIRS
                if hasattr(layer, name) and np.isfinite(getattr(layer, name)).all()
            },
        }
        for layer in viewer.layers
        if is_here(viewer, layer) and (is_ours(layer) or any(layer is one for one in picked))
    ]


def companions_in(records: Sequence[LayerRecord]) -> list[tuple[str, str]]:
    """Return set and companion of the layers that are made on demand, each once."""
    found = []
    for record in records:
        of = (record.of.get(SET_KEY), record.of.get(PARAMETER_KEY))
        if isinstance(of[0], str) and isinstance(of[1], str) and of[1] not in PARAMETERS:
            found.append((of[0], of[1] if of[1] in COMPANIONS else "uncertainty"))
    return list(dict.fromkeys(found))


def show_looks(viewer: Any, records: Sequence[LayerRecord]) -> Iterator[None]:
    """Let layers of the current subject look as they did, in their order; yield after each move.

    Maps whose layers had been deleted go again; what the file does not know stays as it is.
    """
    known = _layers_of(viewer, records)
    found = list(zip(records, known, strict=True))
    sets = {record.of.get(SET_KEY) for record in records}
    remove_together(viewer, [
        layer
        for layer in viewer.layers
        if layer.metadata.get(SET_KEY) in sets - {None} and layer not in known
        and is_here(viewer, layer)
    ])  # fmt: skip
    yield
    pairs = [(record, layer) for record, layer in found if layer is not None]
    places = sorted(viewer.layers.index(layer) for _, layer in pairs)
    for place, (record, layer) in zip(places, pairs, strict=True):
        at = viewer.layers.index(layer)
        if at != place:
            viewer.layers.move(at, place)
            yield
        _show(layer, record)
    viewer.layers.selection = {layer for record, layer in pairs if record.is_selected}
    active = [layer for record, layer in pairs if record.is_active]
    if active:
        viewer.layers.selection.active = active[0]
    yield


def view_of(viewer: Any) -> dict[str, float]:
    """Return sliders, axes and camera as numbers by name."""
    dims, camera = viewer.dims, viewer.scene.camera
    return {
        **{f"point_{axis}": float(value) for axis, value in enumerate(dims.point)},
        **{f"order_{place}": float(axis) for place, axis in enumerate(dims.order)},
        "ndisplay": float(dims.ndisplay),
        **{f"center_{axis}": float(value) for axis, value in enumerate(camera.center)},
        **{f"angle_{axis}": float(value) for axis, value in enumerate(camera.angles)},
        "zoom": float(camera.zoom),
    }


def show_view(viewer: Any, view: Mapping[str, float]) -> None:
    """Look where somebody looked; what is missing or impossible stays as it is."""
    dims, camera = viewer.dims, viewer.scene.camera
    if view.get("ndisplay") in (2.0, 3.0):
        dims.ndisplay = int(view["ndisplay"])
    order = tuple(int(view.get(f"order_{place}", -1)) for place in range(dims.ndim))
    if sorted(order) == list(range(dims.ndim)):
        dims.order = order
    for axis in range(dims.ndim):
        if f"point_{axis}" in view:
            dims.set_point(axis, view[f"point_{axis}"])
    for name, attribute in (("center", "center"), ("angle", "angles")):
        values = [view.get(f"{name}_{axis}") for axis in range(3)]
        if None not in values:
            setattr(camera, attribute, tuple(values))
    if view.get("zoom", 0.0) > 0:
        camera.zoom = view["zoom"]


def _show(layer: Any, record: LayerRecord) -> None:
    # That of a series has come with it; what precedes it in this window is not the user's.
    if series_of(layer) is None and name_alone(layer) != record.name:
        layer.name = record.name
    for name in (*_PAIRS, *_PLAIN, "blending"):
        value = getattr(record, name)
        is_new = value not in (None, "") and hasattr(layer, name)
        if is_new and _plain(getattr(layer, name)) != value:
            with suppress(TypeError, ValueError):  # a session file may hold anything
                setattr(layer, name, value)
    if record.colormap and record.colormap != _colormap_of(layer):
        with suppress(KeyError, TypeError, ValueError):  # one that this napari does not have
            layer.colormap = record.colormap


def _layers_of(viewer: Any, records: Sequence[LayerRecord]) -> list[Any | None]:
    """Return the layer that shows what each record says, whatever its name is now.

    A mask that the user made is one of ours once it is restored; it is known by its name. What one
    record knows for certain is no guess for another: outlines of two readers are alike.
    """
    ours = [one for one in viewer.layers if is_ours(one) and is_here(viewer, one)]
    identities = [identity_of(one) for one in ours]
    certain = [_first(ours, [one == record.of for one in identities]) for record in records]
    left = [one for one in ours if not any(one is layer for layer in certain)]
    return [
        _guess(left, record) if layer is None else layer
        for record, layer in zip(records, certain, strict=True)
    ]


def _guess(layers: Sequence[Any], record: LayerRecord) -> Any | None:
    wanted = _without_name(record.of)
    alike = [one for one in layers if _without_name(identity_of(one)) == wanted]
    if len(alike) == 1:
        return alike[0]
    return _first(layers, [name_alone(one) == record.name for one in layers])


def _first(layers: Sequence[Any], are_right: Sequence[bool]) -> Any | None:
    return next((one for one, is_right in zip(layers, are_right, strict=True) if is_right), None)


def _without_name(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in identity.items() if key != "name"}


def _colormap_of(layer: Any) -> str:
    """Return the name of the color map of an image; labels have theirs from their table."""
    return str(layer.colormap.name) if hasattr(layer, "gamma") else ""


def _plain(value: Any) -> Any:
    """Return a value of a layer in JSON-ready form."""
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value) if not hasattr(value, "__len__") else tuple(map(float, value))
