"""Two searches for the best water-fat pair: compiled for the CPU, torch for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.matching.water_fat.factors import factorize
from napari_mrf.matching.water_fat.pairs import Pairs, Search, best_fat_fraction
from napari_mrf.matching.water_fat.search_torch import TorchSearch, real_parts
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, TimeVectors

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
    from napari_mrf.reconstruction.subspace.coefficients import Signals, Subspace


def make_search(
    dictionary: WaterFatDictionary, device: torch.device
) -> tuple[Search, list[MapsWarning]]:
    """Return the compiled search where it applies, else the torch search, and why."""
    notes: list[MapsWarning] = []
    if device.type == "cpu":
        try:
            return CompiledSearch(dictionary), notes
        except (ImportError, ValueError) as reason:
            told = f"Matching took the slower general search: {reason}. The maps are the same."
            notes.append(MapsWarning("slower-search", told))
    return TorchSearch(dictionary, device), notes


class CompiledSearch(Search):
    """Exact search with pruning, compiled by numba.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        Of a sequence that factorizes.
    prune : bool
        Skip blocks that cannot hold the best pair; the result is the same without.

    Raises
    ------
    ImportError
        Without numba.
    ValueError
        When the sequence does not factorize.
    """

    engine = "compiled"

    def __init__(self, dictionary: WaterFatDictionary, *, prune: bool = True) -> None:
        from napari_mrf.matching.water_fat.kernel import match_voxels

        self._match_voxels = match_voxels
        self._factors = f = factorize(dictionary)
        self._prune = prune
        tables = (f.water, f.fat, f.bound)
        self._tables = [part for table in tables for part in real_parts(table)]
        self._phases = real_parts(f.phases)
        in_segments = f.segment_of_frame == np.arange(f.phases.shape[1])[:, None]
        self._bases = TimeVectors(
            (in_segments[:, None] * f.basis.T).reshape(-1, f.segment_of_frame.size)
        )
        self.best_pairs(np.ones((1, f.segment_of_frame.size), np.complex64))  # compiles

    def best_pairs(self, signals: Signals, b1: NDArray[np.int64] | None = None) -> Pairs:
        """Search (N, T) fingerprints; see `Search.best_pairs`."""
        return self.search(signals, b1)[0]

    def search(
        self, signals: Signals, only_b1: NDArray[np.int64] | None = None
    ) -> tuple[Pairs, NDArray[np.int64]]:
        """Return the pairs and the number of (Df, B1) blocks searched for each fingerprint."""
        f, n = self._factors, len(signals)
        indices, power = np.zeros((n, 4), np.int64), np.zeros(n)
        products, visited = np.zeros((n, 2), np.complex128), np.zeros(n, np.int64)
        rows: NDArray[np.complexfloating]
        if isinstance(signals, Coefficients):
            rows, norms, seen = signals.unit, signals.norms, self._seen_by(signals.subspace)
        else:
            rows, norms = signals, np.linalg.norm(signals.astype(np.complex128), axis=1)
            seen = np.zeros((0, *f.phases.shape[1:], f.basis.shape[1]), np.complex128)
        self._match_voxels(
            np.ascontiguousarray(rows, np.complex64),
            f.segment_of_frame,
            f.basis,
            *real_parts(seen),
            *self._tables,
            f.bound_slack,
            *self._phases,
            f.overlap,
            f.inverse_determinant,
            self._prune,
            np.full(n, -1) if only_b1 is None else only_b1,
            indices,
            power,
            products,
            visited,
        )
        water, fat, df, b1 = indices.T
        fraction, power, scale = best_fat_fraction(
            products[:, 0],
            products[:, 1],
            f.overlap[b1, fat, water],
            f.water_norms[b1, water],
            f.fat_norms[b1, fat],
        )
        grid = np.stack([f.water_order[water], f.fat_order[fat], df, b1], axis=1)
        return Pairs(grid, fraction, np.sqrt(power), scale * norms), visited

    def _seen_by(self, subspace: Subspace) -> NDArray[np.complex128]:
        """Return the products (K, S, B·R) of the vectors of a subspace with the bases."""
        seen = self._bases.seen_by(subspace).conj().T
        return seen.reshape(len(seen), -1, self._factors.basis.shape[1])
