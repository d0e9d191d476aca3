"""Pseudo-values: error of a statistic from its values without one subject at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def jackknife(
    whole: NDArray[np.float64], without: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard error of the k pseudo-values k · whole - (k - 1) · without.

    Over independent subjects (mean - truth) / error is about t with k - 1 degrees of freedom.

    Parameters
    ----------
    whole : ndarray
        (m,) statistics of all subjects, on a scale on which they are about normal.
    without : ndarray
        (k, m) the same without each of the subjects.

    Returns
    -------
    tuple of ndarray
        (m,) each; NaN where a statistic is not finite.

    References
    ----------
    Tukey, Ann Math Stat 1958;29:614.
    """
    k = len(without)
    with np.errstate(invalid="ignore"):
        pseudo = k * whole - (k - 1) * without
        return pseudo.mean(axis=0), pseudo.std(axis=0, ddof=1) / np.sqrt(k)
