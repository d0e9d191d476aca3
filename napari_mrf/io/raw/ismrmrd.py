"""ISMRMRD (MRD v1) raw files: HDF5 with an XML header and one compound record a readout.

Headers of all readouts are read at once, samples slice by slice; the library that the format comes
with would read whole files.

References
----------
Inati et al., MRM 2017, doi 10.1002/mrm.26089; flags as in ``ismrmrd.h``, counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.raw.acquisition_report import AcquisitionReport, counted
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats import hdf5
from napari_mrf.io.formats.hdf5_child import refuse_endless
from napari_mrf.io.formats.hdf5_guard import (
    check_dataset,
    check_place,
    get_dataset,
    open_checked,
)
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.raw.assembly import Layout, assemble
from napari_mrf.io.raw.ismrmrd_header import Encoding, Header, parse_header
from napari_mrf.io.raw.ismrmrd_records import Records, read_text
from napari_mrf.io.raw.placement import LPS_TO_RAS
from napari_mrf.io.raw.readouts import READOUT, pick, split, tell_apart, tell_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.io.raw.options import RawOptions

_NOISE, _CALIBRATION, _CALIBRATION_AND_IMAGE, _REVERSED = 19, 20, 21, 22
# Navigator, phase correction, feedback (2 kinds), dummy, surface coil correction, phase
# stabilization (2). Flag 25, the last readout of a measurement, is one of the image.
_OTHER = (23, 24, 26, 27, 28, 29, 30, 31)
_MOST_GROUPS = 100
_MOST_HEADER_BYTES = 5_000_000
_COUNTERS = {
    "slice": "slice", "repetition": "repetition", "average": "average", "phase": "phase",
    "set": "set", "contrast": "contrast", "segment": "segment", "step_2": "kspace_encode_step_2",
    "step_1": "kspace_encode_step_1",
}  # fmt: skip


def matches(head: bytes, path: Path) -> bool:
    """Return whether a file is an HDF5 file with a group of ``xml`` and ``data``."""
    if not hdf5.matches(head, path):
        return False
    refuse_endless(path, None, ".raw.ismrmrd")
    with open_checked(path) as file:
        return bool(_groups(file))


def read(path: Path, options: RawOptions) -> RawData:
    """Read a measurement; see `napari_mrf.io.raw.reader.load_raw`.

    Raises
    ------
    MRFInputError
        ``"bad-header"``, ``"corrupt-hdf5"``, ``"declared-size"``, ``"security-xml"`` and what
        `assemble` raises.
    """
    found = find(path, None)
    report = AcquisitionReport()
    n_pulses = None if options.sequence is None else options.sequence.n_pulses
    measurements = []
    for part in found:
        n_readouts = counted(len(part.table), "readout")
        report.found.append(f"ISMRMRD, group {part.group!r}: {n_readouts} in all.")
        measurements += split(part.table, part, part.group, n_pulses)
    number = pick(measurements, options.measurement, path)
    measurement = measurements[number]
    part = measurement.group
    tell_kinds(part.table, report)
    if len(measurements) > 1:
        others = counted(len(measurements) - 1, "other measurement")
        report.left_out.append(f"{others} of the file.")
    if part.n_waveforms:
        report.left_out.append(f"{part.n_waveforms} waveforms (physiology).")
    space = int(measurement.table["space"][0])
    if not 0 <= space < len(part.header.encodings):
        raise MRFInputError("bad-header", "readouts name an encoding that the header lacks",
                            path=path, expected=f"below {len(part.header.encodings)}",
                            found=space)  # fmt: skip
    tesla = part.header.field_strength_t
    if tesla is not None:
        report.found.append(f"Field strength {tesla:.4g} T.")
    layout = _layout(part.header.encodings[space], path)
    reader = _Readouts(part.records)
    dims = np.unique(part.dimensions[measurement.table["row"]])
    if len(dims) > 1:
        raise MRFInputError("bad-trajectory", "the number of columns of the trajectory changes "
                            "within the measurement", path=path,
                            found=", ".join(map(str, dims)),
                            hint="Write kx and ky for every readout.")  # fmt: skip
    return assemble(
        path, sha256_of(path), measurement, number, layout, samples_of=reader.samples,
        stored_trajectory=_Trajectory(reader, int(dims[0])) if dims[0] else None,
        options=options, report=report,
    )  # fmt: skip


def _layout(encoding: Encoding, path: Path) -> Layout:
    encoded, recon = encoding.encoded, encoding.recon
    if encoded.matrix[2] > 1 and encoding.trajectory == "cartesian":
        raise MRFInputError("three-dimensional", "the file holds a 3-D measurement", path=path,
                            expected="2-D slices",
                            found=f"{encoded.matrix[2]} partitions")  # fmt: skip
    return Layout(
        encoded=(encoded.matrix[1], encoded.matrix[0]),
        encoded_view_mm=(encoded.field_of_view_mm[1], encoded.field_of_view_mm[0]),
        view_mm=(recon.field_of_view_mm[1], recon.field_of_view_mm[0]),
        thickness_mm=recon.field_of_view_mm[2] or encoded.field_of_view_mm[2],
        limits=encoding.limits,
        center_line=encoding.center_line,
        is_cartesian=encoding.trajectory == "cartesian",
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One group of a file.

    Parameters
    ----------
    group : str
        Its name.
    header : Header
        Of its XML.
    table : ndarray
        (readouts,) of `READOUT`, in the order of the file.
    dimensions : ndarray
        (readouts,) columns of the trajectory.
    records : Records
        What the headers belong to.
    n_waveforms : int
        Left out.
    """

    group: str
    header: Header
    table: NDArray[Any]
    dimensions: NDArray[np.int64]
    records: Records
    n_waveforms: int


def find(path: Path, dataset: str | None) -> list[_Part]:
    """Return the groups of a file with the headers of all readouts; no samples are kept.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str or None
        Not used; all formats of HDF5 are tried in this way.

    Raises
    ------
    MRFInputError
        See `read`.
    """
    with open_checked(path) as file:
        return [_part(file, name, path) for name in _groups(file)]


def _groups(file: h5py.File) -> list[str]:
    """Return the names of groups with ``xml`` and ``data`` of their own, at most two levels deep.

    Links are not followed.
    """
    found = []
    waiting: list[tuple[str, Any, int]] = [("", file, 0)]
    for name, group, depth in waiting:
        kinds = {
            key: group.get(key, getclass=True)
            for key in list(group)[:_MOST_GROUPS]
            if isinstance(group.get(key, getlink=True), h5py.HardLink)
        }
        if kinds.get("xml") is h5py.Dataset and kinds.get("data") is h5py.Dataset:
            found.append(name or "/")
        if depth < 2 and len(waiting) < _MOST_GROUPS:
            waiting += [
                (f"{name}/{key}".lstrip("/"), group[key], depth + 1)
                for key, kind in kinds.items()
                if kind is h5py.Group
            ]
    return found


def _part(file: h5py.File, group: str, path: Path) -> _Part:
    xml, data = (_dataset(file, f"{group}/{name}", path) for name in ("xml", "data"))
    check_dataset(data, path)
    header = parse_header(read_text(xml, path, _MOST_HEADER_BYTES), path)
    names = data.dtype.names or ()
    if not {"head", "traj", "data"} <= set(names) or any(
        h5py.check_vlen_dtype(data.dtype[name]) != np.dtype("<f4") for name in ("traj", "data")
    ):
        raise MRFInputError("bad-header", f"{data.name!r} does not hold ISMRMRD readouts",
                            path=path, expected="records of head, traj and data in single "
                            "precision", found=str(data.dtype)[:100])  # fmt: skip
    records = Records.of(data, path)
    heads = records.heads()
    table = _table(heads)
    dimensions = heads["trajectory_dimensions"].astype(np.int64)
    for member, expected in (
        ("data", 2 * table["coils"] * table["samples"]), ("traj", dimensions * table["samples"]),
    ):  # fmt: skip
        _check_lengths(records, member, expected)
    waveforms = get_dataset(file, f"{group}/waveforms", path)
    n_waveforms = 0 if waveforms is None else waveforms.size
    return _Part(group, header, table, dimensions, records, n_waveforms)


def _dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    dataset = get_dataset(file, name, path)
    if dataset is None or dataset.ndim > 1:
        raise MRFInputError("bad-header", f"{name!r} is no list of records", path=path)
    check_place(dataset, path)
    refuse_beyond_memory(2 * dataset.size * dataset.dtype.itemsize, "the headers", path)
    return dataset


@np.errstate(all="ignore")  # damaged headers hold anything
def _table(heads: NDArray[Any]) -> NDArray[Any]:
    table = np.zeros(len(heads), READOUT)
    flags = heads["flags"].astype(np.uint64)

    def flagged(*numbers: int) -> NDArray[np.bool_]:
        mask = np.uint64(sum(1 << (number - 1) for number in numbers))
        return np.asarray((flags & mask) != 0)

    table["row"] = np.arange(len(heads))
    table["coils"] = heads["active_channels"]
    table["samples"] = heads["number_of_samples"]
    table["first"] = heads["discard_pre"]
    table["last"] = table["samples"] - heads["discard_post"]
    table["center"] = np.where(heads["center_sample"] > 0, heads["center_sample"], -1)
    table["space"] = heads["encoding_space_ref"]
    table["scan"] = heads["scan_counter"]
    table["reversed"] = flagged(_REVERSED)
    for name, theirs in _COUNTERS.items():
        table[name] = heads["idx"][theirs]
    dwell = heads["sample_time_us"].astype(float)
    table["dwell_us"] = np.where(np.isfinite(dwell) & (dwell > 0), dwell, 0.0)
    table["position"] = heads["position"] * LPS_TO_RAS
    for row, name in enumerate(("read_dir", "phase_dir", "slice_dir")):
        table["directions"][:, row] = heads[name] * LPS_TO_RAS
    calibration = flagged(_CALIBRATION) & ~flagged(_CALIBRATION_AND_IMAGE)
    tell_apart(table, flagged(_NOISE), calibration, flagged(*_OTHER))
    return table


def _check_lengths(records: Records, member: str, expected: NDArray[np.int64]) -> None:
    """Refuse records whose stored length is not what their headers say."""
    lengths = records.lengths(member)
    wrong = np.flatnonzero(lengths != expected)
    if len(wrong):
        row = int(wrong[0])
        raise MRFInputError(
            "corrupt-readouts", f"{counted(len(wrong), 'readout')} with other numbers of "
            f"{'samples' if member == 'data' else 'coordinates'} than their headers say",
            path=records.file.path, expected=f"{expected[row]} numbers in record {row} of the file",
            found=f"{lengths[row]}",
        )  # fmt: skip


@dataclass(frozen=True)
class _Readouts:
    """Reads samples and coordinates of readouts."""

    records: Records

    def samples(self, table: NDArray[Any]) -> NDArray[np.complex64]:
        """Return (coils, readouts, samples) complex64, discarded ones left out."""
        first, n_coils = table[0], int(table["coils"][0])
        n_samples = int(first["last"] - first["first"])
        out = np.empty((n_coils, len(table), n_samples), np.complex64)
        for place, values in self._values("data", table):
            one = table[place]
            whole = values.view(np.complex64).reshape(n_coils, -1)
            out[:, place] = whole[:, one["first"] : one["last"]]
        return out

    def coordinates(self, table: NDArray[Any], columns: int) -> NDArray[np.float32]:
        """Return (readouts, samples, columns) float32, those of discarded samples left out."""
        n_samples = int(table["last"][0] - table["first"][0])
        out = np.empty((len(table), n_samples, columns), np.float32)
        for place, values in self._values("traj", table):
            one = table[place]
            out[place] = values.reshape(-1, columns)[one["first"] : one["last"]]
        return out

    def _values(self, name: str, table: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the place in the table and the numbers of every readout, in file order."""
        path = self.records.file.path
        n_numbers = len(table) * int(table["coils"][0]) * int(table["samples"].max())
        refuse_beyond_memory(8 * n_numbers, "one slice", path)
        by_row = np.argsort(table["row"], kind="stable").tolist()
        rows = table["row"][by_row].tolist()
        yield from zip(by_row, self.records.values(name, rows), strict=True)


@dataclass(frozen=True)
class _Trajectory:
    """Reads the coordinates of readouts."""

    readouts: _Readouts
    columns: int

    def __call__(self, table: NDArray[Any]) -> NDArray[np.float32]:
        return self.readouts.coordinates(table, self.columns)
