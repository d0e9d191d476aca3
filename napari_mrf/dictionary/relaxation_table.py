"""FISP signals m(T1, T2) as a smooth table, for continuous values and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.dictionary.bicubic_table import BicubicTable, SplineAxis
from napari_mrf.dictionary.water_fat_dictionary import conditioned
from napari_mrf.simulation import epg, simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.conditioning import Conditioning
    from napari_mrf.sequence import Sequence

T1_RANGE_MS = (8.0, 6000.0)
T2_RANGE_MS = (1.5, 4000.0)
_T1_CELLS, _T2_CELLS = 32, 40
_BASIS_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class RelaxationTable:
    """Cubic B-splines in log T1 and log T2 of the signals, in a short orthonormal basis.

    For T1 of 10-5000 ms and T2 of 2-3000 ms, T2 <= T1, the relative error of a FISP signal of
    1000 pulses is below 5e-5 and that of its derivatives below 1e-3 (measured by tests).

    Parameters
    ----------
    table : BicubicTable
        Over log T1 and log T2 (ms), of the signals divided by `phase`: real.
    phase : complex
        Of the first echo, of size 1.
    """

    table: BicubicTable
    phase: complex

    @classmethod
    def build(cls, sequence: Sequence, conditioning: Conditioning | None = None) -> RelaxationTable:
        """Simulate and fit the signals of a sequence (seconds).

        Parameters
        ----------
        sequence : Sequence
            Of kind ``"fisp"``, its RF phases agreeing up to 180 deg.
        conditioning : Conditioning, optional
            Frames used and averaging in time.

        Raises
        ------
        ValueError
            For other RF phases: the signals are not real up to a phase then.
        """
        if not epg.has_real_states(sequence):
            raise ValueError("the RF phases differ by other angles than 180 deg")
        log_t1, log_t2 = (
            SplineAxis(float(np.log(low)), float(np.log(high)), cells)
            for (low, high), cells in ((T1_RANGE_MS, _T1_CELLS), (T2_RANGE_MS, _T2_CELLS))
        )
        t1_ms, t2_ms = np.meshgrid(
            np.exp(log_t1.samples()), np.exp(log_t2.samples()), indexing="ij"
        )
        phase = complex(epg.frame_factors(sequence)[0])
        tissue = {"T1": t1_ms.reshape(-1), "T2": t2_ms.reshape(-1)}
        signals = (simulate(sequence, tissue, dtype="complex128") / phase).real
        if conditioning is not None:
            kept = conditioning.kept_frames(sequence)
            signals = conditioned(signals, kept, conditioning.averaging(sequence))
        return cls(BicubicTable.fit(log_t1, log_t2, signals, _basis(signals)), phase)

    def signals(
        self, t1_ms: NDArray[np.float64], t2_ms: NDArray[np.float64]
    ) -> NDArray[np.complex128]:
        """Return interpolated signals, (N, n_frames)."""
        return np.asarray(self.phase * self.table.vectors(np.log(t1_ms), np.log(t2_ms)))


def _basis(signals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the leading singular vectors (K, R) of signals (N, K)."""
    squares, vectors = np.linalg.eigh(signals.T @ signals)
    rank = max(1, int(np.sum(squares > _BASIS_TOLERANCE**2 * squares[-1])))
    return np.ascontiguousarray(vectors[:, ::-1][:, :rank])
