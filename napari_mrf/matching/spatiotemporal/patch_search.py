"""The search for the training patches most like the patch around every voxel of a slice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.threads import n_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.matching.spatiotemporal.alignment import AlignedSubject
    from napari_mrf.matching.spatiotemporal.similarity import Similarity, SliceFeatures

WINDOW_ZYX = (3, 11, 11)
"""Training voxels searched around the place of a voxel (the papers' Wn)."""

PATCH_ZYX = (3, 3, 3)
"""Fingerprints compared around a voxel (P)."""

CANDIDATES = 5
"""Best training voxels that are averaged (C)."""

MAP_WEIGHT = 0.5
"""Weight of the likeness of maps from the second iteration on (alpha)."""

_OUTLIERS_PERCENT = 0.1
# A search looks two slices up and down; two iterations are under way at a time.
_SLICES_KEPT = 7


@dataclass(frozen=True, eq=False)
class Candidates:
    """Best training voxels of the voxels of one slice.

    Parameters
    ----------
    maps : dict of str to ndarray
        (Y, X) float32 mean of the candidates by key; NaN where there are none.
    count : ndarray
        (Y, X) number of candidates.
    """

    maps: dict[str, NDArray[np.float32]]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _TrainingSlice:
    """One slice of a training subject: maps, where there is tissue, what is compared."""

    maps: dict[str, NDArray[np.float32]]
    known: NDArray[np.bool_]
    tissue: tuple[NDArray[Any], ...]
    scaled: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _SliceSearch:
    """One slice on its way: what is looked for, and the best so far (Y, X, C)."""

    z: int
    wanted: NDArray[np.bool_]
    features: Mapping[int, SliceFeatures]
    maps: Mapping[int, NDArray[np.float32]] | None
    scores: NDArray[np.float32]
    codes: NDArray[np.int64]


class PatchSearch:
    """Compares patches of slices with those of aligned training subjects.

    Parameters
    ----------
    similarity : Similarity
        Prepared.
    subjects : list of AlignedSubject
        All on the grid of the series, with as many slices.
    """

    def __init__(self, similarity: Similarity[Any, Any], subjects: list[AlignedSubject]) -> None:
        self._similarity, self._subjects = similarity, subjects
        self._keys = tuple(subjects[0].maps)
        self._n_slices = len(subjects[0].maps[self._keys[0]])
        self._ranges = {key: self._range(key) for key in self._keys}
        self._trained = lru_cache(maxsize=_SLICES_KEPT)(self._training_slices)

    def scaled(self, maps: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return maps (Y, X) as (M, Y, X), 0-1 over the range of the training subjects."""
        layers = []
        for key in self._keys:
            low, high = self._ranges[key]
            layers.append(np.clip((maps[key] - low) / (high - low), 0.0, 1.0))
        return np.stack(layers).astype(np.float32)

    def n_steps(self, z: int) -> int:
        """Return how often `searching` yields for a slice."""
        return len(self._subjects) * len(self._near(z, WINDOW_ZYX[0])) * WINDOW_ZYX[1]

    def searching(
        self,
        z: int,
        wanted: NDArray[np.bool_],
        features: Mapping[int, SliceFeatures],
        maps: Mapping[int, NDArray[np.float32]] | None = None,
    ) -> Generator[None, None, Candidates]:
        """Find the candidates of one slice; yields after each row of the window.

        Parameters
        ----------
        z : int
            The slice.
        wanted : ndarray
            (Y, X) bool voxels to find candidates for, all seen.
        features : mapping of int to SliceFeatures
            Of this slice and its neighbors, as far as there are any.
        maps : mapping of int to ndarray, optional
            `scaled` maps (M, Y, X) of these slices from the previous iteration.
        """
        shape = (*wanted.shape, CANDIDATES)
        one = _SliceSearch(
            z, wanted, features, maps, np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
        )
        n_rows, n_bands = wanted.shape[0], n_threads()
        size = -(-n_rows // n_bands)
        bands = [(first, min(first + size, n_rows)) for first in range(0, n_rows, size)]
        with ThreadPoolExecutor(n_bands) as pool:
            for number in range(len(self._subjects)):
                for dz in self._near(z, WINDOW_ZYX[0]):
                    trained = {
                        step: self._trained(z + dz + step)[number]
                        for step in self._near(z + dz, PATCH_ZYX[0])
                    }
                    for dy in _around(WINDOW_ZYX[1]):
                        work = partial(self._search_row, one, (number, dz, dy), trained)
                        list(pool.map(work, bands))
                        yield
        return self._averaged(z, one.codes)

    def _search_row(
        self,
        one: _SliceSearch,
        at: tuple[int, int, int],
        trained: dict[int, _TrainingSlice],
        rows: tuple[int, int],
    ) -> None:
        """Try the displacements of one row of the window on some rows of the slice.

        Parameters
        ----------
        one : _SliceSearch
            Its scores and codes change.
        at : tuple of int
            Number of the training subject, dz, dy.
        trained : dict of int to _TrainingSlice
            By distance from the middle of the patch.
        rows : tuple of int
            First, and the one after the last.
        """
        from napari_mrf.matching.spatiotemporal import patch_kernel as kernel

        _, _, dy = at
        near = (max(rows[0] - 1, 0), min(rows[1] + 1, one.wanted.shape[0]))
        similar, total = np.zeros((2, *one.wanted.shape), np.float32)
        for dx in _around(WINDOW_ZYX[2]):
            total[rows[0] : rows[1]] = 0.0
            for step, there in trained.items():
                measured = one.features.get(one.z + step)
                if measured is None:
                    continue
                self._similarity.write(measured, there.tissue, (dy, dx), near, similar)
                if one.maps is not None:
                    kernel.blend_maps(
                        np.float32(MAP_WEIGHT), one.maps[one.z + step], there.scaled,
                        dy, dx, *near, similar,
                    )  # fmt: skip
                kernel.add_patches(similar, *rows, total)
            kernel.keep_best(
                total, one.wanted, trained[0].known, dy, dx, _code(*at, dx), *rows,
                one.scores, one.codes,
            )  # fmt: skip

    def _near(self, z: int, size: int) -> list[int]:
        """Return the steps from a slice to those around it that exist."""
        return [step for step in _around(size) if 0 <= z + step < self._n_slices]

    def _training_slices(self, z: int) -> list[_TrainingSlice]:
        made = []
        for subject in self._subjects:
            maps = subject.slice_maps(z)
            known = np.isfinite(maps[self._keys[0]])
            tissue = self._similarity.tissue(maps, known)
            made.append(_TrainingSlice(maps, known, tissue, self.scaled(maps)))
        return made

    def _averaged(self, z: int, codes: NDArray[np.int64]) -> Candidates:
        found = codes >= 0
        y, x, _ = np.nonzero(found)
        number, dz, dy, dx = _decoded(codes[found])
        count = found.sum(axis=2)
        picked = {key: np.zeros(y.size) for key in self._keys}
        for step in self._near(z, WINDOW_ZYX[0]):
            for index, there in enumerate(self._trained(z + step)):
                here = (number == index) & (dz == step)
                place = (y[here] + dy[here], x[here] + dx[here])
                for key in self._keys:
                    picked[key][here] = there.maps[key][place]
        maps = {}
        for key, values in picked.items():
            each = np.zeros(codes.shape)
            each[found] = values
            mean = each.sum(axis=2) / np.where(count > 0, count, np.nan)
            maps[key] = mean.astype(np.float32)
        return Candidates(maps, count)

    def _range(self, key: str) -> tuple[float, float]:
        values = np.concatenate([one.maps[key].reshape(-1) for one in self._subjects])
        values = values[np.isfinite(values)]
        if not values.size:
            return 0.0, 1.0
        low, high = np.percentile(values, [_OUTLIERS_PERCENT, 100.0 - _OUTLIERS_PERCENT])
        return float(low), float(high) if high > low else float(low) + 1.0


def _around(size: int) -> range:
    return range(-(size // 2), size // 2 + 1)


def _code(number: int, dz: int, dy: int, dx: int) -> int:
    depth, height, width = WINDOW_ZYX
    return ((number * depth + dz + depth // 2) * height + dy + height // 2) * width + (
        dx + width // 2
    )


def _decoded(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    depth, height, width = WINDOW_ZYX
    rest, dx = np.divmod(codes, width)
    rest, dy = np.divmod(rest, height)
    number, dz = np.divmod(rest, depth)
    return number, dz - depth // 2, dy - height // 2, dx - width // 2
