"""The content of a window for one subject, as a session file keeps it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any
from weakref import ref

from napari_mrf.plugin.layers.subjects import name_alone
from napari_mrf.plugin.layers.voxels import layer_of_series
from napari_mrf.plugin.panels.session.docks import docks_of
from napari_mrf.plugin.panels.session.items import VOLUMES, picked_layers, results_of, volumes_of
from napari_mrf.plugin.panels.session.looks import looks_of, view_of
from napari_mrf.plugin.panels.session.views import views_of
from napari_mrf.plugin.panels.session.work import Study
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import outline_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel


class Studies:
    """The studies of all subjects of a viewer.

    What only the panels and the canvas know of a subject is noted when another one is chosen.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._left: dict[str, Study] = {}
        self._session.subject_changing.connect(self._on_subject_changing)
        self._session.subjects_changed.connect(self._on_subjects_changed)

    def of(self, subject: str) -> Study | None:
        """Return the study of a subject with what it holds now, None for one that is gone."""
        viewer, session = self._viewer(), self._session
        if viewer is None:
            return None
        if subject == session.subject.key:
            return study_of(viewer)
        left = self._left.get(subject)
        if left is None:
            return None
        # A run may have ended since.
        results = results_of(viewer, subject)
        volumes = tuple(one for one in left.items if one.kind in VOLUMES)
        return replace(
            left,
            maps_sets=tuple(session.maps_sets_of(subject).values()),
            regions=session.regions_of(subject),
            results=unsaved_of(viewer).results_of(subject),
            items=(*results.found, *volumes),
            remarks=tuple(results.remarks),
        )

    def _on_subject_changing(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            self._left[self._session.subject.key] = study_of(viewer)

    def _on_subjects_changed(self) -> None:
        kept = {one.key for one in self._session.subjects}
        self._left = {key: one for key, one in self._left.items() if key in kept}


studies_of = one_per_viewer(Studies)
"""Return the studies of a viewer."""


def study_of(viewer: ViewerModel) -> Study:
    """Return the study of the current subject, with the options of the panels that are open."""
    session = session_of(viewer)
    layer = layer_of_series(viewer, session.series)
    bindings = docks_of(viewer).bindings()
    results, volumes = results_of(viewer, session.subject.key), volumes_of(viewer, bindings)
    return Study(
        series=session.series,
        series_name=session.series_name if layer is None else name_alone(layer),
        component="magnitude" if layer is None else layer.data.component,
        maps_sets=tuple(session.maps_sets.values()),
        regions=session.regions,
        chosen_region=session.chosen_region,
        pins=session.pins,
        view=view_of(viewer),
        panels=_panels(viewer, bindings),
        results=unsaved_of(viewer).results_of(session.subject.key),
        layers=looks_of(viewer, tuple(chain.from_iterable(picked_layers(bindings).values()))),
        items=(*results.found, *volumes.found),
        remarks=(*results.remarks, *volumes.remarks),
        views=views_of(viewer),
    )


def outlines_in(study: Study) -> list[Any]:
    """Return the records of the polygons in a study."""
    return list(study.panels.get("rois", {}).get("outlines") or [])


def layer_in_use(panels: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of the layer of the regions; empty in sessions of before."""
    name = panels.get("rois", {}).get("layer")
    return name if isinstance(name, str) else ""


def drawn_outlines(viewer: ViewerModel) -> list[Any]:
    """Return the records of the polygons of the current subject."""
    return [outline_record(one) for one in regions_editor_of(viewer).outlines()]


def _panels(viewer: ViewerModel, bindings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    panels = {key: one.state() for key, one in bindings.items() if hasattr(one, "state")}
    # Polygons are work, not options: they stay where the panel that drew them is closed.
    outlines = drawn_outlines(viewer)
    if outlines:
        panels.setdefault("rois", {})["outlines"] = outlines
    layer = regions_editor_of(viewer).layer
    if layer is not None:  # of several readers
        panels.setdefault("rois", {})["layer"] = name_alone(layer)
    regions = session_of(viewer).regions
    if regions is not None and regions.carried is not None:
        panels.setdefault("rois", {})["carried"] = dict(regions.carried)
    return panels
