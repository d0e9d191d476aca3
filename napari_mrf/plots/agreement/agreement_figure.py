"""Agreement of two reconstructions region by region: scatter and Bland-Altman plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from napari_mrf.analysis.agreement.statistics import INDEPENDENT
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.agreement.agreement_axes import draw_bland_altman, draw_scatter, usable
from napari_mrf.plots.agreement.map_grid import fill_grid, n_rows
from napari_mrf.plots.names import as_it_is, label_axes, legend_name
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plots.region_styles import RegionStyle, point_styles, subject_markers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from matplotlib.legend import Legend

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.analysis.comparison.compare import Comparison

_KEY_ROWS = 18
_KEY_CHARACTERS = 115


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


def fill_agreement(
    figure: Figure | SubFigure, comparison: Comparison, key: str, *, with_key: bool = True
) -> None:
    """Draw what `agreement_figure` returns into an empty figure or a part of one.

    Without its key where `fill_key` stands beside several of them.
    """
    found = comparison.agreement_of(key)
    points = usable(comparison.pairs, key, comparison.options.scope)
    names = (comparison.reference_name, comparison.test_name)
    if points.empty:
        axes = figure.subplots()
        axes.set_axis_off()
        text = f"No region has a mean of {PARAMETERS[key].label} on both sides."
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        return
    looks = styles_of(comparison)
    entries = _entries(comparison)
    n_columns = 1 + (len(entries) - 1) // _KEY_ROWS
    ratios = (1, 1.25, 0.24 * n_columns) if with_key else (1, 1.25)
    left, right, *beside = figure.subplots(1, len(ratios), width_ratios=ratios)
    draw_scatter(left, points, found, key, names=names, styles=looks)
    draw_bland_altman(right, points, found, key, names=names, styles=looks)
    left.set_title(_line_text(found, key), fontsize=8)
    right.set_title(_limits_text(found), fontsize=8)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
        # In two lines it fits a plot that is made lower to fill a page.
        axes.yaxis.label.set_text(axes.get_ylabel().replace("), ", "),\n", 1))
    if with_key:
        _draw_key(beside[0], entries, n_columns)


def key_figure(comparison: Comparison) -> Figure:
    """Return the key to the points of all agreement figures."""
    figure = Figure(figsize=(8.0, key_height_inches(comparison)), layout="constrained")
    fill_key(figure, comparison)
    return figure


def fill_key(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `key_figure` returns into an empty figure or a part of one."""
    entries = _entries(comparison)
    legend = _draw_key(figure.subplots(), entries, _key_columns(entries))
    legend.set_in_layout(False)  # its height is known, and long names must not push at it


def key_height_inches(comparison: Comparison) -> float:
    """Return how high the key is."""
    entries = _entries(comparison)
    return 0.15 + 0.155 * -(-len(entries) // _key_columns(entries))


def _key_columns(entries: list[tuple[str, RegionStyle]]) -> int:
    """Return how many columns of names fit side by side."""
    longest = max((len(name) for name, _ in entries), default=0)
    return max(1, min(5, _KEY_CHARACTERS // (longest + 4)))


def overview_figure(comparison: Comparison) -> Figure:
    """Return the Bland-Altman plots of all maps."""
    figure = Figure(figsize=(9.0, overview_height_inches(comparison) * 1.25), layout="constrained")
    fill_overview(figure, comparison)
    return figure


def fill_overview(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `overview_figure` returns into an empty figure or a part of one."""
    names, looks = (comparison.reference_name, comparison.test_name), styles_of(comparison)

    def draw(axes: Axes, key: str) -> None:
        points = usable(comparison.pairs, key, comparison.options.scope)
        axes.set_title(PARAMETERS[key].label, fontsize=8.5)
        if points.empty:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "no region on both sides", ha="center", fontsize=8)
            return
        found = comparison.agreement_of(key)
        draw_bland_altman(axes, points, found, key, names=names, styles=looks, annotate=False)
        title = printed(key).title
        # Names of methods would run into the next plot; the caption says what is subtracted.
        label_axes(axes, f"{title}, mean", f"{title}, difference")

    fill_grid(figure, list(comparison.agreement["map"]), draw)


def overview_height_inches(comparison: Comparison) -> float:
    """Return how high the overview is in a report."""
    return 2.15 * n_rows(len(comparison.agreement))


def styles_of(comparison: Comparison) -> dict[tuple[int, str], RegionStyle]:
    """Return the style of every point of a comparison, the same in all its figures."""
    return point_styles(comparison.pairs["label"], comparison.subjects)


def _entries(comparison: Comparison) -> list[tuple[str, RegionStyle]]:
    """Return names and styles for the key: of regions, then of subjects where there are several."""
    pairs, looks = comparison.pairs, styles_of(comparison)
    names = dict(zip(pairs["label"].tolist(), pairs["name"].astype(str), strict=True))
    subjects = comparison.subjects
    if len(subjects) < 2:
        return [(str(names[label]), looks[label, subjects[0]]) for label in sorted(names)]
    of_regions = [
        (str(names[label]), RegionStyle(looks[label, subjects[0]].color, "_"))
        for label in sorted(names)
    ]
    markers = subject_markers(subjects)
    return of_regions + [(who, RegionStyle("0.3", markers[who])) for who in subjects]


def _draw_key(axes: Axes, entries: list[tuple[str, RegionStyle]], n_columns: int) -> Legend:
    axes.set_axis_off()
    handles = [
        Line2D([], [], linestyle="none", marker=style.marker, color=style.color,
               label=legend_name(name), markersize=6.5 if style.marker.startswith("$") else 5.5,
               markeredgewidth=3.5 if style.marker == "_" else 0)
        for name, style in entries
    ]  # fmt: skip
    legend = axes.legend(
        handles=handles,
        loc="upper left",
        fontsize=7,
        frameon=False,
        ncols=n_columns,
        handletextpad=0.2,
        columnspacing=1.0,
        borderaxespad=0,
        borderpad=0,
    )
    as_it_is(legend)
    return legend


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
