"""Numbers of maps as they are printed in figures and tables."""

from __future__ import annotations

from napari_mrf.data.parameters import PARAMETERS


def decimals(key: str) -> int:
    """Return how many decimals a value of a parameter deserves in print."""
    return 1 if PARAMETERS[key].unit in ("ms", "Hz") else 3


def signed(value: float, places: int) -> str:
    """Return a number with a true minus sign and no negative zero."""
    text = f"{value:.{places}f}"
    if not text.strip("-0."):
        text = text.removeprefix("-")
    return text.replace("-", "−")
