"""Color and shape of the points of regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#808080")


_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")


@dataclass(frozen=True)
class RegionStyle:
    """Color and shape of the points of one region.

    Parameters
    ----------
    color, marker : str
        As matplotlib understands them.
    """

    color: str
    marker: str


def region_styles(
    labels: Iterable[int], colors: Mapping[int, str] | None = None
) -> dict[int, RegionStyle]:
    """Return a style for every label; seventy labels differ, by color and then by shape.

    Parameters
    ----------
    labels : iterable of int
        Numbers of the regions.
    colors : mapping of int to str, optional
        Of every label, where regions have colors of their own; then neighbors in the list
        differ by shape too.
    """
    if colors is not None:
        return {
            label: RegionStyle(colors[label], _MARKERS[index % len(_MARKERS)])
            for index, label in enumerate(sorted(set(labels)))
        }
    return {
        label: RegionStyle(
            _COLORS[index % len(_COLORS)], _MARKERS[index // len(_COLORS) % len(_MARKERS)]
        )
        for index, label in enumerate(sorted(set(labels)))
    }
