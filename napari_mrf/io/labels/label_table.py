"""ITK-SNAP label description files: the number, color and name of every label."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.label import Label
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write, refuse_existing
from napari_mrf.io.labels.label_tsv import parse_label_tsv

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = 'IDX R G B A VIS MESH "LABEL"'
_LINE = re.compile(
    r"(?P<index>\d+)\s+(?P<red>\d+)\s+(?P<green>\d+)\s+(?P<blue>\d+)\s+(?P<opacity>\S+)"
    r'\s+(?P<visible>[01])\s+(?P<mesh>[01])\s+"(?P<name>.*)"'
)
_HEAD = (
    "# ITK-SNAP Label Description File",
    "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
)


CLEAR_LABEL = Label(0, "Clear Label", (0, 0, 0), 0.0, False, False)
"""The background, which ITK-SNAP expects first in every file."""


def parse_label_table(text: str) -> dict[int, Label]:
    """Return the labels of an ITK-SNAP file's text by number, in the order of the file.

    Parameters
    ----------
    text : str
        Lines that begin with ``#`` are comments; the others have the columns
        ``IDX R G B A VIS MESH "LABEL"``. The name is what stands between the first and the
        last double quote.

    Raises
    ------
    MRFInputError
        ``"bad-label-table"``, naming the line. Nothing is returned of a faulty file, so that
        the table in use stays.
    """
    labels: dict[int, Label] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        try:
            if match is None:
                raise ValueError
            label = Label(
                int(match["index"]),
                match["name"],
                (int(match["red"]), int(match["green"]), int(match["blue"])),
                float(match["opacity"]),
                match["visible"] == "1",
                match["mesh"] == "1",
            )
        except ValueError:
            raise _bad_line(number, f"columns {_COLUMNS}", repr(line[:80])) from None
        if label.index in labels:
            raise _bad_line(number, "every number once", f"{label.index} again")
        labels[label.index] = label
    if not labels:
        raise MRFInputError("bad-label-table", "the label file contains no labels",
                            expected=f"columns {_COLUMNS}")  # fmt: skip
    return labels


def format_label_table(labels: Iterable[Label]) -> str:
    """Return the text of an ITK-SNAP file, by rising number, the clear label first.

    Raises
    ------
    MRFInputError
        ``"bad-label"`` when a number occurs twice.
    """
    by_index = {0: CLEAR_LABEL}
    for label in labels:
        if label.index in by_index and label.index != 0:
            raise MRFInputError("bad-label", "two labels have the same number",
                                found=str(label.index))  # fmt: skip
        by_index[label.index] = label
    lines = list(_HEAD)
    for index in sorted(by_index):
        label = by_index[index]
        red, green, blue = label.color
        lines.append(
            f"{index:5d} {red:5d} {green:4d} {blue:4d} {label.opacity:8.4g}"
            f'{label.visible:3d}{label.mesh_visible:3d}    "{label.name}"'
        )
    return "\n".join(lines) + "\n"


def load_label_table(path: str | Path) -> dict[int, Label]:
    """Read an ITK-SNAP label file, or a table of BIDS (``.tsv``).

    Parameters
    ----------
    path : str or Path
        UTF-8 text of at most 5 MB.

    Returns
    -------
    dict of int to Label

    Raises
    ------
    MRFInputError
        ``"bad-label-table"`` and the codes of files that cannot be read.
    """
    path = Path(path)
    parse = parse_label_tsv if path.suffix.lower() == ".tsv" else parse_label_table
    try:
        return parse(read_text(path, "label file", not_text="bad-label-table"))
    except MRFInputError as error:
        raise error.at(path) from None


def save_label_table(path: str | Path, labels: Iterable[Label], *, overwrite: bool = False) -> None:
    """Write an ITK-SNAP label file, whole or not at all.

    Raises
    ------
    MRFInputError
        ``"exists"`` for an earlier file and no leave to overwrite, ``"bad-label"``, and the
        codes of failed writes.
    """
    path, text = Path(path), format_label_table(labels)
    refuse_existing(path, overwrite=overwrite)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def names_path(path: str | Path) -> Path:
    """Return where the names of a label map lie: ``rois.nii.gz`` has ``rois.txt``."""
    path = Path(path)
    stem = path.name[:-7] if path.name.lower().endswith(".nii.gz") else path.stem
    return path.with_name(f"{stem}.txt")


def _bad_line(number: int, expected: str, found: str) -> MRFInputError:
    return MRFInputError("bad-label-table", f"line {number} of the label file is not valid",
                         expected=expected, found=found)  # fmt: skip
