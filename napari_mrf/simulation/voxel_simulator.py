"""Fingerprints of a few tissues, fast enough to follow a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.parameters import PARAMETERS
from napari_mrf.simulation import water_fat
from napari_mrf.simulation.simulator import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.sequence import Sequence

_SPOILED = ("FF", "T1H2O", "T1fat", "Df", "B1")


class VoxelSimulator:
    """What `napari_mrf.simulate` computes, with the constants of the sequence made once.

    A fingerprint of MRF T1-FF takes 0.1 ms instead of 150 ms; for other sequences `simulate`
    itself is called. The numbers agree to 1e-12 (a test).

    Parameters
    ----------
    sequence : Sequence
        Of any kind.
    """

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self._is_spoiled = sequence.kind == "spoiled"
        if self._is_spoiled:
            self._water = water_fat.echo_weights(sequence, "water")
            self._fat = water_fat.echo_weights(sequence, "fat")
            times_s, self._time_of_pulse = np.unique(
                sequence.echo_times_ms / 1000.0, return_inverse=True
            )
            self._turns = -2j * np.pi * times_s

    def fingerprints(
        self, parameters: Mapping[str, NDArray[np.floating]]
    ) -> NDArray[np.complex128]:
        """Return the fingerprints of N tissues.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            (N,) arrays, as `napari_mrf.simulate` takes them.

        Returns
        -------
        ndarray
            (N, n_frames) complex128.

        Raises
        ------
        MRFInputError
            As `napari_mrf.simulate`: for values that are missing, not finite or out of range.
        """
        if not self._is_spoiled or not _all_in_range(parameters):
            # Out of range it says so, in the words that are known from there.
            return np.asarray(simulate(self.sequence, parameters, dtype="complex128"))
        from napari_mrf.simulation.envelope_kernel import pulse_envelopes  # numba is slow to load

        FF, T1H2O, T1fat, Df, B1 = (
            np.asarray(parameters[key], dtype=np.float64) for key in _SPOILED
        )
        envelopes = pulse_envelopes(
            self.sequence, np.concatenate([T1H2O, T1fat]), np.concatenate([B1, B1])
        )
        water, fat = envelopes[: len(FF)], envelopes[len(FF) :]
        mixture = (1.0 - FF)[:, None] * water * self._water + FF[:, None] * fat * self._fat
        phases = np.exp(np.outer(Df, self._turns))[:, self._time_of_pulse]
        return np.asarray(self.sequence.per_frame(mixture * phases).mean(axis=2))


def _all_in_range(parameters: Mapping[str, NDArray[np.floating]]) -> bool:
    """Whether the five parameters of MRF T1-FF are there and valid."""
    if set(parameters) != set(_SPOILED):
        return False
    for key, values in parameters.items():
        low, high = PARAMETERS[key].valid_range
        # NaN fails both comparisons.
        if not bool(np.all((values >= low) & (values <= high))):
            return False
    return True
