"""Line styles of fingerprints: a color for each voxel, a line style for each source.

Measured values are dots; each set of maps has a dash pattern, and for a single voxel also a
color. The colors keep a contrast of 3 to 1 against white and against the backgrounds of the
napari themes.
"""

from __future__ import annotations

from typing import Any

_SET_COLORS = ("#2f86d6", "#d9641e", "#15936a", "#b355c4")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.8)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
PIN_COLORS = (
    "#d14d97",
    "#8a7f12",
    "#9b72e0",
    "#a8780f",
    "#2383a3",
    "#c23b5a",
    "#5d8a3a",
    "#8d6046",
)
"""Of pinned voxels and regions, by their number; they repeat after eight."""


def pin_color(number: int) -> str:
    """Return the color of a pin, numbered from 1."""
    return PIN_COLORS[(number - 1) % len(PIN_COLORS)]


def measured_style(color: str) -> dict[str, Any]:
    """Return the keywords of a line that shows measured values."""
    return {"color": color, "linestyle": "none", "marker": "o", "markersize": 1.8,
            "markeredgewidth": 0.0}  # fmt: skip


def predicted_style(set_index: int, color: str | None = None) -> dict[str, Any]:
    """Return the keywords of a line that shows what the set of that index predicts.

    Parameters
    ----------
    set_index : int
        Gives the dashes.
    color : str, optional
        Of a pinned voxel or a region; without it the set has a color of its own.
    """
    own = _SET_COLORS[set_index % len(_SET_COLORS)]
    dashes = _DASHES[set_index % len(_DASHES)]
    return {"color": color or own, "linestyle": dashes, "linewidth": 1.1}
