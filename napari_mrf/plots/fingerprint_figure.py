"""Measured and predicted fingerprints, their residual and the sequence, for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from napari_mrf.analysis.inspection.traces import COMPONENTS, Trace
from napari_mrf.plots.names import as_it_is, legend_name
from napari_mrf.plots.sequence_strip import draw_sequence_strip, mark_echo_times
from napari_mrf.plots.trace_styles import measured_style, pin_color, predicted_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.data import sequence as sequence_module

_WIDTH_INCHES = 7.0
_SMALL_POINTS = 8
COMPONENT_TITLES = {
    "magnitude": "Magnitude (a.u.)",
    "real": "Real part (a.u.)",
    "imaginary": "Imaginary part (a.u.)",
    "phase": "Phase (rad)",
}
"""Labels of the value axis."""


def fingerprint_figure(
    traces: Sequence[Trace],
    sequence: sequence_module.Sequence | None = None,
    *,
    colors: Sequence[str | None] | None = None,
    component: str = "magnitude",
    residual: bool = True,
) -> Figure:
    """Draw fingerprints over their frames.

    Parameters
    ----------
    traces : sequence of Trace
        Measured values are dots, predictions are lines.
    sequence : Sequence, optional
        Drawn below: flip angle, echo time and repetition time. Runs of one echo time are shaded.
    colors : sequence of str or None, optional
        Of each trace. None, which one of them may have, draws the measured values in black and
        each set in a color of its own. By default None for the first, `pin_color` for the others.
    component : str
        A key of `COMPONENTS`.
    residual : bool
        Draw the magnitude of measured - predicted, which does not depend on the component.

    Returns
    -------
    Figure
        Not attached to a screen; ``plots.figure_files.write_figure`` writes it.
    """
    if colors is None:
        colors = [None, *(pin_color(number) for number in range(1, len(traces)))]
    heights = [4.0, *([1.3] if residual else []), *([0.45] * 3 if sequence is not None else [])]
    figure = Figure(figsize=(_WIDTH_INCHES, 0.62 * sum(heights) + 0.9), layout="constrained")
    axes = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False,
                                height_ratios=heights)[:, 0])  # fmt: skip
    main, below = axes[0], axes[1 if residual else 0]
    convert = COMPONENTS[component]
    handles: list[list[Any]] = []
    for trace, color in zip(traces, colors, strict=False):
        frames = np.arange(len(trace.measured))
        style = measured_style(color or "black")
        main.plot(frames, convert(trace.measured), **style)
        row = [
            Line2D(
                [], [], **{**style, "markersize": 4.0}, label=legend_name(_measured_label(trace))
            )
        ]
        for index, prediction in enumerate(trace.predictions):
            style = predicted_style(index, color)
            label = f"{prediction.name}, fit {prediction.correlation:.3f}"
            if prediction.signal is None or not np.isfinite(prediction.signal).any():
                row.append(
                    Line2D([], [], linestyle="none", label=legend_name(f"{prediction.name}: none"))
                )
                continue
            main.plot(frames, convert(prediction.signal), **style)
            row.append(Line2D([], [], **style, label=legend_name(label)))
            if residual:
                below.plot(frames, np.abs(trace.measured - prediction.signal),
                           **{**style, "linewidth": 0.8})  # fmt: skip
        handles.append(row)
    main.set_ylabel(COMPONENT_TITLES[component], fontsize=_SMALL_POINTS)
    if component == "phase":
        main.set_ylim(-np.pi * 1.05, np.pi * 1.05)
        main.set_yticks([-np.pi, 0, np.pi], ["-π", "0", "π"])
    elif component == "magnitude":
        main.set_ylim(bottom=0)
    if residual:
        below.set_ylabel("|Residual|", fontsize=_SMALL_POINTS)
        below.set_ylim(bottom=0)
    if sequence is not None:
        draw_sequence_strip(axes[-3:], sequence, color="0.25")
        mark_echo_times(axes, sequence, "0.93")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=_SMALL_POINTS - 1)
        axis.yaxis.label.set_fontsize(_SMALL_POINTS)
    axes[-1].set_xlabel("Frame", fontsize=_SMALL_POINTS)
    if traces:
        axes[-1].set_xlim(-0.5, len(traces[0].measured) - 0.5)
        # A row of the legend is a trace; matplotlib fills it column by column.
        n_columns = max(map(len, handles))
        nothing = Line2D([], [], linestyle="none", label=" ")
        rows = [row + [nothing] * (n_columns - len(row)) for row in handles]
        columns = [handle for column in zip(*rows, strict=True) for handle in column]
        as_it_is(
            figure.legend(handles=columns, loc="outside upper left", ncols=n_columns,
                          frameon=False, fontsize=_SMALL_POINTS - 1, handlelength=2.2)
        )  # fmt: skip
    return figure


def _measured_label(trace: Trace) -> str:
    return f"{trace.name} ({trace.problem})" if trace.problem else f"{trace.name}, measured"
