"""What the values of a sequence must be; what is refused is told with cause and cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

JSON_FORMAT = "napari-mrf sequence"
PULSE_FIELDS = ("flip_angles_deg", "repetition_times_ms", "echo_times_ms", "rf_phases_deg")


def bad_sequence(what: str, **details: Any) -> MRFInputError:
    """Return the error of a sequence that cannot be."""
    return MRFInputError("bad-sequence", what, **details)


def spread_pulses(given: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Return one value a pulse in every field, read-only; scalars are those of all pulses."""
    vectors = {field: vector(field, value) for field, value in given.items()}
    lengths = {field: v.size for field, v in vectors.items() if v.ndim}
    n_pulses = max(lengths.values(), default=1)
    wrong = {field: n for field, n in lengths.items() if n not in (1, n_pulses)}
    if wrong:
        raise bad_sequence(
            "the pulse trains differ in length",
            expected=f"{n_pulses} or 1 values",
            found=", ".join(f"{n} {field}" for field, n in wrong.items()),
        )
    for field, values in vectors.items():
        vectors[field] = np.array(np.broadcast_to(values.reshape(-1), (n_pulses,)))
        vectors[field].setflags(write=False)
    return vectors


def check_timing(
    repetition_times_ms: NDArray[np.float64], echo_times_ms: NDArray[np.float64]
) -> None:
    """Refuse repetition times that are not positive and echoes outside of them."""
    if np.any(repetition_times_ms <= 0):
        raise bad_sequence(
            "repetition_times_ms must be positive", found=float(repetition_times_ms.min())
        )
    outside = (echo_times_ms < 0) | (echo_times_ms > repetition_times_ms)
    if np.any(outside):
        pulse = int(np.argmax(outside))
        raise bad_sequence(
            f"the echo time of pulse {pulse} is not between 0 and its repetition time",
            expected=f"0 to {repetition_times_ms[pulse]:g} ms",
            found=f"{echo_times_ms[pulse]:g} ms",
            hint="Times are in ms.",
        )


def check_frames(n_pulses: int, size: int, step: int | None) -> int | None:
    """Return the pulses between frames, None where frames of so many pulses follow one another."""
    if step is None:
        if n_pulses % size:
            raise bad_sequence(
                "the number of pulses is no multiple of pulses_per_frame",
                expected=f"a multiple of {size}",
                found=n_pulses,
            )
        return None
    step = whole("pulses_between_frames", step)
    if step > size or size > n_pulses or (n_pulses - size) % step:
        raise bad_sequence(
            "frames of so many pulses and steps do not cover the pulses",
            expected=f"pulses_between_frames <= pulses_per_frame <= {n_pulses}, and a "
            "last frame that ends with the last pulse",
            found=f"{step} and {size}",
        )
    return None if step == size else step


def check_species(
    kind: str, water_t2_ms: Any, fat_t2_ms: Any, fat_shifts_hz: Any, fat_amplitudes: Any
) -> dict[str, Any]:
    """Return what is known of water and fat by field: times as numbers, peaks as vectors."""
    times = {"water_t2_ms": water_t2_ms, "fat_t2_ms": fat_t2_ms}
    peaks = {"fat_shifts_hz": fat_shifts_hz, "fat_amplitudes": fat_amplitudes}
    needs, given = SIGNAL_KINDS[kind].needs, times | peaks
    missing = [name for name in needs if given[name] is None]
    if missing:
        raise bad_sequence(f"a {SIGNAL_KINDS[kind].title} sequence needs {', '.join(missing)}")
    found: dict[str, Any] = {}
    for name, value in times.items():
        if value is not None:
            found[name] = not_negative(name, value)
            if found[name] == 0:
                raise bad_sequence(f"{name} must be positive", found=0)
    for name, value in peaks.items():
        if value is not None:
            found[name] = vector(name, value).reshape(-1).copy()
            found[name].setflags(write=False)
    sizes = [found[name].size if name in found else 0 for name in peaks]
    if len(found.keys() & peaks.keys()) == 1 or sizes[0] != sizes[1]:
        raise bad_sequence(
            "fat_shifts_hz and fat_amplitudes differ in length", found=f"{sizes[0]} and {sizes[1]}"
        )
    return found


def check_record(record: Any, known: list[str], path: str | Path | None) -> dict[str, Any]:
    """Return the fields of a sequence from a parsed JSON file; others are refused."""
    if not isinstance(record, dict) or record.pop("format", None) != JSON_FORMAT:
        raise MRFInputError(
            "bad-sequence",
            "the JSON file holds no sequence",
            path=path,
            expected=f'"format": "{JSON_FORMAT}"',
        )
    record.pop("version", None)
    unknown = sorted(set(record) - set(known))
    if unknown:
        raise MRFInputError(
            "bad-sequence", f"unknown sequence fields {', '.join(unknown)}", path=path
        )
    return record


def vector(field: str, value: Any) -> NDArray[np.float64]:
    """Return a number or a vector as finite doubles."""
    try:
        values = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise bad_sequence(f"{field} is not numeric", found=repr(value)[:60]) from None
    if values.ndim > 1 or values.size == 0:
        raise bad_sequence(f"{field} must be a number or a vector", found=f"shape {values.shape}")
    if not np.all(np.isfinite(values)):
        raise bad_sequence(f"{field} holds NaN or infinite values")
    return values


def not_negative(field: str, value: Any) -> float:
    """Return one number, zero or more."""
    values = vector(field, value)
    if values.ndim or values < 0:
        raise bad_sequence(f"{field} must be one number, zero or more", found=repr(value)[:60])
    return float(values)


def whole(field: str, value: Any) -> int:
    """Return a whole number, 1 or more."""
    values = vector(field, value)
    if values.ndim or values < 1 or values != int(values):
        raise bad_sequence(f"{field} must be a whole number, 1 or more", found=repr(value)[:60])
    return int(values)
