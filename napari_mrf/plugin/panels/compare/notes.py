"""The sentence under a plot of a Compare panel: it names the lines that are drawn, no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_mrf.analysis.agreement.statistics import Agreement

BLURRINESS_NOTE = "Less energy in the high frequencies is blurrier; noise adds to it."
TABLE_NOTE = "Click a row to see the region."


def scatter_note(found: Agreement) -> str:
    """Return what the lines of `draw_scatter` are."""
    return "Dotted: identity." + (
        " Solid: regression line." if np.isfinite(found.line.slope) else ""
    )


def bland_altman_note(found: Agreement) -> str:
    """Return what the lines and bands of `draw_bland_altman` are."""
    simple, repeated = found.simple, found.repeated
    bands = (simple.bias_interval, simple.lower_interval, simple.upper_interval)
    drawn = {
        "Solid: bias.": np.isfinite(simple.bias),
        "Dash-dotted: limits.": np.isfinite([simple.lower, simple.upper]).any(),
        "Dashed: repeated-measures limits.": np.isfinite([repeated.lower, repeated.upper]).any(),
        "Shaded: 95 % intervals.": np.isfinite(bands).all(axis=1).any(),
    }
    return " ".join(text for text, is_drawn in drawn.items() if is_drawn)
