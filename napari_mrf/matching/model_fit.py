"""Model fit: how well given tissues explain fingerprints, whoever estimated them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from napari_mrf.compute.blocks import padded
from napari_mrf.compute.threads import in_parts
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary.real_atoms import interleaved, norms_of
from napari_mrf.matching.tables.envelope import B1_RANGE, T1_RANGE_MS, EnvelopeTable
from napari_mrf.matching.water_fat.factors import segment_weights
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.method import in_single_precision
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, TimeVectors, frames_of
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.subspace.coefficients import Signals

_KEYS = SIGNAL_KINDS["spoiled"].tissue
_FEWEST_IN_PART = 256
# Products of matrices depend on the number of rows in the last bit: blocks are of one size.
_ROWS = 256
_MOST_EXPONENT = 120


class ModelFit(Protocol):
    """Compares fingerprints with the model of their estimated tissue.

    `workers` is the number of threads, all cores by default: who calls it from several threads
    has them at work already.
    """

    def fit(
        self,
        signals: Signals,
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints."""


@lru_cache(maxsize=4)
def model_fit(sequence: Sequence) -> ModelFit:
    """Return the fastest comparison there is for a sequence; its tables are made once."""
    try:
        return _FASTER.get(sequence.kind, SimulatedFit)(sequence)
    except (ImportError, ValueError):
        return SimulatedFit(sequence)


class SimulatedFit:
    """Simulates each tissue exactly.

    Parameters
    ----------
    sequence : Sequence
        Of any kind.
    """

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence

    def fit(
        self,
        signals: Signals,
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints."""
        signals = frames_of(signals)
        model = simulate(self._sequence, parameters, dtype="complex128")
        inner = np.sum(model.conj() * signals, axis=1)
        power = np.sum(np.abs(model) ** 2, axis=1)
        norm = np.linalg.norm(signals.astype(np.complex128), axis=1)
        quality = np.abs(inner) / (np.sqrt(power) * norm)
        return quality.astype(np.float32), in_single_precision(inner / power)


class WaterFatFit:
    """Interpolates the envelopes of MRF T1-FF (error below 3e-6) in compiled code.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.

    Raises
    ------
    ImportError
        Without numba.
    ValueError
        When the sequence does not factorize.
    """

    def __init__(self, sequence: Sequence) -> None:
        from napari_mrf.matching.water_fat_fit_kernel import fit_voxels

        self._fit_voxels = fit_voxels
        conditioning = Conditioning()
        echo_times_ms, segment, water, fat = segment_weights(sequence, conditioning)
        built = EnvelopeTable.build(sequence, segment, conditioning)
        basis, segment_of_vector = built.table.basis, built.segment_of_vector
        self._envelopes = (
            built.table.coefficients, built.table.grid, segment_of_vector,
            water, fat, echo_times_ms / 1000.0,
        )  # fmt: skip
        self._vectors = TimeVectors(basis.T)
        self._blocks = _blocks(basis, segment, segment_of_vector)

    def fit(
        self,
        signals: Signals,
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints."""
        tissue = np.stack([parameters[key].astype(np.float64) for key in _KEYS], axis=1)
        tissue[:, 1:3] = np.clip(tissue[:, 1:3], *T1_RANGE_MS)
        tissue[:, 4] = np.clip(tissue[:, 4], *B1_RANGE)
        inner, power = np.empty(len(signals), np.complex128), np.empty(len(signals))
        if isinstance(signals, Coefficients):
            norms, products = signals.norms, signals.products(self._vectors)
            scales = 1.0 / norms
        else:
            norms = norms_of(signals)
            products, scales = self._products(signals, norms)

        def run(of: slice) -> None:
            self._fit_voxels(products[of], tissue[of], self._envelopes, inner[of], power[of])

        in_parts(run, len(signals), fewest=_FEWEST_IN_PART, workers=workers)
        quality = np.abs(inner) / (np.sqrt(power) * (norms * scales))
        return quality.astype(np.float32), in_single_precision(inner / (power * scales))

    def _products(
        self, signals: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Return products (N, R) of the basis with fingerprints under scales (N,), and these."""
        products = np.empty((len(signals), len(self._envelopes[2])), np.complex128)
        # A power of two first, exactly: whatever the gain, products fit into single precision.
        exponents = np.clip(np.frexp(norms)[1], -_MOST_EXPONENT, _MOST_EXPONENT)
        scales = np.ldexp(1.0, -exponents)
        powers = scales.astype(np.float32)[:, None]
        for start in range(0, len(signals), _ROWS):
            of = slice(start, start + _ROWS)
            rows = torch.from_numpy(padded(interleaved(signals[of]) * powers[of], _ROWS))
            for samples, vectors, block in self._blocks:
                found = (rows[:, samples] @ block).numpy().view(np.complex64)
                products[of, vectors] = found[: len(norms[of])]
        return products, scales


def _blocks(
    basis: NDArray[np.float64],
    segment: NDArray[np.int64],
    segment_of_vector: NDArray[np.int64],
) -> list[tuple[slice, slice, Tensor]]:
    """Return of each segment where its samples and vectors are, and their matrix.

    Most of the basis (T, R) is zero: each vector lives in the frames of one segment. Rows of
    samples, real and imaginary parts in turn, times the matrix are such rows of products.
    """
    found = []
    for one in range(int(segment_of_vector.max()) + 1):
        frames = np.flatnonzero(segment == one)
        vectors = np.flatnonzero(segment_of_vector == one)
        first, last = frames[0], frames[-1] + 1
        part = np.kron(basis[first:last, vectors], np.eye(2))
        matrix = torch.from_numpy(part.astype(np.float32))
        found.append((slice(2 * first, 2 * last), slice(vectors[0], vectors[-1] + 1), matrix))
    return found


_FASTER: dict[str, Callable[[Sequence], ModelFit]] = {"spoiled": WaterFatFit}
"""Kinds that need not simulate every tissue."""
