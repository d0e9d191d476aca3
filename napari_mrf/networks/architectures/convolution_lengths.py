"""Length of a signal after convolutions without padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def length_after(length: int, layers: Iterable[tuple[int, int]]) -> int:
    """Return the length after layers given as (kernel, stride).

    Raises
    ------
    ValueError
        When a kernel is longer than what reaches it.
    """
    for kernel, stride in layers:
        if length < kernel:
            raise ValueError(f"{length} frames are too few for a kernel of {kernel}")
        length = (length - kernel) // stride + 1
    return length
