"""The lines of the inspector's plot: one a trace and source, kept and changed, never made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plots.trace_styles import measured_style, predicted_style
from napari_mrf.plugin.kit.plot_colors import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.traces import Trace
    from napari_mrf.plugin.panels.inspect.plot_axes import InspectAxes


class InspectLines:
    """Measured values and predictions in *main*, residuals in *residual*.

    Parameters
    ----------
    axes : InspectAxes
        Where they are drawn.
    colors : theme colors
        Of text and background.

    Attributes
    ----------
    by_key : dict
        Line by name of the axes, row of the trace, and source: 0 measured, 1, 2, … the sets.
    """

    def __init__(self, axes: InspectAxes, colors: Any) -> None:
        self._axes, self._colors = axes, colors
        self.by_key: dict[tuple[str, int, int], Any] = {}
        self._styles: dict[tuple[str, int, int], dict[str, Any]] = {}

    def show(
        self,
        traces: Iterable[tuple[Trace, str | None]],
        convert: Callable[[NDArray[Any]], NDArray[np.floating]],
        *,
        residual: bool,
    ) -> dict[str, float]:
        """Draw traces with their colors and return the largest magnitude in each axes."""
        for line in self.by_key.values():
            line.set_visible(False)
        peak = {"main": 0.0, "residual": 0.0}
        for row, (trace, color) in enumerate(traces):
            if not trace.problem:
                values = convert(trace.measured)
                self._draw("main", row, 0, values, color)
                peak["main"] = max(peak["main"], _peak(values))
            for index, prediction in enumerate(trace.predictions):
                if prediction.signal is None:
                    continue
                values = convert(prediction.signal)
                self._draw("main", row, index + 1, values, color)
                peak["main"] = max(peak["main"], _peak(values))
                if residual:
                    values = np.abs(trace.measured - prediction.signal)
                    self._draw("residual", row, index + 1, values, color)
                    peak["residual"] = max(peak["residual"], _peak(values))
        return peak

    def in_order(self) -> list[tuple[bool, Any]]:
        """Return whether a line belongs to the first trace, and the line, as they are drawn."""
        keys = sorted(self.by_key, key=lambda key: (-key[1], key[2]))  # predictions over dots
        return [(key[1] == 0, self.by_key[key]) for key in keys]

    def _draw(
        self, name: str, row: int, source: int, values: NDArray[np.floating], color: str | None
    ) -> None:
        key = (name, row, source)
        line = self.by_key.get(key)
        if line is None:
            nothing = np.zeros(len(values))
            (line,) = self._axes[name].plot(np.arange(len(values)), nothing, animated=True)
            self.by_key[key] = line
        style = self._style(name, source, color)
        if self._styles.get(key) != style:  # as costly as drawing the line
            line.set(**style)
            self._styles[key] = style
        line.set_ydata(values)
        line.set_visible(True)

    def _style(self, name: str, source: int, color: str | None) -> dict[str, Any]:
        color = readable(color, self._colors.background, self._colors.text)
        if source == 0:
            return measured_style(color or self._colors.text)
        style = predicted_style(source - 1, color)
        return {**style, "linewidth": 0.8} if name == "residual" else style


def _peak(values: NDArray[np.floating]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0
