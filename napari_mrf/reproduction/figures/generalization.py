"""True against estimated relaxation times, as in Fig. 4 of BlochNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 1500
_COLORS = {"synthetic": "#999999", "phantom": "#0072b2", "anatomical": "#d55e00"}


def generalization_figure(values: pd.DataFrame) -> Figure:
    """Draw estimated over true T1 and T2, a column per method.

    Parameters
    ----------
    values : pandas.DataFrame
        ``method, data, T1, T2, T1_found, T2_found`` (ms).
    """
    methods = list(dict.fromkeys(values["method"]))
    figure = Figure(figsize=(2.2 * len(methods) + 0.4, 4.8), layout="constrained")
    axes = figure.subplots(2, len(methods), squeeze=False, sharex="row", sharey="row")
    for column, method in enumerate(methods):
        of_method = values[values["method"] == method]
        for row, key in enumerate(("T1", "T2")):
            axis = axes[row, column]
            for data, of in of_method.groupby("data", sort=False):
                few = of.iloc[:_SHOWN]
                axis.plot(few[key], few[f"{key}_found"], ".", markersize=1.5, label=str(data),
                          color=_COLORS.get(str(data)))  # fmt: skip
            ends = [values[key].min(), values[key].max()]
            axis.plot(ends, ends, color="black", linewidth=0.8)
            axis.set(xscale="log", yscale="log")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.yaxis.set_minor_formatter(NullFormatter())
            axis.tick_params(labelsize=7)
            if row == 0:
                axis.set_title(method, fontsize=9)
            axis.set_xlabel(f"true {key} (ms)", fontsize=8)
            if column == 0:
                axis.set_ylabel(f"estimated {key} (ms)", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=3, fontsize=8, frameon=False,
        markerscale=5,
    )  # fmt: skip
    return figure
