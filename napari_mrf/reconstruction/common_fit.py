"""One small fit for every kind of sequence, by which a series is judged whatever the method.

A coarse dictionary over the ranges of the kind finds the nearest atom of a fingerprint; its
neighbors on the grid say how the signal changes around it, and a linear step along them leaves
what no tissue explains. Fingerprints of simulated thighs and heads are met to 0.2 % of their
energy, in a third of a millisecond each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary.cache import cached_dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_GRID_POINTS = 16_000
_MOST_VALUES = 32
_ATOMS_OF_BASIS = 400
_ROUNDS, _SHIFT = 2, 0.05
_NEGLIGIBLE = 1e-3
_SMALL, _TINY = 1e-9, 1e-30


@dataclass(frozen=True, eq=False)
class CommonFit:
    """How well N fingerprints are explained.

    Parameters
    ----------
    signals : ndarray
        (N, K) complex128 fingerprints of norm 1.
    model : ndarray
        (N, K) complex128, the best signal under its best complex factor.
    quality : ndarray
        (N,) correlations of both, 0-1.
    scale_phase : ndarray
        (N,) that factor without its size.
    places : ndarray
        (N, P) where its tissue lies on the grid, counted in grid points along each axis.
    """

    signals: NDArray[np.complex128]
    model: NDArray[np.complex128]
    quality: NDArray[np.float64]
    scale_phase: NDArray[np.complex128]
    places: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        unit: NDArray[np.complex128],
        model: NDArray[np.complex128],
        places: NDArray[np.float64],
    ) -> CommonFit:
        """Scale signals (N, K) to fingerprints of norm 1."""
        power = np.maximum(np.sum(np.abs(model) ** 2, axis=1), _TINY)
        inner = np.sum(model.conj() * unit, axis=1)
        scale = inner / power
        quality = np.minimum(np.abs(inner) / np.sqrt(power), 1.0)
        return cls(unit, model * scale[:, None], quality, np.exp(1j * np.angle(scale)), places)

    @property
    def residual(self) -> NDArray[np.complex128]:
        """What is not explained (N, K), turned back by the phase of each voxel."""
        return np.asarray((self.signals - self.model) * self.scale_phase.conj()[:, None])

    def or_better(self, other: CommonFit) -> CommonFit:
        """Return the better of two fits in each voxel."""
        better = other.quality > self.quality
        chosen = {
            name: np.where(
                better if mine.ndim == 1 else better[:, None], getattr(other, name), mine
            )
            for name, mine in vars(self).items()
        }
        return CommonFit(**chosen)


@dataclass(frozen=True, eq=False)
class CoarseDictionary:
    """Atoms over the ranges of a kind, evenly spaced: relaxation in its logarithm.

    Parameters
    ----------
    grid : ParameterGrid
        P axes.
    atoms : ndarray
        (A, n_frames) complex64.
    places : ndarray of int
        (A, P) of the atoms on the grid.
    neighbors : ndarray of int
        (A, P, 2) numbers of the atoms beside each; its own where there is none.
    """

    grid: ParameterGrid
    atoms: NDArray[np.complex64]
    places: NDArray[np.intp]
    neighbors: NDArray[np.intp]

    def tissue(self, places: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return parameters (N,) by key at any places (N, P), kept within what is possible."""
        values = {}
        for (key, axis), place in zip(self.grid.axes.items(), places.T, strict=True):
            if _is_relaxation(key):
                found = axis[0] * (axis[1] / axis[0]) ** place
            else:
                found = axis[0] + (axis[1] - axis[0]) * place
            values[key] = np.clip(found, *PARAMETERS[key].valid_range)
        return values


@lru_cache(maxsize=4)
def coarse_dictionary(sequence: Sequence) -> CoarseDictionary:
    """Return the coarse dictionary of a sequence, made once on a machine."""
    ranges = SIGNAL_KINDS[sequence.kind].ranges
    n_values = min(_MOST_VALUES, int(_GRID_POINTS ** (1 / len(ranges)) + _SMALL))
    grid = ParameterGrid(
        {
            key: (np.geomspace if _is_relaxation(key) else np.linspace)(*ends, n_values)
            for key, ends in ranges.items()
        }
    )
    points = grid.points()
    places = np.stack([np.searchsorted(grid[key], points[key]) for key in grid.axes], axis=1)
    atoms = np.asarray(cached_dictionary(sequence, grid).atoms)
    return CoarseDictionary(grid, atoms, places, _neighbors(places, n_values))


def _is_relaxation(key: str) -> bool:
    return PARAMETERS[key].unit == "ms"


def _neighbors(places: NDArray[np.intp], n_values: int) -> NDArray[np.intp]:
    numbers, own = np.full((n_values,) * places.shape[1], -1), np.arange(len(places))
    numbers[tuple(places.T)] = own
    found = np.empty((*places.shape, 2), np.intp)
    for axis in range(places.shape[1]):
        for side, toward in enumerate((-1, 1)):
            beside = places.copy()
            beside[:, axis] = np.clip(beside[:, axis] + toward, 0, n_values - 1)
            number = numbers[tuple(beside.T)]
            found[:, axis, side] = np.where(number < 0, own, number)
    return found


class CommonFitter:
    """Fits fingerprints of a sequence.

    Parameters
    ----------
    sequence : Sequence
        Of any kind.
    frames : tuple of int
        The K frames of the fingerprints.
    magnitudes : bool
        Compare with the magnitudes of signals.
    """

    def __init__(self, sequence: Sequence, frames: tuple[int, ...], magnitudes: bool) -> None:
        self._sequence, self._frames, self._magnitudes = sequence, np.array(frames), magnitudes
        self._dictionary = coarse_dictionary(sequence)
        unit = self._atoms(slice(None))
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), _TINY)
        # The search goes along the few shapes that atoms consist of; what it finds is compared
        # over all frames.
        some = unit[:: -(-len(unit) // _ATOMS_OF_BASIS)]
        _, values, shapes = np.linalg.svd(some, full_matrices=False)
        self._shapes = shapes[values > _NEGLIGIBLE * values[0]].conj().T
        self._coefficients = unit @ self._shapes

    def fit(self, signals: NDArray[np.complex64]) -> CommonFit:
        """Fit (N, K) fingerprints, none of them zero: the best atom and a linear step from it."""
        unit = signals.astype(np.complex128)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        inner = (unit.astype(np.complex64) @ self._shapes) @ self._coefficients.conj().T
        best = np.abs(inner).argmax(axis=1)
        nearest = self._atoms(best).astype(np.complex128)
        places = self._dictionary.places[best].astype(float)
        neighbors = self._dictionary.neighbors[best]
        sides = np.sum(neighbors != best[:, None, None], axis=-1)
        rises = self._atoms(neighbors[..., 1]) - self._atoms(neighbors[..., 0])
        slopes = rises / np.maximum(sides, 1)[..., None]
        steps = _best_steps(unit, nearest, slopes)
        stepped = nearest + (steps[:, None] @ slopes)[:, 0]
        return CommonFit.of(unit, nearest, places).or_better(
            CommonFit.of(unit, stepped, places + steps)
        )

    def polished(self, fit: CommonFit) -> CommonFit:
        """Go on from a fit with signals simulated at its own tissue, by Gauss-Newton steps."""
        n_axes = fit.places.shape[1]
        for _ in range(_ROUNDS):
            shifts = np.concatenate([np.zeros((1, n_axes)), _SHIFT * np.eye(n_axes)])
            around = self._simulated((fit.places[:, None] + shifts).reshape(-1, n_axes))
            around = around.reshape(len(fit.places), 1 + n_axes, -1)
            here = around[:, 0]
            slopes = (around[:, 1:] - around[:, :1]) / _SHIFT
            fit = fit.or_better(CommonFit.of(fit.signals, here, fit.places))
            places = fit.places + _best_steps(fit.signals, here, slopes)
            fit = fit.or_better(CommonFit.of(fit.signals, self._simulated(places), places))
        return fit

    def _atoms(self, numbers: NDArray[np.intp] | slice) -> NDArray[np.complex64]:
        """Return atoms (..., K) by their numbers (...), as they are compared."""
        return self._compared(self._dictionary.atoms[numbers])

    def _simulated(self, places: NDArray[np.float64]) -> NDArray[np.complex128]:
        tissue = self._dictionary.tissue(places)
        return self._compared(simulate(self._sequence, tissue, dtype="complex128"))

    def _compared(self, signals: NDArray[Any]) -> NDArray[Any]:
        signals = signals[..., self._frames]
        return np.abs(signals).astype(signals.dtype) if self._magnitudes else signals


def _best_steps(
    unit: NDArray[np.complex128],
    model: NDArray[np.complex128],
    slopes: NDArray[np.complexfloating],
) -> NDArray[np.float64]:
    """Return steps (N, P) of at most one grid point along slopes (N, P, K) from signals (N, K)."""
    turn = np.exp(-1j * np.angle(np.sum(model.conj() * unit, axis=1)))
    # Size and phase of the scale are free, and all factors real.
    columns = np.concatenate([model[:, None], 1j * model[:, None], slopes], axis=1)
    gram = (columns.conj() @ columns.transpose(0, 2, 1)).real
    ridge = _SMALL * np.trace(gram, axis1=1, axis2=2) + _TINY
    gram += ridge[:, None, None] * np.eye(gram.shape[1])
    wanted = (columns.conj() @ (unit * turn[:, None])[..., None]).real
    found = np.linalg.solve(gram, wanted)[..., 0]
    size = np.where(found[:, :1] == 0, np.inf, found[:, :1])
    return np.asarray(np.clip(found[:, 2:] / size, -1.0, 1.0))


@lru_cache(maxsize=8)
def common_fitter(
    sequence: Sequence, frames: tuple[int, ...], *, magnitudes: bool = False
) -> CommonFitter:
    """Return the fitter of some frames of a sequence, made once."""
    return CommonFitter(sequence, frames, magnitudes)
