"""Water-fat matching: the exact best pair of a water and a fat atom, FF in closed form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid, wide_grid
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.refining_matcher import (
    SHARED_OPTIONS,
    RefiningMatcher,
    shares,
    take_given_b1,
)
from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
from napari_mrf.reconstruction.edges import edge_flags
from napari_mrf.reconstruction.held_b1 import nearest_places
from napari_mrf.reconstruction.method import (
    MethodInfo,
    MethodOption,
    VoxelResult,
    in_single_precision,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.water_fat.pairs import Search
    from napari_mrf.reconstruction.subspace.coefficients import Signals

# A chunk takes every core 0.3 s at 10 dB: long enough to share out, short enough to cancel.
_VOXELS_A_CORE, _VOXELS_ON_GPU = 1024, 8192


class WaterFatMatcher(RefiningMatcher):
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
        other sequences, the torch search, which gives the same pairs. ``"auto"`` is the CPU.
    grid : {"published", "wide"} or ParameterGrid
        The reconstruction grid of the papers, one with room on all sides, or axes T1H2O,
        T1fat, Df and B1 of one's own.
    **given
        Threads, refinement and conditioning, see `RefiningMatcher`.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"bad-grid"``, ``"no-device"``.
    """

    info = MethodInfo(
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
            *SHARED_OPTIONS,
        ),
        takes_b1=True,
    )

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        grid: str | ParameterGrid = "published",
        **given: Any,
    ) -> None:
        super().__init__(sequence, **given)
        # Pruned and compiled, the search is faster on a few cores than all of it on a large GPU
        # (docs/results.md).
        self.device = resolve_device("cpu" if device == "auto" else device)
        on_cpu = self.device.type == "cpu"
        self.chunk_size = _VOXELS_A_CORE * self.threads if on_cpu else _VOXELS_ON_GPU
        self.grid = grid if isinstance(grid, ParameterGrid) else _named_grid(grid, sequence)
        self._search: Search | None = None
        self._dictionary = WaterFatDictionary.build(sequence, self.grid, self.conditioning)

    @property
    def parameters(self) -> tuple[str, ...]:
        """FF and the axes of the grid."""
        return "FF", "T1H2O", "T1fat", "Df", "B1"

    def describe(self) -> dict[str, Any]:
        """Return grid, engine and device for the provenance."""
        engine = None if self._search is None else self._search.engine
        record = {"engine": engine, "device": str(self.device), **self._dictionary.describe()}
        return record | self.describe_refinement()

    def preparing(self) -> Generator[None, None, Search]:
        """Make the tables of the search and of refinement, one after the other."""
        if self._search is not None:
            return self._search
        from napari_mrf.matching.water_fat.search import make_search

        yield
        search, self.notes = make_search(self._dictionary, self.device)
        yield from self.preparing_refinement(self.parameters)
        self._search = search
        return search

    @property
    def matches_coefficients(self) -> bool:  # type: ignore[override]
        """See `VoxelwiseMethod.matches_coefficients`: the compiled search does."""
        return self._search is not None and self._search.engine == "compiled"

    def match(self, signals: Signals) -> VoxelResult:
        """Match (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        return self._search_pairs(signals, np.full(len(signals), -1))

    def match_with_b1(self, signals: Signals, b1: NDArray[np.float32]) -> VoxelResult:
        """Match with given B1 held; see `VoxelwiseMethod.match_with_b1`."""
        found = self._search_pairs(signals, nearest_places(self.grid["B1"], b1))
        take_given_b1(found.parameters, found.flags, b1)
        return replace(found, b1=b1)

    def _search_pairs(self, signals: Signals, only_b1: NDArray[np.int64]) -> VoxelResult:
        search: Search = self.prepare()
        # The torch search spreads its own work over the cores.
        is_compiled = search.engine == "compiled"
        parts = shares(len(signals), self.threads) if is_compiled else [slice(None)]
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(
                pool.map(
                    search.best_pairs,
                    [signals[part] for part in parts],
                    [only_b1[part] for part in parts],
                )
            )
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
        on_edge = {}
        for column, key in enumerate(("T1H2O", "T1fat", "Df", "B1")):
            axis, index = self.grid[key], indices[:, column]
            values[key] = axis[index].astype(np.float32)
            if axis.size > 1:
                on_edge[key] = (index == 0) | (index == axis.size - 1)
        return VoxelResult(
            parameters=values,
            quality=np.clip(correlation, 0.0, 1.0).astype(np.float32),
            m0=in_single_precision(scale),
            flags=edge_flags(on_edge, values),
        )


def _named_grid(name: str, sequence: Sequence) -> ParameterGrid:
    grids = {"published": reconstruction_grid, "wide": wide_grid}
    if name not in grids:
        raise MRFInputError(
            "unknown-option",
            f"the grid {name!r} is not known",
            expected=" or ".join(grids),
        )
    return grids[name](sequence)
