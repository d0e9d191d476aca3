"""Quantiles of differences against those of a normal distribution, map by map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.analysis.agreement.statistics import BY_SUBJECTS
from napari_mrf.plots.agreement.agreement_axes import print_ticks
from napari_mrf.plots.agreement.map_grid import fill_grid, n_rows
from napari_mrf.plots.names import label_axes
from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.analysis.comparison.compare import Comparison

_COLOR = "#0072B2"


def draw_normality(axes: Axes, found: Agreement, key: str) -> None:
    """Draw ordered differences over the quantiles of as many normal ones, with their line.

    Places of the quantiles are (i - 3/8) / (n + 1/4); the line is mean + SD · quantile.

    Parameters
    ----------
    axes : Axes
        Empty.
    found : Agreement
        Of the map.
    key : str
        The parameter.

    References
    ----------
    Blom, Statistical Estimates and Transformed Beta-Variables, Wiley 1958.
    """
    from scipy import stats

    differences = found.normality.differences
    n = len(differences)
    quantiles = stats.norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    axes.plot(quantiles, differences, "o", color=_COLOR, markersize=4, markeredgewidth=0)
    if n > 1:
        ends = quantiles[[0, -1]]
        axes.plot(ends, differences.mean() + differences.std(ddof=1) * ends, color="black",
                  linewidth=1)  # fmt: skip
    of = f"mean differences of {n} subjects"
    if found.basis != BY_SUBJECTS:
        of = f"differences of {n} {'region' if n == 1 else 'regions'}"
    p = found.normality.p
    test = "no test" if np.isnan(p) else f"p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
    axes.set_title(f"{of}\nShapiro-Wilk: {test}", fontsize=8)
    label_axes(axes, "normal quantile", f"{printed(key).title}, difference")
    print_ticks(key, axes.yaxis)


def normality_figure(comparison: Comparison) -> Figure:
    """Return one plot per map with regions: points off the line are not normal."""
    height = 2.9 * n_rows(len(comparison.agreement)) + 0.1
    figure = Figure(figsize=(9.0, height), layout="constrained")
    fill_normality(figure, comparison)
    return figure


def fill_normality(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `normality_figure` returns into an empty figure or a part of one."""
    fill_grid(
        figure,
        list(comparison.agreement["map"]),
        lambda axes, key: draw_normality(axes, comparison.agreement_of(key), key),
    )
