"""The pairs that two methods have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Interval = tuple[float, float]
NO_INTERVAL: Interval = (float("nan"), float("nan"))
FEWEST = 3
"""Pairs, or subjects, that a statistic of agreement needs at least."""
ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Share of a value up to which values of maps, stored in single precision, are the same."""


def paired(
    reference: NDArray[np.floating], test: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the pairs in which both are finite, in float64, and where they stand.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions in the same order.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` when they are not one number per region each.
    """
    first, second = np.asarray(reference, np.float64), np.asarray(test, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise MRFInputError(
            "bad-shape",
            "reference and test must have the same number of regions",
            expected=f"shape {first.shape}",
            found=f"shape {second.shape}",
        )
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both], both


def is_constant(values: NDArray[np.floating], size: float | None = None) -> bool:
    """Return whether values differ by no more than rounding.

    Maps are stored in single precision. A constant that was added to one, or one that was
    scaled to another unit, leaves differences of a few units in the last place, which are no
    spread: a standard deviation of them, and what is divided by it, would be nonsense.

    Parameters
    ----------
    values : ndarray
        (N,) values or differences, finite.
    size : float, optional
        Largest magnitude of the values that they come from; their own by default.
    """
    if not len(values):
        return True
    size = float(np.abs(values).max()) if size is None else size
    return bool(np.ptp(values) <= ROUNDING * size)


def no_limits(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Return why pairs have no limits of agreement, or an empty text.

    Parameters
    ----------
    first, second : ndarray
        (N,) float64, finite.
    """
    n = len(first)
    if n < FEWEST:
        return f"limits of agreement need at least {FEWEST} pairs, there are {n}"
    if np.array_equal(first, second):
        return "all differences are equal: the two methods are identical"
    if is_constant(first - second, max(np.abs(first).max(), np.abs(second).max())):
        return "all differences are equal: the two methods differ by a constant"
    return ""


def subject_indices(
    subjects: Sequence[Any], used: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], int]:
    """Return the subject of every used pair as a number from 0, and how many there are.

    Parameters
    ----------
    subjects : sequence
        (N,) whom each region belongs to.
    used : ndarray of bool
        (N,) which pairs count.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` when the lengths differ.
    """
    if len(subjects) != len(used):
        raise MRFInputError("bad-shape", "every region must have a subject",
                            expected=f"{len(used)}, one per region", found=f"{len(subjects)}"
                            )  # fmt: skip
    owners = [subject for subject, counts in zip(subjects, used, strict=True) if counts]
    order = {subject: index for index, subject in enumerate(dict.fromkeys(owners))}
    return np.array([order[subject] for subject in owners], np.intp), len(order)
