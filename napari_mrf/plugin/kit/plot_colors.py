"""What plots take from the theme of napari, and the colors of paper."""

from __future__ import annotations

from dataclasses import dataclass

# matplotlib takes the Qt binding that is loaded already, so qtpy must have chosen it before.
# isort: off
# isort: on
from matplotlib.colors import to_hex, to_rgb


@dataclass(frozen=True)
class PlotColors:
    """What a plot takes from the theme, as hexadecimal colors.

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
            faint=_mixed(background, text, 0.6),
            grid=_mixed(background, text, 0.14),
            shade=_mixed(background, text, 0.07),
            is_dark=_luminance(background) < _luminance(text),
        )


ON_PAPER = PlotColors("#ffffff", "#000000", "#5f5f5f", "#e0e0e0", "#f0f0f0", is_dark=False)
"""What saved figures have, whatever the theme."""


def _mixed(background: str, text: str, share: float) -> str:
    """Return the color so far on the way from the background to the text."""
    pairs = zip(to_rgb(background), to_rgb(text), strict=True)
    return to_hex([low + share * (high - low) for low, high in pairs])


def _luminance(color: str) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
