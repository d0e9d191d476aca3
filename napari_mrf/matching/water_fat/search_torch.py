"""The best pairs of a water and a fat atom with the matrix products of torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.matching.water_fat.factors import middle_first
from napari_mrf.matching.water_fat.pairs import Pairs, Search, best_fat_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Atoms:
    """Unit-norm atoms of one B1 on the device: D off-resonances, their norms and overlaps."""

    water: Tensor  # (T, D * n_water) conjugate
    fat: Tensor  # (T, D * n_fat) conjugate
    overlap: Tensor  # (D, n_fat, n_water)
    water_norms: NDArray[np.float64]  # (D, n_water)
    fat_norms: NDArray[np.float64]  # (D, n_fat)


class TorchSearch(Search):
    """Exhaustive search over all blocks, on any device and for any spoiled sequence.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        Any grid.
    device : torch.device
        float64 where the device has it, else float32.
    voxels_at_once : int, optional
        Fixed size of the padded blocks of voxels: products of matrices depend on their size in
        the last bit. Halved when the device runs out of memory, which then falls to the CPU.
    """

    engine = "torch"

    def __init__(
        self,
        dictionary: WaterFatDictionary,
        device: torch.device,
        *,
        voxels_at_once: int | None = None,
    ) -> None:
        self._device = device
        self._voxels_at_once = voxels_at_once or (32 if device.type == "cpu" else 512)
        self._real = torch.float32 if device.type == "mps" else torch.float64
        self._complex = torch.complex64 if device.type == "mps" else torch.complex128
        self._water_order = middle_first(dictionary.water.shape[1])
        self._fat_order = middle_first(dictionary.fat.shape[1])
        self._dictionary = dictionary
        self._atoms: dict[int, _Atoms] = {}

    def best_pairs(
        self, signals: NDArray[np.complex64], b1: NDArray[np.int64] | None = None
    ) -> Pairs:
        """Search (N, T) fingerprints; see `Search.best_pairs`."""
        while True:
            try:
                return self._best_pairs(signals, b1)
            except torch.OutOfMemoryError:
                self._give_way()

    def _give_way(self) -> None:
        if self._voxels_at_once > 8:
            self._voxels_at_once //= 2
        else:
            self._device = torch.device("cpu")
            self._atoms.clear()
        _LOGGER.warning(
            "out of memory: going on with %d voxels at once on %s",
            self._voxels_at_once,
            self._device,
        )

    def _best_pairs(
        self, signals: NDArray[np.complex64], b1: NDArray[np.int64] | None = None
    ) -> Pairs:
        size, n = self._voxels_at_once, len(signals)
        norms = np.linalg.norm(signals.astype(np.complex128), axis=1)
        unit = np.zeros((-(-n // size) * size, signals.shape[1]), np.complex128)
        unit[:n] = signals / norms[:, None]
        only = np.full(len(unit), -1)
        if b1 is not None:
            only[:n] = b1
        blocks = [
            self._search_block(unit[at : at + size], only[at : at + size])
            for at in range(0, len(unit), size)
        ]
        pair, water, fat, overlap, water_norm, fat_norm = (
            np.concatenate(parts)[:n] for parts in zip(*blocks, strict=True)
        )
        fraction, power, scale = best_fat_fraction(water, fat, overlap, water_norm, fat_norm)
        indices = np.stack(
            [self._water_order[pair[:, 3]], self._fat_order[pair[:, 2]], pair[:, 1], pair[:, 0]],
            axis=1,
        )
        return Pairs(indices, fraction, np.sqrt(power), scale * norms)

    def _search_block(
        self, unit: NDArray[np.complex128], only_b1: NDArray[np.int64]
    ) -> tuple[NDArray[Any], ...]:
        """Return (B1, Df, fat, water) in search order of the best pairs, and their products."""
        signals = torch.as_tensor(unit, dtype=self._complex, device=self._device)
        n_voxels = len(signals)
        rows = torch.arange(n_voxels, device=self._device)
        best = torch.full((n_voxels,), -1.0, dtype=self._real, device=self._device)
        pair = torch.zeros((n_voxels, 4), dtype=torch.int64, device=self._device)
        products = torch.zeros((n_voxels, 2), dtype=self._complex, device=self._device)
        only = torch.as_tensor(only_b1, device=self._device)
        for b1 in range(len(self._dictionary.water)):
            is_open = (only < 0) | (only == b1)
            if not is_open.any():
                continue
            atoms = self._atoms_of(b1)
            n_df, n_fat, n_water = atoms.overlap.shape
            water = (signals @ atoms.water).reshape(n_voxels, n_df, n_water)
            fat = (signals @ atoms.fat).reshape(n_voxels, n_df, n_fat)
            values = _pair_values(water, fat, atoms.overlap).reshape(n_voxels, -1)
            largest = values.max(dim=1).values
            # The first of equal pairs, which argmax does not promise.
            order = torch.arange(values.shape[1], device=self._device)
            first = torch.where(values == largest[:, None], order, values.shape[1]).min(1).values
            df, rest = first // (n_fat * n_water), first % (n_fat * n_water)
            j, i = rest // n_water, rest % n_water
            better = is_open & (largest > best)
            best = torch.where(better, largest, best)
            found = torch.stack([torch.full_like(df, b1), df, j, i], dim=1)
            pair = torch.where(better[:, None], found, pair)
            here = torch.stack([water[rows, df, i], fat[rows, df, j]], dim=1)
            products = torch.where(better[:, None], here, products)
        chosen = pair.cpu().numpy()
        b1_index, df_index, fat_index, water_index = chosen.T
        overlap, water_norm, fat_norm = np.empty((3, n_voxels))
        for b1 in np.unique(b1_index):
            at, atoms = b1_index == b1, self._atoms_of(int(b1))
            d, j, i = df_index[at], fat_index[at], water_index[at]
            overlap[at] = atoms.overlap.cpu().numpy()[d, j, i]
            water_norm[at], fat_norm[at] = atoms.water_norms[d, i], atoms.fat_norms[d, j]
        both = products.cpu().numpy().astype(np.complex128)
        return chosen, both[:, 0], both[:, 1], overlap, water_norm, fat_norm

    def _atoms_of(self, b1: int) -> _Atoms:
        if b1 not in self._atoms:
            n_df = self._dictionary.grid["Df"].size
            blocks = [self._dictionary.block(b1, df) for df in range(n_df)]
            water = np.stack([block[0][self._water_order] for block in blocks])
            fat = np.stack([block[1][self._fat_order] for block in blocks])
            water_norms, fat_norms = np.linalg.norm(water, axis=2), np.linalg.norm(fat, axis=2)
            water, fat = water / water_norms[:, :, None], fat / fat_norms[:, :, None]
            overlap = (fat.conj() @ water.transpose(0, 2, 1)).real
            self._atoms[b1] = _Atoms(
                self._columns(water),
                self._columns(fat),
                torch.as_tensor(overlap, dtype=self._real, device=self._device),
                water_norms,
                fat_norms,
            )
        return self._atoms[b1]

    def _columns(self, atoms: NDArray[np.complex128]) -> Tensor:
        columns = np.ascontiguousarray(atoms.conj().reshape(-1, atoms.shape[2]).T)
        return torch.as_tensor(columns, dtype=self._complex, device=self._device)


def _pair_values(water: Tensor, fat: Tensor, overlap: Tensor) -> Tensor:
    """J² (N, D, n_fat, n_water) of every pair; the formulas of `best_fat_fraction`."""
    # Real arithmetic: the magnitude of a complex tensor costs a hypotenuse an element.
    w_re, w_im = water.real.contiguous()[:, :, None], water.imag.contiguous()[:, :, None]
    f_re, f_im = fat.real.contiguous()[..., None], fat.imag.contiguous()[..., None]
    water_power, fat_power = w_re**2 + w_im**2, f_re**2 + f_im**2
    cross, twist = w_re * f_re + w_im * f_im, w_im * f_re - w_re * f_im
    inverse = 1.0 / torch.clamp(1.0 - overlap**2, min=1e-12)
    half = 0.5 * (water_power + fat_power - 2.0 * overlap * cross) * inverse
    largest = half + torch.sqrt(torch.clamp(half**2 - twist**2 * inverse, min=0.0))
    inside = cross - largest * overlap > 0
    return torch.where(inside, largest, torch.maximum(water_power, fat_power))


def real_parts(values: NDArray[np.complex128]) -> list[NDArray[np.float64]]:
    """Return real and imaginary part, each contiguous."""
    return [np.ascontiguousarray(values.real), np.ascontiguousarray(values.imag)]
