"""Tissue parameters from a CSV table: one row per fingerprint, one column per parameter."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_BYTES = 100_000_000


def load_parameter_table(path: str | Path) -> dict[str, NDArray[np.float64]]:
    """Read a CSV whose header holds parameter keys.

    Parameters
    ----------
    path : str or Path
        Columns such as ``FF,T1H2O,T1fat,Df,B1``, in their units (ms, Hz, fractions).

    Returns
    -------
    dict of str to ndarray
        (N,) float64 by key.

    Raises
    ------
    MRFInputError
        ``"bad-table"``, naming line and column, and the codes of `read_text`.
    """
    path = Path(path)
    text = read_text(path, "table", most_bytes=_MOST_BYTES, not_text="bad-table")
    try:
        rows = list(csv.reader(StringIO(text, newline="")))
    except csv.Error as error:
        raise MRFInputError(
            "bad-table", "the file is not CSV text", path=path, found=str(error)
        ) from None
    keys = [name.strip() for name in rows[0]] if rows else []
    unknown = [key for key in keys if key not in PARAMETERS]
    if not keys or unknown or len(set(keys)) < len(keys):
        raise MRFInputError(
            "bad-table",
            "the header does not name each parameter once",
            path=path,
            expected=f"columns from {', '.join(PARAMETERS)}",
            found=", ".join(keys) or "an empty file",
        )
    values = np.empty((len(rows) - 1, len(keys)))
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(keys):
            raise MRFInputError(
                "bad-table",
                f"line {line} has a different number of cells from the header",
                path=path,
                expected=len(keys),
                found=len(row),
            )
        for column, cell in enumerate(row):
            try:
                values[line - 2, column] = float(cell)
            except ValueError:
                raise MRFInputError(
                    "bad-table",
                    f"line {line}, column {keys[column]} is not a number",
                    path=path,
                    found=repr(cell),
                ) from None
    return {key: values[:, column].copy() for column, key in enumerate(keys)}
