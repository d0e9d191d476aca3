"""Label maps of automatic segmenters, read as our muscles by a table that a user can edit.

The numbers of different models overlap (7 is a rectus femoris of one and a sartorius of another),
so the model has to be named. Sources of ``segmenters.csv``: the documentation of MuscleMap
(whole-body model, and the regional models before it) and of TotalSegmentator 2.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.label import MAX_LABEL, Label
from napari_mrf.errors import MRFInputError
from napari_mrf.rois.label_set import LARGEST_LABEL, own_color
from napari_mrf.rois.muscles import FIRST_OWN_LABEL, default_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_COLUMNS = ("number", "name", "label")


@dataclass(frozen=True)
class Structure:
    """One number of a segmenter.

    Parameters
    ----------
    number : int
        In its label maps.
    name : str
        What it is, with the side: ``"vastus lateralis, left"``.
    label : str
        Name of the region it becomes, such as ``"VL_L"``: one of ours, or any other name, which
        several numbers may share; empty for a structure that keeps its own name.
    """

    number: int
    name: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Translation:
    """A label map with our numbers.

    Parameters
    ----------
    values : ndarray
        Labels in the shape of the original, uint16.
    labels : dict of int to Label
        Those that are drawn.
    regions : dict of str to tuple of int
        The numbers that became a region, by its name.
    kept : dict of int to str
        Numbers that are none of our muscles, and the names under which they were kept.
    unknown : tuple of int
        Those among them that the table does not know.
    """

    values: NDArray[np.uint16]
    labels: dict[int, Label]
    regions: dict[str, tuple[int, ...]]
    kept: dict[int, str]
    unknown: tuple[int, ...]

    def sentences(self) -> list[str]:
        """Return what a user should know: what became what, and what is none of our muscles."""
        found = [f"{len(self.regions)} of our regions were found."]
        grouped = {name: ids for name, ids in self.regions.items() if len(ids) > 1}
        if grouped:
            found.append("Joined: " + "; ".join(
                f"{name} of {', '.join(map(str, ids))}" for name, ids in grouped.items()) + "."
            )  # fmt: skip
        known = {number: name for number, name in self.kept.items() if number not in self.unknown}
        if known:
            found.append("None of our regions, kept as they are: " + ", ".join(
                f"{name} ({number})" for number, name in known.items()) + ".")  # fmt: skip
        if self.unknown:
            found.append("Not in the table, kept without a name: "
                         f"{', '.join(map(str, self.unknown))}.")  # fmt: skip
        return found


@cache
def segmenter_tables() -> dict[str, dict[int, Structure]]:
    """Return the tables that are built in, by model."""
    text = resources.files(__package__).joinpath("segmenters.csv").read_text(encoding="utf-8")
    tables: dict[str, dict[int, Structure]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        one = Structure(int(row["number"]), row["name"], row["label"])
        tables.setdefault(row["model"], {})[one.number] = one
    return tables


def models_with(numbers: set[int]) -> list[str]:
    """Return the models that know all of these numbers: what they may have been drawn by."""
    return [model for model, table in segmenter_tables().items() if numbers <= set(table)]


def format_table(table: Mapping[int, Structure]) -> str:
    """Return a table as CSV with the columns number, name, label, for a user to edit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((one.number, one.name, one.label) for one in table.values())
    return text.getvalue()


def parse_table(text: str) -> dict[int, Structure]:
    """Return the table of a CSV with the columns number, name, label.

    Raises
    ------
    MRFInputError
        ``"bad-label-table"``, naming the line.
    """
    reader = csv.reader(io.StringIO(text))
    header = [cell.strip().lower() for cell in next(reader, [])]
    if not set(_COLUMNS) <= set(header):
        raise MRFInputError("bad-label-table", "the table of numbers lacks a column",
                            expected=",".join(_COLUMNS), found=",".join(header))  # fmt: skip
    places = [header.index(name) for name in _COLUMNS]
    table: dict[int, Structure] = {}
    for line, row in enumerate(reader, 2):
        if not "".join(row).strip():
            continue
        cells = [row[at].strip() if at < len(row) else "" for at in places]
        number = int(cells[0]) if cells[0].isascii() and cells[0].isdigit() else 0
        if not 0 < number <= MAX_LABEL or number in table:
            raise MRFInputError(
                "bad-label-table", f"line {line} of the table of numbers is not valid",
                expected=f"every number once, 1 to {MAX_LABEL}", found=repr(cells[0][:40]),
            )  # fmt: skip
        Label(number, cells[1])  # names have to fit into a label file
        Label(number, cells[2])
        table[number] = Structure(number, cells[1], cells[2])
    if not table:
        raise MRFInputError("bad-label-table", "the table of numbers is empty",
                            expected=",".join(_COLUMNS))  # fmt: skip
    return table


def translated(
    values: NDArray[Any], table: Mapping[int, Structure], labels: Mapping[int, Label] | None = None
) -> Translation:
    """Return a label map with our numbers and names; no voxel loses its region.

    Parameters
    ----------
    values : ndarray
        Whole numbers, 0 for the background.
    table : dict of int to Structure
        Of the model that drew them.
    labels : dict of int to Label, optional
        The regions that are ours, by number; those of thigh, leg and brain by default.

    Raises
    ------
    MRFInputError
        ``"bad-labels"`` where there are more regions than numbers.
    """
    ours = default_labels() if labels is None else labels
    by_name = {label.name: label for label in ours.values()}
    numbers, places = np.unique(values, return_inverse=True)
    drawn: dict[int, Label] = {}
    kept: dict[int, str] = {}
    regions: dict[str, tuple[int, ...]] = {}
    free = max(FIRST_OWN_LABEL - 1, *ours, 0) + 1
    target = np.zeros(len(numbers), np.int64)
    for at, number in enumerate(map(int, numbers)):
        if number == 0:
            continue
        one = table.get(number)
        name = f"Label {number}" if one is None else one.label or one.name
        if name not in by_name:
            by_name[name] = Label(free, name, own_color(free))
            free += 1
        label = by_name[name]
        target[at], drawn[label.index] = label.index, label
        if one is None or not one.label:
            kept[number] = name
        else:
            regions[name] = (*regions.get(name, ()), number)
    if free > LARGEST_LABEL:
        raise MRFInputError("bad-labels", "the label map has too many regions",
                            expected=f"at most {LARGEST_LABEL - FIRST_OWN_LABEL}",
                            found=str(len(numbers)))  # fmt: skip
    unknown = tuple(number for number in kept if number not in table)
    return Translation(target[places].reshape(values.shape).astype(np.uint16), drawn, regions,
                       kept, unknown)  # fmt: skip
