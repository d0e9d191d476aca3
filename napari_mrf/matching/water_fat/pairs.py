"""The closed form behind water-fat matching: best fat fraction of one pair of atoms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def best_fat_fraction(
    water: NDArray[np.complex128],
    fat: NDArray[np.complex128],
    overlap: NDArray[np.float64],
    water_norm: NDArray[np.float64],
    fat_norm: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """Return the best mixture of one water and one fat atom for each of N fingerprints.

    Of all real mixtures (1 - FF) W + FF F with FF in [0, 1] and any complex scale, the one
    of largest correlation. The stationary points of the correlation in FF are the roots of a
    quadratic; the larger eigenvalue of the 2 x 2 problem picks the maximum, never the minimum.

    Parameters
    ----------
    water, fat : ndarray
        (N,) inner products of the unit-norm atoms with the fingerprints.
    overlap : ndarray
        (N,) real part of the inner product of the unit-norm atoms.
    water_norm, fat_norm : ndarray
        (N,) norms of the atoms.

    Returns
    -------
    fat_fraction : ndarray
        (N,), 0-1.
    power : ndarray
        (N,) squared inner product J² with the best unit-norm mixture.
    scale : ndarray
        (N,) complex M0: the mixture times M0 is the model.
    """
    water_power, fat_power = np.abs(water) ** 2, np.abs(fat) ** 2
    product = water * fat.conj()
    determinant = np.maximum(1.0 - overlap**2, 1e-12)
    half = 0.5 * (water_power + fat_power - 2.0 * overlap * product.real) / determinant
    largest = half + np.sqrt(np.maximum(half**2 - product.imag**2 / determinant, 0.0))
    inside = product.real - largest * overlap > 0
    pure_fat = np.where(water_power >= fat_power, 0.0, 1.0)

    # Numerators of the unnormalised mixture (1 - FF, FF); `d` is water's share, `n` fat's.
    n = water_norm**2 * (largest - water_power)
    d = water_norm * fat_norm * (product.real - largest * overlap)
    with np.errstate(divide="ignore", invalid="ignore"):
        fat_fraction = np.clip(np.where(inside, n / (n + d), pure_fat), 0.0, 1.0)
    power = np.where(inside, largest, np.maximum(water_power, fat_power))

    of_water, of_fat = (1.0 - fat_fraction) * water_norm, fat_fraction * fat_norm
    norm = of_water**2 + of_fat**2 + 2.0 * of_water * of_fat * overlap
    return fat_fraction, power, (of_water * water + of_fat * fat) / norm


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
    def best_pairs(self, signals: Any, b1: NDArray[np.int64] | None = None) -> Pairs:
        """Search (N, T) finite, non-zero fingerprints.

        Parameters
        ----------
        signals : ndarray
            (N, T) complex64; the compiled search takes `Coefficients` too.
        b1 : ndarray, optional
            (N,) place on the axis of B1 to stay at; -1 for all of it.
        """
