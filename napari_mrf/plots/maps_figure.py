"""Maps of one or more reconstructions side by side, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.errors import shown
from napari_mrf.plots.colormaps import valid_colors
from napari_mrf.plots.names import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.maps import ParameterMaps


def maps_figure(maps_by_name: Mapping[str, ParameterMaps], *, z: int = 0) -> Figure:
    """Draw one slice of every map, with color bars, units and the fixed display limits.

    Parameters
    ----------
    maps_by_name : mapping of str to ParameterMaps
        One row each, in order; the columns are the maps of the first.
    z : int
        Slice.

    Returns
    -------
    Figure
        Not attached to a screen; `write_figure` writes it.
    """
    keys = list(next(iter(maps_by_name.values())))
    rules = validity_rules()
    n_rows = len(maps_by_name)
    figure = Figure(figsize=(2.5 * len(keys) + 0.4, 2.35 * n_rows + 0.3), layout="constrained")
    axes = figure.subplots(n_rows, len(keys), squeeze=False)
    for row, (name, maps) in enumerate(maps_by_name.items()):
        for column, key in enumerate(keys):
            axis, parameter = axes[row, column], PARAMETERS[key]
            values = np.array(maps[key][z])
            if key in rules and "FF" in maps:
                values[~rules[key].mask(maps["FF"][z])] = np.nan
            low, high = parameter.display_limits
            colors = ListedColormap(valid_colors(key))
            image = axis.imshow(values, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
            axis.set(xticks=[], yticks=[], facecolor="0.85")
            if row == 0:
                where = f"\n{rules[key].describe()}" if key in rules else "\n"
                axis.set_title(f"{parameter.title}{where}", fontsize=9)
            if column == 0:
                axis.set_ylabel(shown(name), fontsize=9, **AS_IT_IS)
            figure.colorbar(image, ax=axis, shrink=0.85).ax.tick_params(labelsize=7)
    return figure
