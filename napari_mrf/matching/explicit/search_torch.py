"""The best atoms of each voxel on a GPU or with the matrix products of torch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.blocks import padded
from napari_mrf.reconstruction.subspace.coefficients import frames_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.dictionary.real_atoms import RealAtoms
    from napari_mrf.reconstruction.subspace.coefficients import Signals

_LOGGER = logging.getLogger(__name__)


class TorchSearch:
    """The best atom to within the rounding of float32 products, on any device.

    Atoms whose correlations differ by less than about 1e-6 may take each other's place; of
    atoms that are equal to the last bit the first wins.

    Parameters
    ----------
    screened : RealAtoms
        (A, R) atoms of norm 1 or less.
    device : torch.device
        Where the products are computed.
    voxels_at_once, atoms_at_once : int
        Sizes of the blocks, padded: products of matrices depend on them in the last bit.
        The first is halved when the device runs out of memory, which then falls to the CPU.
    numbers : ndarray, optional
        (A,) rising, what the answers call the atoms; 0, 1, 2, … without.
    """

    engine = "torch"

    def __init__(
        self,
        screened: RealAtoms,
        device: torch.device,
        *,
        voxels_at_once: int = 1024,
        atoms_at_once: int = 8192,
        numbers: NDArray[np.int64] | None = None,
    ) -> None:
        self._screened = screened
        self._voxels_at_once = voxels_at_once
        self._atoms_at_once = atoms_at_once
        self._rows = torch.from_numpy(screened.rows).to(device)
        self._numbers = np.arange(len(screened.rows)) if numbers is None else numbers
        self.are_real = screened.are_real

    def among(self, numbers: NDArray[np.int64]) -> TorchSearch:
        """Return the search among some of the atoms, by their rising numbers."""
        return TorchSearch(
            self._screened.part(numbers), self._rows.device, numbers=numbers,
            voxels_at_once=self._voxels_at_once, atoms_at_once=self._atoms_at_once,
        )  # fmt: skip

    def best_atoms(
        self,
        signals: Signals,
        norms: NDArray[np.float64],
        shortened: NDArray[np.complexfloating] | None = None,
        missing: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Return the best atoms, by screening alone; see `CompiledSearch.best_atoms`."""
        shortened = frames_of(signals) if shortened is None else shortened
        while True:
            size = self._voxels_at_once
            try:
                blocks = [
                    self._search_block(
                        padded(shortened[start : start + size], size),
                        padded(norms[start : start + size], size),
                    )
                    for start in range(0, len(signals), size)
                ]
                return self._numbers[np.concatenate(blocks)[: len(signals)]]
            except torch.OutOfMemoryError:
                self._give_way()

    def _give_way(self) -> None:
        if self._voxels_at_once > 64:
            self._voxels_at_once //= 2
        else:
            self._rows = self._rows.cpu()
        _LOGGER.warning(
            "out of memory: going on with %d voxels at once on %s",
            self._voxels_at_once,
            self._rows.device,
        )

    def _search_block(
        self, shortened: NDArray[np.complexfloating], norms: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        n, device = len(norms), self._rows.device
        signal_rows = torch.from_numpy(self._screened.signal_rows(shortened, norms)).to(device)
        best = torch.full((n,), -1.0, device=device)
        index = torch.zeros(n, dtype=torch.int64, device=device)
        for start in range(0, len(self._rows), self._atoms_at_once):
            products = signal_rows @ self._rows[start : start + self._atoms_at_once].T
            power = products[:n] ** 2 + products[n:] ** 2
            largest = power.max(dim=1).values
            # The first of equal atoms, which argmax does not promise.
            order = torch.arange(power.shape[1], device=device)
            first = torch.where(power == largest[:, None], order, power.shape[1]).min(1).values
            better = largest > best
            best = torch.where(better, largest, best)
            index = torch.where(better, first + start, index)
        return np.asarray(index.cpu().numpy(), np.int64)
