"""Regional means of every subject, side by side by region, one plot per map.

Apart from the report, which writes it: figures know no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    import pandas as pd

_WIDEST = 0.22


def across_subjects_figure(means: pd.DataFrame, key: str) -> Figure:
    """Return a plot of the regional means of one map, with mean and SD over the subjects.

    Parameters
    ----------
    means : pandas.DataFrame
        Of `analysis.regions.across_subjects.subject_means`; sessions are told apart by color.
    key : str
        Of the map.
    """
    rows = means[means["map"] == key]
    regions = list(dict.fromkeys(rows["name"]))
    sessions = sorted(set(rows["session"]))
    how = printed(key)
    width = min(3.0 + 0.45 * len(regions) * len(sessions), 11.0)
    figure = Figure(figsize=(width, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for number, session in enumerate(sessions):
        shift = (number - (len(sessions) - 1) / 2) * 0.8 / len(sessions)
        of_session = rows[rows["session"] == session]
        for place, region in enumerate(regions):
            values = how.factor * of_session.loc[of_session["name"] == region, "mean"].to_numpy()
            if not len(values):
                continue
            beside = np.linspace(-1, 1, len(values)) if len(values) > 1 else np.zeros(1)
            x = place + shift + beside * _WIDEST / len(sessions)
            label = session if place == 0 and session else None
            axes.plot(x, values, "o", ms=4, alpha=0.7, color=f"C{number}", label=label)
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            axes.errorbar(place + shift, values.mean(), spread, fmt="_", ms=16, capsize=4,
                          color="black", zorder=3)  # fmt: skip
    axes.set_xticks(range(len(regions)), regions, rotation=30, ha="right")
    axes.set_xlim(-0.6, len(regions) - 0.4)
    axes.set_ylabel(how.title)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False)
    return figure
