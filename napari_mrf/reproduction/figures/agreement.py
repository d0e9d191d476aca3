"""Scatter and Bland-Altman plots of all maps on one page, as in Fig. 4 of MedIA 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from napari_mrf.analysis.agreement.statistics import map_agreement
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.agreement.agreement_axes import draw_bland_altman, draw_scatter, usable

if TYPE_CHECKING:
    import pandas as pd

_SCOPE = "slice"


def muscles_figure(pairs: pd.DataFrame, name: str) -> Figure:
    """Draw a row of two plots for every map.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or more subjects.
    name : str
        Of the method that is compared with matching.
    """
    keys = [key for key in PARAMETERS if len(usable(pairs, key, _SCOPE)) > 1]
    figure = Figure(figsize=(8.0, 2.7 * len(keys)), layout="constrained")
    axes = figure.subplots(len(keys), 2, squeeze=False)
    for (left, right), key in zip(axes, keys, strict=True):
        points = usable(pairs, key, _SCOPE)
        found = map_agreement(pairs, key, scope=_SCOPE, independent=True)  # dashed, as published
        draw_scatter(left, points, found, key, names=("matching", name))
        draw_bland_altman(right, points, found, key, names=("matching", name))
        for axis in (left, right):
            axis.tick_params(labelsize=7)
            axis.xaxis.label.set_fontsize(8)
            axis.yaxis.label.set_fontsize(8)
    return figure
