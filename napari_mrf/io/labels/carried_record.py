"""Record of regions that were carried from another scan, beside their label map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.data.strict_json import loads
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write
from napari_mrf.io.labels.label_table import names_path

if TYPE_CHECKING:
    from collections.abc import Mapping


FORMAT = "napari-mrf carried regions"


def record_path(path: str | Path) -> Path:
    """Return where the record of a label map lies: ``rois.nii.gz`` has ``rois.carried.json``."""
    return names_path(path).with_suffix(".carried.json")


def load_record(path: str | Path) -> dict[str, Any]:
    """Read a record.

    Raises
    ------
    MRFInputError
        ``"bad-record"``, and what reading text and JSON raise.
    """
    record = loads(read_text(Path(path), "record of carried regions"), path=path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise MRFInputError("bad-record", "this is no record of carried regions", path=path,
                            expected=f'"format": "{FORMAT}"')  # fmt: skip
    return record


def save_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record, JSON-ready without NaN; an earlier one is replaced.

    Raises
    ------
    MRFInputError
        The codes of failed writes.
    """
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
