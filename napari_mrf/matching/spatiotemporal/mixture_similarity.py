"""Likeness to mixtures of water and fat, at the off-resonance and B1 of each voxel itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.blocks import padded
from napari_mrf.dictionary.grid import ParameterGrid, steps
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.matching.spatiotemporal.similarity import (
    Similarity,
    SliceFeatures,
    image_of,
    nearest,
)
from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher
from napari_mrf.reconstruction.method import in_single_precision

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.method import VoxelResult

_ROWS_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class MixtureFeatures(SliceFeatures):
    """Products of the unit-norm fingerprints of a slice with the atoms at their own fields.

    Parameters
    ----------
    water, fat : ndarray
        (Y, X, n) and (Y, X, m) complex64.
    block : ndarray
        (Y, X) int64, place of each voxel's B1 on its axis.
    """

    water: NDArray[np.complex64]
    fat: NDArray[np.complex64]
    block: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Atoms of water and fat, and the overlaps that the power of their mixtures follows from.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        n atoms of water and m of fat for every Df and B1 (b).
    water_power, fat_power : ndarray
        (b, n) and (b, m) float32 squared norms.
    overlap : ndarray
        (b, m, n) float32 real parts of the products of fat with water.
    """

    dictionary: WaterFatDictionary
    water_power: NDArray[np.float32]
    fat_power: NDArray[np.float32]
    overlap: NDArray[np.float32]


class MixtureSimilarity(Similarity[MixtureFeatures, Prepared]):
    """Compares fingerprints with training tissues (FF, T1H2O, T1fat) of MRF T1-FF.

    Off-resonance and B1 change from person to person and have nothing to do with tissue: those
    of the voxel itself are used, from exact water-fat matching over the wide grid.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    **conditioning
        Options of `Conditioning`.
    """

    def __init__(self, sequence: Sequence, **conditioning: Any) -> None:
        self.matcher: WaterFatMatcher = WaterFatMatcher(
            sequence, device="cpu", grid="wide", refine=False, **conditioning
        )

    def building(self) -> Generator[None, None, Prepared]:
        """Make atoms and their overlaps."""
        yield from self.matcher.preparing()
        yield
        grid = ParameterGrid(
            {
                "T1H2O": steps(500, 25, 2500),
                "T1fat": steps(250, 10, 420),
                "Df": self.matcher.grid["Df"],
                "B1": self.matcher.grid["B1"],
            }
        )
        made = WaterFatDictionary.build(self.matcher.sequence, grid, self.matcher.conditioning)
        yield
        # Off-resonance turns water and fat alike: any Df gives the same overlaps.
        blocks = [made.block(b1, 0) for b1 in range(grid["B1"].size)]
        return Prepared(
            dictionary=made,
            water_power=np.array([_powers(water) for water, _ in blocks], np.float32),
            fat_power=np.array([_powers(fat) for _, fat in blocks], np.float32),
            overlap=np.array([(fat.conj() @ water.T).real for water, fat in blocks], np.float32),
        )

    def features(
        self,
        signals: NDArray[np.complex64],
        found: VoxelResult,
        read: NDArray[np.bool_],
        seen: NDArray[np.bool_],
    ) -> MixtureFeatures:
        """Return the products with all atoms; see `Similarity.features`."""
        made = self.prepare().dictionary
        norms = norms_of(signals)
        unit = (signals / norms[:, None]).astype(np.complex64)
        b1 = nearest(made.grid["B1"], found.parameters["B1"])
        df = nearest(made.grid["Df"], found.parameters["Df"])
        water = np.empty((len(signals), made.grid["T1H2O"].size), np.complex64)
        fat = np.empty((len(signals), made.grid["T1fat"].size), np.complex64)
        pairs = b1 * made.grid["Df"].size + df
        for pair in np.unique(pairs):
            here = pairs == pair
            of_water, of_fat = made.block(*divmod(int(pair), made.grid["Df"].size))
            water[here] = _products(unit[here], of_water)
            fat[here] = _products(unit[here], of_fat)
        return MixtureFeatures(
            read=read,
            seen=seen,
            own={key: image_of(values, read, np.nan) for key, values in found.parameters.items()},
            flags=image_of(found.flags, read, 0),
            norms=image_of(norms, read, 0.0),
            water=image_of(water, read, 0.0),
            fat=image_of(fat, read, 0.0),
            block=image_of(b1, read, 0),
        )

    def tissue(
        self, maps: Mapping[str, NDArray[np.float32]], known: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], ...]:
        """Return fat fraction and numbers of water and fat atoms."""
        grid = self.prepare().dictionary.grid
        values = {key: np.where(known, image, 1.0) for key, image in maps.items()}
        water = np.where(known, nearest(grid["T1H2O"], values["T1H2O"]), -1)
        fat = nearest(grid["T1fat"], values["T1fat"])
        return values["FF"].astype(np.float32), water.astype(np.int32), fat.astype(np.int32)

    def write(
        self,
        features: MixtureFeatures,
        tissue: tuple[NDArray[Any], ...],
        displacement: tuple[int, int],
        rows: tuple[int, int],
        out: NDArray[np.float32],
    ) -> None:
        """Write correlations; see `Similarity.write`."""
        from napari_mrf.matching.spatiotemporal.patch_kernel import mixture_similarity

        atoms = self.prepare()
        mixture_similarity(
            features.water, features.fat, features.block, features.seen, *tissue,
            atoms.water_power, atoms.fat_power, atoms.overlap, *displacement, *rows, out,
        )  # fmt: skip

    def judged(
        self,
        features: MixtureFeatures,
        at: tuple[NDArray[np.intp], NDArray[np.intp]],
        values: Mapping[str, NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation and scale; see `Similarity.judged`."""
        atoms, block = self.prepare(), features.block[at]
        grid = atoms.dictionary.grid
        i, j = nearest(grid["T1H2O"], values["T1H2O"]), nearest(grid["T1fat"], values["T1fat"])
        f = values["FF"].astype(np.float64)
        w = 1.0 - f
        inner = w * features.water[(*at, i)] + f * features.fat[(*at, j)]
        power = (
            w**2 * atoms.water_power[block, i]
            + f**2 * atoms.fat_power[block, j]
            + 2.0 * w * f * atoms.overlap[block, j, i]
        )
        quality = np.clip(np.abs(inner) / np.sqrt(power), 0.0, 1.0)
        scale = inner * features.norms[at] / power
        return quality.astype(np.float32), in_single_precision(scale)


def _products(
    signals: NDArray[np.complex64], atoms: NDArray[np.complex128]
) -> NDArray[np.complex64]:
    """Return the products (N, A) of fingerprints (N, K) with atoms (A, K)."""
    columns = atoms.conj().T.astype(np.complex64)
    # In blocks of one size: products of matrices depend on it in the last bit.
    blocks = [
        padded(signals[start : start + _ROWS_AT_ONCE], _ROWS_AT_ONCE) @ columns
        for start in range(0, len(signals), _ROWS_AT_ONCE)
    ]
    return np.concatenate(blocks)[: len(signals)]


def _powers(atoms: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.asarray((atoms.real**2 + atoms.imag**2).sum(axis=1))
