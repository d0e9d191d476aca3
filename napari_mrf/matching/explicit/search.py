"""Two searches for the atom of largest correlation: compiled for the CPU, torch for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.threads import each_on_one_core, n_threads
from napari_mrf.dictionary.real_atoms import interleaved
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, TimeVectors, frames_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.dictionary.real_atoms import RealAtoms
    from napari_mrf.reconstruction.subspace.coefficients import Signals


# 512 rows of fingerprints against 2048 atoms: the BLAS is near its best, and the 4 MB of
# products are still in cache when they are looked at.
_VOXELS_AT_ONCE = 256
_ATOMS_AT_ONCE = 2048
_FEWEST_VOXELS = 32


class CompiledSearch:
    """The exact best atom: products of matrices, looked at by a compiled pass.

    Fingerprints are *screened* by products with real rows of the atoms; atoms that these cannot
    tell apart are compared exactly. The answer does not depend on sizes of blocks or threads,
    and memory beyond the atoms does not grow with voxels times atoms.

    Parameters
    ----------
    screened : RealAtoms
        (A, R) atoms as they are multiplied, of norm 1 or less.
    exact : ExactAtoms
        (A, T) atoms as they are compared.
    left_out : ndarray, optional
        (A,) norm of what the screened atoms leave out of unit-norm exact ones.
    numbers : ndarray, optional
        (A,) rising, which of the exact atoms are screened; all without.
    voxels_at_once, atoms_at_once : int
        Sizes of the blocks.
    """

    engine = "compiled"

    def __init__(
        self,
        screened: RealAtoms,
        exact: ExactAtoms,
        left_out: NDArray[np.float64] | None = None,
        *,
        numbers: NDArray[np.int64] | None = None,
        voxels_at_once: int = _VOXELS_AT_ONCE,
        atoms_at_once: int = _ATOMS_AT_ONCE,
    ) -> None:
        from napari_mrf.matching.explicit import kernel

        self._kernel = kernel
        self._screened = screened
        self._exact = exact
        self._voxels_at_once = voxels_at_once
        # Whole tiles, so that a tile is the same whatever the blocks.
        tile = kernel.TILE
        self._atoms_at_once = -(-atoms_at_once // tile) * tile
        self._left_out = np.zeros(len(screened.rows)) if left_out is None else left_out
        self._slack = largest_of_tiles(self._left_out)
        self._numbers = np.arange(len(screened.rows)) if numbers is None else numbers
        self.are_real = screened.are_real

    def among(self, numbers: NDArray[np.int64]) -> CompiledSearch:
        """Return the search among some of the atoms, by their rising numbers."""
        return CompiledSearch(
            self._screened.part(numbers), self._exact, self._left_out[numbers], numbers=numbers,
            voxels_at_once=self._voxels_at_once, atoms_at_once=self._atoms_at_once,
        )  # fmt: skip

    def best_atoms(
        self,
        signals: Signals,
        norms: NDArray[np.float64],
        shortened: NDArray[np.complexfloating] | None = None,
        missing: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Return the index (N,) of the atom of largest correlation.

        Parameters
        ----------
        signals : ndarray or Coefficients
            (N, T) fingerprints as they are compared.
        norms : ndarray
            (N,) of the whole fingerprints.
        shortened : ndarray, optional
            (N, R) fingerprints as they are screened, where that differs, of the same scale.
        missing : ndarray, optional
            (N,) norm of what these leave out of a unit-norm fingerprint.
        """
        shortened = frames_of(signals) if shortened is None else shortened
        missing = np.zeros(len(signals)) if missing is None else missing
        size = min(self._voxels_at_once, max(-(-len(signals) // n_threads()), _FEWEST_VOXELS))
        parts = [slice(start, start + size) for start in range(0, len(signals), size)]

        def search(of: slice) -> NDArray[np.int64]:
            return self._search_block(signals[of], norms[of], shortened[of], missing[of])

        return np.concatenate(each_on_one_core(search, parts))

    def _search_block(
        self,
        signals: Signals,
        norms: NDArray[np.float64],
        shortened: NDArray[np.complexfloating],
        missing: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        n = len(signals)
        state = SearchState(n, self._kernel.CANDIDATES)
        exact = self._exact.compared_with(signals)
        signal_rows = torch.from_numpy(self._screened.signal_rows(shortened, norms))
        atom_rows = torch.from_numpy(self._screened.rows)
        rows = np.arange(n)
        for start in range(0, len(atom_rows), self._atoms_at_once):
            of = slice(start, start + self._atoms_at_once)
            products = (signal_rows @ atom_rows[of].T).numpy().reshape(2, n, -1)
            self._kernel.screen(
                products, rows, self._numbers[of], self._screened.rounding,
                self._slack[start // self._kernel.TILE :], missing, *exact, *state.arrays,
            )  # fmt: skip
        self._kernel.finish(*exact, *state.arrays)
        return state.best


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
        self.weights = weights
        self._atoms, self._vectors = interleaved(atoms), TimeVectors(atoms)

    def compared_with(
        self, signals: Signals
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float32]]:
        """Return atoms, weights and signals, over frames or in the subspace of the signals."""
        if not isinstance(signals, Coefficients):
            return self._atoms, self.weights, interleaved(signals)
        atoms = self._vectors.seen_by(signals.subspace).astype(np.complex64)
        return interleaved(atoms), self.weights, interleaved(signals.unit.astype(np.complex64))


class SearchState:
    """State of the search for N fingerprints while blocks of atoms go by.

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
