"""Names of users in figures: as they are, whatever matplotlib would make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.errors import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

AS_IT_IS: dict[str, Any] = {"parse_math": False}
"""Of a text with a name in it: dollar signs are dollar signs, no mathematics."""


def legend_name(name: object) -> str:
    """Return a name for a legend, which leaves out those that begin with an underscore."""
    text = shown(str(name)).strip() or "(no name)"
    return f" {text}" if text.startswith("_") else text


def as_it_is(legend: Legend) -> None:
    """Take the names in a legend as they are."""
    for text in legend.get_texts():
        text.set_parse_math(False)


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Label both axes with texts that hold names."""
    axes.set_xlabel(shown(x), **AS_IT_IS)
    axes.set_ylabel(shown(y), **AS_IT_IS)
