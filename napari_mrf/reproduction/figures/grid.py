"""R² over the receptive field and the number of parameters, as in Fig. 6 of MedIA 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd


def grid_figure(table: pd.DataFrame, key: str) -> Figure:
    """Draw a field of colors with its numbers.

    Parameters
    ----------
    table : pandas.DataFrame
        ``receptive_field, million_parameters, map, r_squared``.
    key : str
        The map.
    """
    grid = table[table["map"] == key].pivot_table(
        index="million_parameters", columns="receptive_field", values="r_squared"
    )
    values = grid.to_numpy(float)
    figure = Figure(figsize=(1.6 + 0.9 * values.shape[1], 1.6 + 0.7 * values.shape[0]),
                    layout="constrained")  # fmt: skip
    axis = figure.subplots()
    picture = axis.imshow(values, origin="lower", aspect="auto", cmap="cividis")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for (row, column), value in np.ndenumerate(values):
        color = "black" if value > middle else "white"
        axis.text(column, row, f"{value:.3f}", ha="center", va="center", color=color, fontsize=9)
    axis.set_xticks(range(values.shape[1]), [f"{one} x {one}" for one in grid.columns])
    axis.set_yticks(range(values.shape[0]), [f"{one:g}" for one in grid.index])
    axis.set(xlabel="receptive field (voxels)", ylabel="parameters (millions)",
             title=PARAMETERS[key].label)  # fmt: skip
    figure.colorbar(picture, ax=axis, label="R²")
    return figure
