"""Water-fat matching: the exact best pair of a water and a fat atom, FF in closed form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.devices import n_threads, resolve_device
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid, wide_grid
from napari_mrf.dictionary.prior import no_prior, range_prior, series_prior
from napari_mrf.dictionary.water_fat_dictionary import WaterFatDictionary
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import FLAGS
from napari_mrf.method import MethodInfo, MethodOption, VoxelResult
from napari_mrf.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.dictionary.water_fat_refinement import WaterFatRefinement
    from napari_mrf.dictionary.water_fat_search import Search
    from napari_mrf.sequence import Sequence

_FEWEST_LEARNED = 50
# A chunk takes 0.3 s of one core at 10 dB: long enough to share out, short enough to cancel.
_VOXELS_ON_CPU, _VOXELS_ON_GPU = 1024, 8192
_FEWEST_IN_PART = 32
PRIORS = ("series", "range", "off")


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
    refine : bool
        Go on from the grid answer to continuous values, with their standard deviations.
    prior : {"series", "range", "off"}
        What refinement believes of the tissue: the spread of the series' own grid answers,
        the published range, or nothing.
    sigma : float, optional
        Noise standard deviation in the real and the imaginary part of the series; estimated
        from each voxel's residual without.
    frames, window, smooth, conjugate
        See `Conditioning`; applied to the series and, where it matters, to the atoms alike.

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
            MethodOption(
                name="refine",
                kind="bool",
                default=True,
                label="Refine",
                help="Continuous values between and beyond the grid points, with their "
                "standard deviations.",
            ),
            MethodOption(
                name="prior",
                kind="choice",
                default="series",
                label="Prior",
                help="What refinement believes beforehand: the spread of this series' own grid "
                "answers, the published range, or nothing.",
                choices=PRIORS,
            ),
            *CONDITIONING_OPTIONS,
        ),
    )

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        grid: str | ParameterGrid = "published",
        threads: int | None = None,
        refine: bool = False,
        prior: str = "series",
        sigma: float | None = None,
        frames: Any = None,
        window: int = 1,
        smooth: float = 0.0,
        conjugate: bool = False,
    ) -> None:
        super().__init__(sequence, Conditioning(frames, window, smooth, conjugate))
        self.device = resolve_device(device)
        self.chunk_size = _VOXELS_ON_CPU if self.device.type == "cpu" else _VOXELS_ON_GPU
        self.grid = grid if isinstance(grid, ParameterGrid) else _named_grid(grid, sequence)
        self.threads = threads or n_threads()
        if prior not in PRIORS:
            raise MRFInputError(
                "unknown-option", f"there is no prior {prior!r}", expected=" or ".join(PRIORS)
            )
        if sigma is not None and not 0.0 < sigma < float("inf"):
            raise MRFInputError(
                "bad-option", "the noise level must be a positive number", found=sigma
            )
        self._refine, self._prior_name, self._sigma = refine, prior, sigma
        self._prior = {"range": range_prior, "off": no_prior}.get(prior, range_prior)()
        self._refinement: WaterFatRefinement | None = None
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
        record["refined"] = self._refinement is not None
        if self._refinement is not None:
            record["prior"] = self._prior.describe()
            record["noise_colour"] = self._refinement.noise_colour
            record["sigma"] = "estimated in each voxel" if self._sigma is None else self._sigma
        return record

    def preparing(self) -> Iterator[None]:
        """Make the tables of the search and of refinement, one after the other."""
        if self._search is not None:
            return
        from napari_mrf.dictionary.water_fat_search import make_search

        yield
        search, notes = make_search(self._dictionary, self.device)
        if self._refine:
            yield
            from napari_mrf.dictionary.water_fat_refinement import make_refinement

            yield
            self._refinement, more = make_refinement(self._dictionary)
            notes = [*notes, *more]
        self._search, self.notes = search, notes

    @property
    def needs_second_pass(self) -> bool:
        """Whether the prior has to be learned from all voxels first."""
        return self._refinement is not None

    def learn(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Take the prior from a sample of the series itself (empirical Bayes)."""
        if self._refinement is None or len(signals) < _FEWEST_LEARNED:
            return
        if self._sigma is None:
            self._refinement.learn_noise(signals, found)
        if self._prior_name == "series":
            self._prior = series_prior(found.parameters, found.quality)

    def improve(self, signals: NDArray[np.complex64], found: VoxelResult) -> VoxelResult:
        """Refine the grid answers of (N, T) fingerprints."""
        refinement = self._refinement
        if refinement is None:
            return found
        with ThreadPoolExecutor(self.threads) as pool:
            refined = list(
                pool.map(
                    lambda part: refinement.refine(
                        signals[part], found.part(part), self._prior, sigma=self._sigma
                    ),
                    _shares(len(signals), self.threads),
                )
            )
        return VoxelResult.joined(refined)

    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Match (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        self.prepare()
        assert self._search is not None  # noqa: S101 - made by prepare
        # The torch search spreads its own work over the cores.
        is_compiled = self._search.engine == "compiled"
        parts = _shares(len(signals), self.threads) if is_compiled else [slice(None)]
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(self._search.best_pairs, [signals[part] for part in parts]))
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


def _shares(n_voxels: int, n_threads: int) -> list[slice]:
    """Share voxels out to threads, in ever smaller parts.

    Voxels differ in what they cost, and nobody should wait long for the last part.
    """
    if n_threads == 1:
        return [slice(0, n_voxels)]
    parts, start = [], 0
    while start < n_voxels:
        size = max((n_voxels - start) // (2 * n_threads), _FEWEST_IN_PART)
        parts.append(slice(start, start + size))
        start += size
    return parts


def _named_grid(name: str, sequence: Sequence) -> ParameterGrid:
    grids = {"published": reconstruction_grid, "wide": wide_grid}
    if name not in grids:
        raise MRFInputError(
            "unknown-option",
            f"there is no grid {name!r}",
            expected=" or ".join(grids),
        )
    return grids[name](sequence)
