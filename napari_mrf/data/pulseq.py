"""Pulseq files (.seq): the sequence they play, and where in k-space it measures.

The library pypulseq reads them; it is imported inside the one function that needs it.

References
----------
Layton et al., MRM 2017, doi 10.1002/mrm.26235; pulseq.github.io.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.sequence import Sequence
from napari_mrf.data.text_files import size_of
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MOST_BYTES = 200_000_000
_VERSION = re.compile(r"^(?:major|minor) +(\d+)\s*$", re.MULTILINE)
_MOST_SECONDS = 7200.0
_MOST_SAMPLES = 20_000_000
# Files before 1.5 do not say what a pulse is for.
_LEAST_INVERSION_DEG = 150.0


@dataclass(frozen=True, eq=False)
class PulseqFile:
    """What fingerprinting needs of a Pulseq file.

    Parameters
    ----------
    sequence : Sequence
        Excitations with their flip angles, phases, TE (to where the readout is nearest
        to the center of k-space) and TR, after one inversion or none; kind ``"fisp"``.
    coordinates_per_m : ndarray
        (readouts, samples, 2), nominal (kx, ky) in 1/m of every readout after an excitation.
    field_of_view_mm : tuple of float or None
        (Y, X), where the file defines it.
    receiver_phases_deg : ndarray
        (readouts,) phase of the receiver.
    n_noise : int
        Readouts before the first pulse, of noise.
    """

    sequence: Sequence
    coordinates_per_m: NDArray[np.float64]
    field_of_view_mm: tuple[float, float] | None
    receiver_phases_deg: NDArray[np.float64]
    n_noise: int


def load_sequence(path: Path) -> Sequence:
    """Read the sequence of a Pulseq file.

    Raises
    ------
    MRFInputError
        What `load_pulseq` raises, and ``"bad-sequence"`` for a receiver whose phase changes, as
        for RF spoiling: no signal model has it.
    """
    played = load_pulseq(path)
    phases = np.exp(1j * np.deg2rad(played.receiver_phases_deg))
    if np.abs(phases - phases[0]).max() > 1e-3:
        raise _bad(
            "the phase of the receiver changes from readout to readout", path,
            hint="Pick a sequence without RF spoiling; the file can be a trajectory.",
        )  # fmt: skip
    return played.sequence


def load_pulseq(path: Path) -> PulseqFile:
    """Read a Pulseq file; the last one is kept, since it takes some seconds.

    Raises
    ------
    MRFInputError
        ``"missing-package"``, ``"bad-sequence"`` for what cannot be understood or is no
        fingerprinting sequence, ``"file-too-large"`` and the codes of `size_of`.
    """
    size = size_of(path)
    if size > _MOST_BYTES:
        raise MRFInputError("file-too-large", "the file is too large for a sequence", path=path,
                            expected=f"at most {_MOST_BYTES} bytes",
                            found=f"{size} bytes")  # fmt: skip
    return _loaded(path.absolute(), size, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(path: Path, size: int, modified_ns: int) -> PulseqFile:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _parsed(path)
        except MRFInputError as error:
            failure = error.at(path)
        except Exception as error:  # pypulseq raises whatever it stumbles over
            # Its messages quote the file, which may name a person.
            version = ".".join(_VERSION.findall(path.read_text("utf-8", "replace")[:1000])[:2])
            failure = _bad("the Pulseq file cannot be read", path,
                           expected="version 1.4 or later",
                           found=f"{f'version {version}, ' if version else ''}"
                           f"{type(error).__name__}")  # fmt: skip
    # Only here the file is closed that pypulseq leaves open behind an error.
    raise failure


def _bad(what: str, path: Path, **details: Any) -> MRFInputError:
    return MRFInputError("bad-sequence", what, path=path, **details)


def _parsed(path: Path) -> PulseqFile:
    try:
        import pypulseq
    except ImportError:
        raise MRFInputError(
            "missing-package", "Pulseq files are read by pypulseq, which is not installed",
            hint="Install it: pip install napari-mrf[pulseq].",
        ) from None  # fmt: skip

    # There pypulseq would read on for ever: a shape ends with an empty line or a comment.
    section = path.read_bytes().replace(b"\r", b"").rpartition(b"\n[")[2]
    if section.startswith(b"SHAPES]") and not re.search(rb"\n[ \t]*(#[^\n]*)?\n[ \t]*$", section):
        raise _bad("the file ends within a shape: it was cut off", path)
    played = pypulseq.Sequence()
    played.read(str(path))
    durations = np.array([played.block_durations[key] for key in played.block_events], float)
    if not np.all(np.isfinite(durations)) or not 0 < durations.sum() < _MOST_SECONDS:
        raise _bad("the blocks have impossible durations", path, found=f"{durations.sum():g} s")
    starts = np.concatenate([[0.0], np.cumsum(durations)])
    blocks = [played.get_block(key) for key in played.block_events]
    pulses = [_Pulse.of(block.rf, start) for block, start in zip(blocks, starts[:-1], strict=True)
              if block.rf is not None]  # fmt: skip
    readouts = [(start + block.adc.delay, block.adc) for block, start
                in zip(blocks, starts[:-1], strict=True) if block.adc is not None]  # fmt: skip
    counts = np.array([int(adc.num_samples) for _, adc in readouts])
    if not 0 < counts.sum() <= _MOST_SAMPLES:
        raise _bad("the sequence has no readouts, or too many samples", path, found=counts.sum())
    excitations = [pulse for pulse in pulses if pulse.use == "excitation"]
    inversions = [pulse for pulse in pulses if pulse.use == "inversion"]
    others = {pulse.use for pulse in pulses} - {"excitation", "inversion"}
    if not excitations or len(inversions) > 1 or others:
        raise _bad(
            "this is no train of excitations after at most one inversion", path,
            found=f"{len(excitations)} excitations, {len(inversions)} inversions"
            + "".join(f", pulses for {use}" for use in sorted(others)),
        )  # fmt: skip
    if inversions and inversions[0].center > excitations[0].center:
        raise _bad("the inversion comes after the first excitation", path)
    centers = np.array([pulse.center for pulse in excitations])
    after = np.array([start for start, _ in readouts]) > centers[0]
    kept = np.flatnonzero(after)
    sizes = np.unique(counts[kept])
    if len(sizes) != 1:
        raise _bad("the readouts differ in the number of samples", path, found=list(sizes))
    if any(getattr(block, "rotation", None) is not None for block in blocks):
        raise _bad("the sequence turns its gradients by an extension", path,
                   hint="Write it with gradients that are turned already.")  # fmt: skip
    times = np.stack([
        start + (np.arange(adc.num_samples) + 0.5) * adc.dwell
        for start, adc in (readouts[n] for n in kept)
    ])  # fmt: skip
    last = centers[np.searchsorted(centers, times[:, 0]) - 1]
    rows = np.stack([
        moment(times) - moment(last)[:, None]
        for moment in (_Moment.of(blocks, starts, name) for name in ("gx", "gy"))
    ], axis=-1)  # fmt: skip
    echo = _echo_times(rows, [readouts[n] for n in kept], centers, path)
    view = played.definitions.get("FOV")
    sequence = Sequence(
        name=path.stem,
        kind="fisp",
        flip_angles_deg=np.array([pulse.flip_deg for pulse in excitations]),
        repetition_times_ms=1e3 * np.diff([*centers, starts[-1]]),
        echo_times_ms=1e3 * echo,
        rf_phases_deg=np.array([pulse.phase_deg for pulse in excitations]),
        inversion_time_ms=1e3 * (centers[0] - inversions[0].center) if inversions else None,
    )
    sizes_mm = None if view is None else np.asarray(view, float).ravel() * 1e3
    return PulseqFile(
        sequence=sequence,
        coordinates_per_m=rows,
        field_of_view_mm=None if sizes_mm is None or sizes_mm.size < 2
        or not np.all(np.isfinite(sizes_mm)) or not np.all(sizes_mm[:2] > 0)
        else (float(sizes_mm[1]), float(sizes_mm[0])),
        receiver_phases_deg=np.rad2deg([float(readouts[n][1].phase_offset) for n in kept]),
        n_noise=int(np.count_nonzero(~after)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Pulse:
    """An RF pulse: its center (s), flip angle and phase (deg), and what it is for."""

    center: float
    flip_deg: float
    phase_deg: float
    use: str

    @classmethod
    def of(cls, rf: Any, start: float) -> _Pulse:
        """Return the pulse of an event in a block that starts then (s)."""
        # Values in the middle of equal steps, or at the corners of lines.
        step = 2.0 * float(rf.t[0])
        is_raster = step > 0 and np.allclose(np.diff(rf.t), step, rtol=1e-3)
        total = rf.signal.sum() * step if is_raster else np.trapezoid(rf.signal, rf.t)
        flip = 360.0 * float(abs(total))
        center = getattr(rf, "center", None)
        if center is None:
            size = np.abs(rf.signal)
            center = float(rf.t[size >= 0.99999 * size.max()].mean())
        use = str(getattr(rf, "use", "undefined"))
        if use in ("undefined", "u", "other"):
            use = "inversion" if flip >= _LEAST_INVERSION_DEG else "excitation"
        return cls(start + float(rf.delay) + float(center), flip,
                   float(np.rad2deg(rf.phase_offset)) % 360.0, use)  # fmt: skip


def _echo_times(
    rows: NDArray[np.float64], readouts: list[tuple[float, Any]], centers: NDArray[np.float64],
    path: Path,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the time (s) from each excitation to where its readout is nearest to k = 0."""
    echoes: dict[int, float] = {}
    for row, (start, adc) in zip(rows, readouts, strict=True):
        pulse = int(np.searchsorted(centers, start)) - 1
        time = start + (_nearest(row) + 0.5) * float(adc.dwell) - centers[pulse]
        echoes.setdefault(pulse, float(time))
    if not echoes:
        raise _bad("no readout follows an excitation", path)
    # Pulses without a readout, such as those that prepare the steady state, take the time of the
    # nearest one that has one.
    known = np.array(sorted(echoes))
    nearest_known = [known[np.abs(known - pulse).argmin()] for pulse in range(len(centers))]
    return np.array([echoes[int(pulse)] for pulse in nearest_known])


def _nearest(points: NDArray[np.float64]) -> float:
    """Return where (samples, between two of them in parts) a readout is nearest to k = 0."""
    if len(points) < 2:
        return 0.0
    steps = np.diff(points, axis=0)
    squares = (steps**2).sum(axis=1)
    along = -(points[:-1] * steps).sum(axis=1) / np.where(squares > 0, squares, 1.0)
    along = np.clip(along, 0.0, 1.0)
    distances = ((points[:-1] + along[:, None] * steps) ** 2).sum(axis=1)
    segment = int(np.argmin(distances))
    return segment + float(along[segment])


@dataclass(frozen=True, eq=False)
class _Moment:
    """The integral of a gradient over time (1/m): k-space since the beginning, without pulses.

    Parameters
    ----------
    times, gradients, areas : ndarray
        Corners of the gradient (s, Hz/m), and its integral up to each.
    """

    times: NDArray[np.float64]
    gradients: NDArray[np.float64]
    areas: NDArray[np.float64]

    @classmethod
    def of(cls, blocks: list[Any], starts: NDArray[np.float64], name: str) -> _Moment:
        """Return the moment of one gradient axis of all blocks."""
        times, gradients = [np.zeros(1)], [np.zeros(1)]
        for block, start in zip(blocks, starts[:-1], strict=True):
            one = getattr(block, name, None)
            if one is None:
                continue
            at, values = _corners(one)
            times.append(start + one.delay + at)
            gradients.append(values)
        corners, values = np.concatenate(times), np.concatenate(gradients)
        # Between the gradients of two blocks there is none, or they join.
        steps = np.diff(corners)
        areas = np.concatenate([[0.0], np.cumsum(steps * (values[:-1] + values[1:]) / 2)])
        return cls(corners, values, areas)

    def __call__(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the integral up to some times."""
        place = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, None)
        behind = np.minimum(place + 1, len(self.times) - 1)
        step = self.times[behind] - self.times[place]
        since = np.minimum(times - self.times[place], step)
        rise = self.gradients[behind] - self.gradients[place]
        slope = rise / np.where(step > 0, step, 1.0)
        return np.asarray(self.areas[place] + self.gradients[place] * since + slope * since**2 / 2)


def _corners(gradient: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times after its delay (s) and values of a gradient, piecewise linear."""
    if gradient.type == "trap":
        lengths = [0.0, gradient.rise_time, gradient.flat_time, gradient.fall_time]
        return np.cumsum(lengths), gradient.amplitude * np.array([0.0, 1.0, 1.0, 0.0])
    times, values = np.asarray(gradient.tt, float), np.asarray(gradient.waveform, float)
    if times[0] > 0:  # values in the middle of raster steps
        times = np.concatenate([[0.0], times, [gradient.shape_dur]])
        values = np.concatenate([[gradient.first], values, [gradient.last]])
    return times, values
