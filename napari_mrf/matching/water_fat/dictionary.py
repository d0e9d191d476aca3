"""The factorized dictionary of water and fat: axes and real envelopes, never pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.simulation import water_fat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.grid import ParameterGrid

AXES = ("T1H2O", "T1fat", "Df", "B1")


@dataclass(frozen=True, eq=False)
class WaterFatDictionary:
    """Envelopes of water and fat over (B1, T1), to be combined with off-resonance phases.

    An atom of water is ``envelope · weight · exp(-2 pi i Df TE)``; likewise fat. The
    dictionary of MRF T1-FF has 342,000 pairs of atoms but only 1,830 envelopes.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    grid : ParameterGrid
        With the axes T1H2O, T1fat, Df and B1.
    water, fat : ndarray
        (n_B1, n_T1, n_pulses or K) float64 envelopes: one value for each of the K frames used
        where the echo time is constant in a frame, else one per pulse.
    conditioning : Conditioning
        Frames used and averaging in time, which the envelopes have seen too.
    """

    sequence: Sequence
    grid: ParameterGrid
    water: NDArray[np.float64]
    fat: NDArray[np.float64]
    conditioning: Conditioning = field(default_factory=Conditioning)

    @classmethod
    def build(
        cls, sequence: Sequence, grid: ParameterGrid, conditioning: Conditioning | None = None
    ) -> WaterFatDictionary:
        """Simulate the envelopes of a grid.

        Raises
        ------
        MRFInputError
            ``"wrong-sequence"`` for a sequence without fat model, ``"bad-grid"`` for a grid
            without the four axes.
        """
        if "FF" not in SIGNAL_KINDS[sequence.kind].required:
            raise MRFInputError(
                "wrong-sequence",
                "water-fat matching needs a spoiled sequence with a fat model",
                found=f"{sequence.name} ({sequence.kind})",
                hint="Use the method exhaustive for FISP.",
            )
        if set(grid.axes) != set(AXES):
            raise MRFInputError(
                "bad-grid",
                "a water-fat grid must have other axes",
                expected=", ".join(AXES),
                found=", ".join(grid.axes),
            )
        conditioning = conditioning or Conditioning()
        kept = conditioning.kept_frames(sequence)
        averaging = conditioning.averaging(sequence)
        per_pulse = water_fat.echo_segments(sequence) is None

        def envelopes(t1_ms: NDArray[np.float64]) -> NDArray[np.float64]:
            b1, t1 = (axis.reshape(-1) for axis in np.meshgrid(grid["B1"], t1_ms, indexing="ij"))
            values = water_fat.envelopes(
                sequence, torch.from_numpy(t1), torch.from_numpy(b1), per_pulse=per_pulse
            )
            frames = values.numpy().reshape(grid["B1"].size, t1_ms.size, -1)
            return frames if per_pulse else conditioned(frames, kept, averaging)

        water, fat = envelopes(grid["T1H2O"]), envelopes(grid["T1fat"])
        return cls(sequence, grid, water, fat, conditioning)

    @property
    def factorizes(self) -> bool:
        """Whether envelopes are per frame, so that off-resonance is a phase per frame."""
        return water_fat.echo_segments(self.sequence) is not None

    def block(
        self, b1_index: int, df_index: int
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Return the water atoms (n_T1H2O, n_frames) and fat atoms of one (B1, Df)."""
        df_hz = float(self.grid["Df"][df_index])
        sequence = self.sequence
        kept = self.conditioning.kept_frames(sequence)
        averaging = self.conditioning.averaging(sequence)
        phases = np.exp(-2j * np.pi * df_hz * sequence.echo_times_ms / 1000.0)

        def atoms(envelope: NDArray[np.float64], species: water_fat.Species) -> NDArray[Any]:
            per_pulse = water_fat.echo_weights(sequence, species) * phases
            if self.factorizes:
                # The averaging stays inside runs of one echo time and RF phase, where this
                # factor is constant.
                return np.asarray(envelope * sequence.per_frame(per_pulse)[kept, 0])
            frames = sequence.per_frame(envelope * per_pulse).mean(axis=-1)
            return conditioned(frames, kept, averaging)

        return atoms(self.water[b1_index], "water"), atoms(self.fat[b1_index], "fat")

    def describe(self) -> dict[str, Any]:
        """Return grid and number of pairs for the provenance."""
        return {"grid": self.grid.describe(), "water_fat_pairs": self.grid.size}


def conditioned(
    frames: NDArray[Any], kept: NDArray[np.intp], averaging: NDArray[np.float64] | None
) -> NDArray[Any]:
    """Keep frames of the last axis and average them."""
    values = frames[..., kept]
    return np.asarray(values if averaging is None else values @ averaging.T)
