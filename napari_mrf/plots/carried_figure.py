"""Regions that were carried to another scan, over its image: what is looked at before use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plots.picture_figure import region_edges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.analysis.registration.carry import CarriedLabels

_MOST_SLICES, _COLUMNS = 9, 3


def carried_figure(carried: CarriedLabels, colors: Mapping[int, tuple[int, int, int]]) -> Figure:
    """Draw the regions of up to nine slices, upright as the patient stands.

    Parameters
    ----------
    carried : CarriedLabels
        The regions and the image.
    colors : mapping of int to tuple
        Red, green, blue (0-255) by label; gray for others.
    """
    values, affine = carried.target.values, carried.target.affine
    drawn = np.flatnonzero(carried.values.any(axis=(1, 2)))
    slices = drawn if drawn.size else np.arange(len(values))
    if slices.size > _MOST_SLICES:
        slices = slices[np.linspace(0, slices.size - 1, _MOST_SLICES).round().astype(int)]
    columns = min(_COLUMNS, slices.size)
    rows = -(-slices.size // columns)
    upright = DisplayOrientation.from_affine(affine)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    _, height, width = upright.in_screen_order((sizes[0], sizes[1], sizes[2]))
    shown, regions = upright.to_screen(values), upright.to_screen(carried.values)
    figure = Figure(figsize=(3.0 * columns, 3.2 * rows), layout="constrained")
    low, high = np.nanpercentile(values, (1, 99))
    for axes, z in zip(figure.subplots(rows, columns, squeeze=False).flat, slices, strict=False):
        at = len(values) - 1 - z if upright.flips[0] else z
        image, labels = shown[at], regions[at]
        axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest",
                    extent=(0, image.shape[1], image.shape[0], 0), aspect=height / width
                    )  # fmt: skip
        for label in np.unique(labels[labels > 0]):
            red, green, blue = colors.get(int(label), (128, 128, 128))
            axes.add_collection(LineCollection(
                list(region_edges(labels == label)),
                colors=[(red / 255, green / 255, blue / 255)], linewidths=1.0,
            ))  # fmt: skip
        axes.set_title(f"slice {z}", fontsize=9)
    for axes in figure.axes:
        axes.set_axis_off()
    return figure
