"""Mean absolute errors of methods, ours beside those that a paper prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

_MARKERS = ("o", "^", "D", "v", "P", "X", "<", ">")
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999", "#882255")
_EPOCHS = r", \d+ epochs.*$"
_NONE = "no training"


def errors_figure(table: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Draw the mean absolute errors of all methods, ours beside those of a paper.

    Parameters
    ----------
    table : pandas.DataFrame
        ``method, training, test_sigma, metric, map, mean``; one row of panels a noise level.
        Trainings on the same data look alike, whatever the number of their epochs.
    paper : pandas.DataFrame
        ``method, metric, map, mean``: drawn as squares.
    """
    on_what = table["training"].str.replace(_EPOCHS, "", regex=True)
    table = table.assign(training=on_what)
    keys = list(dict.fromkeys(table["map"]))
    levels = sorted(table["test_sigma"].unique())
    names = [name for name in dict.fromkeys([*paper["method"], *table["method"]])
             if name != "bound"]  # fmt: skip
    trainings = [one for one in dict.fromkeys(table["training"]) if one != _NONE]
    styles: dict[str, dict[str, Any]] = {
        training: {"marker": _MARKERS[number % len(_MARKERS)], "markersize": 5,
                   "color": _COLORS[number % len(_COLORS)]}
        for number, training in enumerate(trainings)
    }  # fmt: skip
    styles[_NONE] = {"marker": "*", "markersize": 7, "color": "black"}
    figure = Figure(figsize=(2.3 * len(keys) + 0.4, 2.1 * len(levels) + 0.7), layout="constrained")
    axes = figure.subplots(len(levels), len(keys), squeeze=False)
    for row, level in enumerate(levels):
        for column, key in enumerate(keys):
            axis = axes[row, column]
            of = table[(table["map"] == key) & (table["metric"] == "MAE")
                       & (table["test_sigma"] == level)]  # fmt: skip
            printed = paper[(paper["map"] == key) & (paper["metric"] == "MAE")]
            axis.plot(
                [names.index(name) for name in printed["method"]], printed["mean"], "s",
                color="none", markeredgecolor="black", label="paper", markersize=7,
            )  # fmt: skip
            for training, style in styles.items():
                ours = of[(of["training"] == training) & (of["method"] != "bound")]
                axis.plot(
                    [names.index(name) for name in ours["method"]], ours["mean"], **style,
                    linestyle="none", label=training,
                )  # fmt: skip
            for value in of.loc[of["method"] == "bound", "mean"]:
                axis.axhline(value, color="black", linestyle="--", linewidth=1, label="bound")
            _finish(axis, names, is_last=row == len(levels) - 1)
            if row == 0:
                axis.set_title(_title(key), fontsize=9)
            if column == 0:
                words = f"tested with noise {level:g}" if level else "tested without noise"
                axis.set_ylabel(f"mean absolute error\n{words}", fontsize=8)
    handles: dict[str, Any] = {}
    for axis in axes.ravel():
        handles |= dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        list(handles.values()), list(handles), loc="outside upper center", ncols=3, fontsize=8,
        frameon=False,
    )  # fmt: skip
    return figure


def _finish(axis, names: list[str], *, is_last: bool) -> None:  # type: ignore[no-untyped-def]
    largest = max(np.max(line.get_ydata(), initial=0.0) for line in axis.lines)
    axis.set_ylim(0, 1.12 * largest)
    axis.set_xlim(-0.6, len(names) - 0.4)
    axis.set_xticks(np.arange(len(names)), names if is_last else [""] * len(names), rotation=90)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)


def _title(key: str) -> str:
    unit = PARAMETERS[key].unit
    return f"{PARAMETERS[key].label} ({unit})" if unit else PARAMETERS[key].label
