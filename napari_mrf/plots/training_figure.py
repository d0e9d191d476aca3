"""The course of a training: loss and validation against epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import shown
from napari_mrf.plots.names import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A6761D")
_MARKERS = ("o", "s", "^", "D", "v")
_PREFIX = "r_squared_"


def training_figure(title: str, history: Sequence[dict[str, float]]) -> Figure:
    """Return loss above, validation R² of every map and their mean below.

    Parameters
    ----------
    title : str
        What was trained.
    history : sequence of dict
        One row an epoch, as a training writes them.
    """
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    draw_loss(above, [(row["epoch"], row["loss"]) for row in history])
    draw_validation(below, history)
    best = max(history, key=lambda row: row["validation_r_squared"])["epoch"]
    above.axvline(best, color="0.5", linewidth=1.0, linestyle=":")
    above.set_title(shown(title), fontsize=10, **AS_IT_IS)
    # Beside the axes: a curve may run anywhere in them.
    figure.legend(*below.get_legend_handles_labels(), loc="outside right center",
                  frameon=False, fontsize=8)  # fmt: skip
    return figure


def draw_loss(axis: Axes, losses: Sequence[tuple[float, float]], color: str = "black") -> None:
    """Draw losses against epochs, given as pairs of epoch and loss."""
    epochs, values = np.array(losses).T
    _line(axis, epochs, values, color, "o", "loss")
    if values.min() > 0:  # a likelihood may be below
        axis.set_yscale("log")
    axis.set_ylabel("training loss\n(no unit)", fontsize=9)
    _style(axis)


def draw_validation(axis: Axes, history: Sequence[dict[str, float]], color: str = "black") -> None:
    """Draw validation R² of every map, their mean, and which epoch is the best so far.

    Parameters
    ----------
    axis : Axes
        Where.
    history : sequence of dict
        As for `training_figure`.
    color : str
        Of the mean.
    """
    epochs = np.array([row["epoch"] for row in history])
    scores = np.array([row["validation_r_squared"] for row in history])
    best = int(epochs[np.argmax(scores)])
    keys = [name.removeprefix(_PREFIX) for name in history[0] if name.startswith(_PREFIX)]
    for index, key in enumerate(keys):
        values = np.array([row[_PREFIX + key] for row in history])
        look = index % len(_COLORS)
        _line(axis, epochs, values, _COLORS[look], _MARKERS[look], PARAMETERS[key].label)
    if len(keys) != 1:
        axis.plot(epochs, scores, color=color, linewidth=2.0, marker="o",
                  markersize=3, markevery=max(1, len(epochs) // 20), label="mean")  # fmt: skip
    axis.set_ylabel("R² on validation data", fontsize=9)
    axis.set_xlabel("epoch", fontsize=9)
    axis.set_ylim(_lowest(history, keys), 1.02)
    axis.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.axvline(best, color="0.5", linewidth=1.0, linestyle=":", label=f"kept: epoch {best}")
    _style(axis)


def _style(axis: Axes) -> None:
    axis.grid(color="0.9", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(which="both", labelsize=8)


def _line(axis: Axes, x: np.ndarray, y: np.ndarray, color: str, marker: str, label: str) -> None:
    every = max(1, len(x) // 20)
    axis.plot(x, y, color=color, marker=marker, markersize=3, markevery=every, linewidth=1.1,
              label=label)  # fmt: skip


def _lowest(history: Sequence[dict[str, float]], keys: Sequence[str]) -> float:
    """Return where R² begins: not below 0, since a first epoch may be far below."""
    names = [_PREFIX + key for key in keys] or ["validation_r_squared"]
    least = min(row[name] for row in history for name in names)
    return max(0.0, least - 0.05) if np.isfinite(least) else 0.0
