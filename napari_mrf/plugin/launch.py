"""Start of napari with a series and maps in it, as the command line asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari

from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.closeup.mean_view import opening_component
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.session import MapsSet
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.mean_display import mean_display_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


def open_viewer(
    series: MRFSeries | None = None,
    maps_sets: Mapping[str, ParameterMaps] | None = None,
    *,
    folders: Mapping[str, str | Path] | None = None,
    name: str = "series",
    block: bool = True,
) -> napari.Viewer:
    """Open napari with the MRF dock.

    Parameters
    ----------
    series : MRFSeries, optional
        Shown as a lazy magnitude view.
    maps_sets : mapping of str to ParameterMaps, optional
        Sets of maps by name, such as ``{"water-fat": maps}``.
    folders : mapping of str to path, optional
        Where sets of maps are saved, by name; others count as not saved.
    name : str
        Layer name of the series.
    block : bool
        Whether to return only when the window has been closed.

    Returns
    -------
    napari.Viewer
    """
    viewer = napari.Viewer(title="napari-mrf")
    if series is not None:
        mean_display_of(viewer)
        data, attributes, _ = series_layer_data(series, name, component=opening_component(series))
        viewer.add_image(data, **attributes)
    open_dock(viewer)
    for set_name, maps in (maps_sets or {}).items():
        folder = str((folders or {}).get(set_name, ""))
        maps_display_of(viewer).add(
            MapsSet(set_name, maps, name if series is not None else "", folder=folder)
        )
    layer_turns_of(viewer).finish()  # the caller expects the layers
    if block:
        napari.run()
    return viewer
