"""One slice of a map as a figure for a paper: color bar, letters, outlines, scale bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from napari_mrf.errors import shown
from napari_mrf.plots.names import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_MM_PER_INCH = 25.4
_BAR_SHARE = 0.3
"""The scale bar is at most so long, as a share of the width of the picture."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What is seen of one slice.

    Parameters
    ----------
    values : ndarray
        (rows, columns) from the top left; NaN where there is no value.
    title : str
        What the values are, with their unit.
    limits : tuple of float
        Lower and upper end of the colors.
    colors : ndarray
        (n, 4) RGBA, 0-1.
    pixel_mm : tuple of float or None
        Height and width of a pixel; None where nobody knows the size.
    letters : tuple of (str, str)
        Patient directions at top and bottom, left and right; empty where unknown.
    labels : ndarray or None
        (rows, columns) numbers of regions; 0 is none.
    region_colors : mapping of int to str
        Of each number; others are gray.
    no_value : str
        Color where there is no value.
    no_value_note : str
        What it means; empty where it is the white of the page.
    """

    values: NDArray[np.floating]
    title: str
    limits: tuple[float, float]
    colors: NDArray[np.floating]
    pixel_mm: tuple[float, float] | None = None
    letters: tuple[tuple[str, str], tuple[str, str]] = (("", ""), ("", ""))
    labels: NDArray[np.integer] | None = None
    region_colors: Mapping[int, str] = field(default_factory=dict)
    no_value: str = "white"
    no_value_note: str = ""


def picture_figure(
    picture: Picture, *, width_mm: float = 85.0, outlines: bool = True, scale_bar: bool = True
) -> Figure:
    """Draw a picture on white, with text and outlines as vectors.

    Parameters
    ----------
    picture : Picture
        One slice.
    width_mm : float
        Of the page.
    outlines : bool
        Draw the outlines of the regions, along the edges of their voxels.
    scale_bar : bool
        Draw a bar of a round length in mm, where the size of a voxel is known.
    """
    n_rows, n_columns = picture.values.shape
    height, width = picture.pixel_mm or (1.0, 1.0)
    tall, wide = n_rows * height, n_columns * width
    page = width_mm / _MM_PER_INCH
    room = page - 0.95  # the color bar with its numbers and label, and a letter
    figure = Figure(figsize=(page, min(room * tall / wide, 2.5 * page) + 0.75))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02)
    axes = figure.add_subplot()
    colors = ListedColormap(picture.colors).with_extremes(bad=picture.no_value)
    image = axes.imshow(
        picture.values, cmap=colors, vmin=picture.limits[0], vmax=picture.limits[1],
        extent=(0, wide, tall, 0), interpolation="nearest",
    )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_linewidth(0.4)
    # As high as the picture, and beside the letter of its right side.
    bar = figure.colorbar(image, cax=axes.inset_axes((1.12, 0, 0.05, 1)))
    bar.ax.tick_params(labelsize=7, width=0.5)
    bar.outline.set_linewidth(0.4)
    bar.set_label(shown(picture.title), fontsize=8, **AS_IT_IS)
    _write_letters(axes, picture.letters)
    if outlines and picture.labels is not None:
        for label in np.unique(picture.labels[picture.labels > 0]):
            edges = region_edges(picture.labels == label) * (width, height)
            color = picture.region_colors.get(int(label), "0.5")
            axes.add_collection(LineCollection(list(edges), colors=color, linewidths=0.9,
                                               capstyle="projecting"))  # fmt: skip
    if scale_bar and picture.pixel_mm is not None:
        _draw_scale_bar(axes, wide)
    if picture.no_value_note:
        axes.text(1, -0.06, picture.no_value_note, transform=axes.transAxes, ha="right", va="top",
                  fontsize=7)  # fmt: skip
    return figure


def region_edges(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the outline of a region as straight pieces along the edges of its voxels.

    Parameters
    ----------
    inside : ndarray of bool
        (rows, columns).

    Returns
    -------
    ndarray
        (pieces, 2, 2): x and y of both ends, in voxels from the top left corner of the picture.
        A piece goes on for as long as the outline goes straight on.
    """
    padded = np.pad(inside, 1).astype(np.int8)
    across = _runs(np.diff(padded, axis=0)[:, 1:-1])
    down = _runs(np.diff(padded, axis=1)[1:-1].T)[..., ::-1]
    return np.concatenate([across, down])


def _runs(steps: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the runs of equal steps in each row as (pieces, 2, 2) of (place, row)."""
    ends = np.diff(np.pad(steps, ((0, 0), (1, 1))), axis=1) != 0
    pieces = []
    for row in range(len(steps)):
        places = np.flatnonzero(ends[row])
        for first, last in pairwise(places):
            if steps[row, first]:
                pieces.append([[first, row], [last, row]])
    return np.array(pieces, np.float64).reshape(-1, 2, 2)


def round_length(longest_mm: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, 50 … that is not longer."""
    power = 10.0 ** np.floor(np.log10(longest_mm))
    return float(max(step for step in (1, 2, 5) if step * power <= longest_mm * (1 + 1e-9)) * power)


def _draw_scale_bar(axes: Axes, wide_mm: float) -> None:
    length = round_length(_BAR_SHARE * wide_mm)
    # Below the picture, so that it is readable whatever the colors are.
    axes.plot([0, length / wide_mm], [-0.035] * 2, transform=axes.transAxes, color="black",
              linewidth=1.6, solid_capstyle="butt", clip_on=False)  # fmt: skip
    axes.text(0, -0.06, f"{length:g} mm", transform=axes.transAxes, ha="left", va="top", fontsize=7)


def _write_letters(axes: Axes, letters: tuple[tuple[str, str], tuple[str, str]]) -> None:
    (top, bottom), (left, right) = letters
    for text, x, y, across, up in (
        (top, 0.5, 1.015, "center", "bottom"),
        (bottom, 0.5, -0.015, "center", "top"),
        (left, -0.015, 0.5, "right", "center"),
        (right, 1.015, 0.5, "left", "center"),
    ):
        axes.text(x, y, text, transform=axes.transAxes, ha=across, va=up, fontsize=8)
