"""Results and volumes of a window that a session file stores beside itself, and their return.

The comparison, the importance of the frames, error maps, masks, B1 maps, and labels that are not
the regions in use. What is stored is read from the session and the layers of now, so nothing of
it is kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.label import Label
from napari_mrf.io.session.results import StoredResult
from napari_mrf.plugin.layers import show_b1, show_mask
from napari_mrf.plugin.layers.b1 import FILE_KEY
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.error_maps import show_error
from napari_mrf.plugin.layers.importance import IMPORTANCE_KEY, show_importance
from napari_mrf.plugin.layers.metadata import GRID_KEY, SET_KEY
from napari_mrf.plugin.layers.regions import (
    CARRIED_KEY,
    REGIONS_KEY,
    RegionGrid,
    add_regions_layer,
)
from napari_mrf.plugin.layers.subjects import is_here, name_alone
from napari_mrf.plugin.panels.session.work import FAULTS, fault_sentence
from napari_mrf.plugin.panels.shared.stored_items import Items, item_sources_of
from napari_mrf.plugin.regions.other_regions import other_regions_of
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.plugin.panels.session.work import OpenedStudy


VOLUMES = ("mask", "b1", "labels")
"""Kinds of items that are layers of a window and nothing else."""


def results_of(viewer: Any, subject: str) -> Items:
    """Return the results of a subject that are to be stored beside its series and maps."""
    items = Items()
    for source in item_sources_of(viewer):
        source.store(items, subject)
    return items


def volumes_of(viewer: Any, bindings: Mapping[str, Any]) -> Items:
    """Return masks, B1 maps and labels of the current subject that are to be stored."""
    items, picked = Items(), picked_layers(bindings)
    for layer in viewer.layers:
        if is_here(viewer, layer):
            _add_volume(items, viewer, layer, picked)
    return items


def show_items(
    viewer: Any, opened: OpenedStudy, bindings: Mapping[str, Any], remarks: list[str]
) -> Iterator[None]:
    """Show stored results and volumes again, one a turn; what is damaged gets a remark."""
    for record, stored in opened.contents.items:
        try:
            if record.kind in ("comparison", "importance"):
                _show_result(viewer, record.kind, opened, stored, bindings)
            else:
                _show_volume(viewer, record.kind, stored, bindings)
        except FAULTS as error:
            remarks.append(fault_sentence(record, error))
        yield


def picked_layers(bindings: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the layers that are picked as masks and as B1 maps, whoever made them."""
    reconstruct, importance = bindings.get("reconstruct"), bindings.get("importance")
    masks = [one.masks.picked_layer() for one in (reconstruct, importance) if one is not None]
    b1 = [reconstruct.b1.picked_layer()] if reconstruct is not None else []
    return {"mask": masks, "b1": b1}


def _add_volume(items: Items, viewer: Any, layer: Any, picked: Mapping[str, list[Any]]) -> None:
    """Add a mask, a B1 map or labels that are not the regions in use; other layers have places."""
    series, data, metadata = session_of(viewer).series, layer.data, layer.metadata
    name = name_alone(layer)
    words: dict[str, Any] = {"name": name}
    if REGIONS_KEY in metadata:
        others = other_regions_of(viewer)
        if any(layer is one for one in others.of(session_of(viewer).subject.key)):
            content = others.content(layer)
            stored = StoredResult({**words, **content.words}, content.arrays)
            items.add("labels", f"the labels {name}", stored)
        return
    kinds = [kind for kind, layers in picked.items() if any(layer is one for one in layers)]
    if SET_KEY in metadata or not (kinds or GRID_KEY in metadata):
        return
    kind = kinds[0] if kinds else "b1" if FILE_KEY in metadata else "mask"
    grid = metadata.get(GRID_KEY) or (None if series is None else RegionGrid.of_series(series))
    if grid is None or np.shape(data) != grid.screen_shape:
        items.remarks.append(f"The layer {name} does not lie on the grid of the series and "
                             "was not saved.")  # fmt: skip
        return
    if FILE_KEY in metadata:
        words["file"] = _file_words(metadata[FILE_KEY])
    values = np.array(grid.orientation.to_file(np.asarray(data)), order="C")
    what = "mask" if kind == "mask" else "B1 map"
    items.add(kind, f"the {what} {name}", StoredResult(words, {"values": values}))


def _file_words(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the file of a B1 map, JSON-ready; see `show_b1`."""
    words = {name: str(file[name]) for name in ("path", "sha256") if name in file}
    return {**words, "warnings": [str(one) for one in file.get("warnings", ())]} if words else {}


def _show_result(
    viewer: Any, kind: str, opened: OpenedStudy, stored: StoredResult, bindings: Mapping[str, Any]
) -> None:
    binding = bindings.get("compare" if kind == "comparison" else kind)
    if binding is None or kind not in opened.results:
        return
    result = opened.results[kind]
    binding.show_stored(result, stored.words)
    for record in opened.contents.file.layers or []:
        of = record.of.get(IMPORTANCE_KEY)
        if kind == "importance" and isinstance(of, list) and of[1] in result.voxel_change:
            with keeping_selection(viewer):
                show_importance(viewer, result, of[1])


def _show_volume(viewer: Any, kind: str, stored: StoredResult, bindings: Mapping[str, Any]) -> None:
    session, words, values = session_of(viewer), stored.words, stored.arrays["values"]
    if kind == "error":
        of = reference, test, key, error = tuple(map(str, words["of"]))
        maps = session.maps_sets[reference].maps
        if values.shape != maps.spatial_shape or test not in session.maps_sets:
            raise ValueError(f"an error map of the shape {values.shape}")
        with keeping_selection(viewer):
            show_error(viewer, values, maps, (reference, test, key, error))
        if words["is_masked"] and "compare" in bindings:
            bindings["compare"].memory.here.masked.add(of)
        return
    grid = session.series
    if grid is None or values.shape != grid.spatial_shape:
        raise ValueError("it does not lie on the grid of the series")
    name = str(words["name"])
    with keeping_selection(viewer):
        if kind == "mask":
            show_mask(viewer, values, grid, name)
        elif kind == "b1":
            show_b1(viewer, values, grid, name, _file_words(words.get("file", {})))
        else:
            table = {int(one[0]): Label(int(one[0]), str(one[1]), tuple(one[2]), float(one[3]))
                     for one in words["table"]}  # fmt: skip
            layer = add_regions_layer(viewer, RegionGrid.of_series(grid), table, values, name)
            if isinstance(words.get("carried"), dict):
                layer.metadata[CARRIED_KEY] = words["carried"]
            layer.visible = False  # until its looks are restored
            other_regions_of(viewer).put_back_outlines(layer, words.get("outlines"))
