"""The search inside the groups of atoms that may hold the best one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.threads import each_on_one_core, n_threads
from napari_mrf.dictionary.real_atoms import RealAtoms
from napari_mrf.matching.explicit.search import SearchState, largest_of_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.dictionary.atom_groups import AtomGroups
    from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
    from napari_mrf.matching.explicit.search import ExactAtoms
    from napari_mrf.reconstruction.subspace.coefficients import Signals

# A group meets only some of the voxels of a block: many are needed to fill a product.
_VOXELS_AT_ONCE = 2048
_FEWEST_VOXELS = 256


class GroupSearch:
    """Finds the best atom in the groups that are not pruned.

    Parameters
    ----------
    compressed : CompressedAtoms
        (A, R) atoms as they are multiplied.
    exact : ExactAtoms
        (A, K) atoms as they are compared.
    groups : AtomGroups
        Of the compressed atoms.
    margin : float or None
        Groups are kept whose mean correlates with the fingerprint at least (1 - margin) times
        as well as the best mean. None keeps the groups that might hold the best atom, by a
        bound: the answer is that of exhaustive matching.
    """

    engine = "compiled"

    def __init__(
        self,
        compressed: CompressedAtoms,
        exact: ExactAtoms,
        groups: AtomGroups,
        margin: float | None,
    ) -> None:
        from napari_mrf.matching.explicit import kernel

        self._kernel = kernel
        self._compressed, self._groups, self._margin = compressed, groups, margin
        self._exact = exact
        usable = (exact.weights > 0).astype(np.float64)
        self._screened = RealAtoms.of(compressed.coefficients, usable)
        self.are_real = self._screened.are_real
        rows = torch.from_numpy(self._screened.rows)
        self._rows = [rows[torch.from_numpy(group)].T for group in groups.members]
        left_out = compressed.residuals
        self._slack = [largest_of_tiles(left_out[group]) for group in groups.members]
        self._most_left_out = np.array([slack.max() for slack in self._slack])

    def among(self, numbers: NDArray[np.int64]) -> GroupSearch:
        """Return the search among some of the atoms, by their numbers."""
        return GroupSearch(self._compressed, self._exact, self._groups.among(numbers), self._margin)

    def best_atoms(
        self,
        signals: Signals,
        coefficients: NDArray[np.complex128],
        missing: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """Return the best atoms (N,) of (N, K) fingerprints.

        Parameters
        ----------
        signals : ndarray or Coefficients
            (N, K) fingerprints of any norm.
        coefficients, missing : ndarray
            (N, R) and (N,), see `CompressedAtoms.project`.
        """
        size = min(_VOXELS_AT_ONCE, max(-(-len(signals) // n_threads()), _FEWEST_VOXELS))
        parts = [slice(start, start + size) for start in range(0, len(signals), size)]

        def search(of: slice) -> NDArray[np.int64]:
            return self._search_block(signals[of], coefficients[of], missing[of])

        return np.concatenate(each_on_one_core(search, parts))

    def _search_block(
        self,
        signals: Signals,
        coefficients: NDArray[np.complex128],
        missing: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        n = len(signals)
        state = SearchState(n, self._kernel.CANDIDATES)
        exact = self._exact.compared_with(signals)
        rows = self._screened.signal_rows(coefficients, np.ones(n)).reshape(2, n, -1)
        scores = self._groups.scores(coefficients)

        def look(group: int, voxels: NDArray[np.intp]) -> None:
            if voxels.size == 0:
                return
            some = torch.from_numpy(rows[:, voxels].reshape(2 * voxels.size, -1))
            products = (some @ self._rows[group]).numpy().reshape(2, voxels.size, -1)
            self._kernel.screen(
                products, voxels, self._groups.members[group], self._screened.rounding,
                self._slack[group], missing, *exact, *state.arrays,
            )  # fmt: skip

        every = range(len(self._rows))
        if self._margin is not None:
            kept = scores >= (1.0 - self._margin) * scores.max(axis=1, keepdims=True)
            for group in every:
                look(group, np.flatnonzero(kept[:, group]))
        else:
            # The group of the best mean first: what its atoms reach prunes the others.
            first = scores.argmax(axis=1)
            for group in every:
                look(group, np.flatnonzero(first == group))
            bounds = self._groups.upper_bounds(scores, np.linalg.norm(coefficients, axis=1))
            bounds += missing[:, None] * self._most_left_out + self._screened.rounding
            for group in every:
                open_ = (bounds[:, group] >= state.reached) & (first != group)
                look(group, np.flatnonzero(open_))
        self._kernel.finish(*exact, *state.arrays)
        return state.best
