"""The published sequences by name, and sequences from JSON, CSV or Pulseq files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.pulseq import load_sequence
from napari_mrf.data.sequence import Sequence
from napari_mrf.data.sequence_units import check_units
from napari_mrf.data.text_files import number, read_csv
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_FAT_SHIFTS_HZ = (-101.1, 208.3, 281.0, 305.7, 395.6, 446.2)
_FAT_AMPLITUDES = (0.0586, 0.0109, 0.0618, 0.1412, 0.66, 0.0673)


def t1ff() -> Sequence:
    """Return MRF T1-FF: 1400 spoiled radial gradient echoes in five segments, 175 frames.

    Returns
    -------
    Sequence
        Inversion 8.32 ms before the first pulse, RF phase 90 deg, recovery 5000 ms; the
        signal of the second repetition, which has reached the steady state to 3e-4.

    References
    ----------
    Marty and Carlier, MRM 2020; Balsiger et al., Medical Image Analysis 2020, section 2.1.
    """
    segments = (  # pulses, flip angle (deg), TE (ms), TR (ms)
        (600, 5.0, 2.39, 4.02),
        (200, 10.0, 2.39, 4.02),
        (200, 5.0, 3.45, 5.08),
        (200, 15.0, 3.45, 5.08),
        (200, 5.0, 4.63, 6.26),
    )
    pulses = [segment[0] for segment in segments]
    flip_angles_deg, echo_times_ms, repetition_times_ms = (
        np.repeat([segment[column] for segment in segments], pulses) for column in (1, 2, 3)
    )
    return Sequence(
        name="MRF T1-FF",
        kind="spoiled",
        flip_angles_deg=flip_angles_deg,
        echo_times_ms=echo_times_ms,
        repetition_times_ms=repetition_times_ms,
        rf_phases_deg=np.array(90.0),
        inversion_time_ms=8.32,
        recovery_time_ms=5000.0,
        repetitions=2,
        pulses_per_frame=8,
        water_t2_ms=40.0,
        fat_t2_ms=80.0,
        fat_shifts_hz=np.array(_FAT_SHIFTS_HZ),
        fat_amplitudes=np.array(_FAT_AMPLITUDES),
    )


def fisp() -> Sequence:
    """Return a FISP fingerprinting sequence: 1000 pulses in five lobes.

    In every lobe of 200 pulses, pulses j = 1…190 have the flip angle
    5 + (peak - 5) sin(j pi / 200) deg with peaks 35, 43, 70, 45 and 27 deg; the last ten
    have 0. TE 1.908 ms, inversion 20.64 ms before the first pulse, RF phase 0.

    The repetition times are a smooth pseudo-random curve: standard normal numbers of
    ``numpy.random.default_rng(0)``, one per pulse, smoothed with a Gaussian of 25 pulses
    (cyclic, by FFT) and scaled linearly to 11.67…14.33 ms.

    Returns
    -------
    Sequence
        Measures PD, T1 and T2.

    References
    ----------
    Jiang et al., MRM 2015; the repetition times are not published as numbers.
    """
    ripple = np.arange(1, 191)
    lobes = [
        np.concatenate([5.0 + (peak - 5.0) * np.sin(ripple * np.pi / 200.0), np.zeros(10)])
        for peak in (35.0, 43.0, 70.0, 45.0, 27.0)
    ]
    flip_angles_deg = np.concatenate(lobes)
    return Sequence(
        name="FISP",
        kind="fisp",
        flip_angles_deg=flip_angles_deg,
        repetition_times_ms=_smooth_random(flip_angles_deg.size, 11.67, 14.33),
        echo_times_ms=np.array(1.908),
        rf_phases_deg=np.array(0.0),
        inversion_time_ms=20.64,
    )


def fisp_b1() -> Sequence:
    """Return the pulses of `fisp`, whose flip angles are estimated together with the tissue.

    Returns
    -------
    Sequence
        Measures PD, T1, T2 and B1. The inversion is ideal, whatever B1 is.

    References
    ----------
    B1 as a third axis of the dictionary: Buonincontri and Sawiak, MRM 2016.
    """
    return replace(fisp(), name="FISP with B1", kind="fisp-b1", parameters=())


def _smooth_random(size: int, low: float, high: float) -> NDArray[np.float64]:
    noise = np.random.default_rng(0).standard_normal(size)
    gaussian = np.exp(-2.0 * (np.pi * np.fft.rfftfreq(size) * 25.0) ** 2)
    curve = np.fft.irfft(np.fft.rfft(noise) * gaussian, size)
    unit = (curve - curve.min()) / (curve.max() - curve.min())
    # Rounded to 1 ns so that the fingerprint is the same on every platform's FFT.
    return np.asarray(np.round(low + (high - low) * unit, 6))


NAMED: dict[str, Callable[[], Sequence]] = {"t1ff": t1ff, "fisp": fisp, "fisp-b1": fisp_b1}
"""Sequences that `load` knows by name."""


def load(path_or_name: str | Path) -> Sequence:
    """Return a sequence by name, or from a JSON, CSV or Pulseq file.

    A CSV file has a header with the columns FA (deg), TE and TR (ms) and one row per pulse; it
    becomes an MRF T1-FF-like sequence (same inversion, recovery, T2 and fat model), since a
    table of pulses does not say more. Two columns may be added: ``phase``, that of the RF pulse
    (deg; 90 without), and ``frame``, the temporal frame of each pulse, counted from 0. Without it
    eight pulses make a frame where all groups of eight hold equal pulses, else each pulse is
    one. A JSON file (`Sequence.to_json`) says everything. A Pulseq file (.seq) becomes a FISP
    sequence of its excitations, after its inversion if there is one; see `napari_mrf.data.pulseq`.

    Values that are likely in another unit (s, µs, rad) are refused; see `check_units`.

    Parameters
    ----------
    path_or_name : str or Path
        A key of `NAMED`, or a file.

    Returns
    -------
    Sequence

    Raises
    ------
    MRFInputError
        ``"unknown-sequence"``, ``"bad-sequence"``, ``"bad-json"``, ``"unreadable-file"``.
    """
    if str(path_or_name) in NAMED:
        return NAMED[str(path_or_name)]()
    path = Path(path_or_name)
    if path.suffix.lower() == ".csv":
        return _load_csv(path)
    if path.suffix.lower() == ".json":
        return Sequence.load(path)
    if path.suffix.lower() == ".seq":
        return load_sequence(path)
    raise MRFInputError(
        "unknown-sequence",
        f"{str(path_or_name)!r} is not a known sequence",
        expected=f"{', '.join(NAMED)}, or a .json, .csv or .seq file",
    )


_COLUMNS = ("FA", "TE", "TR")
_MORE_COLUMNS = ("phase", "frame")


def _load_csv(path: Path) -> Sequence:
    header, rows = read_csv(path, "sequence", code="bad-sequence")
    lacking = [name for name in _COLUMNS if name not in header]
    unknown = [name for name in header if name not in (*_COLUMNS, *_MORE_COLUMNS)]
    if not rows or lacking or unknown or len(set(header)) < len(header):
        raise MRFInputError(
            "bad-sequence",
            f"the table has columns that are not known: {', '.join(map(repr, unknown))}"
            if rows and unknown and not lacking
            else "the table has no pulses, lacks a column or has one twice",
            path=path,
            expected="a header FA,TE,TR, with phase and frame if need be, and one row per pulse",
            found=", ".join(header) or "no rows",
            hint="Columns are read by these names: FA and phase in degrees, TE and TR in ms, "
            "frame counted from 0.",
        )
    values = np.array(
        [
            [
                number(cell, name, line, path, code="bad-sequence")
                for name, cell in zip(header, row, strict=True)
            ]
            for line, row in rows
        ]
    )
    columns = dict(zip(header, values.T, strict=True))
    base = t1ff()
    try:
        sequence = replace(
            base,
            name=path.stem,
            flip_angles_deg=columns["FA"],
            echo_times_ms=columns["TE"],
            repetition_times_ms=columns["TR"],
            rf_phases_deg=columns.get("phase", np.array(90.0)),
            pulses_per_frame=_pulses_per_frame(columns, base.pulses_per_frame),
        )
        check_units(sequence)
    except MRFInputError as error:
        raise error.at(path) from None
    return sequence


def _pulses_per_frame(columns: dict[str, NDArray[np.float64]], usual: int) -> int:
    """Return how many pulses make a frame: as the table says, else as it shows.

    Spokes that are averaged into a frame share their pulse. So pulses that change within groups
    of the usual size are frames by themselves, whatever their number.
    """
    if "frame" in columns:
        frames = columns["frame"]
        size = int(np.count_nonzero(frames == frames[0]))
        if frames.size % size or not np.array_equal(frames, np.arange(frames.size) // size):
            raise MRFInputError(
                "bad-sequence",
                "the column frame does not number frames of equally many pulses",
                expected="0, 1, 2, … in rising order, each as often",
            )
        return size
    trains = [columns[name] for name in (*_COLUMNS, "phase") if name in columns]
    if trains[0].size % usual:
        return 1
    groups = [train.reshape(-1, usual) for train in trains]
    return usual if all(np.all(group == group[:, :1]) for group in groups) else 1
