"""The sequence: what the scanner plays, pulse by pulse, and the fat model of its field."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data import strict_json
from napari_mrf.data.sequence_units import check_units
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Sequence:
    """A fingerprinting sequence; frozen, compared and hashed by its physics.

    Parameters
    ----------
    name : str
        Free name, shown to users.
    kind : str
        Signal model, a key of `SIGNAL_KINDS`: ``"spoiled"`` for ideally spoiled gradient echoes
        of water and fat (MRF T1-FF), ``"fisp"`` for an unbalanced gradient-spoiled sequence
        followed by extended phase graphs, ``"fisp-b1"`` for the same with B1 among the maps.
    parameters : sequence of str, optional
        Keys of the maps that the sequence measures; by default those of its kind.
    flip_angles_deg, repetition_times_ms, echo_times_ms, rf_phases_deg : array-like
        One value per pulse, or a scalar for all. Angles in degrees, times in ms,
        0 <= TE <= TR. At least one of them must be a vector.
    inversion_time_ms : float or None
        Delay between the ideal inversion and the first pulse; None means no inversion.
    recovery_time_ms : float
        Free relaxation after the last pulse, before the next repetition.
    repetitions : int
        The signal is that of the last of so many repetitions from equilibrium.
    pulses_per_frame : int
        So many consecutive pulses are averaged into one temporal frame.
    pulses_between_frames : int, optional
        From the first pulse of a frame to that of the next. Without it frames follow one
        another; fewer pulses than in a frame make frames that overlap (see `sliding_window`).
    water_t2_ms, fat_t2_ms : float, optional
        Transverse relaxation times; needed for ``"spoiled"``.
    fat_shifts_hz, fat_amplitudes : array-like, optional
        Fat peaks relative to water: frequency (Hz) and amplitude (not renormalised);
        needed for ``"spoiled"``.

    Raises
    ------
    MRFInputError
        With code ``"bad-sequence"`` for lengths that do not agree and impossible values.
    """

    name: str
    kind: str
    parameters: tuple[str, ...] = ()
    flip_angles_deg: NDArray[np.float64]
    repetition_times_ms: NDArray[np.float64]
    echo_times_ms: NDArray[np.float64]
    rf_phases_deg: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    inversion_time_ms: float | None = None
    recovery_time_ms: float = 0.0
    repetitions: int = 1
    pulses_per_frame: int = 1
    pulses_between_frames: int | None = None
    water_t2_ms: float | None = None
    fat_t2_ms: float | None = None
    fat_shifts_hz: NDArray[np.float64] | None = None
    fat_amplitudes: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.kind not in SIGNAL_KINDS:
            raise bad_sequence(
                "the kind of sequence is unknown",
                expected=" or ".join(SIGNAL_KINDS),
                found=repr(self.kind),
            )
        if not isinstance(self.name, str) or not all(
            isinstance(key, str) for key in self.parameters
        ):
            raise bad_sequence("name and parameters are not text")
        self._set("parameters", tuple(self.parameters) or SIGNAL_KINDS[self.kind].parameters)
        pulses = spread_pulses({field: getattr(self, field) for field in PULSE_FIELDS})
        for field, values in pulses.items():
            self._set(field, values)
        check_timing(self.repetition_times_ms, self.echo_times_ms)
        if self.inversion_time_ms is not None:
            self._set(
                "inversion_time_ms", not_negative("inversion_time_ms", self.inversion_time_ms)
            )
        self._set("recovery_time_ms", not_negative("recovery_time_ms", self.recovery_time_ms))
        self._set("repetitions", whole("repetitions", self.repetitions))
        self._set("pulses_per_frame", whole("pulses_per_frame", self.pulses_per_frame))
        # One way to say that frames follow one another.
        step = check_frames(self.n_pulses, self.pulses_per_frame, self.pulses_between_frames)
        self._set("pulses_between_frames", step)
        for field, value in check_species(
            self.kind, self.water_t2_ms, self.fat_t2_ms, self.fat_shifts_hz, self.fat_amplitudes
        ).items():
            self._set(field, value)

    def _set(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)

    @property
    def n_pulses(self) -> int:
        """Number of RF pulses in one repetition."""
        return int(self.flip_angles_deg.size)

    @property
    def n_frames(self) -> int:
        """Number of temporal frames: the length of a fingerprint."""
        return (self.n_pulses - self.pulses_per_frame) // self.frame_step + 1

    @property
    def frame_step(self) -> int:
        """Number of pulses from the first one of a frame to the first one of the next."""
        return self.pulses_between_frames or self.pulses_per_frame

    def per_frame(self, values: ArrayLike) -> NDArray[Any]:
        """Return values of pulses (…, n_pulses) as (…, n_frames, pulses_per_frame), a view."""
        array = np.asarray(values)
        if self.pulses_between_frames is None:
            return array.reshape(*array.shape[:-1], self.n_frames, self.pulses_per_frame)
        windows = np.lib.stride_tricks.sliding_window_view(array, self.pulses_per_frame, axis=-1)
        return windows[..., :: self.frame_step, :]

    def sliding_window(self, n_frames: int) -> Sequence:
        """Return this sequence with frames that are means of so many consecutive frames.

        It has ``n_frames - 1`` frames less. A series of it is one of this sequence whose
        readouts were combined in a sliding window (`napari_mrf.kspace.sliding_window`), and
        dictionaries of it hold atoms averaged in the same way.

        Raises
        ------
        MRFInputError
            ``"bad-option"`` for a window of no frames, or of more than there are, and where frames
        overlap already.

        References
        ----------
        720 frames and a window of 48 give 673: Balsiger et al., MLMI 2018, section 2.1.
        """
        if n_frames != int(n_frames) or not 1 <= n_frames <= self.n_frames:
            raise MRFInputError(
                "bad-option", "the sliding window is out of range",
                expected=f"1 to {self.n_frames} frames", found=n_frames,
            )  # fmt: skip
        window, step = int(n_frames), self.frame_step
        if window == 1:
            return self
        if self.pulses_between_frames is not None:
            raise MRFInputError(
                "bad-option", f"the frames of {self.name} already overlap",
                hint="Apply the window to the sequence whose frames do not overlap.",
            )  # fmt: skip
        return replace(
            self,
            name=f"{self.name}, sliding window {window}",
            pulses_per_frame=self.pulses_per_frame + (window - 1) * step,
            pulses_between_frames=step,
        )

    def _physics(self) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            record[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
        record["parameters"] = list(self.parameters)
        if self.pulses_between_frames is None:
            # Sequences without overlap keep the fingerprint that they have always had.
            del record["pulses_between_frames"]
        return record

    def fingerprint(self) -> str:
        """Return the sha256 of the physics: every field but the name, as shortest decimals."""
        record = self._physics()
        del record["name"]
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self.fingerprint() == other.fingerprint()

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        return (
            f"Sequence({self.name!r}, {self.kind}, {self.n_pulses} pulses, {self.n_frames} frames)"
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the sequence as JSON text (ms and degrees), and write it if a path is given."""
        text = json.dumps({"format": JSON_FORMAT, "version": 1, **self._physics()}, indent=1)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, text: str, *, path: str | Path | None = None) -> Sequence:
        """Build a sequence from the text that `to_json` writes.

        Raises
        ------
        MRFInputError
            ``"bad-json"`` for broken JSON, NaN or duplicate keys; ``"bad-sequence"`` for
            unknown or missing fields and impossible values.
        """
        record = strict_json.loads(text, path=path)
        record = check_record(record, [field.name for field in fields(cls)], path)
        try:
            return cls(**record)
        except MRFInputError as error:
            raise error.at(path) from None
        except TypeError as error:
            raise MRFInputError(
                "bad-sequence",
                "a sequence field is missing or has the wrong type",
                path=path,
                found=str(error),
            ) from None

    @classmethod
    def load(cls, path: str | Path) -> Sequence:
        """Read a sequence JSON file (see `from_json`), refusing likely other units.

        Raises
        ------
        MRFInputError
            As `from_json`, and ``"bad-sequence"`` of `check_units`.
        """
        sequence = cls.from_json(read_text(Path(path), "sequence"), path=path)
        try:
            check_units(sequence)
        except MRFInputError as error:
            raise error.at(path) from None
        return sequence


JSON_FORMAT = "napari-mrf sequence"
PULSE_FIELDS = ("flip_angles_deg", "repetition_times_ms", "echo_times_ms", "rf_phases_deg")


def bad_sequence(what: str, **details: Any) -> MRFInputError:
    """Return the error of a sequence that cannot be."""
    return MRFInputError("bad-sequence", what, **details)


def spread_pulses(given: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Return one value per pulse in every field, read-only; scalars are those of all pulses."""
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
                "the number of pulses is not a multiple of pulses_per_frame",
                expected=f"a multiple of {size}",
                found=n_pulses,
            )
        return None
    step = whole("pulses_between_frames", step)
    if step > size or size > n_pulses or (n_pulses - size) % step:
        raise bad_sequence(
            "the frames do not cover all pulses",
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
            "the JSON file does not contain a sequence",
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
    except (TypeError, ValueError, OverflowError):
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
        raise bad_sequence(f"{field} must be a single number, 0 or more", found=repr(value)[:60])
    return float(values)


def whole(field: str, value: Any) -> int:
    """Return a whole number, 1 or more."""
    values = vector(field, value)
    if values.ndim or values < 1 or values != int(values):
        raise bad_sequence(f"{field} must be a whole number, 1 or more", found=repr(value)[:60])
    return int(values)
