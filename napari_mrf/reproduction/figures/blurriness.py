"""Energy in the high spatial frequencies of many methods, as in Fig. 5 of MedIA 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

_COLORS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999")
_COLUMNS = 3


def high_frequencies_figure(table: pd.DataFrame) -> Figure:
    """Draw bars of the energy above each threshold, one group per threshold, one panel per map.

    Parameters
    ----------
    table : pandas.DataFrame
        ``map, method, percentile, mean, sd``; sd over subjects, NaN for one.
    """
    keys = list(dict.fromkeys(table["map"]))
    methods = list(dict.fromkeys(table["method"]))
    n_rows = -(-len(keys) // _COLUMNS)
    figure = Figure(figsize=(3.6 * _COLUMNS, 2.7 * n_rows + 0.5), layout="constrained")
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    width = 0.85 / len(methods)
    for axis, key in zip(axes, keys, strict=False):
        of_map = table[table["map"] == key]
        percentiles = sorted(of_map["percentile"].unique())
        for number, method in enumerate(methods):
            of = of_map[of_map["method"] == method].sort_values("percentile")
            places = np.arange(len(percentiles)) + (number - (len(methods) - 1) / 2) * width
            spread = 100 * of["sd"].to_numpy(float)
            axis.bar(
                places[: len(of)], 100 * of["mean"].to_numpy(float), width, label=method,
                color=_COLORS[number % len(_COLORS)],
                yerr=None if np.isnan(spread).any() else spread, error_kw={"linewidth": 0.8},
            )  # fmt: skip
        axis.set_xticks(np.arange(len(percentiles)), [f"{p:g}" for p in percentiles])
        axis.set(title=PARAMETERS[key].label, xlabel="threshold (percentile of frequency)",
                 ylabel="energy above (%)")  # fmt: skip
        axis.tick_params(labelsize=7)
    for axis in axes[len(keys) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return figure
