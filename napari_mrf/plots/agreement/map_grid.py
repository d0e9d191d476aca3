"""One small plot for each map, three in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

PLOTS_A_ROW = 3


def n_rows(n_maps: int) -> int:
    """Return how many rows the plots of so many maps take."""
    return -(-n_maps // PLOTS_A_ROW)


def fill_grid(
    figure: Figure | SubFigure, keys: Sequence[str], draw: Callable[[Axes, str], None]
) -> None:
    """Draw a plot for each map into an empty figure or a part of one.

    Parameters
    ----------
    figure : Figure or SubFigure
        Empty.
    keys : sequence of str
        The maps.
    draw : callable
        Draws the plot of a map into its axes.
    """
    columns = min(len(keys), PLOTS_A_ROW)
    axes = figure.subplots(n_rows(len(keys)), columns, squeeze=False).ravel()
    for axis, key in zip(axes, keys, strict=False):
        draw(axis, key)
        axis.tick_params(labelsize=7)
        axis.xaxis.label.set_fontsize(7.5)
        axis.yaxis.label.set_fontsize(7.5)
    for axis in axes[len(keys) :]:
        axis.set_axis_off()
