"""Fingerprints of a few tissues, fast enough to follow a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.simulation import water_fat
from napari_mrf.simulation.simulator import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


class VoxelSimulator:
    """The same as `napari_mrf.simulate`, with the constants of the sequence made once.

    A fingerprint of MRF T1-FF takes 0.1 ms instead of 150 ms; for kinds that are not in
    `PREPARED` `simulate` itself is called. The numbers agree to 1e-12 (a test).

    Parameters
    ----------
    sequence : Sequence
        Of any kind.
    """

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        make = PREPARED.get(sequence.kind)
        self._prepared = None if make is None else make(sequence)

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
        prepared = self._prepared
        if prepared is None or not _all_in_range(parameters, prepared.keys):
            # Out of range it says so, in the words that are known from there.
            return np.asarray(simulate(self.sequence, parameters, dtype="complex128"))
        values = (np.asarray(parameters[key], dtype=np.float64) for key in prepared.keys)
        return prepared.fingerprints(*values)


class _Prepared(Protocol):
    keys: tuple[str, ...]

    def fingerprints(self, *values: NDArray[np.float64]) -> NDArray[np.complex128]: ...


class _WaterFatVoxels:
    """MRF T1-FF, with the weights of water and fat made once."""

    keys = SIGNAL_KINDS["spoiled"].tissue

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._water = water_fat.echo_weights(sequence, "water")
        self._fat = water_fat.echo_weights(sequence, "fat")
        times_s, self._time_of_pulse = np.unique(
            sequence.echo_times_ms / 1000.0, return_inverse=True
        )
        self._turns = -2j * np.pi * times_s

    def fingerprints(self, *values: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return (N, n_frames) of (N,) values in the order of `keys`."""
        from napari_mrf.simulation.envelope_kernel import pulse_envelopes  # numba is slow to load

        FF, T1H2O, T1fat, Df, B1 = values
        envelopes = pulse_envelopes(
            self._sequence, np.concatenate([T1H2O, T1fat]), np.concatenate([B1, B1])
        )
        water, fat = envelopes[: len(FF)], envelopes[len(FF) :]
        mixture = (1.0 - FF)[:, None] * water * self._water + FF[:, None] * fat * self._fat
        phases = np.exp(np.outer(Df, self._turns))[:, self._time_of_pulse]
        return np.asarray(self._sequence.per_frame(mixture * phases).mean(axis=2))


PREPARED: dict[str, Callable[[Sequence], _Prepared]] = {"spoiled": _WaterFatVoxels}
"""Kinds whose constants are worth keeping."""


def _all_in_range(parameters: Mapping[str, NDArray[np.floating]], keys: tuple[str, ...]) -> bool:
    """Whether just these parameters are there and valid."""
    if set(parameters) != set(keys):
        return False
    for key, values in parameters.items():
        low, high = PARAMETERS[key].valid_range
        # NaN fails both comparisons.
        if not bool(np.all((values >= low) & (values <= high))):
            return False
    return True
