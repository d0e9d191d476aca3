"""Ideally spoiled gradient echoes of water and fat: the signal model of MRF T1-FF.

The signal of one species is a product of a real envelope, which knows T1 and B1, a fixed
complex weight of the echo (T2, fat peaks, RF phase) and the off-resonance phase::

    s_n = m_n(T1, B1) · weight_n · exp(-2 pi i Df TE_n),   m_n = sin(FA_n B1) Mz

Matchers and phantoms use the factors; `fingerprints` multiplies them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from napari_mrf.simulation.frame_means import frame_means
from napari_mrf.simulation.signal_model import SignalModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence

Species = Literal["water", "fat"]

# Bounds the memory of per-pulse signals: 1400 pulses x 2048 atoms x 16 bytes = 46 MB.
_ATOMS_PER_CHUNK = 2048


class WaterFat(SignalModel):
    """(1 - FF) water + FF fat."""

    is_compiled_off_resonance = True

    def fingerprints(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> Tensor:
        """See `SignalModel`; off-resonance is 0 and B1 1 where they are missing."""
        FF = tissue["FF"]
        Df, B1 = tissue.get("Df", torch.zeros_like(FF)), tissue.get("B1", torch.ones_like(FF))
        return fingerprints(sequence, FF, tissue["T1H2O"], tissue["T1fat"], Df, B1)

    def is_compiled(self, sequence: Sequence) -> bool:
        """Return whether frames follow one another, each of one echo time and RF phase."""
        from napari_mrf.compute.compilation import is_compiling  # numba is slow to load

        follow = sequence.pulses_between_frames is None and echo_segments(sequence) is not None
        return follow and is_compiling()

    def compiled(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> NDArray[np.complexfloating]:
        """Return the fingerprints of tissues on the CPU."""
        from napari_mrf.simulation.envelope_kernel import frame_envelopes  # numba is slow to load

        FF, T1H2O, T1fat = (tissue[key].numpy() for key in ("FF", "T1H2O", "T1fat"))
        B1 = tissue["B1"].numpy() if "B1" in tissue else np.ones_like(FF)
        water = frame_envelopes(sequence, T1H2O, B1) * (1.0 - FF)[:, None]
        fat = frame_envelopes(sequence, T1fat, B1) * FF[:, None]
        signal = water * frame_weights(sequence, "water") + fat * frame_weights(sequence, "fat")
        segments = echo_segments(sequence)
        if "Df" in tissue and segments is not None:
            echo_times_ms, segment_of_frame = segments
            turns = np.exp(np.outer(tissue["Df"].numpy(), -2j * np.pi * echo_times_ms / 1000.0))
            signal *= turns[:, segment_of_frame]
        return np.asarray(signal)


def envelopes(sequence: Sequence, t1_ms: Tensor, b1: Tensor, *, per_pulse: bool = False) -> Tensor:
    """Return the real envelopes m(T1, B1), averaged over the pulses of each frame.

    The inversion is ideal and not scaled by B1, no transverse magnetization survives a
    repetition time, and the last of ``sequence.repetitions`` repetitions from equilibrium is
    kept.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    t1_ms, b1 : Tensor
        (N,) longitudinal relaxation times (ms) and relative B1, of one real dtype and device.
    per_pulse : bool
        Return every pulse instead of frame means.

    Returns
    -------
    Tensor
        (N, n_frames), or (N, n_pulses); differentiable.
    """
    angles, angle_of_pulse = np.unique(np.deg2rad(sequence.flip_angles_deg), return_inverse=True)
    times, time_of_pulse = np.unique(sequence.repetition_times_ms, return_inverse=True)
    sines = [torch.sin(float(angle) * b1) for angle in angles]
    cosines = [torch.cos(float(angle) * b1) for angle in angles]
    decays = [torch.exp(-float(time) / t1_ms) for time in times]

    if not per_pulse and sequence.pulses_between_frames is not None:
        return frame_means(sequence, envelopes(sequence, t1_ms, b1, per_pulse=True))
    group = 1 if per_pulse else sequence.pulses_per_frame
    last = sequence.repetitions - 1
    longitudinal = torch.ones_like(t1_ms)
    columns: list[Tensor] = []
    for repetition in range(sequence.repetitions):
        if sequence.inversion_time_ms is not None:
            decay = torch.exp(-sequence.inversion_time_ms / t1_ms)
            longitudinal = 1.0 + (-longitudinal - 1.0) * decay
        total = torch.zeros_like(t1_ms)
        for pulse in range(sequence.n_pulses):
            angle = angle_of_pulse[pulse]
            if repetition == last:
                total = total + sines[angle] * longitudinal
                if (pulse + 1) % group == 0:
                    columns.append(total / group)
                    total = torch.zeros_like(t1_ms)
            decay = decays[time_of_pulse[pulse]]
            longitudinal = 1.0 + (longitudinal * cosines[angle] - 1.0) * decay
        decay = torch.exp(-sequence.recovery_time_ms / t1_ms)
        longitudinal = 1.0 + (longitudinal - 1.0) * decay
    return torch.stack(columns, dim=1)


def echo_weights(sequence: Sequence, species: Species) -> NDArray[np.complex128]:
    """Return the complex weight of every pulse's echo, (n_pulses,).

    Water: exp(-TE/T2). Fat: the same with its own T2, times the sum of its peaks
    a_k exp(-2 pi i c_k TE). Both carry the RF phase as -i exp(i phase), which is 1 at 90 deg.

    Raises
    ------
    ValueError
        When the sequence has no water-fat model.
    """
    water_t2_ms, fat_t2_ms = sequence.water_t2_ms, sequence.fat_t2_ms
    shifts_hz, amplitudes = sequence.fat_shifts_hz, sequence.fat_amplitudes
    if water_t2_ms is None or fat_t2_ms is None or shifts_hz is None or amplitudes is None:
        raise ValueError(f"{sequence.name} has no water-fat model")
    echo_times_s = sequence.echo_times_ms / 1000.0
    transmit = -1j * np.exp(1j * np.deg2rad(sequence.rf_phases_deg))
    if species == "water":
        return np.asarray(transmit * np.exp(-sequence.echo_times_ms / water_t2_ms))
    peaks = np.exp(-2j * np.pi * np.outer(echo_times_s, shifts_hz))
    decay = np.exp(-sequence.echo_times_ms / fat_t2_ms)
    return np.asarray(transmit * decay * (peaks @ amplitudes))


def echo_segments(sequence: Sequence) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """Return the distinct echo times (ms) and the index of each frame's echo time.

    Returns None where the echo time or the RF phase varies inside a frame: then the signal of
    a frame is no product of envelope and phase.
    """
    echo_times = sequence.per_frame(sequence.echo_times_ms)
    phases = sequence.per_frame(sequence.rf_phases_deg)
    if np.any(echo_times != echo_times[:, :1]) or np.any(phases != phases[:, :1]):
        return None
    distinct, segment_of_frame = np.unique(echo_times[:, 0], return_inverse=True)
    return distinct, segment_of_frame


def frame_weights(sequence: Sequence, species: Species) -> NDArray[np.complex128]:
    """Return `echo_weights` of each frame, (n_frames,), where they are constant in a frame."""
    return np.ascontiguousarray(sequence.per_frame(echo_weights(sequence, species))[:, 0])


def species_fingerprints(
    sequence: Sequence, species: Species, t1_ms: Tensor, df_hz: Tensor, b1: Tensor
) -> Tensor:
    """Return fingerprints of pure water or pure fat, complex, (N, n_frames); differentiable."""
    complex_dtype = torch.complex128 if t1_ms.dtype == torch.float64 else torch.complex64

    def phases(echo_times_ms: NDArray[np.float64]) -> Tensor:
        echo_times_s = torch.as_tensor(echo_times_ms / 1000.0, dtype=t1_ms.dtype)
        angle = -2.0 * torch.pi * df_hz[:, None] * echo_times_s.to(t1_ms.device)
        return torch.complex(torch.cos(angle), torch.sin(angle))

    if echo_segments(sequence) is not None:
        weights = torch.as_tensor(frame_weights(sequence, species), dtype=complex_dtype)
        echo_times_ms = sequence.per_frame(sequence.echo_times_ms)[:, 0]
        envelope = envelopes(sequence, t1_ms, b1)
        return envelope * (weights.to(t1_ms.device) * phases(echo_times_ms))

    weights = torch.as_tensor(echo_weights(sequence, species), dtype=complex_dtype)
    envelope = envelopes(sequence, t1_ms, b1, per_pulse=True)
    pulses = envelope * (weights.to(t1_ms.device) * phases(sequence.echo_times_ms))
    return frame_means(sequence, pulses)


def fingerprints(
    sequence: Sequence, FF: Tensor, T1H2O: Tensor, T1fat: Tensor, Df: Tensor, B1: Tensor
) -> Tensor:
    """Return the fingerprints (1 - FF) water + FF fat.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"spoiled"``.
    FF, T1H2O, T1fat, Df, B1 : Tensor
        (N,) fat fraction (0-1), T1 of water and fat (ms), off-resonance (Hz), relative B1; of
        one real dtype and device.

    Returns
    -------
    Tensor
        (N, n_frames) complex; differentiable in every parameter.

    References
    ----------
    Marty and Carlier, MRM 2020; the fat model has six peaks.
    """
    chunks = []
    for start in range(0, len(FF), _ATOMS_PER_CHUNK):
        part = slice(start, start + _ATOMS_PER_CHUNK)
        water = species_fingerprints(sequence, "water", T1H2O[part], Df[part], B1[part])
        fat = species_fingerprints(sequence, "fat", T1fat[part], Df[part], B1[part])
        fraction = FF[part, None]
        chunks.append((1.0 - fraction) * water + fraction * fat)
    return torch.cat(chunks) if len(chunks) != 1 else chunks[0]
