"""What the two searches for the best atoms share: exact products, what is found so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.dictionary.real_atoms import interleaved

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExactAtoms:
    """The atoms as the compiled pass compares them.

    Parameters
    ----------
    atoms : ndarray
        (A, T) complex64, of any norm.
    norms : ndarray
        (A,) float64; 0 for atoms that cannot be matched.
    """

    def __init__(self, atoms: NDArray[np.complex64], norms: NDArray[np.float64]) -> None:
        usable = norms > 0
        weights = np.zeros(len(atoms))
        weights[usable] = norms[usable] ** -2.0
        self.arrays = (interleaved(atoms), weights)


class SearchState:
    """What is known of N fingerprints while blocks of atoms go by.

    Parameters
    ----------
    n : int
        Number of fingerprints.
    n_candidates : int
        Atoms remembered for each.
    """

    def __init__(self, n: int, n_candidates: int) -> None:
        self.best = np.zeros(n, np.int64)
        self.reached = np.zeros(n)
        self.arrays = (
            self.reached,
            np.zeros(n, np.int64),
            np.zeros((n, n_candidates), np.int64),
            np.zeros((n, n_candidates)),
            self.best,
            np.full(n, -1.0),
        )


def largest_of_tiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest of every `TILE` values (A,)."""
    from napari_mrf.matching.explicit.kernel import TILE

    return np.asarray(np.maximum.reduceat(values, np.arange(0, len(values), TILE)))
