"""Temporal importance as in the papers: bars of each map under the sequence, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import shown
from napari_mrf.plots.names import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Sequence as Items

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.data.sequence import Sequence

BAR_COLOR = "#4477AA"
BARS_ARE = "Bars: median change over the voxels. Band: its quartiles. Steps: RMS (NRMSE change)."
FISHER_COLOR = "#CC6677"
# Above this whiskers are closer than their own width: a band says the same.
_MOST_WHISKERS = 200
_STRIP = (("FA", "°"), ("TE", "ms"), ("TR", "ms"))


def importance_figure(
    importance: Importance, *, keys: Items[str] | None = None, with_fisher: bool = True
) -> Figure:
    """Draw the sequence over the frames and the importance of every frame for every map.

    What is drawn of a map: `draw_bars`.

    Parameters
    ----------
    importance : Importance
        Complete or on its way.
    keys : sequence of str, optional
        Maps, from top to bottom; all of them when None.
    with_fisher : bool
        Whether to draw the share of the frames in the Fisher information, on an axis of its
        own at the right, where it has been computed.

    Returns
    -------
    Figure
        Not attached to a screen.
    """
    keys = list(importance.keys if keys is None else keys)
    n_strip = len(_STRIP)
    heights = [0.45] * n_strip + [1.15] * len(keys)
    shows_fisher = with_fisher and any(key in importance.fisher for key in keys)
    # The label of the axes at the right has a strip of its own.
    engine = ConstrainedLayoutEngine(rect=(0, 0, 0.97 if shows_fisher else 1, 1))
    figure = Figure(figsize=(7.2, sum(heights) + 0.9), layout=engine)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    draw_strip(axes[:n_strip], importance.sequence, importance.sequence_frames)
    for axis, key in zip(axes[n_strip:], keys, strict=True):
        draw_bars(axis, importance, key)
        axis.set_title(shown(_title(importance, key)), fontsize=8.5, loc="left", pad=2, **AS_IT_IS)
        axis.tick_params(labelsize=7)
        if with_fisher and key in importance.fisher:
            draw_fisher(axis.twinx(), importance, key).tick_params(labelsize=7)
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    axes[-1].set_xlabel("Frame", fontsize=8)
    axes[-1].set_xlim(-0.5, importance.n_frames - 0.5)
    figure.supylabel("Change (% of the reference's range)", fontsize=8, color=BAR_COLOR)
    if shows_fisher:
        figure.text(
            0.999, 0.4, "Share of the Fisher information (%)", fontsize=8, color=FISHER_COLOR,
            rotation=90, ha="right", va="center", in_layout=False,
        )  # fmt: skip
    figure.suptitle(shown(_caption(importance)), fontsize=9, **AS_IT_IS)
    return figure


def draw_strip(
    axes: Items[Axes], sequence: Sequence, frames: NDArray[np.intp], *, color: str = "black"
) -> None:
    """Draw flip angle, echo time and repetition time of each frame into three axes.

    Parameters
    ----------
    axes : sequence of Axes
        Three.
    sequence : Sequence
        What was played; a frame shows the mean of its pulses.
    frames : ndarray
        (T,) frames of the sequence that are on the axis.
    color : str
        Of the lines.
    """
    trains = (sequence.flip_angles_deg, sequence.echo_times_ms, sequence.repetition_times_ms)
    for axis, train, (name, unit) in zip(axes, trains, _STRIP, strict=True):
        values = sequence.per_frame(train).mean(axis=1)[frames]
        axis.stairs(values, np.arange(values.size + 1) - 0.5, baseline=None, color=color, lw=0.9)
        low, high = float(values.min()), float(values.max())
        pad = 0.15 * (high - low) or 0.5
        axis.set_ylim(low - pad, high + pad)
        axis.set_yticks([low, high] if high > low else [low])
        axis.set_yticklabels([f"{value:.3g}" for value in axis.get_yticks()])
        axis.set_ylabel(f"{name}\n({unit})", rotation=0, ha="right", va="center", fontsize=7)
        axis.tick_params(labelsize=6.5)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)


def draw_bars(
    axis: Axes, importance: Importance, key: str, *, color: str = BAR_COLOR, ink: str = "black"
) -> None:
    """Draw how a map changes with every group of frames, in percent of the reference's range.

    Bars are the median change over the voxels, the band its quartiles, steps the |NRMSE change|
    (root mean square over the voxels) with its standard deviation over repeats.

    Parameters
    ----------
    axis : Axes
        With frames along x.
    importance : Importance
        Groups that have not been computed are left empty.
    key : str
        Map.
    color, ink : str
        Of the bars, and of steps and whiskers.
    """
    rms, deviation = 100 * importance.mean(key), 100 * importance.deviation(key)
    lower, median, upper = 100 * importance.quartiles(key) / importance.baseline[key].span
    left, right = importance.groups[:, 0] - 0.5, importance.groups[:, 1] + 0.5
    known = np.isfinite(rms)
    # One outline for all bars: a thousand patches would take seconds in a panel.
    x = np.stack([left, left, right, right], axis=1)[known].ravel()
    zero = np.zeros(int(known.sum()))

    def steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([zero, values[known], values[known], zero], axis=1).ravel()

    axis.fill_between(x, steps(median), color=color, lw=0.3)
    axis.fill_between(x, steps(lower), steps(upper), color=ink, alpha=0.25, lw=0)
    # A line along the tops alone; it is broken where frames are left out.
    edges = np.stack([left, right, np.where(np.r_[left[1:] > right[:-1], True], np.nan, right)], 1)
    axis.plot(edges.ravel(), np.repeat(np.where(known, rms, np.nan), 3), color=ink, lw=0.8)
    top = float(np.nanmax(np.r_[0.0, rms[known], upper[known]]))
    spread = known & np.isfinite(deviation)
    if spread.any():
        middle, heights = (left + right)[spread] / 2, rms[spread]
        low, high = np.maximum(heights - deviation[spread], 0.0), heights + deviation[spread]
        if spread.sum() <= _MOST_WHISKERS:
            lines = np.stack([np.stack([middle, low], 1), np.stack([middle, high], 1)], 1)
            axis.add_collection(LineCollection(list(lines), colors=ink, linewidths=0.6))
        else:
            axis.fill_between(middle, low, high, color=ink, alpha=0.35, lw=0)
        top = max(top, float(high.max()))
    axis.set_ylim(0, 1.08 * top or 1.0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def draw_fisher(
    axis: Axes,
    importance: Importance,
    key: str,
    *,
    color: str = FISHER_COLOR,
    background: str = "white",
) -> Axes:
    """Draw the share of every frame in the Fisher information, in percent, and return the axes.

    Shares of single frames even where frames were permuted in groups: they add up. An edge in
    the color of the background parts the line from the bars.
    """
    share = 100 * importance.fisher[key]
    halo = withStroke(linewidth=2.6, foreground=background)
    axis.plot(np.arange(share.size), share, color=color, lw=1.2, path_effects=[halo])
    top = float(np.nanmax(share)) if np.isfinite(share).any() else 0.0
    axis.set_ylim(0, 1.08 * top or 1.0)
    axis.tick_params(axis="y", colors=color)
    axis.spines["top"].set_visible(False)
    axis.spines["right"].set_color(color)
    return axis


def _title(importance: Importance, key: str) -> str:
    baseline = importance.baseline[key]
    label = PARAMETERS[key].label
    text = label if label == key else f"{label} ({key})"
    if baseline.reason:
        return f"{text}: {baseline.reason}"
    if baseline.region not in ("", "everywhere"):
        text += f", {baseline.region}"
    if importance.reference == "given":
        text += f", unpermuted NRMSE {100 * baseline.nrmse:.1f} %"
    return text


def _caption(importance: Importance) -> str:
    options = importance.options
    repeats = f"{options.repeats} repeat{'s' if options.repeats > 1 else ''}"
    reference = "true maps" if importance.reference == "given" else "its unpermuted maps"
    text = f"{importance.method}: {importance.places.shape[1]:,} voxels, {repeats}"
    if options.repeats > 1:
        text += " (± 1 SD)"
    if importance.n_without_signal:
        text += f", {importance.n_without_signal:,} without signal left out"
    return f"{text}, reference: {reference}\n{BARS_ARE}"
