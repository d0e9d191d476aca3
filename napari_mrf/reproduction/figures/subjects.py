"""R² against the number of training subjects, as in Fig. 8 of MedIA 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd


def subjects_figure(table: pd.DataFrame) -> Figure:
    """Draw a panel for each map: the mean over repetitions, and each of them.

    Parameters
    ----------
    table : pandas.DataFrame
        ``subjects, repetition, map, r_squared``.
    """
    keys = list(dict.fromkeys(table["map"]))
    figure = Figure(figsize=(2.5 * len(keys), 2.8), layout="constrained")
    axes = figure.subplots(1, len(keys), squeeze=False)[0]
    for axis, key in zip(axes, keys, strict=True):
        of = table[table["map"] == key]
        means = of.groupby("subjects")["r_squared"].mean()
        axis.plot(means.index, means, color="#0072b2")
        axis.plot(of["subjects"], of["r_squared"], "o", color="#0072b2", markersize=4, alpha=0.6)
        axis.set_xscale("log")
        axis.set_xticks(means.index, [str(one) for one in means.index])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set(title=PARAMETERS[key].label, xlabel="training subjects")
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("R²")
    return figure
