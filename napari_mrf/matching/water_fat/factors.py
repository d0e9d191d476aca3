"""The tables behind the compiled water-fat matcher.

Three facts make the exact search cheap (physics in `docs/matching.md`):

1. Inside an echo-time segment all envelopes of one B1 lie in a space of about a dozen
   dimensions: a fingerprint is projected once, and every inner product follows from that.
2. Off-resonance only turns the phase between segments: three complex partial products serve
   every Df.
3. All atoms of one (B1, Df) block lie, up to one common complex factor, in a **real** space of
   about ten dimensions. The largest correlation of the fingerprint with that space bounds
   every pair of the block, so that most blocks are never searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.simulation import water_fat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.water_fat.dictionary import WaterFatDictionary
    from napari_mrf.reconstruction.conditioning import Conditioning

_SEGMENT_TOLERANCE = 1e-12
_BOUND_TOLERANCE = 1e-5
_MAX_SEGMENTS = 8


@dataclass(frozen=True, eq=False)
class WaterFatFactors:
    """Arrays for the kernel; B blocks of B1, S segments, R basis vectors, K bound vectors.

    Parameters
    ----------
    segment_of_frame : ndarray
        (T,) index of the echo-time segment.
    basis : ndarray
        (T, B·R) orthonormal envelopes by segment.
    water, fat : ndarray
        (B, S, R, n) complex inner products of basis and unit-norm atoms, echo weight included.
    bound : ndarray
        (B, S, R, K) complex, likewise for the orthonormal real basis of a block.
    bound_slack : ndarray
        (B,) distance of the worst unit-norm atom from that basis.
    phases : ndarray
        (n_Df, S) complex conjugate off-resonance phases.
    overlap, inverse_determinant : ndarray
        (B, n_fat, n_water) correlation c of water and fat atoms, and 1 / (1 - c²).
    water_norms, fat_norms : ndarray
        (B, n) norms of the atoms.
    water_order, fat_order : ndarray
        Grid index of each atom. Atoms are ordered from the middle of their axis outwards, and
        the first of equals wins: where a fingerprint holds no fat, T1fat is the middle value.
    """

    segment_of_frame: NDArray[np.int64]
    basis: NDArray[np.float64]
    water: NDArray[np.complex128]
    fat: NDArray[np.complex128]
    bound: NDArray[np.complex128]
    bound_slack: NDArray[np.float64]
    phases: NDArray[np.complex128]
    overlap: NDArray[np.float64]
    inverse_determinant: NDArray[np.float64]
    water_norms: NDArray[np.float64]
    fat_norms: NDArray[np.float64]
    water_order: NDArray[np.int64]
    fat_order: NDArray[np.int64]


def middle_first(n: int) -> NDArray[np.int64]:
    """Return 0…n-1 ordered from the middle outwards."""
    return np.argsort(np.abs(np.arange(n) - (n - 1) / 2), kind="stable").astype(np.int64)


def segment_weights(
    sequence: Sequence, conditioning: Conditioning
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.complex128], NDArray[np.complex128]]:
    """Return echo times (S,), segment of each frame (T,), and weights (S,) of water and fat.

    Raises
    ------
    ValueError
        When the sequence does not factorize into a few segments.
    """
    if water_fat.echo_segments(sequence) is None:
        raise ValueError("the echo time or the RF phase varies inside a frame")
    kept = conditioning.kept_frames(sequence)
    keys = np.stack(
        [
            sequence.per_frame(sequence.echo_times_ms)[kept, 0],
            sequence.per_frame(sequence.rf_phases_deg)[kept, 0],
        ]
    )
    distinct, segment = np.unique(keys, axis=1, return_inverse=True)
    if distinct.shape[1] > _MAX_SEGMENTS:
        raise ValueError(f"{distinct.shape[1]} distinct pairs of echo time and RF phase")
    first = kept[[int(np.argmax(segment == s)) for s in range(distinct.shape[1])]]
    water, fat = (water_fat.frame_weights(sequence, kind)[first] for kind in ("water", "fat"))
    return distinct[0], segment.reshape(-1).astype(np.int64), water, fat


def factorize(dictionary: WaterFatDictionary) -> WaterFatFactors:
    """Make the kernel's tables from envelopes.

    Raises
    ------
    ValueError
        When the sequence does not factorize into a few segments (use the general path).
    """
    echo_times_ms, segment, water_weight, fat_weight = segment_weights(
        dictionary.sequence, dictionary.conditioning
    )
    n_blocks, n_segments = len(dictionary.water), len(echo_times_ms)
    water_order = middle_first(dictionary.water.shape[1])
    fat_order = middle_first(dictionary.fat.shape[1])
    water_atoms = dictionary.water[:, water_order] * water_weight[segment]
    fat_atoms = dictionary.fat[:, fat_order] * fat_weight[segment]
    water_norms = np.linalg.norm(water_atoms, axis=2)
    fat_norms = np.linalg.norm(fat_atoms, axis=2)
    water_atoms = water_atoms / water_norms[:, :, None]
    fat_atoms = fat_atoms / fat_norms[:, :, None]

    bases = [_segment_bases(dictionary, b, segment, n_segments) for b in range(n_blocks)]
    rank = max(basis.shape[1] for by_segment in bases for basis in by_segment)
    bounds = [_bound_basis(water_atoms[b], fat_atoms[b]) for b in range(n_blocks)]
    n_bound = max(basis.shape[0] for basis, _ in bounds)

    n_frames = segment.size
    basis = np.zeros((n_frames, n_blocks, rank))
    water = np.zeros((n_blocks, n_segments, rank, water_order.size), np.complex128)
    fat = np.zeros((n_blocks, n_segments, rank, fat_order.size), np.complex128)
    bound = np.zeros((n_blocks, n_segments, rank, n_bound), np.complex128)
    for b in range(n_blocks):
        for s in range(n_segments):
            frames = np.flatnonzero(segment == s)
            vectors = bases[b][s]
            r = vectors.shape[1]
            basis[frames, b, :r] = vectors
            water[b, s, :r] = (water_atoms[b][:, frames].conj() @ vectors).T
            fat[b, s, :r] = (fat_atoms[b][:, frames].conj() @ vectors).T
            vectors_k = bounds[b][0]
            bound[b, s, :r, : len(vectors_k)] = (vectors_k[:, frames].conj() @ vectors).T

    overlap = np.einsum("bft,bwt->bfw", fat_atoms.conj(), water_atoms).real
    return WaterFatFactors(
        segment_of_frame=segment,
        basis=basis.reshape(n_frames, n_blocks * rank),
        water=water,
        fat=fat,
        bound=bound,
        bound_slack=np.array([slack for _, slack in bounds]),
        phases=np.exp(2j * np.pi * np.outer(dictionary.grid["Df"], echo_times_ms / 1000.0)),
        overlap=overlap,
        # Water and fat never coincide in a useful sequence; the floor only keeps it finite.
        inverse_determinant=1.0 / np.maximum(1.0 - overlap**2, 1e-12),
        water_norms=water_norms,
        fat_norms=fat_norms,
        water_order=water_order,
        fat_order=fat_order,
    )


def _segment_bases(
    dictionary: WaterFatDictionary, block: int, segment: NDArray[np.int64], n_segments: int
) -> list[NDArray[np.float64]]:
    bases = []
    for s in range(n_segments):
        frames = segment == s
        envelopes = np.vstack(
            [dictionary.water[block][:, frames], dictionary.fat[block][:, frames]]
        )
        _, values, vectors = np.linalg.svd(envelopes, full_matrices=False)
        rank = max(1, int(np.sum(values > _SEGMENT_TOLERANCE * values[0])))
        bases.append(np.ascontiguousarray(vectors[:rank].T))
    return bases


def _bound_basis(
    water_atoms: NDArray[np.complex128], fat_atoms: NDArray[np.complex128]
) -> tuple[NDArray[np.complex128], float]:
    atoms = np.vstack([water_atoms, fat_atoms])
    real = np.hstack([atoms.real, atoms.imag])
    _, _, vectors = np.linalg.svd(real, full_matrices=False)
    for rank in range(1, len(vectors) + 1):
        kept = vectors[:rank]
        residual = real - real @ kept.T @ kept
        slack = float(np.linalg.norm(residual, axis=1).max())
        if slack < _BOUND_TOLERANCE or rank == len(vectors):
            break
    n_frames = atoms.shape[1]
    return kept[:, :n_frames] + 1j * kept[:, n_frames:], slack
