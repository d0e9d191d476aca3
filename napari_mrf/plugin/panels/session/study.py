"""The content of a window, as a session file keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.voxels import layer_of_series
from napari_mrf.plugin.panels.session.docks import docks_of
from napari_mrf.plugin.panels.session.work import Study
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import outline_record

if TYPE_CHECKING:
    from napari.components import ViewerModel


def study_of(viewer: ViewerModel) -> Study:
    """Return the content of a window, with the options of the panels that are open."""
    session = session_of(viewer)
    layer = layer_of_series(viewer, session.series)
    return Study(
        series=session.series,
        series_name=session.series_name,
        component="magnitude" if layer is None else layer.data.component,
        maps_sets=tuple(session.maps_sets.values()),
        regions=session.regions,
        chosen_region=session.chosen_region,
        pins=session.pins,
        view=_view(viewer),
        panels=_panels(viewer),
        results=unsaved_of(viewer).results,
    )


def outlines_in(study: Study) -> list[Any]:
    """Return the records of the polygons in a study."""
    return list(study.panels.get("rois", {}).get("outlines") or [])


def _panels(viewer: ViewerModel) -> dict[str, dict[str, Any]]:
    panels = {
        key: binding.state()
        for key, binding in docks_of(viewer).bindings().items()
        if hasattr(binding, "state")
    }
    # Polygons are work, not options: they stay where the panel that drew them is closed.
    outlines = [outline_record(one) for one in regions_editor_of(viewer).layers.outlines]
    if outlines:
        panels.setdefault("rois", {})["outlines"] = outlines
    return panels


def _view(viewer: ViewerModel) -> dict[str, float]:
    view = {f"point_{axis}": float(value) for axis, value in enumerate(viewer.dims.point)}
    return {**view, "zoom": float(viewer.scene.camera.zoom)}
