"""The images of a raw file while they are made: the magnitude of the slices that are there.

A layer for the moment, which is neither saved nor put back: it carries no key of the package. It
is seen only while its raw file is, so that it never lies over the maps of a subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.batch import remove_together

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEY = "preview of raw data"
_BRIGHTEST = 99.7


def preview_layer_data(
    magnitude: NDArray[np.float32], affine: NDArray[np.float64] | None, name: str
) -> tuple[Any, dict[str, Any], str]:
    """Return the napari layer data tuple of a magnitude (Z, Y, X) in file order, NaN where none."""
    orientation = DisplayOrientation.from_affine(affine)
    sizes = None
    if affine is not None:
        x, y, z = np.linalg.norm(affine[:3, :3], axis=0)
        sizes = float(z), float(y), float(x)
    attributes = {
        "name": f"{name} preview",
        "rgb": False,
        "colormap": "gray",
        "contrast_limits": _limits(magnitude),
        "metadata": {_KEY: name},
        **spatial_attributes(affine, sizes, orientation),
    }
    return np.array(orientation.to_screen(magnitude)), attributes, "image"


def show_preview(
    viewer: Any, magnitude: NDArray[np.float32], affine: NDArray[np.float64] | None, name: str,
    z: int, *, visible: bool = True,
) -> None:  # fmt: skip
    """Show a magnitude (Z, Y, X) of which the slice z is new; the first time go to that slice.

    With `visible` false, another scan is looked at: a new layer is hidden, and nothing moves.
    """
    orientation = DisplayOrientation.from_affine(affine)
    layer = next((one for one in _previews(viewer) if one.metadata[_KEY] == name), None)
    shown = orientation.to_screen(magnitude)
    if layer is None or layer.data.shape != shown.shape:
        data, attributes, _ = preview_layer_data(magnitude, affine, name)
        layer = viewer.add_image(data, visible=visible, **attributes)
        if not visible:
            return
        at = orientation.screen_index((z, 0, 0), magnitude.shape)
        viewer.dims.set_point(range(-3, 0), layer.data_to_world(at)[-3:])
        return
    layer.data[...] = shown
    layer.contrast_limits_range = layer.contrast_limits = _limits(magnitude)
    layer.refresh()


def is_preview(layer: Any) -> bool:
    """Return whether a layer is a preview of raw data."""
    return _KEY in layer.metadata


def set_preview_visible(viewer: Any, is_visible: bool) -> None:
    """Show or hide the layer, if it is there."""
    for layer in _previews(viewer):
        layer.visible = is_visible


def remove_preview(viewer: Any) -> None:
    """Remove the layer, if it is there."""
    remove_together(viewer, _previews(viewer))


def _previews(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if is_preview(layer)]


def _limits(magnitude: NDArray[np.float32]) -> tuple[float, float]:
    found = magnitude[np.isfinite(magnitude)]
    top = float(np.percentile(found, _BRIGHTEST)) if found.size else 0.0
    return 0.0, top if top > 0 else 1.0
