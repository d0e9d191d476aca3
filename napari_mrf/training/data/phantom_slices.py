"""Measured slices of random people, made once and kept on disk."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_mrf.compute.devices import n_threads
from napari_mrf.compute.threads import indices_in_order
from napari_mrf.io.atomic import atomic_write_all, make_folder
from napari_mrf.io.kept_files import cache_folder, delete_kept, hold_until_exit, keeping
from napari_mrf.phantoms.acquisition.acquire import UNIT_NORM_SIGNAL, acquire
from napari_mrf.training.data.phantom_subjects import random_subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.training.recipe import Noise, PhantomImages

Role = Literal["training", "validation"]
_ROLES: tuple[Role, ...] = ("training", "validation")
# Raise it when the numbers change, so that slices made by earlier versions are left alone.
_VERSION = 1
_N_COILS = 4
_MOST_AT_ONCE = 8  # of up to half a gigabyte each, while they are made
_BORDER = 16
"""Voxels of air that are kept around the tissue: more than any network reaches."""


@dataclass(frozen=True, eq=False)
class PhantomSlice:
    """One measured slice with its truth, cut out around the tissue.

    Parameters
    ----------
    signals : ndarray
        (Y, X, T) complex64, of a receive phase that nobody knows; the mean norm of the
        noise-free fingerprints of tissue is 1. Mapped from disk.
    maps : ndarray
        (Y, X, P) float32, one a parameter of the sequence; NaN in air.
    inside : ndarray
        (Y, X) bool, where there is tissue.
    is_undersampled : bool
        Whether noise and artifacts of a radial scan are in it; else it is the exact signal.
    """

    signals: NDArray[np.complex64]
    maps: NDArray[np.float32]
    inside: NDArray[np.bool_]
    is_undersampled: bool


class PhantomSlices:
    """Source of measured slices: the cache, or else a simulated acquisition.

    Each slice is of another person and depends on the seed, the role and its index alone.

    Parameters
    ----------
    sequence : Sequence
        What is played.
    data : PhantomImages
        Of the recipe.
    noise : Noise
        Its range is that of the SNR of the undersampled slices.
    seed : int
        Of people and acquisitions.
    """

    def __init__(self, sequence: Sequence, data: PhantomImages, noise: Noise, seed: int) -> None:
        self._sequence, self._data, self._noise, self._seed = sequence, data, noise, seed
        record = {
            "version": _VERSION,
            "sequence": sequence.fingerprint(),
            "matrix": [data.matrix_lower, data.matrix_upper],
            "undersampled": data.undersampled,
            "encoded_matrix": data.encoded_matrix,
            "spokes_per_pulse": data.spokes_per_pulse,
            "noise": [noise.sigma_lower, noise.sigma_upper],
            "seed": seed,
        }
        key = hashlib.sha256(json.dumps(record).encode()).hexdigest()[:16]
        self.folder = cache_directory() / f"{data_name(sequence)}-{key}"

    def load(
        self, role: Role, count: int, progress: Callable[[int, int], None] | None = None
    ) -> list[PhantomSlice]:
        """Return the first slices of a role; those that are not on disk are made, in threads.

        Parameters
        ----------
        role : {"training", "validation"}
            People of different roles are different.
        count : int
            How many.
        progress : callable, optional
            Called with (slices ready, slices in all).

        Raises
        ------
        MRFInputError
            ``"bad-recipe"`` when there is no phantom for the sequence, and the codes of failed
            writes, such as ``"disk-full"``.
        """
        hold_until_exit(self.folder)
        slices = []
        workers = min(n_threads(), _MOST_AT_ONCE)
        with keeping(self.folder, "the cache folder for measured phantoms"):
            make_folder(self.folder)
            for one in indices_in_order(partial(self._slice, role), count, workers=workers):
                slices.append(one)
                if progress is not None:
                    progress(len(slices), count)
        return slices

    def is_undersampled(self, index: int) -> bool:
        """Return whether a slice is acquired radially: evenly spread, the share asked for."""
        share = self._data.undersampled
        return math.floor((index + 1) * share) > math.floor(index * share)

    def _slice(self, role: Role, index: int) -> PhantomSlice:
        paths = [self.folder / f"{role}-{index:04d}-{what}.npy" for what in ("maps", "signals")]
        if not all(path.exists() for path in paths):
            maps, signals = self._made(role, index)
            with atomic_write_all(paths) as staged:
                for path, values in zip(paths, (maps, signals), strict=True):
                    with staged[path].open("wb") as file:
                        np.save(file, values)
        maps = np.load(paths[0])
        return PhantomSlice(
            signals=np.load(paths[1], mmap_mode="r"),
            maps=maps,
            inside=np.isfinite(maps[..., 0]),
            is_undersampled=self.is_undersampled(index),
        )

    def _made(self, role: Role, index: int) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return maps (Y, X, P) and signals (Y, X, T) of a person drawn for this slice."""
        data, sequence = self._data, self._sequence
        rng = np.random.default_rng([self._seed, _ROLES.index(role), index])
        matrix = int(rng.integers(data.matrix_lower, data.matrix_upper + 1))
        person = random_subject(sequence.kind, rng, matrix)
        log_sigma = rng.uniform(*np.log([self._noise.sigma_lower, self._noise.sigma_upper]))
        snr_db = 20.0 * math.log10(UNIT_NORM_SIGNAL / math.exp(log_sigma))
        options: dict[str, Any] = {"workers": 1, "n_coils": _N_COILS}
        options["seed"] = int(rng.integers(2**31))
        exact = acquire(person, sequence, mode="noise-only", snr_db=None, **options)
        series = exact
        if self.is_undersampled(index):
            series = acquire(
                person, sequence, mode="radial", snr_db=snr_db,
                matrix_size=max(matrix, data.encoded_matrix),
                spokes_per_pulse=data.spokes_per_pulse, **options,
            )  # fmt: skip
        inside = person.foreground[0]
        part = _around(inside)
        unit = float(np.linalg.norm(exact.signal[:, 0, inside], axis=0).mean())
        signals = np.moveaxis(series.signal[:, 0], 0, -1)[part] / np.float32(unit)
        maps = np.stack([person.maps[key][0] for key in sequence.parameters], axis=-1)[part]
        return maps, np.ascontiguousarray(signals)


def data_name(sequence: Sequence) -> str:
    """Return the kind of a sequence and the beginning of its fingerprint."""
    return f"{sequence.kind}-{sequence.fingerprint()[:8]}"


def cache_directory() -> Path:
    """Return the folder of measured phantoms (it need not exist)."""
    return cache_folder("phantoms")


def clear_cache() -> int:
    """Delete every measured phantom that is not in use and return the number of bytes freed."""
    return delete_kept(cache_directory())


def _around(inside: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of an image that holds the tissue and some air around it."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return _reaching(rows), _reaching(columns)


def _reaching(along: NDArray[np.intp]) -> slice:
    return slice(max(int(along[0]) - _BORDER, 0), int(along[-1]) + 1 + _BORDER)
