"""Errors by model and kind of signal, of the paper and here, as Table 1 of RinQ has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd

_COLORS = {"magnitude": "#e69f00", "complex": "#0072b2"}


def signals_figure(table: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Draw two panels of bars, the paper's and ours, a group for each model.

    Parameters
    ----------
    table : pandas.DataFrame
        ``model, signals, rmse_ms``.
    paper : pandas.DataFrame
        As `published_table` gives it.
    """
    models = list(dict.fromkeys(table["model"]))
    ours = table.set_index(["model", "signals"])["rmse_ms"]
    theirs = paper.set_index(["method", "map"])["mean"]
    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    width = 0.8 / len(_COLORS)
    for axis, values, title in zip(axes, (theirs, ours), ("paper", "here"), strict=True):
        for number, (signals, color) in enumerate(_COLORS.items()):
            places = np.arange(len(models)) + (number - (len(_COLORS) - 1) / 2) * width
            heights = [float(values.get((model, signals), np.nan)) for model in models]
            axis.bar(places, heights, width, label=signals, color=color)
        axis.set_xticks(range(len(models)), [one.replace(", ", "\n") for one in models])
        axis.set(title=title, ylabel="RMSE over T1 and T2 (ms)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=9, frameon=False)
    return figure
