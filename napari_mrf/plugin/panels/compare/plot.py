"""The plot of the Compare panel; its points react to the mouse and to the chosen region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex
from qtpy.QtCore import QPoint, Signal
from qtpy.QtWidgets import QToolTip

from napari_mrf.plots.agreement.agreement_axes import draw_bland_altman, draw_scatter
from napari_mrf.plots.blurriness_figure import draw_blurriness
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plots.region_styles import region_styles
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.kit.plot_legend import LegendEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import MouseEvent
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from napari_mrf.analysis.agreement.statistics import Agreement
    from napari_mrf.plots.region_styles import RegionStyle

KINDS = ("scatter", "bland-altman", "blurriness")
_REACH_PX = 9
_COORDINATES = {"scatter": ("reference", "test"), "bland-altman": ("average", "difference")}


class ComparePlot(PlotCanvas):
    """A plot of one map of a comparison.

    Signals
    -------
    point_clicked
        The user clicked a point; its row in the table that was given.
    legend_changed
        The `LegendEntry` of every region or method that is drawn.
    """

    point_clicked = Signal(int)
    legend_changed = Signal(tuple)

    def __init__(self) -> None:
        super().__init__(250)
        self._axes: Axes | None = None
        self._points: pd.DataFrame | None = None
        self._places = np.empty((0, 2))
        self._key = ""
        self._kind = ""
        self._hovered = -1
        self._chosen: list[int] = []
        self._rings: tuple[Line2D, ...] = ()
        self._again: Callable[[], None] | None = None
        self.setMouseTracking(True)
        self.mpl_connect("motion_notify_event", self._on_moved)
        self.mpl_connect("button_press_event", self._on_pressed)
        self.mpl_connect("figure_leave_event", self._on_left)
        self.theme_changed.connect(self._on_theme_changed)

    def show_points(
        self,
        kind: str,
        points: pd.DataFrame,
        found: Agreement,
        key: str,
        names: tuple[str, str],
        colors: Mapping[int, str],
    ) -> None:
        """Draw a scatter or a Bland-Altman plot.

        Parameters
        ----------
        kind : {"scatter", "bland-altman"}
            Which.
        points : pandas.DataFrame
            Regions with a mean on both sides, index 0 to n - 1.
        found : Agreement
            Of these points.
        key : str
            The parameter.
        names : tuple of str
            Of reference and test.
        colors : mapping of int to str
            Of every label there is, so that a region keeps its look in any selection.
        """

        def draw() -> None:
            axes = self._fresh_axes()
            if points.empty:
                self._say(axes, "No region has a mean on both sides.")
                return
            ink, behind = self.colors.text, self.colors.background
            own = {label: readable(color, behind, ink) or ink for label, color in colors.items()}
            styles = region_styles(colors, own)
            self.legend_changed.emit(_legend(points, styles))
            if kind == "scatter":
                draw_scatter(axes, points, found, key, names=names, ink=ink, styles=styles)
                axes.set_aspect("auto")
            else:
                draw_bland_altman(axes, points, found, key, names=names, ink=ink, styles=styles,
                                  annotate=False)  # fmt: skip
            self._rings = tuple(
                axes.plot([], [], linestyle="none", marker="o", markersize=size, fillstyle="none",
                          markeredgecolor=ink, markeredgewidth=width, animated=True)[0]
                for size, width in ((12, 1.8), (9, 1.0))
            )  # fmt: skip

        self._key, self._kind, self._points = key, kind, points
        columns = list(_COORDINATES[kind])
        self._places = points[columns].to_numpy(np.float64)
        self._chosen, self._hovered = [], -1
        self._draw_with(draw)

    def show_blurriness(self, table: pd.DataFrame, key: str) -> None:
        """Draw the energy in high frequencies of both sides."""

        def draw() -> None:
            axes = self._fresh_axes()
            draw_blurriness(axes, table, key)
            lines = [(bars.get_label(), bars[0]) for bars in axes.containers]
            self.legend_changed.emit(tuple(
                LegendEntry(str(name), to_hex(line.get_color()), marker=str(line.get_marker()))
                for name, line in lines
            ))  # fmt: skip

        self._forget_points()
        self._draw_with(draw)

    def show_nothing(self, reason: str) -> None:
        """Show the reason why there is no plot."""

        def draw() -> None:
            self._say(self._fresh_axes(), reason)

        self._forget_points()
        self._draw_with(draw)

    def highlight(self, rows: list[int]) -> None:
        """Put a ring around points, given by their rows."""
        self._chosen = rows
        self._draw_rings()

    def highlighted(self) -> list[int]:
        """Return the rows of the points that have a ring."""
        return list(self._chosen)

    def point_at(self, x_px: float, y_px: float) -> int:
        """Return the row of the point at a place in pixels of the figure, or -1."""
        pixels = self._pixels()
        if not len(pixels):
            return -1
        distances = np.hypot(pixels[:, 0] - x_px, pixels[:, 1] - y_px)
        nearest = int(np.argmin(distances))
        return nearest if distances[nearest] <= _REACH_PX * self.device_pixel_ratio else -1

    def place_of(self, row: int) -> QPoint:
        """Return where the point of a row stands, in pixels of the widget."""
        x, y = self._pixels()[row] / self.device_pixel_ratio
        return QPoint(round(x), round(self.height() - y))

    def tooltip_of(self, row: int) -> str:
        """Return the tooltip of a point."""
        if self._points is None:
            return ""
        point = self._points.iloc[row]
        how = printed(self._key)
        pooled = point["scope"] == "pooled"
        where = "all slices" if pooled else f"slice {int(point['slice'])}"
        values = ", ".join(
            f"{side} {how.text(float(point[side]), with_unit=True)}"
            for side in ("reference", "test", "difference")
        )
        return f"{point['name']} · {where} · subject {point['subject']}\n{values}"

    def _draw_with(self, draw: Callable[[], None]) -> None:
        self._again = draw
        draw()
        self.redraw()
        self._draw_rings()

    def _fresh_axes(self) -> Axes:
        self.figure.clear()
        self.legend_changed.emit(())
        self._rings = ()
        self._axes = self.figure.subplots()
        return self._axes

    def _say(self, axes: Axes, text: str) -> None:
        axes.set_axis_off()
        axes.text(0.4, 0.5, text, transform=axes.transAxes, ha="center", fontsize=8,
                  color=self.colors.text, wrap=True)  # fmt: skip

    def _pixels(self) -> NDArray[np.float64]:
        """Return the places of the points, (n, 2) in pixels of the figure."""
        if self._axes is None or not len(self._places):
            return np.empty((0, 2))
        pixels: NDArray[np.float64] = self._axes.transData.transform(self._places)
        return pixels

    def _forget_points(self) -> None:
        self._points, self._places = None, np.empty((0, 2))
        self._chosen, self._hovered = [], -1

    def _draw_rings(self) -> None:
        if not self._rings:
            self.blit_artists(())
            return
        chosen, hovered = self._rings
        chosen.set_data(self._places[self._chosen].T if self._chosen else ([], []))
        hovered.set_data(self._places[[self._hovered]].T if self._hovered >= 0 else ([], []))
        self.blit_artists(self._rings)

    def _on_moved(self, event: MouseEvent) -> None:
        row = self.point_at(event.x, event.y)
        if row == self._hovered:
            return
        self._hovered = row
        self._draw_rings()
        if row < 0:
            QToolTip.hideText()
            return
        QToolTip.showText(self.mapToGlobal(self.place_of(row)), self.tooltip_of(row), self)

    def _on_pressed(self, event: MouseEvent) -> None:
        row = self.point_at(event.x, event.y)
        if row >= 0 and event.button == 1:
            self.point_clicked.emit(row)

    def _on_left(self, _: object) -> None:
        if self._hovered >= 0:
            self._hovered = -1
            self._draw_rings()

    def _on_theme_changed(self, _: object) -> None:
        if self._again is not None:
            self._again()
            self._draw_rings()


def _legend(points: pd.DataFrame, styles: Mapping[int, RegionStyle]) -> tuple[LegendEntry, ...]:
    names = dict(zip(points["label"], points["name"], strict=True))
    return tuple(
        LegendEntry(str(names[label]), styles[label].color, marker=styles[label].marker)
        for label in sorted(names)
    )
