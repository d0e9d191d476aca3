"""Color and shape of the points of regions, and of subjects where there are several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#808080")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
_SHADES = ((0.0, 0.0), (0.45, 0.0), (0.5, 1.0), (0.7, 0.0))
"""How much of black (0) or white (1) is mixed in, each time the colors are used up."""


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


def point_styles(
    labels: Iterable[int], subjects: Sequence[str]
) -> dict[tuple[int, str], RegionStyle]:
    """Return the style of the points of every region in every subject.

    Of one subject they are those of `region_styles`. Of several, the color is the region's and
    the shape the subject's; more subjects than there are shapes are numbers, from 1.

    Parameters
    ----------
    labels : iterable of int
        Numbers of all regions, so that they look the same in every plot.
    subjects : sequence of str
        Names of all subjects, in their order.
    """
    regions = region_styles(labels)
    if len(subjects) < 2:
        return {(label, who): style for label, style in regions.items() for who in subjects}
    colors = dict(zip(regions, _distinct_colors(len(regions)), strict=True))
    markers = subject_markers(subjects)
    return {
        (label, who): RegionStyle(color, markers[who])
        for label, color in colors.items()
        for who in subjects
    }


def subject_markers(subjects: Sequence[str]) -> dict[str, str]:
    """Return a shape for every subject, or its number where shapes do not suffice."""
    numbers = [f"${number}$" for number in range(1, len(subjects) + 1)]
    return dict(
        zip(subjects, _MARKERS if len(subjects) <= len(_MARKERS) else numbers, strict=False)
    )


def _distinct_colors(n: int) -> list[str]:
    """Return colors that differ in hue, then in lightness; they come again after 28."""
    found = []
    for index in range(n):
        mix, toward = _SHADES[index // len(_COLORS) % len(_SHADES)]
        rgb = to_rgb(_COLORS[index % len(_COLORS)])
        found.append(to_hex([(1 - mix) * one + mix * toward for one in rgb]))
    return found
