"""Siemens twix raw files (.dat) of VB, VD and VE: own reader of headers, samples mapped.

A file of VD/VE holds measurements one after the other (multi-RAID); the last one is the scan, those
before it are adjustments such as the noise scan. The table of measurements also holds the name of
the patient, which is never read.

References
----------
Layout of the headers as in twixtools (P. Ehses, MIT license), to which tests compare.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.raw.acquisition_report import AcquisitionReport, counted
from napari_mrf.data.text_files import read_error
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import FileStamp, sha256_of, truncated
from napari_mrf.io.raw.assembly import Layout, assemble
from napari_mrf.io.raw.placement import LPS_TO_RAS
from napari_mrf.io.raw.readouts import (
    READOUT,
    Kind,
    Measurement,
    pick,
    split,
    tell_apart,
    tell_kinds,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.io.raw.options import RawOptions

_MOST_MEASUREMENTS, _ENTRY_BYTES, _MOST_BUFFERS = 64, 152, 32
_MOST_PROTOCOL_BYTES = 64_000_000

_COUNTER_NAMES = ("Lin", "Ave", "Sli", "Par", "Eco", "Phs", "Rep", "Set", "Seg", "Ida", "Idb",
                  "Idc", "Idd", "Ide")  # fmt: skip
_COUNTERS = {"slice": "Sli", "repetition": "Rep", "average": "Ave", "phase": "Phs", "set": "Set",
             "contrast": "Eco", "segment": "Seg", "step_2": "Par", "step_1": "Lin"}  # fmt: skip


def _header(common: list[Any], behind: list[Any]) -> np.dtype[Any]:
    return np.dtype([
        ("dma", "<u4"), ("uid", "<i4"), ("scan", "<u4"), ("time", "<u4", (2,)), *common,
        ("flags", "<u8"), ("samples", "<u2"), ("channels", "<u2"),
        *((name, "<u2") for name in _COUNTER_NAMES), ("cut", "<u2", (2,)), ("center", "<u2"),
        ("coil", "<u2"), ("offcenter", "<f4"), ("since_rf", "<u4"), ("center_line", "<u2"),
        ("center_partition", "<u2"), *behind,
    ])  # fmt: skip


_PLACE = [("position", "<f4", (3,)), ("quaternion", "<f4", (4,))]


@dataclass(frozen=True)
class _Version:
    """Layout of the records of a software version."""

    name: str
    header: np.dtype[Any]
    scan_bytes: int  # before the first channel
    channel_bytes: int  # before the samples of each channel


_VD = _Version(
    "VD/VE", _header([("system", "<u2", (2,)), ("table", "<i4", (4,))],
                     [*_PLACE, ("rest", "V64")]), 192, 32,
)  # fmt: skip
_VB = _Version("VB", _header([], [("parameters", "V16"), *_PLACE, ("rest", "V4")]), 0, 128)

# Bits of the flags, from 0.
_ACQEND, _SYNCDATA, _CALIBRATION, _CALIBRATION_AND_IMAGE, _REVERSED, _NOISE = 0, 5, 22, 23, 24, 25
# Feedback (2), phase stabilization (2), phase correction, adjustment, references of simultaneous
# slices (2), dummy, control of B1.
_OTHER = (1, 2, 14, 15, 21, 34, 38, 39, 51, 53)


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a twix file."""
    if len(head) < 32:
        return False
    first, second = struct.unpack_from("<II", head)
    if first < 10_000 and 1 <= second <= _MOST_MEASUREMENTS:
        offset = struct.unpack_from("<Q", head, 16)[0]
        return bool(offset % 512 == 0 and 8 + second * _ENTRY_BYTES <= offset <= 1 << 20)
    # VB: length of the protocol, number of its buffers, name of the first one.
    return bool(
        10_000 <= first < _MOST_PROTOCOL_BYTES
        and 1 <= second <= _MOST_BUFFERS
        and re.match(rb"[A-Za-z][A-Za-z_]{2,31}\0", head[8:48])
    )


def read(path: Path, options: RawOptions) -> RawData:
    """Read a measurement; see `napari_mrf.io.raw.reader.load_raw`.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"bad-header"``, ``"corrupt-readouts"`` and what `assemble` raises.
    """
    stamp = FileStamp.of(path)
    report = AcquisitionReport()
    content = _mapped(path)
    parts = _parts(content, path)
    n_pulses = None if options.sequence is None else options.sequence.n_pulses
    measurements: list[Measurement] = []
    noise = np.zeros(0, READOUT)
    for number, part in enumerate(parts):
        report.found.append(
            f"Siemens twix {part.version.name}, measurement {number} of {len(parts)}: "
            f"{counted(len(part.table), 'readout')}."
        )
        own = part.table[part.table["kind"] == Kind.NOISE]
        noise = own if len(own) else noise
        for one in split(part.table, part, f"measurement {number}", n_pulses):
            # A noise scan is a measurement of its own, before the scan that it is for.
            measurements.append(Measurement(one.table, noise, part, one.name))
    number = pick(measurements, options.measurement, path, last=_one_each(measurements))
    measurement = measurements[number]
    part = measurement.group
    report.taken.append(f"{measurement.name[0].upper()}{measurement.name[1:]}.")
    tell_kinds(part.table, report)
    others = [one.summary() for n, one in enumerate(measurements) if n != number]
    if others:
        report.left_out.append("; ".join(others) + ".")
    if not part.is_ended:
        report.left_out.append("The measurement has no end: it was aborted, or not copied whole.")
    report.assumed.append(
        "Siemens data: readout and phase encoding run against the directions of the header, as "
        "twixtools has it."
    )
    samples = _Samples(stamp, part.version)
    return assemble(
        path, sha256_of(path), measurement, number, part.layout(),
        samples_of=samples, stored_trajectory=None, options=options, report=report,
    )  # fmt: skip


def _one_each(measurements: list[Measurement]) -> bool:
    """Return whether no entry of the file holds several measurements: then the last is the scan."""
    return len({id(one.group) for one in measurements}) == len(measurements)


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        return np.memmap(path, np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise read_error(error, path) from error


@dataclass(frozen=True, eq=False)
class _Part:
    """One entry of a file.

    Parameters
    ----------
    version : _Version
        Of its records.
    table : ndarray
        (readouts,) of `READOUT`; ``row`` is the first byte of the record.
    protocol : dict
        Numbers of the protocol by name.
    center_line : int or None
        Of the first readout.
    is_ended : bool
        Whether the mark of the end is there.
    """

    version: _Version
    table: NDArray[Any]
    protocol: dict[str, float]
    center_line: int | None
    is_ended: bool

    def layout(self) -> Layout:
        """Return matrix and field of view; readouts are oversampled twice."""
        image = self.table[self.table["kind"] == Kind.IMAGE]
        n_samples = int(image["samples"][0])
        known = self.protocol
        base = int(known.get("sKSpace.lBaseResolution", 0)) or max(1, n_samples // 2)
        lines = int(known.get("sKSpace.lPhaseEncodingLines", 0)) or base
        oversampling = max(1.0, round(n_samples / base))
        view = (known.get(f"{_SLICE}.dPhaseFOV", 0.0), known.get(f"{_SLICE}.dReadoutFOV", 0.0))
        return Layout(
            encoded=(lines, int(base * oversampling)),
            encoded_view_mm=(view[0], view[1] * oversampling),
            view_mm=view,
            thickness_mm=known.get(f"{_SLICE}.dThickness", 0.0),
            center_line=self.center_line,
            is_cartesian=known.get("sKSpace.ucTrajectory", 1.0) == 1.0,
        )


_SLICE = "sSliceArray.asSlice[0]"
_WANTED = {
    "sKSpace.lBaseResolution": (1, 4096), "sKSpace.lPhaseEncodingLines": (1, 4096),
    "sKSpace.ucTrajectory": (0, 255), f"{_SLICE}.dPhaseFOV": (1, 10_000),
    f"{_SLICE}.dReadoutFOV": (1, 10_000), f"{_SLICE}.dThickness": (0.01, 10_000),
    "sRXSPEC.alDwellTime[0]": (1, 1e9),
}  # fmt: skip
"""What is read of a protocol, and in what range; no other line of it is looked at."""


def _parts(content: NDArray[np.uint8], path: Path) -> list[_Part]:
    size = len(content)
    first, second = struct.unpack_from("<II", content[:8].tobytes())
    if first >= 10_000:
        return [_part(content, 0, size, _VB, path)]
    table_bytes = 8 + second * _ENTRY_BYTES
    if size < table_bytes:
        raise truncated(path, table_bytes, size, least=True)
    parts = []
    for number in range(second):
        at = 8 + number * _ENTRY_BYTES
        start, length = struct.unpack("<QQ", content[at + 8 : at + 24].tobytes())
        length = length or (size - start if second == 1 else 0)
        if start + length > size:
            raise truncated(path, start + length, size)
        parts.append(_part(content, start, start + length, _VD, path))
    return parts


def _part(content: NDArray[np.uint8], start: int, end: int, version: _Version, path: Path) -> _Part:
    if end - start < 8:
        raise truncated(path, start + 8, end, least=True)
    (header_bytes,) = struct.unpack("<I", content[start : start + 4].tobytes())
    if start + header_bytes > end:
        raise truncated(path, start + header_bytes, len(content), least=True)
    if not 8 <= header_bytes <= _MOST_PROTOCOL_BYTES:
        raise MRFInputError("bad-header", "the protocol has an impossible length", path=path,
                            found=f"{header_bytes} bytes")  # fmt: skip
    protocol = _protocol(content[start + 8 : start + header_bytes].tobytes())
    places, is_ended = _records(content, start + header_bytes, end, version, path)
    n_bytes = version.header.itemsize
    heads = np.empty((len(places), n_bytes), np.uint8)
    for row, place in enumerate(places):
        heads[row] = content[place : place + n_bytes]
    records = heads.view(version.header).ravel()
    table = _table(records, np.array(places, np.int64), protocol)
    return _Part(version, table, protocol,
                 int(records["center_line"][0]) if len(records) else None, is_ended)  # fmt: skip


def _protocol(text: bytes) -> dict[str, float]:
    """Return the wanted numbers of the protocol in its ASCII form (MeasYaps)."""
    found = {}
    for name, (least, most) in _WANTED.items():
        line = re.search(rb"^%s[ \t]*=[ \t]*([-+.\w]{1,40})[ \t]*$" % re.escape(name.encode()),
                         text, re.MULTILINE)  # fmt: skip
        if line is None:
            continue
        word = line[1].decode("ascii", "replace")
        try:
            value = float(int(word, 16)) if word.lower().startswith("0x") else float(word)
        except ValueError:
            continue
        if least <= value <= most:
            found[name] = value
    return found


def _records(
    content: NDArray[np.uint8], start: int, end: int, version: _Version, path: Path
) -> tuple[list[int], bool]:
    """Return the first byte of every record of samples, and whether the end is marked."""
    fields = version.header.fields
    assert fields is not None  # noqa: S101 - of a structure
    at_flags, at_samples = fields["flags"][1], fields["samples"][1]
    n_bytes = version.header.itemsize
    places: list[int] = []
    place = start
    while place + n_bytes <= end:
        head = content[place : place + n_bytes].tobytes()
        (dma,) = struct.unpack_from("<I", head)
        (flags,) = struct.unpack_from("<Q", head, at_flags)
        samples, channels = struct.unpack_from("<HH", head, at_samples)
        if flags >> _ACQEND & 1:
            return places, True
        if flags >> _SYNCDATA & 1:
            length = dma & 0x1FF_FFFF
        else:
            length = version.scan_bytes + channels * (version.channel_bytes + 8 * samples)
        if length < n_bytes:
            raise MRFInputError(
                "corrupt-readouts", "a record has an impossible length", path=path,
                expected=f"{n_bytes} bytes or more",
                found=f"{length} bytes, record {len(places)} from byte {place}",
            )  # fmt: skip
        if place + length > end:
            break
        if not flags >> _SYNCDATA & 1:
            places.append(place)
        place += length
    return places, False


@np.errstate(all="ignore")  # damaged headers hold anything
def _table(
    records: NDArray[Any], places: NDArray[np.int64], protocol: dict[str, float]
) -> NDArray[Any]:
    table = np.zeros(len(records), READOUT)
    flags = records["flags"]

    def flagged(*bits: int) -> NDArray[np.bool_]:
        return np.asarray((flags & np.uint64(sum(1 << bit for bit in bits))) != 0)

    table["row"] = places
    table["scan"] = records["scan"]
    table["coils"], table["samples"] = records["channels"], records["samples"]
    table["first"], table["last"] = records["cut"][:, 0], table["samples"] - records["cut"][:, 1]
    table["reversed"] = flagged(_REVERSED)
    # The header counts the center as if no readout were reversed.
    center = records["center"].astype(np.int64)
    table["center"] = np.where(table["reversed"], table["samples"] - 1 - center, center)
    table["center"][center == 0] = -1
    for name, theirs in _COUNTERS.items():
        table[name] = records[theirs]
    table["dwell_us"] = protocol.get("sRXSPEC.alDwellTime[0]", 0.0) / 1000.0
    table["position"] = records["position"] * LPS_TO_RAS
    table["directions"] = _directions(records["quaternion"].astype(np.float64)) * LPS_TO_RAS
    calibration = flagged(_CALIBRATION) & ~flagged(_CALIBRATION_AND_IMAGE)
    tell_apart(table, flagged(_NOISE), calibration, flagged(*_OTHER))
    return table


def _directions(quaternions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions (rows: readout, phase encoding, slice; LPS) of quaternions.

    Quaternions are (w, x, y, z). The columns of the rotation are phase encoding, readout and
    slice; samples run against the first two.
    """
    # Others than of unit length are no directions.
    w, x, y, z = np.where(np.abs(quaternions) <= 1.1, quaternions, np.nan).T
    phase = [1 - 2 * (y**2 + z**2), 2 * (x * y + z * w), 2 * (x * z - y * w)]
    readout = [2 * (x * y - z * w), 1 - 2 * (x**2 + z**2), 2 * (y * z + x * w)]
    normal = [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x**2 + y**2)]
    rows = np.array([readout, phase, normal])
    rows[:2] *= -1
    return np.asarray(rows.transpose(2, 0, 1))


@dataclass(frozen=True)
class _Samples:
    """Reads the samples of readouts; holds no open file."""

    file: FileStamp
    version: _Version

    def __call__(self, table: NDArray[Any]) -> NDArray[np.complex64]:
        self.file.check()
        n_coils, n_all = int(table["coils"][0]), int(table["samples"][0])
        refuse_beyond_memory(8 * len(table) * n_coils * n_all, "one slice", self.file.path)
        n_samples = int(table["last"][0] - table["first"][0])
        out = np.empty((n_coils, len(table), n_samples), np.complex64)
        content = _mapped(self.file.path)
        for place, one in enumerate(table):
            start = int(one["row"]) + self.version.scan_bytes
            block = self.version.channel_bytes + 8 * int(one["samples"])
            record = content[start : start + n_coils * block].reshape(n_coils, block)
            samples = np.ascontiguousarray(record[:, self.version.channel_bytes :])
            out[:, place] = samples.view("<c8")[:, one["first"] : one["last"]]
        return out
