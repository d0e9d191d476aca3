"""Two visits: the means of every subject, region by region, and changes over means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from napari_mrf.plots.agreement.agreement_axes import draw_bland_altman, usable
from napari_mrf.plots.names import legend_name
from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from napari_mrf.analysis.agreement.statistics import Agreement

_APART = 0.22  # from the middle of a region to a visit
_WIDE = 8  # regions that fit side by side


def draw_visits(
    axes: Axes, changes: pd.DataFrame, key: str, names: tuple[str, str], *, ink: str = "black"
) -> None:
    """Draw a line from the first to the second visit for every subject and region of a map.

    Parameters
    ----------
    axes : Axes
        Empty.
    changes : pandas.DataFrame
        Of `subject_changes`, all subjects.
    key : str
        Of the map.
    names : tuple of str
        Of the two visits.
    ink : str
        Color of the means over subjects.
    """
    rows = changes[(changes["map"] == key) & changes["change"].notna()]
    how = printed(key)
    regions = list(dict.fromkeys(rows["name"]))
    has_limit = bool(rows["repeatability"].notna().any())
    told: set[str] = set()

    def label(text: str) -> str | None:
        if text in told:
            return None
        told.add(text)
        return text

    for place, region in enumerate(regions):
        at = place - _APART, place + _APART
        part = rows[rows["name"] == region]
        values = how.factor * part[["first", "second"]].to_numpy(np.float64)
        for (one, other), is_beyond in zip(values, part["beyond"] == True, strict=True):  # noqa: E712
            text = "a subject" if not has_limit else (
                "change beyond repeatability" if is_beyond else "change within repeatability"
            )  # fmt: skip
            axes.plot(at, (one, other), "o-", ms=4, color="C1" if is_beyond else "C0",
                      lw=2.0 if is_beyond else 0.9, alpha=0.85, label=label(text))  # fmt: skip
        if len(part) > 1:
            axes.plot(at, values.mean(axis=0), "s-", ms=5, lw=2.4, color=ink, zorder=3,
                      label=label("mean of the subjects"))  # fmt: skip
    axes.set_xticks(range(len(regions)), [legend_name(one) for one in regions],
                    rotation=30 if len(regions) > 2 else 0,
                    ha="right" if len(regions) > 2 else "center")  # fmt: skip
    axes.set_xlim(-0.6, max(len(regions), 1) - 0.4)
    axes.set_ylabel(f"{how.title}: {names[0]} → {names[1]}")
    axes.spines[["top", "right"]].set_visible(False)
    if told:
        axes.legend(frameon=False, fontsize=8)


def visits_figure(changes: pd.DataFrame, key: str, names: tuple[str, str]) -> Figure:
    """Return `draw_visits` as a figure."""
    n_regions = changes.loc[changes["map"] == key, "name"].nunique()
    figure = Figure(figsize=(4.0 + 0.6 * min(n_regions, 2 * _WIDE), 3.6), layout="constrained")
    draw_visits(figure.add_subplot(), changes, key, names)
    return figure


def change_figure(
    pairs: pd.DataFrame, found: Agreement, key: str, names: tuple[str, str]
) -> Figure:
    """Return the changes of a map over the means of both visits, with their mean and limits.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Of `as_pairs`.
    found : Agreement
        Of the same pairs.
    key : str
        Of the map.
    names : tuple of str
        Of the two visits.
    """
    figure = Figure(figsize=(6.2, 3.8), layout="constrained")
    axes = figure.add_subplot()
    draw_bland_altman(
        axes, usable(pairs, key, "pooled"), found, key, names=(names[1], names[0]),
        mean_word="mean change",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=7)
    return figure
