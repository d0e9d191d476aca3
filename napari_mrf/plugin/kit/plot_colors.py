"""Colors of plots: from the napari theme on screen, and on white for files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PlotColors:
    """The colors of a plot, as hexadecimal strings.

    Parameters
    ----------
    background : str
        Of the figure and the axes.
    text : str
        Labels, titles, ticks, spines.
    faint : str
        Of what must be readable and stay behind: reference lines, secondary traces.
    grid : str
        Grid lines.
    shade : str
        Bands behind the data, weaker than grid lines.
    is_dark : bool
        Whether the background is dark.
    """

    background: str
    text: str
    faint: str
    grid: str
    shade: str
    is_dark: bool

    @classmethod
    def of_theme(cls, name: str) -> PlotColors:
        """Return the colors of a napari theme."""
        from napari.utils.theme import get_theme

        theme = get_theme(name)
        background, text = (
            to_hex(theme.background.as_hex("long")),
            to_hex(theme.text.as_hex("long")),
        )
        return cls(
            background=background,
            text=text,
            faint=_mixed(background, text, _FAINT_SHARE),
            grid=_mixed(background, text, 0.14),
            shade=_mixed(background, text, 0.07),
            is_dark=_luminance(background) < _luminance(text),
        )


ON_PAPER = PlotColors("#ffffff", "#000000", "#5f5f5f", "#e0e0e0", "#f0f0f0", is_dark=False)
"""Colors of saved figures, for every theme."""


def _mixed(background: str, text: str, share: float) -> str:
    """Return the color so far on the way from the background to the text."""
    pairs = zip(to_rgb(background), to_rgb(text), strict=True)
    return to_hex([low + share * (high - low) for low, high in pairs])


def _luminance(color: str) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


LABEL_POINTS = 7.5
TICK_POINTS = 7.0


def style_axes(axes: Axes, colors: PlotColors) -> None:
    """Style what axes keep from one draw to the next."""
    axes.set_facecolor(colors.background)
    axes.tick_params(which="both", colors=colors.text, labelsize=TICK_POINTS, width=0.6,
                     grid_color=colors.grid, grid_linewidth=0.6)  # fmt: skip
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(edgecolor=colors.text, linewidth=0.6)


def style_texts(axes: Axes, colors: PlotColors) -> None:
    """Style labels, title and legend, which a plot may make anew at any time."""
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title,
                 axes.xaxis.offsetText, axes.yaxis.offsetText):  # fmt: skip
        text.set(color=colors.text, fontsize=LABEL_POINTS)
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set(facecolor=colors.background, edgecolor=colors.grid)


def quiet(background: str, text: str) -> str:
    """Return the color of secondary text: gray, but easy to read."""
    faint = _mixed(background, text, _FAINT_SHARE)
    return readable(faint, background, text, TEXT_CONTRAST) or text


_FAINT_SHARE = 0.6
_SMALLEST_CONTRAST = 2.2
TEXT_CONTRAST = 4.5
"""Contrast that WCAG 2 requires for text."""


@cache
def readable(
    color: str | None, background: str, text: str, contrast: float = _SMALLEST_CONTRAST
) -> str | None:
    """Return the color, moved towards that of the text until it stands out from the background."""
    if color is None:
        return None
    own, target = np.array(to_rgb(color)), np.array(to_rgb(text))
    for share in np.linspace(0.0, 1.0, 11):
        mixed = own + share * (target - own)
        if _contrast(mixed, np.array(to_rgb(background))) >= contrast:
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
