"""Scatter and Bland-Altman plot of regions, drawn into axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import blended_transform_factory

from napari_mrf.plots.names import label_axes, legend_name
from napari_mrf.plots.printed_numbers import formatted, printed
from napari_mrf.plots.region_styles import RegionStyle, region_styles

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from napari_mrf.analysis.agreement.bland_altman import BlandAltman
    from napari_mrf.analysis.agreement.repeated_measures import RepeatedLimits
    from napari_mrf.analysis.agreement.statistics import Agreement

    Styles = Mapping[Any, RegionStyle]
    Level = tuple[float, tuple[float, float], str, str]


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
    styles: Styles | None = None,
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
        Color of lines.
    styles : mapping, optional
        Of the labels, or of labels and subjects (`point_styles`); those of the labels in the
        points by default.
    """
    draw_points(axes, points, "reference", "test", styles)
    both = np.concatenate([points["reference"], points["test"]]).astype(np.float64)
    low, high = _padded(both)
    axes.plot([low, high], [low, high], color=ink, linestyle=":", linewidth=1, zorder=1)
    line = found.line
    if np.isfinite(line.slope):
        ends = np.array([points["reference"].min(), points["reference"].max()], np.float64)
        axes.plot(ends, line.slope * ends + line.intercept, color=ink, linewidth=1.2, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal", adjustable="box")
    title = printed(key).title
    label_axes(axes, f"{title}, {names[0]}", f"{title}, {names[1]}")
    print_ticks(key, axes.xaxis, axes.yaxis)


def print_ticks(key: str, *axis: Axis) -> None:
    """Write the numbers of axes as printed: fat fractions in percent, small ones with exponents.

    A common exponent of an axis would stand on its label.
    """
    how = printed(key)
    factor = how.factor
    if factor != 1 or how.specification.endswith("g"):
        for one in axis:
            one.set_major_formatter(FuncFormatter(lambda value, _: formatted(factor * value, "g")))


def draw_bland_altman(
    axes: Axes,
    points: pd.DataFrame,
    found: Agreement,
    key: str,
    *,
    names: tuple[str, str] = ("reference", "test"),
    ink: str = "black",
    styles: Styles | None = None,
    annotate: bool = True,
    mean_word: str = "bias",
) -> None:
    """Draw difference over mean with bias, limits and their shaded intervals.

    Lines are solid for the bias and dash-dotted for the limits, on the basis that fits; dashed
    for limits that assume independent regions, where they were asked for. Parameters are those
    of `draw_scatter`; `annotate` writes the values beside the lines, to the right of the axes,
    the mean difference by its word.
    """
    draw_points(axes, points, "average", "difference", styles)
    low, high = _padded(points["average"].to_numpy(np.float64))
    limits = found.limits
    levels = draw_levels(axes, limits, ink, mean_word=mean_word)
    dashed = [found.simple.lower, found.simple.upper] if found.independent else []
    for value in filter(np.isfinite, dashed):
        axes.axhline(value, color=ink, linestyle=(0, (6, 4)), linewidth=1, zorder=1)
    inside = [*points["difference"], 0.0, limits.bias, *dashed]
    inside += [*limits.lower_interval, *limits.upper_interval, limits.lower, limits.upper]
    axes.set(xlim=(low, high), ylim=_padded(np.array(inside, np.float64)))
    title = printed(key).title
    label_axes(
        axes, f"{title}, mean of {names[0]} and {names[1]}", f"{title}, {names[0]} − {names[1]}"
    )
    print_ticks(key, axes.xaxis, axes.yaxis)
    if annotate:
        _annotate(axes, levels, key, ink)


def draw_levels(
    axes: Axes,
    limits: BlandAltman | RepeatedLimits,
    ink: str,
    *,
    none: float = 0.0,
    mean_word: str = "bias",
) -> list[Level]:
    """Draw bias and limits with their shaded intervals and a thin line at no difference."""
    levels = [
        (limits.bias, limits.bias_interval, "-", mean_word),
        (limits.lower, limits.lower_interval, "-.", "−1.96 SD"),
        (limits.upper, limits.upper_interval, "-.", "+1.96 SD"),
    ]
    for value, interval, style, _ in levels:
        if np.isfinite(value):
            axes.axhline(value, color=ink, linestyle=style, linewidth=1.1, zorder=1)
        if np.isfinite(interval).all():
            axes.axhspan(*interval, color=ink, alpha=0.1, linewidth=0, zorder=0)
    axes.axhline(none, color=ink, linewidth=0.6, alpha=0.4, zorder=0)
    return levels


def draw_points(axes: Axes, points: pd.DataFrame, x: str, y: str, styles: Styles | None) -> None:
    """Draw two columns of regions over each other, in the look of each region."""
    looks: Styles = styles or region_styles(points["label"])
    across, up = (points[column].to_numpy(np.float64) for column in (x, y))
    keys: list[Any] = points["label"].tolist()
    if any(isinstance(key, tuple) for key in looks):
        keys = list(zip(keys, points["subject"].astype(str), strict=True))
    for key in sorted(set(keys)):
        rows, style = np.array([one == key for one in keys]), looks[key]
        is_number = style.marker.startswith("$")
        axes.plot(
            across[rows],
            up[rows],
            linestyle="none",
            marker=style.marker,
            color=style.color,
            markersize=6.5 if is_number else 5.5,
            markeredgewidth=0.3 if is_number else 0,
            alpha=0.9,
            label=legend_name(points["name"].to_numpy()[rows][0]),
            zorder=3,
        )


def _padded(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _annotate(axes: Axes, levels: list[Level], key: str, ink: str) -> None:
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
            f"{text}\n{printed(key).text(value)}",
            transform=beside,
            fontsize=8,
            color=ink,
            va="center",
        )
