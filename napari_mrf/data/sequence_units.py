"""Sequence files in another unit: s or µs for ms, radians for degrees.

It stands apart from `sequence`: in Python the fields carry their unit in their names, and a
toy of a few degrees is no fault; files come from elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence

MOST_MS = {
    "repetition_times_ms": 500.0,
    "echo_times_ms": 200.0,
    "inversion_time_ms": 5_000.0,
    "recovery_time_ms": 60_000.0,
    "water_t2_ms": 10_000.0,
    "fat_t2_ms": 10_000.0,
}
"""No sequence reaches these limits, and every one does in microseconds."""
_LEAST_MS = {
    "repetition_times_ms": 1.0,
    "echo_times_ms": 0.02,
    "inversion_time_ms": 1.0,
    "recovery_time_ms": 1.0,
    "water_t2_ms": 1.0,
    "fat_t2_ms": 1.0,
}
"""Below lies what is given in seconds. 0 is no time at all, and not a matter of units."""
_MOST_DEG = 360.0


def check_units(sequence: Sequence) -> None:
    """Refuse a sequence whose values are likely in another unit than ms and degrees.

    Parameters
    ----------
    sequence : Sequence
        From a file. The shortest repetition time below 1 ms, or the longest echo time below
        0.02 ms, is taken for seconds; flip angles, or RF phases, of which none exceeds pi, or
        2 pi, for radians. Pulse trains without any of them (all 0) are left alone.

    Raises
    ------
    MRFInputError
        ``"bad-sequence"``, naming the likely unit.
    """
    for field, most in MOST_MS.items():
        value = getattr(sequence, field)
        if value is None or not np.any(value):
            continue
        # Echo times of single pulses may be anything down to 0; all of them tell.
        least = float(np.max(value) if field == "echo_times_ms" else np.min(value))
        if least < _LEAST_MS[field]:
            raise _other_unit(field, "ms", f"{_LEAST_MS[field]:g} to {most:g}", least, "seconds")
        if np.max(value) > most:
            found = float(np.max(value))
            raise _other_unit(field, "ms", f"{_LEAST_MS[field]:g} to {most:g}", found,
                              "microseconds")  # fmt: skip
    check_angles(sequence)


def check_angles(sequence: Sequence) -> None:
    """Refuse angles that are likely in radians; the second half of `check_units`."""
    for field, turn in (("flip_angles_deg", math.pi), ("rf_phases_deg", 2 * math.pi)):
        largest = float(np.max(np.abs(getattr(sequence, field))))
        if 0 < largest < turn + 1e-3:
            raise _other_unit(field, "degrees", f"more than {turn:.3g}", largest, "radians")
    largest = float(np.max(np.abs(sequence.flip_angles_deg)))
    if largest > _MOST_DEG:
        raise _other_unit("flip_angles_deg", "degrees", f"at most {_MOST_DEG:g}", largest, "")


def _other_unit(field: str, unit: str, expected: str, found: float, guess: str) -> MRFInputError:
    words = field.rpartition("_")[0].replace("_", " ")
    return MRFInputError(
        "bad-sequence",
        f"the {words} ({field}) {'are' if words.endswith('s') else 'is'} hardly in {unit}",
        expected=f"{expected} {unit}",
        found=f"{found:g}",
        hint=f"Is it in {guess}? Convert it to {unit} first." if guess else "Check the values.",
    )  # fmt: skip
