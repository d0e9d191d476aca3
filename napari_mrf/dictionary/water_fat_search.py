"""Two searches for the best water-fat pair: compiled for the CPU, torch for everything else."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from napari_mrf.dictionary.water_fat_factors import factorise, middle_first
from napari_mrf.dictionary.water_fat_pair import best_fat_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.dictionary.water_fat_dictionary import WaterFatDictionary

_LOGGER = logging.getLogger(__name__)


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


def make_search(dictionary: WaterFatDictionary, device: torch.device) -> Search:
    """Return the compiled search where it applies, else the torch search."""
    if device.type == "cpu":
        try:
            return CompiledSearch(dictionary)
        except (ImportError, ValueError) as reason:
            _LOGGER.warning("water-fat matching uses the slower general search: %s", reason)
    return TorchSearch(dictionary, device)


class CompiledSearch(Search):
    """Exact search with pruning, compiled by numba.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        Of a sequence that factorises.
    prune : bool
        Skip blocks that cannot hold the best pair; the result is the same without.

    Raises
    ------
    ImportError
        Without numba.
    ValueError
        When the sequence does not factorise.
    """

    engine = "compiled"

    def __init__(self, dictionary: WaterFatDictionary, *, prune: bool = True) -> None:
        from napari_mrf.dictionary.water_fat_kernel import match_voxels

        self._match_voxels = match_voxels
        self._factors = f = factorise(dictionary)
        self._prune = prune
        tables = (f.water, f.fat, f.bound)
        self._tables = [part for table in tables for part in _parts(table)]
        self._phases = _parts(f.phases)
        self.best_pairs(np.ones((1, f.segment_of_frame.size), np.complex64))  # compiles

    def best_pairs(self, signals: NDArray[np.complex64]) -> Pairs:
        """Search (N, T) fingerprints; see `Search.best_pairs`."""
        return self.search(signals)[0]

    def search(self, signals: NDArray[np.complex64]) -> tuple[Pairs, NDArray[np.int64]]:
        """Return the pairs and the number of (Df, B1) blocks searched for each fingerprint."""
        f, n = self._factors, len(signals)
        indices, power = np.zeros((n, 4), np.int64), np.zeros(n)
        products, visited = np.zeros((n, 2), np.complex128), np.zeros(n, np.int64)
        self._match_voxels(
            np.ascontiguousarray(signals, np.complex64),
            f.segment_of_frame,
            f.basis,
            *self._tables,
            f.bound_slack,
            *self._phases,
            f.overlap,
            f.inverse_determinant,
            self._prune,
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
        norms = np.linalg.norm(signals.astype(np.complex128), axis=1)
        grid = np.stack([f.water_order[water], f.fat_order[fat], df, b1], axis=1)
        return Pairs(grid, fraction, np.sqrt(power), scale * norms), visited


class TorchSearch(Search):
    """Exhaustive search over all blocks, on any device and for any spoiled sequence.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        Any grid.
    device : torch.device
        float64 where the device has it, else float32.
    voxels_at_once : int
        Fixed size of the padded blocks of voxels: products of matrices depend on their size in
        the last bit. Halved when the device runs out of memory, which then falls to the CPU.
    """

    engine = "torch"

    def __init__(
        self, dictionary: WaterFatDictionary, device: torch.device, *, voxels_at_once: int = 64
    ) -> None:
        self._device = device
        self._voxels_at_once = voxels_at_once
        self._real = torch.float32 if device.type == "mps" else torch.float64
        self._complex = torch.complex64 if device.type == "mps" else torch.complex128
        self._water_order = middle_first(dictionary.water.shape[1])
        self._fat_order = middle_first(dictionary.fat.shape[1])
        self._dictionary = dictionary
        self._n_df = dictionary.grid["Df"].size

    def best_pairs(self, signals: NDArray[np.complex64]) -> Pairs:
        """Search (N, T) fingerprints; see `Search.best_pairs`."""
        while True:
            try:
                return self._best_pairs(signals)
            except torch.OutOfMemoryError:
                self._give_way()

    def _give_way(self) -> None:
        if self._voxels_at_once > 8:
            self._voxels_at_once //= 2
        else:
            self._device = torch.device("cpu")
        _LOGGER.warning(
            "out of memory: going on with %d voxels at once on %s",
            self._voxels_at_once,
            self._device,
        )

    def _best_pairs(self, signals: NDArray[np.complex64]) -> Pairs:
        size = self._voxels_at_once
        padded = np.zeros((-(-len(signals) // size) * size, signals.shape[1]), np.complex128)
        padded[: len(signals)] = signals
        norms = np.linalg.norm(padded, axis=1)
        padded[: len(signals)] /= norms[: len(signals), None]
        found = _Best(len(padded))
        for b1 in range(self._dictionary.grid["B1"].size):
            for df in range(self._n_df):
                self._search_block(b1, df, padded, found)
        n = slice(len(signals))
        fraction, power, scale = best_fat_fraction(
            found.water[n], found.fat[n], found.overlap[n], found.water_norm[n], found.fat_norm[n]
        )
        return Pairs(found.indices[n], fraction, np.sqrt(power), scale * norms[n])

    def _search_block(
        self, b1: int, df: int, signals: NDArray[np.complex128], found: _Best
    ) -> None:
        water, fat = self._dictionary.block(b1, df)
        water, fat = water[self._water_order], fat[self._fat_order]
        water_norms, fat_norms = np.linalg.norm(water, axis=1), np.linalg.norm(fat, axis=1)
        water, fat = water / water_norms[:, None], fat / fat_norms[:, None]
        overlap = (fat.conj() @ water.T).real
        water_tensor, fat_tensor = (
            torch.as_tensor(atoms.conj().T.copy(), dtype=self._complex, device=self._device)
            for atoms in (water, fat)
        )
        overlap_tensor = torch.as_tensor(overlap, dtype=self._real, device=self._device)
        for start in range(0, len(signals), self._voxels_at_once):
            at = slice(start, start + self._voxels_at_once)
            block = torch.as_tensor(signals[at], dtype=self._complex, device=self._device)
            of_water, of_fat = block @ water_tensor, block @ fat_tensor
            values = _pair_values(of_water, of_fat, overlap_tensor).reshape(len(block), -1)
            best = values.max(dim=1).values
            # The first of equal pairs, which argmax does not promise.
            order = torch.arange(values.shape[1], device=self._device)
            first = torch.where(values == best[:, None], order, values.shape[1]).min(dim=1).values
            j, i = (first // len(water)).cpu().numpy(), (first % len(water)).cpu().numpy()
            better = best.double().cpu().numpy() > found.value[at]
            rows = np.flatnonzero(better)
            i, j = i[rows], j[rows]
            target = rows + start
            found.value[target] = best.double().cpu().numpy()[rows]
            found.indices[target] = np.stack(
                [
                    self._water_order[i],
                    self._fat_order[j],
                    np.full_like(i, df),
                    np.full_like(i, b1),
                ],
                axis=1,
            )
            found.water[target] = of_water.cpu().numpy()[rows, i]
            found.fat[target] = of_fat.cpu().numpy()[rows, j]
            found.overlap[target] = overlap[j, i]
            found.water_norm[target], found.fat_norm[target] = water_norms[i], fat_norms[j]


class _Best:
    """The best pair so far of N fingerprints."""

    def __init__(self, n: int) -> None:
        self.value = np.full(n, -1.0)
        self.indices = np.zeros((n, 4), np.int64)
        self.water, self.fat = np.zeros(n, np.complex128), np.zeros(n, np.complex128)
        self.overlap, self.water_norm, self.fat_norm = np.zeros(n), np.ones(n), np.ones(n)


def _pair_values(water: Tensor, fat: Tensor, overlap: Tensor) -> Tensor:
    """J² (N, n_fat, n_water) of every pair; the formulas of `best_fat_fraction`."""
    # Real arithmetic: the magnitude of a complex tensor costs a hypotenuse an element.
    w_re, w_im = water.real.contiguous()[:, None, :], water.imag.contiguous()[:, None, :]
    f_re, f_im = fat.real.contiguous()[:, :, None], fat.imag.contiguous()[:, :, None]
    water_power, fat_power = w_re**2 + w_im**2, f_re**2 + f_im**2
    cross, twist = w_re * f_re + w_im * f_im, w_im * f_re - w_re * f_im
    inverse = 1.0 / torch.clamp(1.0 - overlap**2, min=1e-12)
    half = 0.5 * (water_power + fat_power - 2.0 * overlap * cross) * inverse
    largest = half + torch.sqrt(torch.clamp(half**2 - twist**2 * inverse, min=0.0))
    inside = cross - largest * overlap > 0
    return torch.where(inside, largest, torch.maximum(water_power, fat_power))


def _parts(values: NDArray[np.complex128]) -> list[NDArray[np.float64]]:
    return [np.ascontiguousarray(values.real), np.ascontiguousarray(values.imag)]
