"""Errors of maps against errors of simulated fingerprints, as in Fig. 4 of the INN paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

_SHOWN_SHARE = 0.1


def correlation_figure(
    table: pd.DataFrame, examples: Mapping[str, Mapping[str, Any]], keys: Sequence[str]
) -> Figure:
    """Draw a tenth of the entries, and the fingerprints of a bad and a good one.

    Parameters
    ----------
    table : pandas.DataFrame
        ``training, relative_error, product_true, product_estimated``.
    examples : mapping of str to mapping
        ``true`` and ``simulated`` real parts (T,), ``truth`` and ``relative_error`` by map,
        their ``mean`` and the ``product``; of the first training.
    keys : sequence of str
        The maps.
    """
    trainings = list(table.groupby("training", sort=False))
    figure = Figure(figsize=(12.0, 3.4 * len(trainings) + 0.2), layout="constrained")
    grid = figure.add_gridspec(2 * len(trainings), 3)
    for row, (training, rows) in enumerate(trainings):
        few = rows.sample(max(50, int(_SHOWN_SHARE * len(rows))), random_state=0, replace=True)
        for column, (key, words) in enumerate(
            (("product_true", "true"), ("product_estimated", "estimated"))
        ):
            axis = figure.add_subplot(grid[2 * row : 2 * row + 2, column])
            axis.plot(few["relative_error"], few[key], ".", markersize=2, color="#0072b2")
            axis.set(xscale="log", xlabel="mean relative error of the maps (%)",
                     ylabel=f"product with the fingerprint\nof the {words} maps")  # fmt: skip
            axis.set_title(_wrapped(str(training)), fontsize=7)
            axis.grid(alpha=0.3)
            if row == 0 and key == "product_true":
                for marker, one in zip("^v", examples.values(), strict=False):
                    axis.plot(one["mean"], one["product"], marker, color="#d55e00", markersize=9)
    for row, (words, one) in enumerate(examples.items()):
        axis = figure.add_subplot(grid[row, 2])
        axis.plot(one["true"], color="black", linewidth=1, label="fingerprint")
        axis.plot(one["simulated"], color="#d55e00", linewidth=1, label="of the network")
        values = ", ".join(
            f"{key} {value:g} ({error:.0f} %)"
            for key, value, error in zip(keys, one["truth"], one["relative_error"], strict=True)
        )
        axis.set_title(f"{'▲▼'[row]} {words}\n{values}", fontsize=6)
        axis.tick_params(labelsize=7)
        axis.set_ylabel("real part (a.u.)", fontsize=7)
        if row == 0:
            axis.legend(fontsize=7, frameon=False)
        axis.set_xlim(0, np.size(one["true"]) - 1)
    axis.set_xlabel("frame", fontsize=8)
    return figure


def _wrapped(training: str) -> str:
    """Break a line in its middle, at a comma."""
    parts = training.split(", ")
    half = (len(parts) + 1) // 2
    return ",\n".join([", ".join(parts[:half]), ", ".join(parts[half:])])
