"""Atoms as rows of real numbers: half the products where every atom is real up to a phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)
_AT_ONCE = 4096
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True, eq=False)
class RealAtoms:
    """Unit-norm atoms as real rows whose products with real rows give |<atom, signal>|.

    Parameters
    ----------
    rows : ndarray
        (N, T) float32 where every atom is real up to one phase of its own, as on resonance
        and with RF phases that agree; else (N, 2T), real parts before imaginary ones.
    n_frames : int
        T.
    """

    rows: NDArray[np.float32]
    n_frames: int

    @classmethod
    def of(
        cls,
        atoms: NDArray[np.complexfloating],
        norms: NDArray[np.float64],
        *,
        real: bool | None = None,
    ) -> RealAtoms:
        """Return (N, T) atoms as real rows: the shorter ones where the atoms allow it.

        Parameters
        ----------
        atoms : ndarray
            (N, T) complex.
        norms : ndarray
            (N,) what to divide them by, such as `norms_of`; 0 gives a row of zeros.
        real : bool, optional
            Ask for one of the two kinds of rows.
        """
        scales = _inverse(norms)
        parts = [slice(start, start + _AT_ONCE) for start in range(0, len(atoms), _AT_ONCE)]
        if real is None:
            real = are_real_up_to_phase(atoms, norms)
        n_frames = atoms.shape[1]
        rows = np.empty((len(atoms), n_frames if real else 2 * n_frames), np.float32)
        for of in parts:
            unit = _scaled(atoms[of], scales[of])
            if real:
                rows[of] = turned(unit).real
            else:
                rows[of] = np.concatenate([unit.real, unit.imag], axis=1)
        return cls(rows, n_frames)

    @property
    def are_real(self) -> bool:
        """Whether the atoms are real up to a phase."""
        return bool(self.rows.shape[1] == self.n_frames)

    @property
    def rounding(self) -> float:
        """Largest error of |<atom, signal>| computed from float32 products.

        Higham's bound of a sum of K products in any order, K 2^-24, for both parts, with room
        for the rounding of rows and powers, and for what `_is_real` lets pass.
        """
        length = int(self.rows.shape[1])
        return 1.5 * (length + 8) * 2.0**-24 + (_NEGLIGIBLE if self.are_real else 0.0)

    def part(self, numbers: NDArray[np.int64]) -> RealAtoms:
        """Return some of the atoms."""
        return RealAtoms(self.rows[numbers], self.n_frames)

    def signal_rows(
        self, signals: NDArray[np.complexfloating], norms: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return fingerprints (N, T) divided by (N,) norms as rows; see `real_rows`.

        Their products with the atoms' rows are the real parts, then the imaginary parts of
        <atom, signal>, up to a phase of the atom.
        """
        return real_rows(signals, norms, doubled=not self.are_real, dtype=np.float32)


def real_rows(
    values: NDArray[np.complexfloating],
    norms: NDArray[np.float64],
    *,
    doubled: bool,
    dtype: type[Real],
) -> NDArray[Real]:
    """Return (N, T) complex values, divided by norms (N,), as real rows (2N, T) or (2N, 2T).

    Re first, then Im; when doubled, (Re, Im) first, then (Im, -Re).
    """
    from napari_mrf.dictionary.signal_rows_kernel import spread

    rows = np.empty((2 * len(values), values.shape[1] * (2 if doubled else 1)), dtype)
    spread(interleaved(values), _inverse(norms), doubled, rows)
    return rows


def interleaved(values: NDArray[np.complexfloating]) -> NDArray[Any]:
    """Return (N, T) complex values as (N, 2T) real ones, real and imaginary parts in turn."""
    real = np.float32 if values.dtype == np.complex64 else np.float64
    return np.ascontiguousarray(values).view(real)


def norms_of(values: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Return the norms (N,) of (N, T) values in float64; 0 for rows that are not finite."""
    from napari_mrf.dictionary import signal_rows_kernel

    norms = np.empty(len(values))
    signal_rows_kernel.norms(interleaved(values), norms)
    norms[~np.isfinite(norms)] = 0.0
    return norms


def are_real_up_to_phase(atoms: NDArray[np.complexfloating], norms: NDArray[np.float64]) -> bool:
    """Return whether every atom of norms (N,) is real but for one phase of its own."""
    scales = _inverse(norms)
    parts = (slice(start, start + _AT_ONCE) for start in range(0, len(atoms), _AT_ONCE))
    return all(_is_real(_scaled(atoms[of], scales[of])) for of in parts)


def unit_rows(
    atoms: NDArray[np.complexfloating], norms: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Return (N, T) values divided by their norms; zeros where a norm is 0."""
    return _scaled(atoms, _inverse(norms))


def _inverse(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1.0, norms, out=np.zeros(len(norms)), where=norms > 0)


def _scaled(
    atoms: NDArray[np.complexfloating], scales: NDArray[np.float64]
) -> NDArray[np.complex128]:
    scaled = np.zeros(atoms.shape, np.complex128)
    used = scales > 0
    scaled[used] = atoms[used] * scales[used, None]
    return scaled


def turned(unit: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return (N, T) atoms, each under the phase that makes its real part largest."""
    # The square of a number has twice its phase, whatever its sign.
    phases = 0.5 * np.angle(np.sum(unit**2, axis=1))
    return np.asarray(unit * np.exp(-1j * phases)[:, None])


def _is_real(unit: NDArray[np.complex128]) -> bool:
    imaginary = np.linalg.norm(turned(unit).imag, axis=1)
    return bool(np.all(imaginary <= _NEGLIGIBLE))
