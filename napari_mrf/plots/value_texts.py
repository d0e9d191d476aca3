"""Values of one voxel as text, with the usual digits of their parameter.

Apart from `printed_numbers`, which prints means of regions in percent and more digits.
"""

from __future__ import annotations

import numpy as np

_DIGITS = {"FF": 3, "B1": 3, "Df": 1, "T2": 1, "PD": 4}
NO_VALUE = "–"


def value_text(key: str, value: float) -> str:
    """Return a value with the usual digits of its parameter, or a dash if there is none."""
    return rounded(value, _DIGITS.get(key, 0), significant=key == "PD")


def deviation_text(key: str, deviation: float) -> str:
    """Return a standard deviation with the digits of its value."""
    # Of a value without a scale of its own two digits say enough.
    return f"{deviation:.2g}".replace("-", "−") if key == "PD" else value_text(key, deviation)


def rounded(value: float, digits: int, *, significant: bool = False) -> str:
    """Return a number with so many decimals, or significant digits; a dash if there is none."""
    if not np.isfinite(value):
        return NO_VALUE
    words = f"{value:.{digits}g}" if significant else f"{value:.{digits}f}"
    return words.replace("-", "−")
