"""Signals and their derivatives at the nodes of a grid, as refinement reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SignalTables:
    """What Levenberg-Marquardt reads of a signal model of P - 2 tissue parameters.

    Parameters
    ----------
    model : tuple of ndarray
        For the model's own `linearize`.
    basis : ndarray
        (K, R) real, orthonormal, of all signals over the frames used.
    phase : complex
        What signals are divided by to be combinations of the basis, of size 1.
    lower, upper : ndarray
        (P - 2,) limits of the tissue parameters.
    scales : ndarray
        (P - 2,) steps that matter.
    groups : ndarray
        (K,) number of each frame's group; within one, signals change slowly.
    signs : ndarray
        (K,) 1 or -1, what to multiply frames by to make that so.
    """

    model: tuple[NDArray[Any], ...]
    basis: NDArray[np.float64]
    phase: complex
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    scales: NDArray[np.float64]
    groups: NDArray[np.int64]
    signs: NDArray[np.float64]
