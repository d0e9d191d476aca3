"""The plot of the Importance panel: bars of one map under the sequence, and the frame in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.importance_figure import (
    BAR_COLOR,
    BARS_ARE,
    FISHER_COLOR,
    draw_bars,
    draw_fisher,
    draw_strip,
)
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas

if TYPE_CHECKING:
    from matplotlib.backend_bases import MouseEvent
    from matplotlib.lines import Line2D

    from napari_mrf.analysis.importance.result import Importance

_HEIGHT = 290
# Light enough to be told from a dark theme's background, dark enough for a light one.
_BARS = {True: "#66A0D8", False: BAR_COLOR}
_FISHER = {True: "#EE8899", False: FISHER_COLOR}


class ImportancePlot(PlotCanvas):
    """A plot of one map of an `Importance`, complete or in progress.

    Signals
    -------
    frame_clicked
        The frame under the mouse, also between bars and in the strip.
    """

    frame_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(_HEIGHT)
        self._importance: Importance | None = None
        self._key = ""
        self._with_fisher = True
        self._frame: int | None = None
        self._markers: list[Line2D] = []
        self._bars: Any = None
        self._twin: Any = None
        self.theme_changed.connect(self._build)
        self.mpl_connect("button_press_event", self._on_pressed)
        self.setToolTip(f"{BARS_ARE} Click a frame to go to it.")

    def show_importance(self, importance: Importance, key: str, *, with_fisher: bool) -> None:
        """Draw the importance of the frames for a map."""
        is_new = importance is not self._importance
        self._importance, self._key, self._with_fisher = importance, key, with_fisher
        # Making axes takes longer than drawing into them.
        if is_new:
            self._build()
        else:
            self._draw_map()
        self.redraw()

    def mark(self, frame: int | None) -> None:
        """Mark the frame in view."""
        self._frame = frame
        self._place_markers()
        self.blit_artists(self._markers)

    def _build(self, *_: object) -> None:
        importance = self._importance
        if importance is None:
            return
        ink, figure = self.colors.text, self.figure
        figure.clear()
        grid = figure.add_gridspec(4, 1, height_ratios=(1, 1, 1, 5), hspace=0.3)
        self._bars = bars = figure.add_subplot(grid[3])
        strip = [figure.add_subplot(grid[row], sharex=bars) for row in range(3)]
        draw_strip(strip, importance.sequence, importance.sequence_frames, color=ink)
        for axes in strip:
            axes.xaxis.set_visible(False)
        bars.set_xlabel("Frame")
        bars.set_xlim(-0.5, importance.n_frames - 0.5)
        self._twin = bars.twinx()
        self._twin.xaxis.set_visible(False)
        self._markers = [
            axes.axvline(0, color=ink, lw=0.8, ls=(0, (3, 2)), animated=True)
            for axes in (*strip, bars)
        ]
        self._place_markers()
        self._moving = tuple(self._markers)
        self._draw_map()

    def _draw_map(self) -> None:
        importance, bars, twin = self._importance, self._bars, self._twin
        if importance is None:
            return
        rms = [line for line in bars.lines if line not in self._markers]
        for artist in (*bars.collections, *rms, *twin.lines):
            artist.remove()
        bars.set_ylabel(f"{PARAMETERS[self._key].label},\nchange (% of range)")
        is_dark = self.colors.is_dark
        draw_bars(bars, importance, self._key, color=_BARS[is_dark], ink=self.colors.text)
        has_fisher = self._with_fisher and self._key in importance.fisher
        twin.set_visible(has_fisher)
        if has_fisher:
            draw_fisher(
                twin,
                importance,
                self._key,
                color=_FISHER[is_dark],
                background=self.colors.background,
            )
            twin.set_ylabel("Line: Fisher (%)")
            self.style_again(twin)

    def _place_markers(self) -> None:
        for marker in self._markers:
            marker.set_visible(self._frame is not None)
            marker.set_xdata([self._frame or 0] * 2)

    def _on_pressed(self, event: MouseEvent) -> None:
        if self._importance is None or event.xdata is None or event.button != 1:
            return
        frame = round(float(event.xdata))
        self.frame_clicked.emit(min(max(frame, 0), self._importance.n_frames - 1))
