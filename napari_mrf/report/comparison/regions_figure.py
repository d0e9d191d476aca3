"""The regions of a comparison, over a map of the reference in one slice of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import shown
from napari_mrf.plots.names import AS_IT_IS
from napari_mrf.plots.region_styles import point_styles

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.comparison.compare import Comparison

_WIDTH_INCHES = 8.2
_PICTURE_INCHES = 2.8
_LINE_INCHES = 0.16
_IN_A_COLUMN = 14


def has_regions_picture(comparison: Comparison) -> bool:
    """Return whether a picture of the comparison shows a region that is in it."""
    return bool(comparison.pictures) and bool(_regions(comparison))


def regions_figure(comparison: Comparison) -> Figure:
    """Draw the regions of the first subject in the colors of the plots, with their voxels."""
    figure = Figure(figsize=(_WIDTH_INCHES, regions_height_inches(comparison)))
    fill_regions(figure, comparison)
    return figure


def regions_height_inches(comparison: Comparison) -> float:
    """Return how high `regions_figure` is."""
    rows = min(len(_regions(comparison)), _IN_A_COLUMN) + 2
    return float(max(_PICTURE_INCHES, rows * _LINE_INCHES))


def fill_regions(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `regions_figure` returns into an empty figure or a part of one."""
    picture, regions = comparison.pictures[0], _regions(comparison)
    labels = np.asarray(picture.labels)
    key, values = next(iter(picture.reference.items()))
    axis = figure.add_axes((0.02, 0.02, 0.44, 0.9))
    low, high = PARAMETERS[key].display_limits
    place: Any = {"interpolation": "nearest", "aspect": picture.pixel_aspect}
    axis.set(xticks=[], yticks=[], facecolor="0.85")
    axis.imshow(values, cmap="gray", vmin=low, vmax=high, **place)
    styles = point_styles(comparison.pairs["label"], comparison.subjects)
    lines = []
    for at, (label, (name, n_voxels)) in enumerate(regions.items()):
        color = styles[label, picture.subject].color
        inside = labels == label
        overlay = np.zeros((*labels.shape, 4))
        overlay[inside] = to_rgba(color, 0.75)
        axis.imshow(overlay, **place)
        if inside.any():
            row, column = np.argwhere(inside)[len(np.argwhere(inside)) // 2]
            axis.text(column, row, str(at + 1), fontsize=6, ha="center", va="center")
        lines.append((f"{at + 1}  {name}", f"{n_voxels:,} voxels", color))
    of_whom = f"{picture.subject}, " if picture.subject else ""
    axis.set_title(shown(f"{of_whom}slice {picture.z}, over {PARAMETERS[key].label}"),
                   fontsize=8, **AS_IT_IS)  # fmt: skip
    height = figure.get_size_inches()[1] if isinstance(figure, Figure) else (
        regions_height_inches(comparison))  # fmt: skip
    n_columns = -(-len(lines) // _IN_A_COLUMN)
    width = 0.5 / max(n_columns, 1)
    for at, (name, count, color) in enumerate(lines):
        left = 0.49 + width * (at // _IN_A_COLUMN)
        top = 0.92 - (at % _IN_A_COLUMN) * _LINE_INCHES / height
        figure.text(left, top, "■", color=color, fontsize=8, va="top")
        size = 7 if n_columns < 3 else 5
        figure.text(left + 0.02, top, shown(f"{name}: {count}"), fontsize=size, va="top",
                    **AS_IT_IS)  # fmt: skip


def _regions(comparison: Comparison) -> dict[int, tuple[str, int]]:
    """Return name and voxels as drawn of the regions of the first picture, by label."""
    if not comparison.pictures or comparison.pictures[0].labels is None:
        return {}
    pairs = comparison.pairs
    first = comparison.maps[0]
    mine = pairs[(pairs["subject"] == comparison.pictures[0].subject) & (pairs["map"] == first)]
    whole = mine[(mine["scope"] == "pooled") & (mine["n_drawn"] > 0)].sort_values("label")
    return {int(row["label"]): (str(row["name"]), int(row["n_drawn"]))
            for _, row in whole.iterrows()}  # fmt: skip
