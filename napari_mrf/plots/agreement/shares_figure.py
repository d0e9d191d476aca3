"""Bland-Altman plots of shares: differences in percent of the mean, or ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from napari_mrf.analysis.agreement.relative import PERCENT, RATIO, shares
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.agreement.agreement_axes import draw_levels, draw_points, print_ticks, usable
from napari_mrf.plots.agreement.agreement_figure import styles_of
from napari_mrf.plots.agreement.map_grid import fill_grid, n_rows
from napari_mrf.plots.names import label_axes
from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.comparison.compare import Comparison

_LABELS = {PERCENT: "difference (% of the mean)", RATIO: "reference / test"}
_NO_DIFFERENCE = {PERCENT: 0.0, RATIO: 1.0}


def maps_with_shares(comparison: Comparison) -> list[str]:
    """Return the maps that have limits in percent or of ratios."""
    found = {key: comparison.agreement_of(key).relative for key in comparison.agreement["map"]}
    return [key for key, one in found.items() if one is not None and not one.message]


def shares_figure(comparison: Comparison) -> Figure:
    """Return one plot per map of shares over means, with their bias and limits.

    Ratios stand on a logarithmic axis, on which their limits lie evenly about the bias.

    Parameters
    ----------
    comparison : Comparison
        With limits in percent or of ratios.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, sections 3.1 and 3.3.
    """
    height = 2.7 * n_rows(len(maps_with_shares(comparison)))
    figure = Figure(figsize=(9.0, height), layout="constrained")
    fill_shares(figure, comparison)
    return figure


def fill_shares(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `shares_figure` returns into an empty figure or a part of one."""
    kind, looks = comparison.options.limits, styles_of(comparison)

    def draw(axes: Axes, key: str) -> None:
        relative = comparison.agreement_of(key).relative
        if relative is None:
            return
        points = usable(comparison.pairs, key, comparison.options.scope)
        reference, test = (points[one].to_numpy(np.float64) for one in ("reference", "test"))
        points = points.assign(share=shares(reference, test, kind))
        if kind == RATIO:
            axes.set_yscale("log")
        draw_points(axes, points, "average", "share", looks)
        draw_levels(axes, relative.limits, "black", none=_NO_DIFFERENCE[kind])
        axes.set_title(PARAMETERS[key].label, fontsize=8.5)
        label_axes(axes, f"{printed(key).title}, mean", _LABELS[kind])
        print_ticks(key, axes.xaxis)
        if kind == RATIO:
            # A decade is far more than ratios span.
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())

    fill_grid(figure, maps_with_shares(comparison), draw)
