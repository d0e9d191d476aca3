"""Changes of a set of labels, each giving a new set: nothing is changed in place."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_mrf.data.label import Label
from napari_mrf.errors import MRFInputError
from napari_mrf.rois.muscles import FIRST_OWN_LABEL, default_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_mrf.rois.muscles import Color

LARGEST_LABEL = 65535
"""Label maps are 16 bit."""

_GOLDEN_TURN = 0.618033988749895


def with_new_label(labels: Mapping[int, Label], name: str = "") -> tuple[dict[int, Label], int]:
    """Return the set with one more label, and its number.

    The number follows the largest one, from 101; the color differs from those before it.

    Raises
    ------
    MRFInputError
        ``"bad-label"`` for a name that another label has, or when the numbers are used up.
    """
    index = max(FIRST_OWN_LABEL - 1, *labels, 0) + 1
    if index > LARGEST_LABEL:
        taken = set(labels)
        index = next((n for n in range(FIRST_OWN_LABEL, LARGEST_LABEL) if n not in taken), 0)
        if not index:
            raise MRFInputError("bad-label", "all label numbers are in use",
                                hint="Remove labels that you do not need.")  # fmt: skip
    name = name or f"ROI {index}"
    _check_name(labels, index, name)
    return {**labels, index: Label(index, name, own_color(index))}, index


def with_unknown_labels(labels: Mapping[int, Label], drawn: Iterable[int]) -> dict[int, Label]:
    """Return the set with a label ``"Label 7"`` for every drawn number that it lacks."""
    unknown = sorted({int(index) for index in drawn} - set(labels) - {0})
    return {
        **labels,
        **{index: Label(index, f"Label {index}", own_color(index)) for index in unknown},
    }


def foreign_labels(drawn: Iterable[int], names: Mapping[int, str]) -> dict[int, Label]:
    """Return a set for a label map that was not drawn with ours.

    Parameters
    ----------
    drawn : iterable of int
        The numbers in it. They mean nothing by themselves: somebody's label 7 is no vastus
        lateralis because ours is.
    names : mapping of int to str
        What is known of their names.

    Returns
    -------
    dict of int to Label
        These labels, and ours whose number and name are free.
    """
    own = {
        index: Label(index, names.get(index, f"Label {index}"), own_color(index))
        for index in sorted({*map(int, drawn), *names} - {0})
    }
    return joined(own, default_labels())


def joined(first: Mapping[int, Label], second: Mapping[int, Label]) -> dict[int, Label]:
    """Return the labels of one set and those of another whose number and name are free."""
    taken = {label.name for label in first.values()}
    return {
        **{k: v for k, v in second.items() if k not in first and v.name not in taken},
        **first,
    }


def renamed(labels: Mapping[int, Label], index: int, name: str) -> dict[int, Label]:
    """Return the set with another name for a label.

    Raises
    ------
    MRFInputError
        ``"bad-label"`` for an empty name, one that another label has, or one that does not fit
        into a label file.
    """
    name = name.strip()
    _check_name(labels, index, name)
    return {**labels, index: replace(labels[index], name=name)}


def recolored(labels: Mapping[int, Label], index: int, color: Color) -> dict[int, Label]:
    """Return the set with another color (red, green, blue; 0-255) for a label."""
    return {**labels, index: replace(labels[index], color=color)}


def with_opacity(labels: Mapping[int, Label], index: int, opacity: float) -> dict[int, Label]:
    """Return the set with another opacity (0-1) for a label."""
    return {**labels, index: replace(labels[index], opacity=opacity)}


def without(labels: Mapping[int, Label], index: int) -> dict[int, Label]:
    """Return the set without a label."""
    return {key: label for key, label in labels.items() if key != index}


def own_color(index: int) -> Color:
    """Return a bright color for a number; numbers next to each other differ much in hue."""
    red, green, blue = colorsys.hsv_to_rgb((index * _GOLDEN_TURN) % 1.0, 0.75, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def _check_name(labels: Mapping[int, Label], index: int, name: str) -> None:
    if not name:
        raise MRFInputError("bad-label", "a label needs a name", hint="Type one.")
    other = next((key for key, label in labels.items() if label.name == name and key != index), 0)
    if other:
        raise MRFInputError("bad-label", f"label {other} already has the name {name}",
                            hint="Choose another name.")  # fmt: skip
