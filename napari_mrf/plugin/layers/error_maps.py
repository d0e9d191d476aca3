"""Maps of the error between two reconstructions as image layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_mrf.analysis.images.error_maps import error_limits, error_unit
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plots.colormaps import NOT_COMPARED_GRAY, error_colors
from napari_mrf.plugin.layers.attributes import napari_colormap, spatial_attributes, voxel_sizes
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY, TITLE_KEY
from napari_mrf.plugin.layers.order import place_in_front
from napari_mrf.plugin.layers.subjects import of_subject
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

ERROR_KEY = "mrf_error"
"""Metadata of an error layer: (name of the reference, name of the test, parameter, kind)."""

GRAY_LEGEND = "gray: not compared"
"""Below the title: no error of 0, which is as light as an empty canvas."""


def error_title(key: str, kind: str) -> str:
    """Return what an error map shows, with its unit: ``"T1H2O difference (ms)"``.

    It has to be short, beside the letter of the patient's side; the line below names the sets.
    """
    unit = error_unit(key, kind)
    what = f"{key} {kind} error" if kind == "relative" else f"{key} difference"
    what = f"|{what}|" if kind == "absolute" else what
    return f"{what} ({unit})" if unit else what


def find_errors(viewer: Any, subject: str | None = None) -> dict[tuple[str, str, str, str], Any]:
    """Return the error layers of a subject by (reference, test, parameter, kind).

    Parameters
    ----------
    viewer : napari viewer
        With the layers.
    subject : str, optional
        Key of the subject; the current one without.
    """
    of = session_of(viewer).subject.key if subject is None else subject
    return {
        layer.metadata[ERROR_KEY]: layer
        for layer in viewer.layers
        if ERROR_KEY in layer.metadata and layer.metadata.get(SUBJECT_KEY, of) == of
    }


def show_error(
    viewer: Any,
    values: NDArray[np.float32],
    maps: ParameterMaps,
    of: tuple[str, str, str, str],
) -> Any:
    """Put an error map in the layer it has, or in a new one in front, and return the layer.

    Limits are fixed: symmetric around zero with a diverging colormap for signed errors. What is
    not compared is gray.

    Parameters
    ----------
    viewer : napari viewer
        Where to show it.
    values : ndarray
        (Z, Y, X) in file order, NaN where nothing is compared.
    maps : ParameterMaps
        Either side, for the geometry.
    of : tuple of str
        Names of reference and test, parameter key, kind.
    """
    reference, test, key, kind = of
    orientation = DisplayOrientation.from_affine(maps.affine)
    on_screen = np.array(orientation.to_screen(values))
    earlier = find_errors(viewer).get(of)
    if earlier is not None:
        earlier.data = on_screen
        return earlier
    limits = error_limits(key, kind)
    suffix = " (%)" if kind == "relative" else ""
    name = f"|{reference} − {test}|" if kind == "absolute" else f"{reference} − {test}"
    layer = Image(
        on_screen,
        rgb=False,
        contrast_limits=limits,
        colormap=napari_colormap(error_colors(kind), kind, no_value=(NOT_COMPARED_GRAY,) * 3),
        **of_subject(viewer, f"{name} · {key}{suffix}"),
        **spatial_attributes(maps.affine, voxel_sizes(maps), orientation),
    )
    title = "\n".join((error_title(key, kind), f"{reference} − {test}", GRAY_LEGEND))
    layer.metadata.update({ERROR_KEY: of, TITLE_KEY: title})
    viewer.layers.insert(place_in_front(viewer), layer)
    return layer
