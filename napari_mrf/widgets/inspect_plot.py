"""The plot of the inspector: fingerprints over frames, residual, and the sequence below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from qtpy.QtCore import Qt, Signal

from napari_mrf.analysis.traces import COMPONENTS, Trace
from napari_mrf.plots.fingerprint_figure import COMPONENT_TITLES
from napari_mrf.plots.sequence_strip import STRIP_ROWS, draw_sequence_strip, mark_echo_times
from napari_mrf.plots.trace_styles import measured_style, predicted_style
from napari_mrf.widgets.plot_canvas import TICK_POINTS, PlotCanvas

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_mrf import sequence as sequence_module

_MINIMUM_HEIGHT = 290
# In pixels: what stands around the axes, and between them.
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 60, 8, 8, 32, 7
_POINTS_A_PIXEL = 0.72
_STRIP_HEIGHT, _RESIDUAL_SHARE = 24, 0.24
_NICE = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SMALLEST_FILL = 0.4
_HEADROOM = 1.06
_SMALLEST_CONTRAST = 2.2


class InspectPlot(PlotCanvas):
    """Draws what it is told; moving the mouse over the image blits, all else redraws.

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
        if self._axes:
            self._replace_ticks()
            self._refresh()

    def set_residual(self, is_shown: bool) -> None:
        """Draw the magnitude of measured - predicted below."""
        self._shows_residual = is_shown
        if self._axes:
            self._axes[1].set_visible(is_shown)
            self._arrange()
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
        if self._axes:
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
        for line in self._lines.values():
            line.set_visible(False)
        convert = COMPONENTS[self._component]
        peak = {"main": 0.0, "residual": 0.0}
        for row, (trace, color) in enumerate(zip(self._traces, self._colors, strict=True)):
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
                if self._shows_residual:
                    values = np.abs(trace.measured - prediction.signal)
                    self._draw("residual", row, index + 1, values, color)
                    peak["residual"] = max(peak["residual"], _peak(values))
        if not keep_axes:
            for name, highest in peak.items():
                if may_shrink or highest > self._limits.get(name, 0.0):
                    self._set_limit(name, highest)

    def set_frame(self, frame: int | None) -> None:
        """Mark the frame in view; none where frames are no slider."""
        if frame == self._frame:
            return
        self._frame = frame
        self._place_frame()
        if self._axes:
            self._blit()

    def shown_values(self, row: int = 0, source: int = 0) -> NDArray[np.floating] | None:
        """Return what is drawn of a trace: 0 measured, 1, 2, … the sets; None while nothing is."""
        line = self._lines.get(("main", row, source))
        if line is None or not line.get_visible():
            return None
        return np.asarray(line.get_ydata())

    def _build(self) -> None:
        self.figure.clear()
        self._background = None
        self._names: list[str] = []
        self._axes: list[Any] = []
        self._lines: dict[tuple[str, int, int], Any] = {}
        self._frame_lines: list[Any] = []
        self._ticks: dict[str, Any] = {}
        self._still: dict[str, list[Any]] = {}
        self._limits: dict[str, float] = {}
        if self._n_frames == 0:
            return
        names = ["main", "residual"]
        names += list(STRIP_ROWS) if self._sequence is not None else []
        self._names = names
        for name in names:
            axes = self.figure.add_axes((0.1, 0.1, 0.8, 0.8), label=name)
            axes.set_xlim(-0.5, self._n_frames - 0.5)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelbottom=name == names[-1], bottom=name == names[-1], left=False)
            axes.set_yticks([])
            axes.autoscale(False)
            self._axes.append(axes)
        self._axes[-1].set_xlabel("Frame", labelpad=1)
        if self._sequence is not None:
            draw_sequence_strip(self._axes[-3:], self._sequence, color=self.colors.text)
            for axes in self._axes[-3:]:
                axes.spines[["left", "bottom"]].set_visible(False)
            self._axes[-1].spines["bottom"].set_visible(True)
            mark_echo_times(self._axes, self._sequence, self.colors.shade)
        self._hatch_left_out()
        self._add_ticks("main")
        self._add_ticks("residual")
        self._axes[1].set_visible(self._shows_residual)
        for axes in self._axes:
            line = axes.axvline(0, color=self.colors.text, linewidth=0.8, alpha=0.75,
                                linestyle=(0, (2, 2)), animated=True, visible=False)  # fmt: skip
            self._frame_lines.append(line)
        self._place_frame()
        self._arrange()

    def _hatch_left_out(self) -> None:
        if self._left_out is None or not self._left_out.any():
            return
        edges = np.flatnonzero(np.diff(np.r_[False, self._left_out, False].astype(int)))
        for start, stop in edges.reshape(-1, 2):
            self._axes[0].axvspan(start - 0.5, stop - 0.5, facecolor="none", linewidth=0,
                                  edgecolor=self.colors.faint, hatch="////", alpha=0.5)  # fmt: skip

    def _add_ticks(self, name: str) -> None:
        """Draw three grid lines that stand still, and their numbers, which change."""
        axes = self._axes[self._names.index(name)]
        signed = name == "main" and self._component != "magnitude"
        bottom = -_HEADROOM if signed else 0.0
        marks = (-1.0, 0.0, 1.0) if signed else (0.0, 0.5, 1.0)
        if name == "residual":
            marks = (0.0, 1.0)
        texts: list[Any] = []
        still: list[Any] = []
        for mark in marks:
            height = (mark - bottom) / (_HEADROOM - bottom)
            line = axes.axhline(height, color=self.colors.grid, linewidth=0.6, zorder=0.5)
            line.set_transform(axes.transAxes)
            still.append(line)
            texts.append(axes.text(
                -0.01, height, "", transform=axes.transAxes, ha="right", va="center",
                fontsize=TICK_POINTS, color=self.colors.text, animated=True,
            ))  # fmt: skip
        self._ticks[name] = (axes, bottom, marks, texts)
        self._still[name] = still
        title = COMPONENT_TITLES[self._component] if name == "main" else "Residual"
        label = axes.annotate(title, (0, 0.5), (-(_LEFT - 5) * _POINTS_A_PIXEL, 0), rotation=90,
                      xycoords="axes fraction", textcoords="offset points", ha="left",
                      va="center", fontsize=TICK_POINTS, color=self.colors.text)  # fmt: skip
        still += [label, *texts]
        self._set_limit(name, 0.0)

    def _replace_ticks(self) -> None:
        for artist in self._still.pop("main"):
            artist.remove()
        self._limits.pop("main", None)
        self._add_ticks("main")

    def _set_limit(self, name: str, peak: float) -> None:
        """Fit the value axis to a peak, unless it fits well enough already."""
        if name not in self._ticks:
            return
        axes, bottom, marks, texts = self._ticks[name]
        is_phase = name == "main" and self._component == "phase"
        limit = np.pi if is_phase else self._limits.get(name, 0.0)
        if not is_phase and not _SMALLEST_FILL * limit <= peak <= limit:
            limit = _nice(peak)
        if self._limits.get(name) == limit:
            return
        self._limits[name] = limit
        axes.set_ylim(bottom * limit if limit else -1, _HEADROOM * limit or 1)
        for mark, text in zip(marks, texts, strict=True):
            words = {-1.0: "−π", 0.0: "0", 1.0: "π"}[mark] if is_phase else _number(mark * limit)
            text.set_text(words if limit or mark == 0 else "")

    def _draw(
        self, name: str, row: int, source: int, values: NDArray[np.floating], color: str | None
    ) -> None:
        key = (name, row, source)
        line = self._lines.get(key)
        if line is None:
            axes = self._axes[self._names.index(name)]
            (line,) = axes.plot(np.arange(self._n_frames), np.zeros(self._n_frames), animated=True)
            self._lines[key] = line
        line.set(**self._line_style(name, source, color))
        line.set_ydata(values)
        line.set_visible(True)

    def _line_style(self, name: str, source: int, color: str | None) -> dict[str, Any]:
        color = readable(color, self.colors.background, self.colors.text)
        if source == 0:
            return measured_style(color or self.colors.text)
        style = predicted_style(source - 1, color)
        return {**style, "linewidth": 0.8} if name == "residual" else style

    def _blit(self) -> None:
        """Draw the first trace anew; the others, ticks and frame only when they have changed."""
        keys = sorted(self._lines, key=lambda key: (-key[1], key[2]))  # predictions over dots
        resting = [self._lines[key] for key in keys if key[1] > 0]
        for _, _, _, texts in self._ticks.values():
            resting += texts
        self.blit_artists(
            _visible(self._lines[key] for key in keys if key[1] == 0),
            resting=_visible([*resting, *self._frame_lines]),
            key=(tuple(self._limits.items()), self._frame, self._traces[1:], self._colors[1:]),
        )

    def _place_frame(self) -> None:
        for line in self._frame_lines:
            line.set_visible(self._frame is not None)
            if self._frame is not None:
                line.set_xdata([self._frame, self._frame])

    def _arrange(self) -> None:
        """Place the axes in pixels, which shares of the figure would not keep readable."""
        if not self._axes:
            return
        width, height = self.get_width_height()
        n_strips = len(STRIP_ROWS) if self._sequence is not None else 0
        strip = max(_STRIP_HEIGHT, 0.07 * height) if n_strips else 0.0
        shown = [axes for axes in self._axes if axes.get_visible()]
        gaps = _GAP * (len(shown) - 1)
        free = height - _TOP - _BOTTOM - gaps - n_strips * strip
        residual = _RESIDUAL_SHARE * free if self._shows_residual else 0.0
        heights = {"main": free - residual, "residual": residual}
        top = float(height - _TOP)
        for name, axes in zip(self._names, self._axes, strict=True):
            if not axes.get_visible():
                continue
            tall = heights.get(name, strip)
            wide = max(width - _LEFT - _RIGHT, 10)
            axes.set_position((_LEFT / width, (top - tall) / height,
                               wide / width, max(tall, 4) / height))  # fmt: skip
            top -= tall + _GAP

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
        if not self._axes:
            return
        # Beside the axes the nearest frame counts, so that the ends are easy to reach.
        place = self._axes[0].transData.inverted().transform((event.x, event.y))[0]
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
        self._arrange()


def _visible(artists: Iterable[Any]) -> list[Any]:
    return [one for one in artists if one.get_visible() and one.axes.get_visible()]


def readable(color: str | None, background: str, text: str) -> str | None:
    """Return the color, moved towards that of the text until it stands out from the background."""
    if color is None:
        return None
    own, target = np.array(to_rgb(color)), np.array(to_rgb(text))
    for share in np.linspace(0.0, 1.0, 11):
        mixed = own + share * (target - own)
        if _contrast(mixed, np.array(to_rgb(background))) >= _SMALLEST_CONTRAST:
            return str(to_hex(mixed))
    return text


def _contrast(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the contrast ratio of WCAG 2, 1-21."""
    lights = []
    for color in (one, other):
        linear = np.where(color <= 0.03928, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    low, high = sorted(lights)
    return (high + 0.05) / (low + 0.05)


def _peak(values: NDArray[np.floating]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _nice(peak: float) -> float:
    """Return the next round number that is not smaller; 0 for 0."""
    if peak <= 0.0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(peak))
    return next(float(step * power) for step in _NICE if step * power >= peak * (1 - 1e-12))


def _number(value: float) -> str:
    """Return a tick label of at most seven characters."""
    if value == 0.0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}".replace("-", "−")
    return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")
