"""Relative errors against the noise, as in Fig. 2 of the INN paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999")
_MARKERS = ("o", "^", "D", "v", "P", "X", "s")
_COLUMNS = 3


def snr_figure(table: pd.DataFrame) -> Figure:
    """Draw the mean relative error of every method over the SNR, one panel per map.

    Parameters
    ----------
    table : pandas.DataFrame
        ``method, training, snr_db, map, mean, sd_of_draws``; bars are the standard deviation of
        the mean between draws of the noise. The method ``bound`` is a dashed line.
    """
    keys = list(dict.fromkeys(table["map"]))
    n_rows = -(-len(keys) // _COLUMNS)
    figure = Figure(figsize=(3.4 * _COLUMNS, 2.9 * n_rows + 0.6), layout="constrained")
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axis, key in zip(axes, keys, strict=False):
        lines = table[table["map"] == key].groupby(["method", "training"], sort=False)
        for number, ((method, training), of) in enumerate(lines):
            if method == "bound":
                axis.plot(of["snr_db"], of["mean"], "--", color="black", label="bound")
                continue
            name = method if training == "no training" else f"{method}: {training}"
            axis.errorbar(
                of["snr_db"], of["mean"], of["sd_of_draws"], label=name, capsize=2, markersize=4,
                linewidth=1.1, color=_COLORS[number % len(_COLORS)],
                marker=_MARKERS[number % len(_MARKERS)],
            )  # fmt: skip
        axis.set(title=PARAMETERS[key].label, yscale="log", xlabel="SNR (dB)",
                 ylabel="mean relative error (%)")  # fmt: skip
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    for axis in axes[len(keys) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure
