"""Model fit: how well given tissues explain fingerprints, whoever estimated them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_mrf.compute.threads import in_parts
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.matching.tables.envelope import B1_RANGE, T1_RANGE_MS, EnvelopeTable
from napari_mrf.matching.water_fat.factors import segment_weights
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.method import in_single_precision
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_KEYS = SIGNAL_KINDS["spoiled"].tissue
_FEWEST_IN_PART = 256


class ModelFit(Protocol):
    """Compares fingerprints with the model of their estimated tissue.

    `workers` is the number of threads, all cores by default: who calls it from several threads
    has them at work already.
    """

    def fit(
        self,
        signals: NDArray[np.complex64],
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints (N, T)."""


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
        signals: NDArray[np.complex64],
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints (N, T)."""
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
        self._envelopes = EnvelopeTable.build(sequence, segment, conditioning)
        self._weights = (water, fat, echo_times_ms / 1000.0)

    def fit(
        self,
        signals: NDArray[np.complex64],
        parameters: Mapping[str, NDArray[np.floating]],
        workers: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation (N,), 0-1, and complex scale (N,) of fingerprints (N, T)."""
        tissue = np.stack([parameters[key].astype(np.float64) for key in _KEYS], axis=1)
        tissue[:, 1:3] = np.clip(tissue[:, 1:3], *T1_RANGE_MS)
        tissue[:, 4] = np.clip(tissue[:, 4], *B1_RANGE)
        inner = np.empty(len(signals), np.complex128)
        power, energy = np.empty((2, len(signals)))

        table = self._envelopes.table

        def run(part: slice) -> None:
            self._fit_voxels(
                signals[part], table.basis, tissue[part], table.coefficients,
                table.grid, self._envelopes.segment_of_vector, *self._weights,
                inner[part], power[part], energy[part],
            )  # fmt: skip

        in_parts(run, len(signals), fewest=_FEWEST_IN_PART, workers=workers)
        quality = np.abs(inner) / np.sqrt(power * energy)
        return quality.astype(np.float32), in_single_precision(inner / power)


_FASTER: dict[str, Callable[[Sequence], ModelFit]] = {"spoiled": WaterFatFit}
"""Kinds that need not simulate every tissue."""
