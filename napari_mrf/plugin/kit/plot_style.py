"""Small type and thin lines for axes in a panel, in the colors of its theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_mrf.plugin.kit.plot_colors import PlotColors

LABEL_POINTS = 7.5
TICK_POINTS = 7.0


def style_axes(axes: Axes, colors: PlotColors) -> None:
    """Style what axes keep from one draw to the next."""
    axes.set_facecolor(colors.background)
    axes.tick_params(which="both", colors=colors.text, labelsize=TICK_POINTS, width=0.6,
                     grid_color=colors.grid, grid_linewidth=0.6)  # fmt: skip
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(edgecolor=colors.text, linewidth=0.6)


def style_texts(axes: Axes, colors: PlotColors) -> None:
    """Style labels, title and legend, which a plot may make anew at any time."""
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title,
                 axes.xaxis.offsetText, axes.yaxis.offsetText):  # fmt: skip
        text.set(color=colors.text, fontsize=LABEL_POINTS)
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set(facecolor=colors.background, edgecolor=colors.grid)
