"""The course of a training as a table, one row an epoch."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from napari_mrf.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def course_path(folder: Path, network: str) -> Path:
    """Return where the course of a training is written."""
    return folder / f"{network}.metrics.csv"


def write_course(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Write the epochs so far; an earlier table is replaced only when this one is complete.

    Columns: epoch, loss (mean over the epoch), validation R² (mean over the maps, then each
    map), learning rate at the end of the epoch, seconds since the start.
    """
    with atomic_write(path) as staged, staged.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, list(history[-1]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(history)
