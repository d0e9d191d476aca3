"""The extended phase graph of an unbalanced gradient-spoiled (FISP) sequence.

Dephased magnetization is a Fourier series over the phase theta that the gradient adds in one
repetition time: Mxy(theta) = sum_k F_k exp(i k theta), Mz(theta) = sum_k Z_k exp(i k theta).
Written in the frame of the RF pulse (phase phi), with

    F_k = -i exp(i phi) up_k,     conj(F_-k) = i exp(-i phi) down_k,     k >= 0,

a pulse of flip angle alpha is the same real rotation for every k and every phase::

    up'   = (up - down)/2 + cos(alpha) (up + down)/2 + sin(alpha) Z
    down' = (down - up)/2 + cos(alpha) (up + down)/2 + sin(alpha) Z
    Z'    = cos(alpha) Z - sin(alpha) (up + down)/2

and the change of phase to the next pulse is one more precession. The gradient moves up_k to
up_k+1 and down_k to down_k-1, with up_0 = conj(down_0).

References
----------
Weigel, J Magn Reson Imaging 2015, 41:266-295 (extended phase graphs); Jiang et al., Magn Reson
Med 2015, 74:1621-1631 (FISP fingerprinting).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from napari_mrf.simulation.frame_means import frame_means
from napari_mrf.simulation.signal_model import SignalModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence

# Working set of one chunk of atoms: near the cache on a CPU, wide on an accelerator.
_STATES_PER_CHUNK = {"cpu": 2**15}
_STATES_PER_CHUNK_ELSEWHERE = 2**22

# With gradients, only the states at the ends of so many pulses are stored; the backward pass
# plays the pulses between them again.
_PULSES_PER_SEGMENT = 16


class ExtendedPhaseGraph(SignalModel):
    """FISP, with or without B1 among the maps; the inversion is ideal whatever B1 is."""

    has_states = True
    is_differentiated_by_steps = True

    def fingerprints(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> Tensor:
        """See `SignalModel`; on resonance and with B1 = 1 where they are missing."""
        T1 = tissue["T1"]
        B1 = tissue.get("B1", torch.ones_like(T1))
        return fingerprints(sequence, T1, tissue["T2"], tissue.get("Df"), B1, n_states=n_states)

    def is_compiled(self, sequence: Sequence) -> bool:
        """Return whether the states stay real."""
        return has_real_states(sequence)

    def compiled(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> NDArray[np.complexfloating]:
        """Return the fingerprints of tissues on resonance, on the CPU."""
        from napari_mrf.simulation import epg_kernel  # numba costs half a second

        T1, T2 = tissue["T1"].numpy(), tissue["T2"].numpy()
        B1 = tissue["B1"].numpy() if "B1" in tissue else np.ones_like(T1)
        signs = np.cos(np.deg2rad(phase_steps_deg(sequence))).round()
        echoes = epg_kernel.echoes(sequence, T1, T2, B1, signs, states_kept(sequence, n_states))
        signal = sequence.per_frame(echoes * frame_factors(sequence))
        return np.asarray(signal.mean(axis=2) if sequence.pulses_per_frame > 1 else signal[:, :, 0])


def fingerprints(
    sequence: Sequence,
    T1: Tensor,
    T2: Tensor,
    Df: Tensor | None,
    B1: Tensor,
    *,
    n_states: int | None = None,
) -> Tensor:
    """Return the FISP fingerprints of tissues.

    Parameters
    ----------
    sequence : Sequence
        Of kind ``"fisp"``.
    T1, T2 : Tensor
        (N,) relaxation times (ms), of one real dtype and device.
    Df : Tensor or None
        (N,) off-resonance (Hz). None is on resonance, and half the work where the RF phases
        agree up to 180 deg.
    B1 : Tensor
        (N,) relative B1, scaling the flip angles.
    n_states : int, optional
        Orders k = 0 … n_states - 1 are kept; by default all that can reach an echo.

    Returns
    -------
    Tensor
        (N, n_frames) complex; differentiable in every parameter. The backward pass keeps
        about 0.8 MB per tissue for 1000 pulses and all states, twice that off resonance.
    """
    n_kept = states_kept(sequence, n_states)
    budget = _STATES_PER_CHUNK.get(T1.device.type, _STATES_PER_CHUNK_ELSEWHERE)
    n_atoms = max(1, budget // n_kept)
    in_frame = frame_factors(sequence)
    factors = torch.as_tensor(in_frame, device=T1.device).to(T1.dtype.to_complex())

    chunks = []
    for start in range(0, len(T1), n_atoms):
        part = slice(start, start + n_atoms)
        df_column = None if Df is None else Df[part, None]
        tissue = _Tissue(T1[part, None], T2[part, None], df_column, B1[part, None])
        echoes = _play(sequence, n_kept, tissue)
        chunks.append(frame_means(sequence, echoes * factors))
    return torch.cat(chunks)


def states_kept(sequence: Sequence, n_states: int | None) -> int:
    """Return how many orders are kept: all that can arise, or fewer when asked for."""
    # Order k needs k pulses to build up and k to come back.
    n_possible = (sequence.n_pulses * sequence.repetitions + 1) // 2 + 1
    return n_possible if n_states is None else min(n_states, n_possible)


def frame_factors(sequence: Sequence) -> NDArray[np.complex128]:
    """Return -i exp(i phi) of every pulse, (n_pulses,): from its frame to the laboratory's."""
    return np.asarray(-1j * np.exp(1j * np.deg2rad(sequence.rf_phases_deg)))


def phase_steps_deg(sequence: Sequence) -> NDArray[np.float64]:
    """Return the RF phase of the next pulse minus that of each pulse, (n_pulses,), cyclic."""
    phases = sequence.rf_phases_deg
    return np.asarray(np.roll(phases, -1) - phases)


def has_real_states(sequence: Sequence) -> bool:
    """Return whether all RF phases agree up to 180 deg, so that the states stay real."""
    return not np.any(phase_steps_deg(sequence) % 180.0)


@dataclass(frozen=True)
class _Tissue:
    """Columns (N, 1) of one chunk of atoms."""

    T1: Tensor
    T2: Tensor
    Df: Tensor | None
    B1: Tensor

    def precession(self, time_ms: float, frame_step_deg: float) -> Tensor | float:
        """Return exp(-2 pi i Df t) seen from a frame that turns by an RF phase step."""
        if self.Df is None and frame_step_deg % 180.0 == 0.0:
            return 1.0 if frame_step_deg % 360.0 == 0.0 else -1.0
        frame_step = torch.full_like(self.T1, float(np.deg2rad(frame_step_deg)))
        angle = -frame_step
        if self.Df is not None:
            angle = angle - 2.0 * torch.pi * (time_ms / 1000.0) * self.Df
        return torch.polar(torch.ones_like(angle), angle)


@dataclass(frozen=True)
class _States:
    """The configuration states of orders 0 … K - 1, (N, K) each."""

    up: Tensor
    down: Tensor
    longitudinal: Tensor

    def rotated(self, flip_angle: Tensor) -> _States:
        """Apply an RF pulse, in its own frame."""
        cosine, sine = torch.cos(flip_angle), torch.sin(flip_angle)
        mean = 0.5 * (self.up + self.down)
        half_difference = 0.5 * (self.up - self.down)
        tipped = cosine * mean + sine * self.longitudinal
        return _States(
            tipped + half_difference,
            tipped - half_difference,
            cosine * self.longitudinal - sine * mean,
        )

    def relaxed(self, tissue: _Tissue, time_ms: float, frame_step_deg: float) -> _States:
        """Relax and precess freely, and see the result from the next pulse's frame."""
        decay2 = torch.exp(-time_ms / tissue.T2)
        precession = tissue.precession(time_ms, frame_step_deg)
        conjugate = precession.conj() if isinstance(precession, torch.Tensor) else precession
        return _States(
            self.up * (decay2 * precession),
            self.down * (decay2 * conjugate),
            _recovered(self.longitudinal, tissue, time_ms),
        )

    def inverted(self, tissue: _Tissue, inversion_time_ms: float) -> _States:
        """Invert ideally, crush all transverse states and relax."""
        longitudinal = _recovered(-self.longitudinal, tissue, inversion_time_ms)
        return _States(torch.zeros_like(self.up), torch.zeros_like(self.down), longitudinal)

    def dephased(self, n_states: int) -> _States:
        """Apply one unit of the gradient and keep so many orders."""
        n_before = self.up.shape[1]
        down = torch.nn.functional.pad(self.down[:, 1:], (0, max(0, n_states - n_before + 1)))
        up = torch.cat([down[:, :1].conj(), self.up], dim=1)
        longitudinal = torch.nn.functional.pad(self.longitudinal, (0, max(0, n_states - n_before)))
        return _States(up[:, :n_states], down[:, :n_states], longitudinal[:, :n_states])


def _recovered(longitudinal: Tensor, tissue: _Tissue, time_ms: float) -> Tensor:
    decay1 = torch.exp(-time_ms / tissue.T1)
    order_zero = longitudinal[:, :1] * decay1 + (1.0 - decay1)
    return torch.cat([order_zero, longitudinal[:, 1:] * decay1], dim=1)


def _play(sequence: Sequence, n_kept: int, tissue: _Tissue) -> Tensor:
    """Return the echoes of the last repetition in the frame of their RF pulses, (N, n_pulses)."""
    longitudinal = torch.ones_like(tissue.T1)
    if tissue.Df is not None or not has_real_states(sequence):
        longitudinal = torch.complex(longitudinal, torch.zeros_like(longitudinal))
    up = down = torch.zeros_like(longitudinal)

    n_total = sequence.n_pulses * sequence.repetitions
    echoes = []
    for start in range(0, n_total, _PULSES_PER_SEGMENT):
        stop = min(start + _PULSES_PER_SEGMENT, n_total)
        segment = partial(_play_segment, sequence, n_kept, tissue, start, stop)
        if torch.is_grad_enabled():
            up, down, longitudinal, part = checkpoint(
                segment, up, down, longitudinal, use_reentrant=False, preserve_rng_state=False
            )
        else:
            up, down, longitudinal, part = segment(up, down, longitudinal)
        echoes.append(part)
    return torch.cat(echoes, dim=1)


def _play_segment(
    sequence: Sequence,
    n_kept: int,
    tissue: _Tissue,
    start: int,
    stop: int,
    up: Tensor,
    down: Tensor,
    longitudinal: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Play pulses start … stop - 1, counted over all repetitions."""
    states = _States(up, down, longitudinal)
    n_pulses = sequence.n_pulses
    n_total = n_pulses * sequence.repetitions
    steps_deg = phase_steps_deg(sequence)
    echoes = []
    for played in range(start, stop):
        pulse = played % n_pulses
        if pulse == 0 and sequence.inversion_time_ms is not None:
            states = states.inverted(tissue, sequence.inversion_time_ms)
        flip_angle = float(np.deg2rad(sequence.flip_angles_deg[pulse])) * tissue.B1
        states = states.rotated(flip_angle)
        if played >= n_total - n_pulses:
            echo_time_ms = float(sequence.echo_times_ms[pulse])
            decay2 = torch.exp(-echo_time_ms / tissue.T2)
            echoes.append(states.up[:, :1] * (decay2 * tissue.precession(echo_time_ms, 0.0)))
        # Relaxation acts alike on all orders, so the gradient may as well come after it.
        time_ms = float(sequence.repetition_times_ms[pulse])
        states = states.relaxed(tissue, time_ms, float(steps_deg[pulse]))
        # Only orders that are populated and can still come back to an echo.
        states = states.dephased(max(1, min(played + 2, n_total - played - 1, n_kept)))
        if pulse == n_pulses - 1 and sequence.recovery_time_ms > 0:
            states = states.relaxed(tissue, sequence.recovery_time_ms, 0.0)
    signal = torch.cat(echoes, dim=1) if echoes else longitudinal[:, :0]
    return states.up, states.down, states.longitudinal, signal
