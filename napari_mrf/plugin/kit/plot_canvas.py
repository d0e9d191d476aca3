"""A matplotlib canvas for panels with the colors of the napari theme and fast redraws."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

# matplotlib takes the Qt binding that is loaded already, so qtpy must have chosen it before.
# isort: off
from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QSizePolicy

# isort: on
import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.plot_colors import ON_PAPER, PlotColors, style_axes, style_texts
from napari_mrf.plugin.session import unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from napari.components import ViewerModel
    from napari.utils.events import Event
    from qtpy.QtGui import QResizeEvent, QShowEvent, QWheelEvent

_PAD_POINTS = 3.0
_LEAST_SHARE = 0.1
_MOST_PASSES = 6  # ticks and lines of wrapped labels depend on the size of the axes


class PlotCanvas(FigureCanvasQTAgg):  # type: ignore[misc]  # matplotlib's is not typed
    """A figure in a panel.

    A panel makes one, adds axes to `figure` as usual, and its binding calls `follow` once with
    the viewer. Then:

    - ``canvas.redraw()`` after a change of the background: limits, labels, number of lines.
      It gives every axes the colors and small type of the theme, draws all (30-90 ms), and keeps
      the result as a background. Resizing, another screen and another theme redraw by themselves.
    - ``canvas.blit_artists(artists)`` for what moves (3-5 ms): puts the background back and draws
      these artists over it. They must belong to axes of the figure and be made with
      ``animated=True``, which keeps them out of the background. What was given last is drawn
      again after each full redraw.
      Artists that change seldom, such as the traces of other voxels, go into ``resting`` with a
      key that tells when they have: they are drawn once and kept with the background.
    - ``canvas.save(path)`` writes SVG, PDF or PNG on white, in the colors of `ON_PAPER`.

    Text of the default color follows the theme. Other artists that depend on it, such as lines
    in ``canvas.colors.faint``, are given their color in a slot of `theme_changed`.

    Axes of a grid of the figure (``figure.subplots``, ``figure.add_gridspec``) get the margins that
    their ticks, labels and titles need; labels and titles wrap at the edge of the figure.

    The wheel is left to the panel around. The mouse is read with ``canvas.mpl_connect`` as in any
    matplotlib canvas.

    Signals
    -------
    theme_changed
        The new `PlotColors`, before the redraw; also around `save`.
    redrawn
        After each full redraw.

    Parameters
    ----------
    minimum_height : int
        In pixels; the width adapts to the dock.
    layout : str or None
        Layout engine of the figure; ``"constrained"`` doubles the time of a full redraw.
    """

    theme_changed = Signal(object)
    redrawn = Signal()

    def __init__(
        self, minimum_height: int = 220, *, layout: Literal["constrained", "tight"] | None = None
    ) -> None:
        super().__init__(Figure(figsize=(3.2, minimum_height / 100), dpi=100, layout=layout))
        self.colors = PlotColors.of_theme("dark")
        self._text_colors = {to_hex("black")}
        self._styled: WeakKeyDictionary[Axes, PlotColors] = WeakKeyDictionary()
        self._background: Any = None
        self._moving: tuple[Artist, ...] = ()
        self._resting: tuple[Artist, ...] = ()
        self._resting_key: Any = None
        self._resting_background: Any = None
        self._minimum_height = minimum_height
        self._bond = Bond(self)
        self.setMinimumHeight(minimum_height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def follow(self, viewer: ViewerModel) -> None:
        """Take the colors of a viewer's theme, now and whenever it changes.

        Parameters
        ----------
        viewer : napari viewer
            Or a ViewerModel, or the proxy that plugins are handed.
        """
        viewer = unwrapped(viewer)
        self._viewer = viewer
        self._bond.connect(viewer.events.theme, self._on_theme)
        self.set_colors(PlotColors.of_theme(viewer.theme))

    def set_colors(self, colors: PlotColors) -> None:
        """Take other colors and redraw."""
        self._take(colors)
        self.redraw()

    def redraw(self) -> None:
        """Draw everything now, or when the canvas is next shown if it is hidden."""
        self._background = None
        if self.isVisible():
            self.draw()

    def draw(self) -> None:
        """Draw everything and keep the background; `redraw` for panels."""
        if self._is_drawing:
            return
        self._style()
        self._fit_margins()
        super().draw()
        self._background = self.copy_from_bbox(self.figure.bbox)
        self._resting_background = None
        self._draw_moving()
        self.redrawn.emit()

    def blit_artists(
        self, artists: Iterable[Artist], *, resting: Iterable[Artist] = (), key: Any = None
    ) -> None:
        """Draw animated artists over the background; see the class.

        Parameters
        ----------
        artists : iterable of Artist
            Drawn every time, in this order.
        resting : iterable of Artist
            Drawn below them, and again only when `key` differs from that of the last call.
        key : object
            Compared with ``==``.
        """
        self._moving, self._resting = tuple(artists), tuple(resting)
        if key != self._resting_key:
            self._resting_key, self._resting_background = key, None
        if not self.isVisible():
            self._background = None
        elif self._background is None:
            self.draw()
        else:
            self._draw_moving()
            self.update()

    def save(self, path: str | Path) -> None:
        """Write the figure on white, in its size on the screen; the suffix tells the format.

        Parameters
        ----------
        path : str or Path
            Ends in ``.svg``, ``.pdf`` or ``.png``. The same figure gives the same bytes.

        Raises
        ------
        ValueError
            For another suffix.
        OSError
            Where it cannot be written.
        """
        suffix = str(path).rpartition(".")[2].lower()
        if suffix not in ("svg", "pdf", "png"):
            raise ValueError(f"a figure is saved as .svg, .pdf or .png, not as .{suffix}")
        with self._colors_of_paper():
            write_figure(self.figure, Path(path), suffix)

    @contextmanager
    def _colors_of_paper(self) -> Iterator[None]:
        on_screen = self.colors
        self._take(ON_PAPER)
        self._style()
        try:
            yield
        finally:
            self._draw_pending = False  # printing sets it without asking for a draw
            self.set_colors(on_screen)

    def _take(self, colors: PlotColors) -> None:
        self._text_colors.add(to_hex(self.colors.text))
        self.colors = colors
        self._background = None
        self.theme_changed.emit(colors)

    def _style(self) -> None:
        colors = self.colors
        self.figure.set_facecolor(colors.background)
        for axes in self.figure.axes:
            self._style_axes(axes)
            style_texts(axes, colors)
        for text in self.figure.findobj(Text):
            if to_hex(text.get_color()) in self._text_colors:
                text.set_color(colors.text)

    def _style_axes(self, axes: Axes) -> None:
        """Style what axes keep, once for each theme: it takes as long as drawing them."""
        colors = self.colors
        if self._styled.get(axes) is colors:
            return
        self._styled[axes] = colors
        style_axes(axes, colors)

    def _fit_margins(self) -> None:
        """Give what stands around the axes the room that it needs in this size of the canvas."""
        grid = [axes for axes in self.figure.axes if axes.get_subplotspec() is not None]
        if not grid or self.figure.get_layout_engine() is not None:
            return
        for axes in grid:
            for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
                text.set_wrap(True)
        renderer, figure = self.get_renderer(), self.figure
        for _ in range(_MOST_PASSES):
            drawn = Bbox.union([
                axes.get_tightbbox(renderer, for_layout_only=True, bbox_extra_artists=axes.texts)
                for axes in grid if axes.get_visible() and axes.axison
            ] or [figure.bbox])  # fmt: skip
            free = figure.subplotpars
            pad = _PAD_POINTS / 72 * figure.dpi
            lack = np.concatenate([drawn.min - pad, drawn.max + pad - figure.bbox.size])
            if (np.abs(lack) < 0.5).all():
                return
            moves = lack / np.tile(figure.bbox.size, 2)
            low = np.array([free.left, free.bottom]) - moves[:2]
            high = np.array([free.right, free.top]) - moves[2:]
            if (high - low < _LEAST_SHARE).any():
                return  # too small for its texts, whatever is done
            figure.subplots_adjust(left=low[0], bottom=low[1], right=high[0], top=high[1])

    def style_again(self, axes: Axes) -> None:
        """Give axes the style of the theme at the next draw, after they were given another."""
        self._styled.pop(axes, None)

    def _draw_moving(self) -> None:
        if self._resting_background is None:
            self.restore_region(self._background)
            _draw(self._resting)
            self._resting_background = self.copy_from_bbox(self.figure.bbox)
        else:
            self.restore_region(self._resting_background)
        _draw(self._moving)

    def _on_theme(self, event: Event | None = None) -> None:
        self.set_colors(PlotColors.of_theme(self._viewer.theme))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let matplotlib redraw in the new size."""
        self._background = None
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the changes that were made while the canvas was hidden."""
        super().showEvent(event)
        if self._background is None:
            self.draw_idle()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the scrolling panel around."""
        event.ignore()

    def sizeHint(self) -> QSize:
        """Ask for the minimum height; more is welcome."""
        return QSize(320, self._minimum_height)

    def minimumSizeHint(self) -> QSize:
        """Stay inside a narrow dock."""
        return QSize(120, self._minimum_height)


def _draw(artists: Iterable[Artist]) -> None:
    for artist in artists:
        axes = artist.axes
        if axes is not None and artist.figure is not None:
            axes.draw_artist(artist)
