"""Agreement of two reconstructions region by region: scatter and Bland-Altman plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.analysis.agreement.statistics import INDEPENDENT
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.agreement_axes import draw_bland_altman, draw_scatter, usable
from napari_mrf.plots.names import as_it_is
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plots.region_styles import region_styles

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.analysis.comparison.compare import Comparison

_LEGEND_ROWS = 18


def agreement_figure(comparison: Comparison, key: str) -> Figure:
    """Return scatter and Bland-Altman plot of one map side by side, with a legend beside them.

    Parameters
    ----------
    comparison : Comparison
        With regions.
    key : str
        The parameter.
    """
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    fill_agreement(figure, comparison, key)
    return figure


def fill_agreement(figure: Figure | SubFigure, comparison: Comparison, key: str) -> None:
    """Draw what `agreement_figure` returns into an empty figure or a part of one."""
    found = comparison.agreement_of(key)
    points = usable(comparison.pairs, key, comparison.options.scope)
    names = (comparison.reference_name, comparison.test_name)
    if points.empty:
        axes = figure.subplots()
        axes.set_axis_off()
        text = f"No region has a mean of {PARAMETERS[key].label} on both sides."
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        return
    # Of all regions, so that one keeps its color where others have no value of a map.
    styles = region_styles(comparison.pairs["label"])
    n_columns = 1 + (points["label"].nunique() - 1) // _LEGEND_ROWS
    left, right, beside = figure.subplots(1, 3, width_ratios=(1, 1.25, 0.24 * n_columns))
    draw_scatter(left, points, found, key, names=names, styles=styles)
    draw_bland_altman(right, points, found, key, names=names, styles=styles)
    left.set_title(_line_text(found, key), fontsize=8)
    right.set_title(_limits_text(found), fontsize=8)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
    beside.set_axis_off()
    legend = beside.legend(
        handles=left.get_lines()[: points["label"].nunique()],
        loc="upper left",
        fontsize=7,
        frameon=False,
        ncols=n_columns,
        handletextpad=0.2,
        borderaxespad=0,
        borderpad=0,
    )
    as_it_is(legend)


def _line_text(found: Agreement, key: str) -> str:
    line, shown = found.line, printed(key)
    if not np.isfinite(line.slope):
        return line.message
    sign = "−" if line.intercept < 0 else "+"
    intercept = shown.text(abs(line.intercept), with_unit=True)
    text = f"test = {line.slope:.3f} · reference {sign} {intercept}"
    if np.isfinite(line.r):
        text += f"\nr = {line.r:.3f}, R² = {line.r_squared:.3f}"
    return text


def _limits_text(found: Agreement) -> str:
    limits, n_subjects = found.limits, found.repeated.n_subjects
    text = f"n = {limits.n} {'region' if limits.n == 1 else 'regions'}"
    if n_subjects > 1:
        text += f" of {n_subjects} subjects"
    if limits.message:
        return f"{text}\n{limits.message}"
    dashed = f", dashed: {INDEPENDENT}" if found.independent else ""
    return f"{text}\nlimits: {found.basis}, shaded: 95 % intervals{dashed}"
