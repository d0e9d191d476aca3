"""The values of the voxel under the mouse, in the status bar, whatever layer is active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import PARAMETERS, rules_broken
from napari_mrf.plots.printed_numbers import deviation_text, value_text
from napari_mrf.plugin.layers.metadata import SET_KEY
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.map_choice import map_choice_of
from napari_mrf.plugin.viewer.pointer import pointer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.session import MapsSet, Session, Voxel

_BETWEEN = "   "


class Readout:
    """Writes the maps of the set in view before what napari says of the active layer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    text : str
        What is said of the voxel under the mouse; empty outside the image.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._thresholds = preferences().thresholds
        self.text = ""
        self._of_napari: Any = viewer.status
        self._written: Any = None
        self._pointer = pointer_of(viewer)
        self._pointer.moved.connect(self._on_moved)
        self._session.maps_changed.connect(self._on_changed)
        self._session.regions_changed.connect(self._on_changed)
        map_choice_of(viewer).changed.connect(self._on_seen)  # by a key, the mouse resting
        # The last one to hear: napari would write its own text over ours.
        viewer.events.status.connect(self._on_status, position="last")

    def _on_moved(self, voxel: Voxel | None) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        self._thresholds = preferences().thresholds if voxel is None else self._thresholds
        text = "" if voxel is None else self._text(viewer, voxel)
        if text != self.text:
            self.text = text
            self._write(viewer)

    def _on_changed(self, _: object) -> None:
        self._on_moved(self._pointer.voxel)

    def _on_seen(self) -> None:
        self._on_moved(self._pointer.voxel)

    def _on_status(self, event: Any) -> None:
        if event.value == self._written:
            return
        self._of_napari, viewer = event.value, self._viewer()
        if viewer is not None and self.text:
            self._write(viewer)

    def _write(self, viewer: Any) -> None:
        said = self._of_napari
        if isinstance(said, dict):
            words = _BETWEEN.join(filter(None, (self.text, said["coordinates"])))
            self._written = {**said, "coordinates": words}
        else:
            known = said if said != "Ready" else ""
            self._written = _BETWEEN.join(filter(None, (self.text, known)))
        viewer.status = self._written

    def _text(self, viewer: Any, voxel: Voxel) -> str:
        place = f"{self._session.subject.name} {voxel}"
        region = region_at(self._session, voxel)
        where = " · ".join(filter(None, (place, region)))
        maps_set = set_in_view(viewer, self._session)
        if maps_set is None or maps_set.maps.spatial_shape != _shape(self._session):
            return where
        return f"{where} · {maps_set.name}: {values_text(maps_set.maps, voxel, self._thresholds)}"


def _shape(session: Session) -> tuple[int, ...] | None:
    return None if session.series is None else session.series.spatial_shape


def set_in_view(viewer: Any, session: Session) -> MapsSet | None:
    """Return the set of maps whose visible layer is in front, else the youngest one."""
    sets = session.maps_sets
    for layer in reversed(viewer.layers):
        if layer.visible and layer.metadata.get(SET_KEY) in sets:
            return sets[layer.metadata[SET_KEY]]
    return next(reversed(list(sets.values())), None)


def region_at(session: Session, voxel: Voxel) -> str:
    """Return the name of the region that a voxel of the series belongs to, or an empty text."""
    regions, series = session.regions, session.series
    if regions is None or series is None or grid_difference(regions, series):
        return ""
    label = int(regions.labels[voxel])
    return regions.table[label].name if label in regions.table else ""


def values_text(
    maps: ParameterMaps, voxel: Voxel, thresholds: Mapping[str, float] | None = None
) -> str:
    """Return the values of all maps in a voxel (z, y, x) in one line, in brackets if not valid."""
    values = {key: float(maps[key][voxel]) for key in maps}
    broken = rules_broken(values, thresholds)
    parts = []
    for key, value in values.items():
        deviations = maps.uncertainty.get(key)
        deviation = np.nan if deviations is None else float(deviations[voxel])
        words = value_text(key, value)
        if np.isfinite(value) and np.isfinite(deviation):
            words += f" ± {deviation_text(key, deviation)}"
        words = f"({words})" if key in broken else words
        unit = PARAMETERS[key].unit if np.isfinite(value) else ""
        parts.append(f"{key} {words} {unit}".rstrip())
    return ", ".join(parts)


readout_of = one_per_viewer(Readout)
"""Return the readout of a viewer."""
