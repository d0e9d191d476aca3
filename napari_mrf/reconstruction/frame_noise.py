"""The noise of fingerprints, without a model.

It is what changes between neighboring frames faster than any signal of tissue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.threads import in_parts
from napari_mrf.dictionary.real_atoms import interleaved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

# The power of a second difference 1, -2, 1 of complex noise is 12 sigma² on average, and
# distributed exponentially: its median is ln 2 times that.
_MEDIAN_POWER = 12.0 * np.log(2.0)
# Neighboring differences share frames: of long series some tell as much as all.
_MOST_DIFFERENCES = 500
_FEWEST_IN_PART = 256


class FrameNoise:
    """Estimates the noise of fingerprints from second differences of their frames.

    Parameters
    ----------
    sequence : Sequence
        What was played.
    kept : ndarray
        (K,) rising frames of the sequence that the fingerprints have.

    Attributes
    ----------
    n_differences : int
        Differences that the estimate is a median of.
    """

    def __init__(self, sequence: Sequence, kept: NDArray[np.intp]) -> None:
        phases_deg = sequence.per_frame(sequence.rf_phases_deg)[kept, 0]
        turns = np.exp(-1j * np.deg2rad(phases_deg))
        self._triples = _triples(sequence.per_frame(sequence.echo_times_ms)[kept, 0], kept)
        self._turns = np.stack([turns.real, turns.imag])
        self.n_differences = len(self._triples)

    def powers(
        self,
        signals: NDArray[np.complex64],
        norms: NDArray[np.floating],
        workers: int | None = None,
    ) -> NDArray[np.float64]:
        """Return sigma² of the real part of one frame, of fingerprints divided by their norms.

        Parameters
        ----------
        signals : ndarray
            (N, K) complex64.
        norms : ndarray
            (N,), none zero.
        workers : int, optional
            Threads; all cores by default.

        Returns
        -------
        ndarray
            (N,) float64.
        """
        from napari_mrf.reconstruction.poor_fit_kernel import median_powers

        noise, rows = np.empty(len(signals)), interleaved(signals)

        def estimate(of: slice) -> None:
            median_powers(rows[of], norms[of], self._triples, self._turns, noise[of])

        in_parts(estimate, len(signals), fewest=_FEWEST_IN_PART, workers=workers)
        return np.asarray(noise / _MEDIAN_POWER)


def _triples(echo_times_ms: NDArray[np.float64], kept: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return (M, 3) places of frames that follow each other closely at one echo time."""
    found = [np.zeros((0, 3), np.intp)]
    for one in np.unique(echo_times_ms):
        places = np.flatnonzero(echo_times_ms == one)
        triples = np.stack([places[:-2], places[1:-1], places[2:]], axis=1)
        if len(triples):
            apart = kept[triples[:, 2]] - kept[triples[:, 0]]
            found.append(triples[apart <= np.median(apart)])
    triples = np.concatenate(found)
    return triples[:: max(1, -(-len(triples) // _MOST_DIFFERENCES))]
