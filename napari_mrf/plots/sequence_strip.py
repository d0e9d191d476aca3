"""Sequence strips: flip angle, echo time and repetition time, frame by frame."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.inspection.traces import sequence_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_mrf.data import sequence as sequence_module

STRIP_ROWS = ("FA (deg)", "TE (ms)", "TR (ms)")
"""Keys of the rows, from top to bottom."""

_MOST_RUNS = 12


def echo_time_runs(sequence: sequence_module.Sequence) -> list[tuple[int, int, float]]:
    """Return first frame, frame after the last, and echo time (ms) of each run of one echo time.

    Empty where the echo time does not change, or changes so often that marks would hide more
    than they tell.
    """
    times = sequence_columns(sequence)["TE (ms)"].round(6)
    runs, start = [], 0
    for time, members in groupby(times):
        stop = start + len(list(members))
        runs.append((start, stop, float(time)))
        start = stop
    return runs if 1 < len(runs) <= _MOST_RUNS else []


def mark_echo_times(axes: Sequence[Any], sequence: sequence_module.Sequence, color: str) -> None:
    """Shade every second run of one echo time in all axes over frames."""
    for number, (start, stop, _) in enumerate(echo_time_runs(sequence)):
        if number % 2:
            for axis in axes:
                axis.axvspan(start - 0.5, stop - 0.5, color=color, linewidth=0, zorder=0)


def draw_sequence_strip(
    axes: Sequence[Any], sequence: sequence_module.Sequence, *, color: str
) -> None:
    """Draw flip angle, echo time and repetition time into three flat axes over frames.

    Parameters
    ----------
    axes : sequence of Axes
        One a row of `STRIP_ROWS`. The x axes are left as they are.
    sequence : Sequence
        Its pulses are averaged over each frame.
    color : str
        Of the lines.
    """
    frames = np.arange(sequence.n_frames)
    columns = sequence_columns(sequence)
    for axis, row in zip(axes, STRIP_ROWS, strict=True):
        values = columns[row]
        axis.step(frames, values, where="mid", color=color, linewidth=1.0)
        low, high = float(values.min()), float(values.max())
        margin = 0.25 * (high - low) or 0.5 * max(abs(high), 1.0)
        axis.set_ylim(low - margin, high + margin)
        # A flat row has no room for ticks: the range stands below its name.
        axis.set_yticks([])
        axis.set_ylabel(f"{row.replace('deg', '°')}\n{range_text(values)}", rotation=0,
                        ha="right", va="center", labelpad=4, linespacing=1.0)  # fmt: skip


def range_text(values: NDArray[np.floating]) -> str:
    """Return ``"2.39-4.63"``, or one number where all are the same."""
    low, high = float(values.min()), float(values.max())
    if f"{low:.4g}" == f"{high:.4g}":
        return f"{low:.4g}"
    digits = 3 if high < 1000 else 4  # two numbers of four digits are cut in a narrow panel
    return f"{low:.{digits}g}-{high:.{digits}g}"
