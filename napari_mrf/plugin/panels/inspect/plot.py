"""The plot of the inspector: fingerprints over frames, drawn by blitting; frames by click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, Signal

from napari_mrf.analysis.inspection.traces import COMPONENTS, Trace
from napari_mrf.plots.trace_styles import measured_style, predicted_style
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.panels.inspect.plot_axes import InspectAxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_mrf.data import sequence as sequence_module


_MINIMUM_HEIGHT = 290
_NAMES = ("main", "residual")
_Row = tuple[tuple[Any, ...], dict[str, float]]
"""A trace with all that its drawing depends on, and the largest magnitude in each axes."""


class InspectPlot(PlotCanvas):
    """Draws traces; a move of the mouse over the image blits, everything else redraws.

    The value axis has three ticks at fixed places whose numbers are drawn with the traces, so
    that voxels of different brightness need no full redraw.

    Signals
    -------
    frame_chosen
        The user clicked or dragged to a frame, or stepped with the arrow keys.
    """

    frame_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(_MINIMUM_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._sequence: sequence_module.Sequence | None = None
        self._n_frames = 0
        self._left_out: NDArray[np.bool_] | None = None
        self._component = "magnitude"
        self._shows_residual = True
        self._traces: tuple[Trace, ...] = ()
        self._colors: tuple[str | None, ...] = ()
        self._frame: int | None = None
        self._build()
        self.theme_changed.connect(self._on_theme_changed)
        self.mpl_connect("button_press_event", self._on_pressed)
        self.mpl_connect("motion_notify_event", self._on_dragged)

    def set_series(
        self,
        n_frames: int,
        sequence: sequence_module.Sequence | None,
        left_out: NDArray[np.bool_] | None = None,
    ) -> None:
        """Show the axes of a series; 0 frames without one.

        Parameters
        ----------
        n_frames : int
            T.
        sequence : Sequence or None
            For the strip; left away where it does not fit the frames.
        left_out : ndarray of bool, optional
            (T,) frames that no reconstruction looked at, shaded.
        """
        self._n_frames, self._left_out = n_frames, left_out
        fits = sequence is not None and sequence.n_frames == n_frames
        self._sequence = sequence if fits else None
        self._traces = self._colors = ()
        self._rebuild()

    def set_component(self, component: str) -> None:
        """Draw magnitude, real or imaginary part, or phase."""
        self._component = component
        if self.axes.all:
            self.axes.set_component(component)
            self._refresh()

    def set_residual(self, is_shown: bool) -> None:
        """Draw the magnitude of measured - predicted below."""
        self._shows_residual = is_shown
        if self.axes.all:
            self.axes.show_residual(is_shown)
            self.axes.arrange(*self.get_width_height())
            self._refresh()

    def show_traces(
        self,
        traces: Sequence[Trace],
        colors: Sequence[str | None],
        *,
        keep_axes: bool = False,
        may_shrink: bool = True,
    ) -> None:
        """Draw fingerprints.

        Parameters
        ----------
        traces : sequence of Trace
            Of the series.
        colors : sequence of str or None
            Of each; None for the voxel in question.
        keep_axes : bool
            Leave the value axes as they are.
        may_shrink : bool
            Whether they may become shorter.
        """
        self._traces, self._colors = tuple(traces), tuple(colors)
        if self.axes.all:
            self._update_lines(keep_axes=keep_axes, may_shrink=may_shrink)
            self._blit()

    def _rebuild(self) -> None:
        self._build()
        self._refresh()

    def _refresh(self) -> None:
        """Draw everything, once."""
        self._background = None
        self._update_lines()
        self._blit()

    def _update_lines(self, *, keep_axes: bool = False, may_shrink: bool = True) -> None:
        traces = zip(self._traces, self._colors, strict=True)
        convert = COMPONENTS[self._component]
        peak = self.lines.show(traces, convert, residual=self._shows_residual)
        if not keep_axes:
            for name, ticks in self.axes.ticks.items():
                if may_shrink or peak[name] > (ticks.limit or 0.0):
                    ticks.fit(peak[name])

    def set_frame(self, frame: int | None) -> None:
        """Mark the frame in view; none where frames are no slider."""
        if frame == self._frame:
            return
        self._frame = frame
        self.axes.place_frame(frame)
        if self.axes.all:
            self._blit()

    def shown_values(self, row: int = 0, source: int = 0) -> NDArray[np.floating] | None:
        """Return the drawn values of a trace: 0 measured, 1, 2, … the sets; None if hidden."""
        line = self.lines.by_key.get(("main", row, source))
        if line is None or not line.get_visible():
            return None
        return np.asarray(line.get_ydata())

    def _build(self) -> None:
        self.figure.clear()
        self._background = None
        self.axes = InspectAxes(
            self.figure,
            self._n_frames,
            self._sequence,
            self._left_out,
            self.colors,
            component=self._component,
            shows_residual=self._shows_residual,
        )
        self.lines = InspectLines(self.axes, self.colors)
        self.axes.place_frame(self._frame)
        self.axes.arrange(*self.get_width_height())

    def _blit(self) -> None:
        """Draw the first trace anew; the others, ticks and frame only when they have changed."""
        lines = self.lines.in_order()
        resting = [line for is_first, line in lines if not is_first]
        for ticks in self.axes.ticks.values():
            resting += ticks.texts
        self.blit_artists(
            _visible(line for is_first, line in lines if is_first),
            resting=_visible([*resting, *self.axes.frame_lines]),
            key=(self.axes.limits, self._frame, self._traces[1:], self._colors[1:]),
        )

    def _on_theme_changed(self, colors: Any) -> None:
        self._build()
        self._update_lines()
        self._blit()

    def _on_pressed(self, event: Any) -> None:
        if event.button == 1:
            self._choose(event)

    def _on_dragged(self, event: Any) -> None:
        if 1 in (event.buttons or ()):
            self._choose(event)

    def _choose(self, event: Any) -> None:
        if not self.axes.all:
            return
        # Beside the axes the nearest frame counts, so that the ends are easy to reach.
        place = self.axes["main"].transData.inverted().transform((event.x, event.y))[0]
        self._choose_frame(round(float(place)))

    def _choose_frame(self, frame: int) -> None:
        frame = min(max(frame, 0), self._n_frames - 1)
        if self._n_frames and frame != self._frame:
            self.frame_chosen.emit(frame)

    def keyPressEvent(self, event: Any) -> None:
        """Step through the frames with the arrow keys; leave all other keys to the window."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is None or self._frame is None or event.modifiers():
            event.ignore()
        else:
            self._choose_frame(self._frame + step)

    def resizeEvent(self, event: Any) -> None:
        """Keep the sizes of strips and margins."""
        super().resizeEvent(event)
        self.axes.arrange(*self.get_width_height())


def _visible(artists: Iterable[Any]) -> list[Any]:
    return [one for one in artists if one.get_visible() and one.axes.get_visible()]


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
        self._line_colors: dict[tuple[str, int, int], str | None] = {}
        self._rows: dict[int, _Row] = {}

    def show(
        self,
        traces: Iterable[tuple[Trace, str | None]],
        convert: Callable[[NDArray[Any]], NDArray[np.floating]],
        *,
        residual: bool,
    ) -> dict[str, float]:
        """Draw traces with their colors and return the largest magnitude in each axes.

        A trace that is drawn already is left alone: while the mouse moves, those of the pins
        and the regions.
        """
        shown: dict[int, _Row] = {}
        for row, (trace, color) in enumerate(traces):
            wanted = (trace, color, convert, residual)
            before = self._rows.get(row)
            if before is None or before[0] != wanted:
                before = (wanted, self._draw_row(row, *wanted))
            shown[row] = before
        for row in self._rows.keys() - shown.keys():
            self._hide(row)
        self._rows = shown
        peaks = [peak for _, peak in shown.values()]
        return {name: max((one[name] for one in peaks), default=0.0) for name in _NAMES}

    def in_order(self) -> list[tuple[bool, Any]]:
        """Return whether a line belongs to the first trace, and the line, as they are drawn."""
        keys = sorted(self.by_key, key=lambda key: (-key[1], key[2]))  # predictions over dots
        return [(key[1] == 0, self.by_key[key]) for key in keys]

    def _draw_row(
        self,
        row: int,
        trace: Trace,
        color: str | None,
        convert: Callable[[NDArray[Any]], NDArray[np.floating]],
        residual: bool,
    ) -> dict[str, float]:
        self._hide(row)
        peak = dict.fromkeys(_NAMES, 0.0)

        def draw(name: str, source: int, values: NDArray[np.floating]) -> None:
            self._draw(name, row, source, values, color)
            peak[name] = max(peak[name], _peak(values))

        if not trace.problem:
            draw("main", 0, convert(trace.measured))
        for source, prediction in enumerate(trace.predictions, 1):
            if prediction.signal is not None:
                draw("main", source, convert(prediction.signal))
                if residual:
                    draw("residual", source, np.abs(trace.measured - prediction.signal))
        return peak

    def _hide(self, row: int) -> None:
        for key, line in self.by_key.items():
            if key[1] == row:
                line.set_visible(False)

    def _draw(
        self, name: str, row: int, source: int, values: NDArray[np.floating], color: str | None
    ) -> None:
        key = (name, row, source)
        line = self.by_key.get(key)
        if line is None:
            nothing = np.zeros(len(values))
            (line,) = self._axes[name].plot(np.arange(len(values)), nothing, animated=True)
            self.by_key[key] = line
        if self._line_colors.get(key, "") != color:  # as costly as drawing the line
            line.set(**self._style(name, source, color))
            self._line_colors[key] = color
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
