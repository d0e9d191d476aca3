"""Tissue parameters from a CSV table: one row per fingerprint, one column per parameter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import number, read_csv
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
        ``"bad-table"``, naming line and column, and the codes of `read_csv`.
    """
    path = Path(path)
    keys, rows = read_csv(path, "table", code="bad-table", most_bytes=_MOST_BYTES)
    unknown = [key for key in keys if key not in PARAMETERS]
    if not keys or unknown or len(set(keys)) < len(keys):
        raise MRFInputError(
            "bad-table",
            "the header does not name each parameter once",
            path=path,
            expected=f"columns from {', '.join(PARAMETERS)}",
            found=", ".join(keys) or "an empty file",
        )
    values = np.array(
        [
            [
                number(cell, key, line, path, code="bad-table")
                for key, cell in zip(keys, row, strict=True)
            ]
            for line, row in rows
        ]
    ).reshape(len(rows), len(keys))
    return {key: values[:, column].copy() for column, key in enumerate(keys)}
