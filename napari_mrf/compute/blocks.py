"""Rows in blocks of one length, so that a product does not depend on how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def padded(rows: NDArray[Any], length: int) -> NDArray[Any]:
    """Return rows with zeros appended up to a length."""
    if len(rows) == length:
        return rows
    full = np.zeros((length, *rows.shape[1:]), rows.dtype)
    full[: len(rows)] = rows
    return full
