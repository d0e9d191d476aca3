"""Subjects of a viewer on the canvas: layers, view and active layer of one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

import numpy as np

from napari_mrf.plugin.layers.batch import remove_together
from napari_mrf.plugin.layers.subjects import (
    claim_series,
    hide_others_by_turns,
    is_here,
    keep_name,
    layers_of_subject,
    rename_layers,
    show_own_by_turns,
)
from napari_mrf.plugin.layers.voxels import layer_of_series
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWNER = "subjects"
_MARGIN = 0.95


@dataclass(frozen=True)
class _View:
    """Where a subject was looked at."""

    point: tuple[float, ...]
    center: tuple[float, ...]
    zoom: float
    active: ReferenceType[Any] | None


class SubjectsDisplay:
    """Shows one subject of a viewer at a time, and names layers after their subjects.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._views: dict[str, _View] = {}
        self._session.subject_changing.connect(self._on_subject_changing)
        self._session.subject_changed.connect(self._on_subject_changed)
        self._session.subjects_changed.connect(self._on_subjects_changed)
        self._session.series_changed.connect(self._claim)
        viewer.layers.events.inserted.connect(self._claim)
        viewer.dims.events.current_step.connect(self._on_step)
        self._claim()

    def remove(self, key: str) -> None:
        """Remove a subject with its layers, maps and regions."""
        viewer, session = self._viewer(), self._session
        if viewer is not None:
            for job in (session.reconstruction, session.comparison, session.importance):
                if session.owner_of(job) == key:
                    job.cancel()
            layers = layers_of_subject(viewer, key)
            for layer in layers:
                keep_name(layer)  # no other layer gets its name as long as it is there
            session.remove_subject(key)  # first, so that no panel mourns single layers
            remove_together(viewer, layers)
            rename_layers(viewer)  # their names are free now
            removed_layers_of(viewer).forget(key)
            self._views.pop(key, None)

    def _claim(self, event: Any = None) -> None:
        viewer = self._viewer()
        for layer in [] if viewer is None else viewer.layers:
            claim_series(viewer, layer)

    def _on_subject_changing(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            active = viewer.layers.selection.active
            own = active is not None and is_here(viewer, active)
            self._views[self._session.subject.key] = _View(
                tuple(viewer.dims.point),
                tuple(viewer.scene.camera.center),
                float(viewer.scene.camera.zoom),
                ref(active) if own else None,
            )

    def _on_subject_changed(self, _: Any) -> None:
        viewer = self._viewer()
        if viewer is not None:
            turns = layer_turns_of(viewer)
            turns.drop(_OWNER)
            turns.begin(_OWNER, self._by_turns(viewer))

    def _by_turns(self, viewer: Any) -> Iterator[None]:
        yield from hide_others_by_turns(viewer)
        self._look(viewer)
        yield
        yield from show_own_by_turns(viewer)

    def _look(self, viewer: Any) -> None:
        """Go back to where the subject was looked at last; a new one is shown as a whole."""
        view = self._views.get(self._session.subject.key)
        series_layer = layer_of_series(viewer, self._session.series)
        if view is not None and len(view.point) == viewer.dims.ndim:
            viewer.dims.point = view.point
            viewer.scene.camera.center, viewer.scene.camera.zoom = view.center, view.zoom
        elif series_layer is not None:
            _show_whole(viewer, series_layer)
        if series_layer is not None:
            _show_a_frame(viewer, series_layer)
        active = viewer.layers.selection.active
        if active is None or is_here(viewer, active):
            return
        # What is active is painted on: it must not be a layer that is hidden now.
        former = None if view is None or view.active is None else view.active()
        viewer.layers.selection.active = former if former in viewer.layers else series_layer

    def _on_step(self, _: Any) -> None:
        """Stay at the last frame of a series that is shorter than the slider."""
        viewer = self._viewer()
        layer = None if viewer is None else layer_of_series(viewer, self._session.series)
        if layer is not None and layer.visible:
            _stay_within(viewer, layer)

    def _on_subjects_changed(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            rename_layers(viewer)


def _show_whole(viewer: Any, layer: Any) -> None:
    """Center the canvas on a layer of a series, in the middle slice, and let it fill the canvas."""
    if viewer.dims.ndisplay != 2:
        return
    low, high = (np.asarray(one)[-3:] for one in layer.extent.world)
    middle = (low + high) / 2
    axis = viewer.dims.ndim - 3
    viewer.dims.set_point(axis, float(layer.data_to_world((0, layer.data.shape[1] // 2, 0, 0))[1]))
    shown = [one - axis for one in viewer.dims.displayed]
    camera = viewer.scene.camera
    if min(shown) < 0:
        return
    camera.center = (0.0, *middle[shown])
    extent = np.maximum((high - low)[shown], 1e-9)
    size = np.asarray(viewer.canvas.size, dtype=float)
    if (size > 0).all():
        camera.zoom = _MARGIN * float(np.min(size / extent))


def _show_a_frame(viewer: Any, layer: Any) -> None:
    """Go to the middle frame of a series where it has none at the slider.

    The slider is as long as the longest series of the window: the canvas would be empty.
    """
    if not 0 <= _frame(viewer, layer) < layer.data.shape[0]:
        _go_to_frame(viewer, layer, (layer.data.shape[0] - 1) // 2)


def _stay_within(viewer: Any, layer: Any) -> None:
    """Go to the last frame of a series where the slider is beyond it."""
    if _frame(viewer, layer) >= layer.data.shape[0]:
        _go_to_frame(viewer, layer, layer.data.shape[0] - 1)


def _frame(viewer: Any, layer: Any) -> int:
    """Return the frame at the slider, which need not exist; 0 where there is no slider."""
    if viewer.dims.ndim < 4:
        return 0
    return round(float(layer.world_to_data(np.array(viewer.dims.point))[0]))


def _go_to_frame(viewer: Any, layer: Any, frame: int) -> None:
    at = float(layer.data_to_world((frame, 0, 0, 0))[0])
    viewer.dims.set_point(viewer.dims.ndim - 4, at)


subjects_display_of = one_per_viewer(SubjectsDisplay)
"""Return the display of the subjects of a viewer."""
