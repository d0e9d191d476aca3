"""Distribution of a map in regions and profile along a line, drawn into axes and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_mrf.analysis.inspection.distribution import Distribution
from napari_mrf.errors import shown
from napari_mrf.plots.agreement.agreement_axes import print_ticks
from napari_mrf.plots.names import AS_IT_IS, as_it_is, legend_name
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plots.trace_styles import predicted_style

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from napari_mrf.analysis.inspection.profile import Profile

_BAND_ALPHA = 0.18


def draw_closeup(
    axes: Axes,
    found: Distribution | Profile,
    *,
    color_of: Callable[[str], str] = str,
) -> None:
    """Draw a distribution or a profile; axes name the map and its unit.

    Parameters
    ----------
    axes : Axes
        Empty.
    found : Distribution or Profile
        With values.
    color_of : callable
        Makes the color of a set readable on the background.
    """
    title = printed(found.key).title
    if isinstance(found, Distribution):
        for index, (name, counts) in enumerate(found.counts.items()):
            axes.stairs(counts, found.edges, label=legend_name(name), **_style(index, color_of))
        axes.set(xlabel=title, ylabel="Voxels", xlim=(found.edges[0], found.edges[-1]))
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        print_ticks(found.key, axes.xaxis)
        return
    for index, (name, values) in enumerate(found.values.items()):
        style = _style(index, color_of)
        axes.plot(found.distances, values, label=legend_name(name), **style)
        if name in found.deviations:
            low, high = values - found.deviations[name], values + found.deviations[name]
            axes.fill_between(found.distances, low, high, color=style["color"],
                              alpha=_BAND_ALPHA, linewidth=0)  # fmt: skip
    axes.set(xlabel=f"Distance ({found.unit})", ylabel=title,
             xlim=(0, max(found.distances[-1], np.finfo(float).tiny)))  # fmt: skip
    print_ticks(found.key, axes.yaxis)


def names_of(found: Distribution | Profile) -> tuple[str, ...]:
    """Return the names of the sets, in the order in which they are drawn."""
    return tuple(found.counts if isinstance(found, Distribution) else found.values)


def _style(index: int, color_of: Callable[[str], str]) -> dict[str, Any]:
    style = predicted_style(index)
    return {**style, "color": color_of(style["color"])}


def closeup_figure(found: Distribution | Profile, title: str) -> Figure:
    """Return a distribution or a profile as a figure, not attached to a screen."""
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    draw_closeup(axes, found)
    axes.set_title(shown(title), fontsize=9, **AS_IT_IS)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    as_it_is(axes.legend(fontsize=8, frameon=False))
    return figure
