"""BIDS tables of labels: ``…_dseg.tsv``, the number, name and color of every label."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.label import Label
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_NEEDED = ("index", "name")


def format_label_tsv(labels: NDArray[Any], table: Mapping[int, Label]) -> str:
    """Return the text of a table with every label that is drawn or named.

    Parameters
    ----------
    labels : ndarray of int
        A label map; 0 is the background, and stands in no line.
    table : mapping of int to Label
        Names and colors.
    """
    lines = ["index\tname\tcolor"]
    for index in sorted({*np.unique(labels).tolist(), *table} - {0}):
        label = table.get(index) or Label(index, f"Label {index}")
        red, green, blue = label.color
        name = re.sub(r"\s", " ", label.name)
        lines.append(f"{index}\t{name}\t#{red:02x}{green:02x}{blue:02x}")
    return "\n".join(lines) + "\n"


def parse_label_tsv(text: str) -> dict[int, Label]:
    """Return the labels of a BIDS table's text by number.

    Parameters
    ----------
    text : str
        With the columns ``index`` and ``name``; ``color`` (``#rrggbb``) is read where it is
        there, further columns are left alone.

    Raises
    ------
    MRFInputError
        ``"bad-label-table"``, naming the line.
    """
    rows = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    head = rows[0] if rows else []
    if not set(_NEEDED) <= set(head):
        raise MRFInputError("bad-label-table", "the table of labels lacks a column",
                            expected="columns index and name", found=", ".join(head)
                            )  # fmt: skip
    labels: dict[int, Label] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        cells = dict(zip(head, row, strict=False))
        color = re.fullmatch("#([0-9a-fA-F]{6})", cells.get("color", ""))
        red, green, blue = bytes.fromhex(color[1]) if color else (255, 255, 255)
        try:
            label = Label(int(cells["index"]), cells["name"], (red, green, blue))
        except (ValueError, KeyError, MRFInputError):
            raise MRFInputError(
                "bad-label-table", f"line {number} of the table of labels is not valid",
                expected="a whole number as index, and a name without double quotes",
                found=repr("\t".join(row)[:80]),
            ) from None  # fmt: skip
        if label.index in labels:
            raise MRFInputError("bad-label-table", f"line {number} of the table of labels is not "
                                "valid", expected="every number once",
                                found=f"{label.index} again")  # fmt: skip
        labels[label.index] = label
    return labels
