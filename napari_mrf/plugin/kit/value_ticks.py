"""The ticks of a value axis whose limits change without a full redraw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.plugin.kit.plot_colors import TICK_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from napari_mrf.plugin.kit.plot_colors import PlotColors

_POINTS_A_PIXEL = 0.72
_NICE = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SMALLEST_FILL = 0.4
_HEADROOM = 1.06
_PHASES = {-1.0: "−π", 0.0: "0", 1.0: "π"}


class ValueTicks:
    """Fixed grid lines with numbers that are drawn together with the traces.

    New limits change only the numbers, so that no full redraw is needed.

    Parameters
    ----------
    axes : matplotlib axes
        The axes; their limits begin at 0, or are symmetric around 0 if a mark is negative.
    title : str
        At the left.
    marks : sequence of float
        Positions of the lines as fractions of the limit, such as -1, 0, 0.5, 1.
    colors : theme colors
        Of grid and text.
    is_phase : bool
        Whether the limits are always -π and π.
    margin_px : int
        How far left of the axes the title begins.
    """

    def __init__(
        self,
        axes: Axes,
        title: str,
        marks: Sequence[float],
        colors: PlotColors,
        *,
        is_phase: bool = False,
        margin_px: int,
    ) -> None:
        self.limit: float | None = None
        self.texts: list[Text] = []
        self._axes, self._marks, self._is_phase = axes, marks, is_phase
        self._bottom = -_HEADROOM if marks[0] < 0 else 0.0
        self._still: list[Artist] = []
        for mark in marks:
            height = (mark - self._bottom) / (_HEADROOM - self._bottom)
            line = axes.axhline(height, color=colors.grid, linewidth=0.6, zorder=0.5)
            line.set_transform(axes.transAxes)
            self._still.append(line)
            self.texts.append(axes.text(
                -0.01, height, "", transform=axes.transAxes, ha="right", va="center",
                fontsize=TICK_POINTS, color=colors.text, animated=True,
            ))  # fmt: skip
        label = axes.annotate(title, (0, 0.5), (-margin_px * _POINTS_A_PIXEL, 0), rotation=90,
                      xycoords="axes fraction", textcoords="offset points", ha="left",
                      va="center", fontsize=TICK_POINTS, color=colors.text)  # fmt: skip
        self._still.append(label)
        self.fit(0.0)

    def fit(self, peak: float) -> None:
        """Fit the value axis to a peak, unless it fits well enough already."""
        limit = np.pi if self._is_phase else self.limit or 0.0
        if not self._is_phase and not _SMALLEST_FILL * limit <= peak <= limit:
            limit = _nice(peak)
        if self.limit == limit:
            return
        self.limit = limit
        self._axes.set_ylim(self._bottom * limit if limit else -1, _HEADROOM * limit or 1)
        for mark, text in zip(self._marks, self.texts, strict=True):
            words = _PHASES[mark] if self._is_phase else _number(mark * limit)
            text.set_text(words if limit or mark == 0 else "")

    def remove(self) -> None:
        """Take lines, numbers and title away."""
        for artist in (*self._still, *self.texts):
            artist.remove()


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
