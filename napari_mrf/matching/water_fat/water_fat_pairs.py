"""Pairs of a water and a fat atom, and what finds the best ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """Best pairs of N fingerprints.

    Parameters
    ----------
    indices : ndarray
        (N, 4) grid indices of T1H2O, T1fat, Df, B1.
    fat_fraction, correlation : ndarray
        (N,) FF and J, both 0-1.
    scale : ndarray
        (N,) complex M0 of the measured fingerprint.
    """

    indices: NDArray[np.int64]
    fat_fraction: NDArray[np.float64]
    correlation: NDArray[np.float64]
    scale: NDArray[np.complex128]


class Search(ABC):
    """Finds the best pair of every fingerprint."""

    engine: ClassVar[str]

    @abstractmethod
    def best_pairs(self, signals: NDArray[np.complex64]) -> Pairs:
        """Search (N, T) finite, non-zero fingerprints."""
