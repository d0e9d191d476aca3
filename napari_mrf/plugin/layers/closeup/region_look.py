"""Look of regions in a Labels layer: outlines, which leave the map visible, or filled."""

from __future__ import annotations

from typing import Any

FILLED_OPACITY = 0.5
"""Of a layer of filled regions, so that the image behind them can be seen."""


def is_outlined(layer: Any) -> bool:
    """Return whether a Labels layer shows outlines only."""
    return bool(layer.contour)


def show_outlined(layer: Any, is_wanted: bool) -> None:
    """Show the outlines of regions, or fill them; the opacity of each region stays its own."""
    if is_outlined(layer) != is_wanted:
        layer.opacity = 1.0 if is_wanted else FILLED_OPACITY
        layer.contour = int(is_wanted)
