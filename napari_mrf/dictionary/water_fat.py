"""Water-fat matching: the exact best pair of a water and a fat atom, FF in closed form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_mrf.devices import n_threads, resolve_device
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid, wide_grid
from napari_mrf.dictionary.water_fat_dictionary import WaterFatDictionary
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import FLAGS
from napari_mrf.method import MethodInfo, MethodOption, VoxelResult
from napari_mrf.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.dictionary.water_fat_search import Search
    from napari_mrf.sequence import Sequence


class WaterFatMatcher(VoxelwiseMethod):
    """Exact matching of a water and a fat atom over the full grid, with continuous FF.

    For every pair of atoms of one (Df, B1) the fat fraction that fits best follows in closed
    form (`docs/matching.md`); the pair of largest correlation wins. The result is never below
    the best atom of the gridded dictionary.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    device : str
        ``"cpu"`` runs the compiled search where the sequence allows it; other devices, and
        other sequences, the torch search, which gives the same pairs.
    grid : {"published", "wide"} or ParameterGrid
        The reconstruction grid of the papers, one with room on all sides, or axes T1H2O,
        T1fat, Df and B1 of one's own.
    threads : int, optional
        CPU threads; all cores by default. Results do not depend on it.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"bad-grid"``, ``"no-device"``.
    """

    info: ClassVar[MethodInfo] = MethodInfo(
        name="water-fat",
        title="exact water-fat matching",
        kind="matcher",
        sequence_kinds=("spoiled",),
        paper="Marty and Carlier, MRM 2020; closed-form fat fraction",
        options=(
            MethodOption(
                name="grid",
                kind="choice",
                default="published",
                label="Grid",
                help="The values searched: those of the papers, or with room on all sides "
                "(water T1 400-3000 ms, fat T1 200-500 ms, B1 0.3-1.2).",
                choices=("published", "wide"),
            ),
        ),
    )

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        grid: str | ParameterGrid = "published",
        threads: int | None = None,
    ) -> None:
        self.sequence = sequence
        self.device = resolve_device(device)
        self.grid = grid if isinstance(grid, ParameterGrid) else _named_grid(grid, sequence)
        self.threads = threads or n_threads()
        self._search: Search | None = None
        self._dictionary = WaterFatDictionary.build(sequence, self.grid)

    @property
    def parameters(self) -> tuple[str, ...]:
        """FF and the axes of the grid."""
        return "FF", "T1H2O", "T1fat", "Df", "B1"

    def describe(self) -> dict[str, Any]:
        """Return grid, engine and device for the provenance."""
        engine = None if self._search is None else self._search.engine
        return {"engine": engine, "device": str(self.device), **self._dictionary.describe()}

    def prepare(self) -> None:
        """Make the tables of the search, and compile it on first use."""
        from napari_mrf.dictionary.water_fat_search import make_search

        if self._search is None:
            self._search = make_search(self._dictionary, self.device)

    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Match (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        self.prepare()
        assert self._search is not None  # noqa: S101 - made by prepare
        threads = self.threads if self._search.engine == "compiled" else 1
        size = -(-len(signals) // threads)
        parts = [signals[start : start + size] for start in range(0, len(signals), size)]
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(self._search.best_pairs, parts))
        indices, fat_fraction, correlation, scale = (
            np.concatenate([getattr(part, name) for part in found])
            for name in ("indices", "fat_fraction", "correlation", "scale")
        )
        return self._result(indices, fat_fraction, correlation, scale)

    def _result(
        self,
        indices: NDArray[np.int64],
        fat_fraction: NDArray[np.float64],
        correlation: NDArray[np.float64],
        scale: NDArray[np.complex128],
    ) -> VoxelResult:
        values = {"FF": fat_fraction.astype(np.float32)}
        flags = np.zeros(len(indices), np.uint8)
        # Without water (or fat) its T1 is free, and lies on no edge.
        present = {"T1H2O": fat_fraction < 1, "T1fat": fat_fraction > 0}
        for column, key in enumerate(("T1H2O", "T1fat", "Df", "B1")):
            axis, index = self.grid[key], indices[:, column]
            values[key] = axis[index].astype(np.float32)
            if axis.size > 1:
                edge = ((index == 0) | (index == axis.size - 1)) & present.get(key, True)
                flags[edge] |= FLAGS[f"{key}-edge"]
        return VoxelResult(
            parameters=values,
            quality=np.clip(correlation, 0.0, 1.0).astype(np.float32),
            m0=scale.astype(np.complex64),
            flags=flags,
        )


def _named_grid(name: str, sequence: Sequence) -> ParameterGrid:
    grids = {"published": reconstruction_grid, "wide": wide_grid}
    if name not in grids:
        raise MRFInputError(
            "unknown-option",
            f"there is no grid {name!r}",
            expected=" or ".join(grids),
        )
    if sequence.kind != "spoiled":
        raise MRFInputError(
            "wrong-sequence",
            "water-fat matching needs a spoiled sequence with a fat model",
            found=f"{sequence.name} ({sequence.kind})",
            hint="Use the method exhaustive for FISP.",
        )
    return grids[name](sequence)
