"""Heat maps of the benefit of one network over another, as in Fig. 3 of the INN paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd


def benefit_figure(table: pd.DataFrame) -> Figure:
    """Draw the benefit over fat fraction and water T1, rows by pair of networks, columns by map.

    Parameters
    ----------
    table : pandas.DataFrame
        ``other, training, map, FF, T1H2O, benefit``: percentage points that the INN is better.
    """
    keys = list(dict.fromkeys(table["map"]))
    pairs = list(table.groupby(["other", "training"], sort=False))
    figure = Figure(figsize=(4.6 * len(keys), 3.3 * len(pairs) + 0.3), layout="constrained")
    axes = figure.subplots(len(pairs), len(keys), squeeze=False)
    for row, ((other, training), of_pair) in enumerate(pairs):
        for column, key in enumerate(keys):
            cells = of_pair[of_pair["map"] == key].pivot(
                index="T1H2O", columns="FF", values="benefit"
            )
            axis, values = axes[row, column], cells.to_numpy(np.float64)
            limit = float(np.nanmax(np.abs(values))) or 1.0
            image = axis.imshow(
                values, origin="lower", aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit
            )
            axis.set_xticks(range(len(cells.columns)), [f"{x:.2f}" for x in cells.columns],
                            rotation=90)  # fmt: skip
            axis.set_yticks(range(len(cells.index)), [f"{y:.0f}" for y in cells.index])
            axis.tick_params(labelsize=7)
            axis.set(xlabel="FF", ylabel="T1H2O (ms)")
            axis.set_title(f"{PARAMETERS[key].label}: {other} - inn\n{training}", fontsize=8)
            bar = figure.colorbar(image, ax=axis)
            bar.set_label("percentage points", fontsize=8)
            bar.ax.tick_params(labelsize=7)
    return figure
