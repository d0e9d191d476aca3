"""Share of the energy in high spatial frequencies, method by method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.names import as_it_is, legend_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.comparison.compare import Comparison

_LOOKS: dict[str, dict[str, Any]] = {
    "reference": {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    "test": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
}
_COLUMNS = 3


def draw_blurriness(axes: Axes, table: pd.DataFrame, key: str) -> None:
    """Draw energy above the threshold over the threshold, one line per method.

    Bars are the standard deviation over subjects, or over slices where there is one subject.

    Parameters
    ----------
    axes : Axes
        Empty.
    table : pandas.DataFrame
        `Comparison.blurriness`.
    key : str
        The parameter.
    """
    rows = table[table["map"] == key]
    for side, of_side in rows.groupby("side", sort=False):
        by_threshold = of_side.groupby("percentile")["mean"]
        mean, over_subjects = by_threshold.mean(), by_threshold.std(ddof=1)
        one_subject = of_side["subject"].nunique() == 1
        spread = np.asarray(of_side["sd"] if one_subject else over_subjects, np.float64)
        axes.errorbar(
            mean.index.to_numpy(np.float64),
            100 * mean.to_numpy(np.float64),
            None if np.isnan(spread).all() else 100 * spread,
            label=legend_name(of_side["method"].iloc[0]),
            markersize=4,
            linewidth=1.2,
            capsize=2,
            **_LOOKS[str(side)],
        )
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted(rows["percentile"].unique()))
    axes.set_xlabel("threshold (percentile of frequency)")
    axes.set_ylabel(f"{PARAMETERS[key].label}, energy above (%)")


def blurriness_figure(comparison: Comparison) -> Figure:
    """Return one panel per map; less energy in the high frequencies is blurrier."""
    n_rows = -(-len(comparison.maps) // _COLUMNS)
    figure = Figure(figsize=(9.0, 2.7 * n_rows + 0.3), layout="constrained")
    fill_blurriness(figure, comparison)
    return figure


def fill_blurriness(figure: Figure | SubFigure, comparison: Comparison) -> None:
    """Draw what `blurriness_figure` returns into an empty figure or a part of one."""
    keys = comparison.maps
    n_rows = -(-len(keys) // _COLUMNS)
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False)
    for axis, key in zip(axes.ravel(), keys, strict=False):
        draw_blurriness(axis, comparison.blurriness, key)
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_fontsize(8)
        axis.yaxis.label.set_fontsize(8)
    for axis in axes.ravel()[len(keys) :]:
        axis.set_axis_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    as_it_is(
        figure.legend(
            handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=9
        )
    )
