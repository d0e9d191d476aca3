"""Agreement of two reconstructions region by region: scatter and Bland-Altman plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from napari_mrf.analysis.agreement import map_agreement
from napari_mrf.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.agreement import Agreement
    from napari_mrf.analysis.comparison import Comparison

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#808080")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
_LEGEND_ROWS = 18


@dataclass(frozen=True)
class RegionStyle:
    """How the points of one region look; shapes differ as well as colours.

    Parameters
    ----------
    color, marker : str
        As matplotlib understands them.
    """

    color: str
    marker: str


def region_styles(
    labels: Iterable[int], colors: Mapping[int, str] | None = None
) -> dict[int, RegionStyle]:
    """Return a style for every label; seventy labels differ, by colour and then by shape.

    Parameters
    ----------
    labels : iterable of int
        Numbers of the regions.
    colors : mapping of int to str, optional
        Of every label, where regions have colours of their own; then neighbours in the list
        differ by shape too.
    """
    if colors is not None:
        return {
            label: RegionStyle(colors[label], _MARKERS[index % len(_MARKERS)])
            for index, label in enumerate(sorted(set(labels)))
        }
    return {
        label: RegionStyle(
            _COLORS[index % len(_COLORS)], _MARKERS[index // len(_COLORS) % len(_MARKERS)]
        )
        for index, label in enumerate(sorted(set(labels)))
    }


def decimals(key: str) -> int:
    """Return how many decimals a value of a parameter deserves in print."""
    return 1 if PARAMETERS[key].unit in ("ms", "Hz") else 3


def signed(value: float, places: int) -> str:
    """Return a number with a true minus sign and no negative zero."""
    text = f"{value:.{places}f}"
    if not text.strip("-0."):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def usable(pairs: pd.DataFrame, key: str, scope: str) -> pd.DataFrame:
    """Return the regions of one map in which both sides have a mean."""
    rows = pairs[(pairs["map"] == key) & (pairs["scope"] == scope)]
    return rows[rows["difference"].notna()]


def draw_scatter(
    axes: Axes,
    points: pd.DataFrame,
    found: Agreement,
    key: str,
    *,
    names: tuple[str, str] = ("reference", "test"),
    ink: str = "black",
    styles: dict[int, RegionStyle] | None = None,
) -> None:
    """Draw test over reference with the identity (dotted) and the regression line.

    Parameters
    ----------
    axes : Axes
        Empty.
    points : pandas.DataFrame
        From `usable`.
    found : Agreement
        Of the same points.
    key : str
        The parameter.
    names : tuple of str
        Of reference and test.
    ink : str
        Colour of lines.
    styles : dict, optional
        Of the labels; those of the points by default.
    """
    _draw_points(axes, points, "reference", "test", styles)
    both = np.concatenate([points["reference"], points["test"]]).astype(np.float64)
    low, high = _padded(both)
    axes.plot([low, high], [low, high], color=ink, linestyle=":", linewidth=1, zorder=1)
    line = found.line
    if np.isfinite(line.slope):
        ends = np.array([points["reference"].min(), points["reference"].max()], np.float64)
        axes.plot(ends, line.slope * ends + line.intercept, color=ink, linewidth=1.2, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal", adjustable="box")
    title = PARAMETERS[key].title
    axes.set_xlabel(f"{title}, {names[0]}")
    axes.set_ylabel(f"{title}, {names[1]}")


def draw_bland_altman(
    axes: Axes,
    points: pd.DataFrame,
    found: Agreement,
    key: str,
    *,
    names: tuple[str, str] = ("reference", "test"),
    ink: str = "black",
    styles: dict[int, RegionStyle] | None = None,
    annotate: bool = True,
) -> None:
    """Draw difference over mean with bias, limits and their shaded intervals.

    Lines are solid for the bias, dash-dotted for the simple limits, dashed for the
    repeated-measures limits. Parameters are those of `draw_scatter`; `annotate` writes the
    values beside the lines, to the right of the axes.
    """
    _draw_points(axes, points, "average", "difference", styles)
    low, high = _padded(points["average"].to_numpy(np.float64))
    simple, repeated = found.simple, found.repeated
    levels = [(simple.bias, simple.bias_interval, "-", "bias")]
    levels += [
        (simple.lower, simple.lower_interval, "-.", "−1.96 SD"),
        (simple.upper, simple.upper_interval, "-.", "+1.96 SD"),
    ]
    for value, interval, style, _ in levels:
        if np.isfinite(value):
            axes.axhline(value, color=ink, linestyle=style, linewidth=1.1, zorder=1)
        if np.isfinite(interval).all():
            axes.axhspan(*interval, color=ink, alpha=0.1, linewidth=0, zorder=0)
    for value in (repeated.lower, repeated.upper):
        if np.isfinite(value):
            axes.axhline(value, color=ink, linestyle=(0, (6, 4)), linewidth=1, zorder=1)
    axes.axhline(0, color=ink, linewidth=0.6, alpha=0.4, zorder=0)
    inside = [*points["difference"], 0.0, simple.bias]
    inside += [*simple.lower_interval, *simple.upper_interval, simple.lower, simple.upper]
    inside += [repeated.lower, repeated.upper]
    axes.set(xlim=(low, high), ylim=_padded(np.array(inside, np.float64)))
    unit = PARAMETERS[key].unit
    with_unit = f" ({unit})" if unit else ""
    axes.set_xlabel(f"Mean of {names[0]} and {names[1]}{with_unit}")
    axes.set_ylabel(f"{names[0]} − {names[1]}{with_unit}")
    if annotate:
        _annotate(axes, levels, key, ink)


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
    options = comparison.options
    found = map_agreement(comparison.pairs, key, scope=options.scope, seed=options.seed)
    points = usable(comparison.pairs, key, options.scope)
    names = (comparison.reference_name, comparison.test_name)
    if points.empty:
        axes = figure.subplots()
        axes.set_axis_off()
        text = f"No region has a mean of {PARAMETERS[key].label} on both sides."
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        return
    n_columns = 1 + (points["label"].nunique() - 1) // _LEGEND_ROWS
    left, right, beside = figure.subplots(1, 3, width_ratios=(1, 1.25, 0.24 * n_columns))
    draw_scatter(left, points, found, key, names=names)
    draw_bland_altman(right, points, found, key, names=names)
    left.set_title(_line_text(found, key), fontsize=8)
    right.set_title(_limits_text(found), fontsize=8)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
    beside.set_axis_off()
    beside.legend(
        handles=left.get_lines()[: points["label"].nunique()],
        loc="upper left",
        fontsize=7,
        frameon=False,
        ncols=n_columns,
        handletextpad=0.2,
        borderaxespad=0,
        borderpad=0,
    )


def _draw_points(
    axes: Axes,
    points: pd.DataFrame,
    x: str,
    y: str,
    styles: dict[int, RegionStyle] | None,
) -> None:
    styles = styles or region_styles(points["label"])
    labels, names = points["label"].to_numpy(), points["name"].to_numpy()
    across, up = (points[column].to_numpy(np.float64) for column in (x, y))
    for label in sorted(set(labels.tolist())):
        rows, style = labels == label, styles[label]
        axes.plot(
            across[rows],
            up[rows],
            linestyle="none",
            marker=style.marker,
            color=style.color,
            markersize=5.5,
            markeredgewidth=0,
            alpha=0.9,
            label=str(names[rows][0]),
            zorder=3,
        )


def _padded(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _annotate(
    axes: Axes, levels: list[tuple[float, tuple[float, float], str, str]], key: str, ink: str
) -> None:
    places = decimals(key)
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    shown = sorted((value, text) for value, _, _, text in levels if np.isfinite(value))
    low, high = axes.get_ylim()
    room = 0.095 * (high - low)  # two lines of small text
    heights = [value for value, _ in shown]
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + room)
    for height, (value, text) in zip(heights, shown, strict=True):
        axes.text(
            1.015,
            height,
            f"{text}\n{signed(value, places)}",
            transform=beside,
            fontsize=8,
            color=ink,
            va="center",
        )


def _line_text(found: Agreement, key: str) -> str:
    line, places = found.line, decimals(key)
    if not np.isfinite(line.slope):
        return line.message
    sign = "−" if line.intercept < 0 else "+"
    text = f"test = {line.slope:.3f} · reference {sign} {abs(line.intercept):.{places}f}"
    if np.isfinite(line.r):
        text += f"\nr = {line.r:.3f}, R² = {line.r_squared:.3f}"
    return text


def _limits_text(found: Agreement) -> str:
    n = found.simple.n
    text = f"n = {n} {'region' if n == 1 else 'regions'}"
    if found.repeated.n_subjects > 1:
        text += f" of {found.repeated.n_subjects} subjects"
    if found.simple.message:
        return f"{text}\n{found.simple.message}"
    dashed = "dashed: repeated-measures limits, " if np.isfinite(found.repeated.lower) else ""
    return f"{text}\n{dashed}shaded: 95 % intervals"
