"""From the block "MRF" of a sidecar (seconds) to a `Sequence` (milliseconds), and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.sequence import Sequence
from napari_mrf.data.sequence_units import check_angles
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.io.series.sidecar import MRFBlock

_KEYS = {
    "water_t2_ms": "WaterT2", "fat_t2_ms": "FatT2",
    "fat_shifts_hz": "FatModel", "fat_amplitudes": "FatModel",
}  # fmt: skip
"""Keys of the block by field of `Sequence`."""


def sequence_of(block: MRFBlock, path: Path) -> tuple[Sequence | None, str | None]:
    """Return the sequence that a block describes, or None and what it lacks.

    Parameters
    ----------
    block : MRFBlock
        Of a sidecar.
    path : Path
        The sidecar, for messages.

    Returns
    -------
    tuple of Sequence or None and str or None
        The sequence; else a sentence, or nothing where the block does not speak of one.

    Raises
    ------
    MRFInputError
        ``"bad-sidecar"`` where the values make no sequence.
    """
    if block.SequenceKind is None:
        return None, None
    needs = dict.fromkeys(_KEYS[field] for field in SIGNAL_KINDS[block.SequenceKind].needs)
    missing = [
        name for name in ("RepetitionTime", "EchoTime", *needs) if getattr(block, name) is None
    ]
    if block.FlipAngle is None and block.NominalFlipAngle is None:
        missing.append("FlipAngle")
    if missing:
        return None, (f"The sidecar names a {block.SequenceKind} sequence but lacks "
                      f"{', '.join(missing)}: pick the sequence yourself.")  # fmt: skip
    if block.InversionEfficiency not in (None, 1.0):
        return None, ("The sidecar gives an inversion efficiency of "
                      f"{block.InversionEfficiency:g}; only ideal inversions are modeled: "
                      "pick the sequence yourself.")  # fmt: skip
    try:
        sequence = _build(block)
        check_angles(sequence)
    except MRFInputError as error:
        raise MRFInputError("bad-sidecar", error.what, path=path, expected=error.expected,
                            found=error.found, hint=error.hint) from None  # fmt: skip
    return sequence, None


def _build(block: MRFBlock) -> Sequence:
    spokes = block.SpokesPerFrame or 1
    if block.SpokesPerFrame is None and block.NSpokes and block.NFrames:
        spokes = max(block.NSpokes // block.NFrames, 1)
    n_pulses = block.n_pulses or (block.NFrames or 0) * spokes or None
    flip_angles = block.FlipAngle
    if flip_angles is None:
        modulation = np.asarray(block.FlipAngleModulation or [1.0])
        flip_angles = (modulation * float(block.NominalFlipAngle or 0.0)).tolist()
    fat = block.FatModel
    return Sequence(
        name=block.SequenceName or "from the sidecar",
        kind=str(block.SequenceKind),
        parameters=tuple(block.Parameters or ()),
        flip_angles_deg=_pulses(flip_angles, n_pulses, spokes),
        repetition_times_ms=_milliseconds(_pulses(block.RepetitionTime, n_pulses, spokes)),
        echo_times_ms=_milliseconds(_pulses(block.EchoTime, n_pulses, spokes)),
        rf_phases_deg=_pulses(block.RFPhase or 0.0, n_pulses, spokes),
        inversion_time_ms=_optional_milliseconds(block.InversionTime),
        recovery_time_ms=_optional_milliseconds(block.RecoveryTime) or 0.0,
        repetitions=block.Repetitions or 1,
        pulses_per_frame=spokes,
        pulses_between_frames=block.SpokesBetweenFrames,
        water_t2_ms=_optional_milliseconds(block.WaterT2),
        fat_t2_ms=_optional_milliseconds(block.FatT2),
        fat_shifts_hz=None if fat is None else np.array(fat.ShiftsHz),
        fat_amplitudes=None if fat is None else np.array(fat.Amplitudes),
    )


def _pulses(value: Any, n_pulses: int | None, spokes: int) -> NDArray[np.float64]:
    """Return one value per pulse: constant, given per pulse, or repeated within each frame."""
    vector = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if n_pulses is None or vector.size == n_pulses:
        return vector
    if vector.size == 1:
        return np.full(n_pulses, vector[0])
    return np.repeat(vector, spokes)


def _milliseconds(seconds: Any) -> Any:
    # Rounded to a picosecond, so that 0.00402 s gives the same sequence as 4.02 ms.
    return np.round(np.asarray(seconds, dtype=np.float64) * 1000.0, 9)


def _optional_milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else float(_milliseconds(seconds))


def block_of(sequence: Sequence) -> dict[str, Any]:
    """Return the keys of the block "MRF" that describe a sequence completely.

    Parameters
    ----------
    sequence : Sequence
        Times up to nine decimals of a millisecond come back exactly.

    Returns
    -------
    dict
        JSON-ready.
    """
    block: dict[str, Any] = {
        "NFrames": sequence.n_frames,
        "NSpokes": sequence.n_pulses,
        "SpokesPerFrame": sequence.pulses_per_frame,
        "SequenceName": sequence.name,
        "SequenceKind": sequence.kind,
        "Parameters": list(sequence.parameters),
        "FlipAngle": sequence.flip_angles_deg.tolist(),
        "RepetitionTime": _seconds(sequence.repetition_times_ms),
        "EchoTime": _seconds(sequence.echo_times_ms),
        "RFPhase": sequence.rf_phases_deg.tolist(),
        "RecoveryTime": _seconds(sequence.recovery_time_ms),
        "Repetitions": sequence.repetitions,
    }
    times = {
        "InversionTime": sequence.inversion_time_ms,
        "WaterT2": sequence.water_t2_ms,
        "FatT2": sequence.fat_t2_ms,
    }
    if sequence.pulses_between_frames is not None:
        block["SpokesBetweenFrames"] = sequence.pulses_between_frames
    block |= {key: _seconds(value) for key, value in times.items() if value is not None}
    if sequence.fat_shifts_hz is not None and sequence.fat_amplitudes is not None:
        block["FatModel"] = {
            "ShiftsHz": sequence.fat_shifts_hz.tolist(),
            "Amplitudes": sequence.fat_amplitudes.tolist(),
        }
    return block


def _seconds(milliseconds: Any) -> Any:
    return np.round(np.asarray(milliseconds, dtype=np.float64) / 1000.0, 12).tolist()
