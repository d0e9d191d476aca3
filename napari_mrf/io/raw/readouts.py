"""The readouts of a file as a table: which make one measurement, and in what order.

Formats fill the table from their headers; what flags and counters mean for the order is decided
here, for all formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.raw.acquisition_report import counted
from napari_mrf.data.raw.raw_data import listed
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.acquisition_report import AcquisitionReport


class Kind(IntEnum):
    """What a readout is for."""

    IMAGE = 0
    NOISE = 1
    CALIBRATION = 2
    OTHER = 3
    EMPTY = 4


COUNTERS = ("phase", "set", "contrast", "segment", "step_2", "step_1")
"""Counters that order the readouts of a measurement, the slowest first."""

READOUT = np.dtype(
    [("row", "i8"), ("kind", "i8"), ("space", "i8"), ("repetition", "i8"), ("average", "i8"),
     ("slice", "i8"), *((name, "i8") for name in COUNTERS), ("scan", "i8"),
     ("samples", "i8"), ("coils", "i8"), ("first", "i8"), ("last", "i8"), ("center", "i8"),
     ("reversed", "?"), ("dwell_us", "f8"), ("position", "f8", (3,)),
     ("directions", "f8", (3, 3))]
)  # fmt: skip
"""One readout: its place in the file; what it is; its counters; its samples before any are cut,
those that are used (``first`` up to ``last``), the one at the center of k-space (-1: unknown);
position (mm) and the directions of readout, phase encoding and slice (rows), all RAS."""

# So many of the largest number of readouts must a slice have; below it was aborted.
_WHOLE_SHARE = 0.9


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured in one go: readouts of one encoding space and one repetition.

    Parameters
    ----------
    table : ndarray
        Of `READOUT`, image readouts only.
    noise : ndarray
        Of `READOUT`, noise readouts for it.
    group : Any
        What the format needs to find it in the file.
    name : str
        For lists.
    """

    table: NDArray[Any]
    noise: NDArray[Any]
    group: Any
    name: str

    def summary(self) -> str:
        """Return what it holds, in a few words."""
        n_slices = _count(self.table["slice"])
        return f"{self.name}: {counted(len(self.table), 'readout')}, {counted(n_slices, 'slice')}"


@dataclass(frozen=True, eq=False)
class Ordered:
    """The readouts of a measurement, sorted.

    Parameters
    ----------
    table : ndarray
        (slices, readouts) of `READOUT`.
    numbers : ndarray
        (readouts,), rising: which of the planned readouts of a slice they are.
    n_planned : int
        Readouts of a slice when all are there.
    """

    table: NDArray[Any]
    numbers: NDArray[np.int64]
    n_planned: int


def _count(values: NDArray[Any]) -> int:
    return len(np.unique(values))


def split(table: NDArray[Any], group: Any, name: str, n_pulses: int | None) -> list[Measurement]:
    """Return the measurements of a table, in the order of their first readouts.

    Every encoding space, repetition and average is one by itself. Where each repetition has one
    readout a slice, or there are as many repetitions as pulses, the repetition counts pulses.
    """
    image = table[table["kind"] == Kind.IMAGE]
    noise = table[table["kind"] == Kind.NOISE]
    n_repetitions = _count(image["repetition"])
    per_slice = len(image) // max(1, _count(image["slice"]))
    counts_pulses = n_repetitions > 1 and n_repetitions in (per_slice, n_pulses)
    if counts_pulses:
        image = image.copy()
        image["phase"] = image["repetition"]
        image["repetition"] = 0
    keys = ("space", "repetition", "average")
    found: dict[tuple[int, ...], list[int]] = {}
    for index, key in enumerate(zip(*(image[one].tolist() for one in keys), strict=True)):
        found.setdefault(key, []).append(index)
    varying = [place for place in range(len(keys)) if len({key[place] for key in found}) > 1]
    measurements = []
    for key, rows in found.items():
        words = [f"{('encoding space', *keys[1:])[place]} {key[place]}" for place in varying]
        measurements.append(
            Measurement(image[rows], noise, group, " ".join([name, *words]).strip())
        )
    return measurements


def pick(
    measurements: list[Measurement], wanted: int | None, path: Path, *, last: bool = False
) -> int:
    """Return which measurement to take, asking where several could be meant.

    Parameters
    ----------
    measurements : list of Measurement
        All of the file.
    wanted : int or None
        The number that the user gave.
    path : Path
        The file.
    last : bool
        Whether the format says that the last one is the scan.

    Raises
    ------
    MRFInputError
        ``"no-readouts"``, ``"several-measurements"`` or ``"bad-option"``.
    """
    if not measurements:
        raise MRFInputError("no-readouts", "the file holds no readouts for images", path=path)
    shown = "; ".join(f"{n} is {one.summary()}" for n, one in enumerate(measurements[:12]))
    if wanted is not None and not 0 <= wanted < len(measurements):
        raise MRFInputError("bad-option", "there is no such measurement in the file", path=path,
                            expected=f"0 to {len(measurements) - 1}, where {shown}"
                            if len(measurements) > 1 else
                            f"0, the only one ({measurements[0].summary()})",
                            found=wanted)  # fmt: skip
    if wanted is not None:
        return wanted
    if len(measurements) > 1 and not last:
        raise MRFInputError(
            "several-measurements", "the file holds several measurements", path=path, found=shown,
            hint=f"Choose one with measurement=N (on the command line --measurement N), "
                 f"0 to {len(measurements) - 1}.",
        )  # fmt: skip
    return len(measurements) - 1


def tell_kinds(table: NDArray[Any], report: AcquisitionReport) -> None:
    """Report the readouts that make no image."""
    words = {
        Kind.CALIBRATION: "for calibration",
        Kind.OTHER: "flagged as navigator, phase correction, dummy or feedback",
        Kind.EMPTY: "without samples",
    }
    for kind, what in words.items():
        n = int(np.count_nonzero(table["kind"] == kind))
        if n:
            report.left_out.append(f"{counted(n, 'readout')} {what}.")


def tell_apart(
    table: NDArray[Any], noise: NDArray[np.bool_], calibration: NDArray[np.bool_],
    other: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill in what each readout is for, by the flags of its header; empty ones are for nothing."""
    empty = (table["coils"] == 0) | (table["last"] <= table["first"])
    table["kind"] = np.select(
        [empty, noise, calibration, other],
        [Kind.EMPTY, Kind.NOISE, Kind.CALIBRATION, Kind.OTHER], Kind.IMAGE,
    )  # fmt: skip


def order(
    measurement: Measurement, limits: tuple[int, int] | None, path: Path, report: AcquisitionReport
) -> Ordered:
    """Return the readouts of a measurement sorted by their counters, slice by slice.

    Parameters
    ----------
    measurement : Measurement
        What was picked.
    limits : tuple of int or None
        Least and largest ``step_1`` that the header announces.
    path : Path
        The file, for messages.
    report : AcquisitionReport
        Is told how the order was found, and what is missing.

    Raises
    ------
    MRFInputError
        ``"coils-change"``, ``"samples-change"``, ``"three-dimensional"``,
        ``"doubled-readouts"``, ``"missing-readouts"`` or ``"ambiguous-order"``.
    """
    table = measurement.table
    varying = [name for name in COUNTERS if _count(table[name]) > 1]
    _check_alike(table, varying, path)
    slices = np.unique(table["slice"])
    parts = [table[table["slice"] == one] for one in slices]
    keys = [np.stack([part[name] for name in varying or ["step_1"]], axis=1) for part in parts]
    _refuse_doubled(parts, keys, varying, path)
    numbers, n_planned = _numbered(parts, keys, varying, limits, path, report)
    sizes = np.array([len(one) for one in numbers])
    whole = sizes >= _WHOLE_SHARE * sizes.max()
    for place in np.flatnonzero(~whole).tolist():
        report.left_out.append(
            f"Slice {slices[place]}: it was aborted after {sizes[place]} of {sizes.max()} readouts."
        )
    kept = [place for place in range(len(parts)) if whole[place]]
    common = numbers[kept[0]]
    for place in kept[1:]:
        common = np.intersect1d(common, numbers[place])
    # Also those of slices that were aborted lie among them, where they belong to one measurement.
    shared = min(np.isin(one, numbers[int(sizes.argmax())]).mean() for one in numbers)
    if 2 * len(common) < sizes.max() or shared < 0.5:
        raise MRFInputError(
            "missing-readouts", "slices hold different readouts", path=path,
            expected="the same readouts in every slice",
            found="; ".join(f"{listed(np.sort(one))}" for one in numbers[:3]),
        )  # fmt: skip
    sorted_parts = []
    for place in kept:
        by_number = np.argsort(numbers[place], kind="stable")
        rows = by_number[np.isin(numbers[place][by_number], common)]
        sorted_parts.append(parts[place][rows])
    _tell_missing(common, n_planned, report)
    return Ordered(np.stack(sorted_parts), np.sort(common), n_planned)


def _name(readout: Any, varying: list[str]) -> str:
    shown = ", ".join(f"{name} {readout[name]}" for name in ["slice", *(varying or ["step_1"])])
    return f"readout {shown}"


def _check_alike(table: NDArray[Any], varying: list[str], path: Path) -> None:
    lengths = table["last"] - table["first"]
    for code, what, values in (
        ("coils-change", "the number of coils", table["coils"]),
        ("samples-change", "the number of samples", lengths),
    ):
        other = np.flatnonzero(values != values[0])
        if len(other):
            raise MRFInputError(
                code, f"{what} changes within the measurement", path=path,
                expected=f"{values[0]} as in {_name(table[0], varying)}",
                found=f"{values[other[0]]} in {_name(table[other[0]], varying)}",
            )  # fmt: skip
    if "step_2" in varying:
        raise MRFInputError(
            "three-dimensional", "the measurement encodes a third direction (step_2)", path=path,
            expected="2-D slices", found=f"{_count(table['step_2'])} partitions",
        )  # fmt: skip


def _refuse_doubled(
    parts: list[NDArray[Any]], keys: list[NDArray[Any]], varying: list[str], path: Path
) -> None:
    """Refuse a readout that is there twice; counters that repeat throughout are no such thing."""
    if not varying:
        return
    for part, key in zip(parts, keys, strict=True):
        unique, first, counts = np.unique(key, axis=0, return_index=True, return_counts=True)
        doubled = np.flatnonzero(counts > 1)
        if len(doubled) > 0 and 2 * len(unique) > len(key):
            names = "; ".join(_name(part[first[one]], varying) for one in doubled[:5])
            raise MRFInputError("doubled-readouts", "readouts are there more than once", path=path,
                                expected="every combination of counters once",
                                found=f"{len(doubled)} doubled: {names}")  # fmt: skip


def _numbered(
    parts: list[NDArray[Any]], keys: list[NDArray[Any]], varying: list[str],
    limits: tuple[int, int] | None, path: Path, report: AcquisitionReport,
) -> tuple[list[NDArray[np.int64]], int]:  # fmt: skip
    """Return the number of every readout among those of its slice, and how many there should be."""
    unique = bool(varying) and all(len(np.unique(key, axis=0)) == len(key) for key in keys)
    timed = all(len(np.unique(part["scan"])) == len(part) > 1 for part in parts)
    if unique and len(varying) == 1:
        name = varying[0]
        values = [key[:, 0] for key in keys]
        if timed and any(
            np.any(np.argsort(part["scan"]) != np.argsort(value))
            for part, value in zip(parts, values, strict=True)
        ):
            raise MRFInputError(
                "ambiguous-order", f"the scan counter and the counter {name} order the readouts "
                "differently", path=path, expected="one order in time",
                found=f"{name} does not rise with the scan counter",
            )  # fmt: skip
        first, last = limits if limits is not None and name == "step_1" else (None, None)
        least, most = min(v.min() for v in values), max(v.max() for v in values)
        start = least if first is None or first > least else first
        planned = int(max(most, most if last is None else last) - start + 1)
        report.taken.append(f"Readouts in the order of the counter {name}, {least} to {most}.")
        if not _go_on(values):
            return [value - start for value in values], planned
        report.assumed.append(
            f"The counter {name} goes on from slice to slice: readouts are numbered within each."
        )
    sizes = {len(part) for part in parts}
    if timed:
        order_of = [np.argsort(np.argsort(part["scan"])) for part in parts]
        report.taken.append("Readouts in the order of the scan counter.")
    elif unique:
        order_of = [np.argsort(np.lexsort(key.T[::-1])) for key in keys]
        report.assumed.append(
            f"Readouts follow one another in the order of {', '.join(varying)}, the last fastest: "
            "there is no scan counter."
        )
    else:
        order_of = [np.arange(len(part)) for part in parts]
        report.assumed.append(
            "Readouts follow one another as in the file: no counter tells them apart."
        )
    if min(sizes) < max(sizes) and min(sizes) >= _WHOLE_SHARE * max(sizes):
        raise MRFInputError(
            "missing-readouts", "slices differ in the number of readouts, and the counters do not "
            "say which ones are missing", path=path, expected=f"{max(sizes)} in every slice",
            found=", ".join(f"{len(part)} in slice {part['slice'][0]}" for part in parts[:8]),
        )  # fmt: skip
    return [np.asarray(one, np.int64) for one in order_of], max(sizes)


def _go_on(values: list[NDArray[np.int64]]) -> bool:
    """Return whether a counter has no value in two slices, rather than the same ones in all."""
    every = np.concatenate(values)
    return len(values) > 1 and len(np.unique(every)) == len(every)


def _tell_missing(numbers: NDArray[np.int64], n_planned: int, report: AcquisitionReport) -> None:
    missing = np.setdiff1d(np.arange(n_planned), numbers)
    if not len(missing):
        return
    end = int(np.max(numbers)) + 1
    inside = missing[missing < end]
    if len(inside):
        report.left_out.append(
            f"{len(inside)} of {n_planned} readouts of a slice are missing, counted from 0: "
            f"{listed(inside)}."
        )
    if end < n_planned:
        report.left_out.append(
            f"The measurement was aborted: the last {n_planned - end} of {n_planned} readouts of a "
            "slice are not there."
        )
