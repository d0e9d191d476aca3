"""The mean fingerprint of a region, over voxels whose receive phase differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ITERATIONS = 50
_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class MeanFingerprint:
    """The mean over the voxels of a region.

    Parameters
    ----------
    signal : ndarray
        (T,) complex128; NaN when no voxel counts.
    turns : ndarray
        (N,) complex128 of modulus 1: what each voxel was multiplied by before averaging; 0 for
        voxels that do not count.
    n : int
        Voxels that count.
    n_left_out : int
        Voxels that are not finite or carry no signal.
    """

    signal: NDArray[np.complex128]
    turns: NDArray[np.complex128]
    n: int
    n_left_out: int


def mean_fingerprint(signals: NDArray[np.complexfloating]) -> MeanFingerprint:
    r"""Average fingerprints after turning each to a common phase.

    The receive phase differs from voxel to voxel, so a plain mean would cancel. Each voxel v is
    turned by exp(-i φ_v) so that the sum of the turned fingerprints is as long as it can be,
    max ‖Σ exp(-i φ_v) x_v‖: from the dominant direction u of the unit-norm fingerprints,
    φ_v = arg⟨s, x_v⟩ is repeated with s the sum, beginning with s = u, until it stands. Only one
    phase a voxel is removed: phases that change over time, such as those of off-resonance, stay
    and are averaged as they are. Magnitudes are not normalized.

    The phase of the mean itself is arbitrary. It is chosen so that the energy of the real part is
    as large as possible and the real part has a sum that is not negative. So the result
    does not depend on the phase of any voxel.

    Parameters
    ----------
    signals : ndarray
        (N, T) complex. Voxels that are not finite or all zero are left out and counted; frames
        that are not finite in any voxel, of a scan that was cut short, stay NaN.

    Returns
    -------
    MeanFingerprint
    """
    signals = np.asarray(signals, dtype=np.complex128)
    there = np.isfinite(signals).any(axis=0)
    if there.any() and not there.all():
        of_these = mean_fingerprint(signals[:, there])
        mean = np.full(there.size, complex(np.nan, np.nan))
        mean[there] = of_these.signal
        return replace(of_these, signal=mean)
    norms = np.linalg.norm(signals, axis=1)
    good = np.isfinite(norms) & (norms > 0)
    turns = np.zeros(len(signals), dtype=np.complex128)
    kept, n = signals[good], int(good.sum())
    if n == 0:
        nothing = np.full(signals.shape[1], complex(np.nan, np.nan))
        return MeanFingerprint(nothing, turns, 0, len(signals))
    total = _dominant_direction(kept / norms[good, None])
    length = 0.0
    for _ in range(_ITERATIONS):
        products = kept.conj() @ total
        found = np.exp(1j * np.angle(products))
        total = found @ kept
        grown = float(np.linalg.norm(total))
        if grown <= length * (1.0 + _TOLERANCE):
            break
        length = grown
    common = _common_turn(total)
    turns[good] = found * common
    return MeanFingerprint(total * common / n, turns, n, len(signals) - n)


def _dominant_direction(signals: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return u that maximizes Σ |⟨u, x_v⟩|², from the smaller of the two Gram matrices."""
    if len(signals) < signals.shape[1]:
        _, vectors = np.linalg.eigh(signals.conj() @ signals.T)
        return np.asarray(vectors[:, -1] @ signals)
    _, vectors = np.linalg.eigh(signals.T @ signals.conj())
    return np.asarray(vectors[:, -1])


def _common_turn(signal: NDArray[np.complex128]) -> complex:
    """Return the turn that puts most energy into the real part, its sum not negative."""
    turn = np.exp(-0.5j * np.angle(np.sum(signal**2)))
    return complex(-turn if np.sum((signal * turn).real) < 0 else turn)
