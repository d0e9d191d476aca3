"""Colors that stand out from the background of a theme."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_CONTRAST = 2.2
TEXT_CONTRAST = 4.5
"""What WCAG 2 asks of text."""


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
