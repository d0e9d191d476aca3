"""Metadata of a layer: the series or the maps that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries

SERIES_KEY = "mrf_series"
SET_KEY = "mrf_set"
PARAMETER_KEY = "mrf_parameter"
MAPS_KEY = "mrf_maps"
GRID_KEY = "mrf_grid"
SUBJECT_KEY = "mrf_subject"
"""Key of the `Subject` that a layer belongs to; layers without are the current one's."""
TITLE_KEY = "mrf_title"
"""Title on the canvas of a layer that is not a map of a set."""
NAMES_KEY = "mrf_color_of_names"
"""Color of the names that a layer writes on the canvas."""
MEAN_KEY = "mrf_mean"
"""Of a series layer: its `MeanOverFrames`, kept while another component is shown."""
PREVIEW_KEY = "mrf_preview"
"""Of a layer that shows for a moment what drawing would do."""


def series_of(layer: Any) -> MRFSeries | None:
    """Return the series that a layer shows, or None."""
    series: MRFSeries | None = layer.metadata.get(SERIES_KEY)
    return series


def replace_series(layer: Any, series: MRFSeries) -> None:
    """Keep the same data under another sequence or mask in the layer's metadata."""
    layer.metadata[SERIES_KEY] = series


def is_ours(layer: Any) -> bool:
    """Return whether a layer shows a series, maps, regions, pins, errors or importance."""
    return any(str(key).startswith("mrf_") for key in layer.metadata)


def find_set(viewer: Any, set_name: str, subject: str | None = None) -> dict[str, Any]:
    """Return the layers of a set of maps of a subject by parameter or companion name.

    Parameters
    ----------
    viewer : napari viewer
        With the layers.
    set_name : str
        Name of the set.
    subject : str, optional
        Key of the subject; the current one without.
    """
    of = session_of(viewer).subject.key if subject is None else subject
    return {
        layer.metadata[PARAMETER_KEY]: layer
        for layer in viewer.layers
        if layer.metadata.get(SET_KEY) == set_name and layer.metadata.get(SUBJECT_KEY) == of
    }


def maps_of(metadata: Mapping[str, Any]) -> tuple[ParameterMaps, str] | None:
    """Return the maps that a layer's metadata belong to and its key in them, or None."""
    maps = metadata.get(MAPS_KEY)
    return None if maps is None else (maps, metadata[PARAMETER_KEY])
