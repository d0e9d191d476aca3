"""BART arrays (.cfl with .hdr): k-space, and a trajectory beside it.

References
----------
mrirecon.github.io/bart: single precision complex numbers, first axis fastest; axis 1 samples, 2
spokes, 3 coils, 5 and 10 time, 13 slices; trajectories hold kx, ky, kz in 1/FOV along axis 0.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.raw.acquisition_report import AcquisitionReport
from napari_mrf.data.text_files import read_text, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import FileStamp, MappedArray, sha256_of, truncated
from napari_mrf.io.raw.arrays import assemble_arrays
from napari_mrf.io.raw.sidecar import RawBlock, load_raw_sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.io.raw.options import RawOptions

_MAGIC = b"# Dimensions"
_READ, _SAMPLES, _SPOKES, _COILS, _ECHOES, _TIME, _SLICES = 0, 1, 2, 3, 5, 10, 13
_USED = {_READ, _SAMPLES, _SPOKES, _COILS, _ECHOES, _TIME, _SLICES}
_N_AXES = 16


def matches(head: bytes, path: Path) -> bool:
    """Return whether this is one of the two files of a BART array."""
    if path.suffix.lower() == ".cfl":
        return path.with_suffix(".hdr").is_file()
    return head.startswith(_MAGIC)


def read(path: Path, options: RawOptions) -> RawData:
    """Read the k-space; see `napari_mrf.io.raw.reader.load_raw`.

    The trajectory is ``NAME_traj`` or ``traj`` beside it, or named by the sidecar.

    Raises
    ------
    MRFInputError
        ``"bad-header"``, ``"truncated"``, ``"bad-shape"`` and what `assemble_arrays` raises.
    """
    path = path.with_suffix(".cfl")
    block = load_raw_sidecar(path) or RawBlock(SchemaVersion=1)
    array = _array(path)
    shape = array.shape
    other = [axis for axis, n in enumerate(shape) if n > 1 and axis not in _USED]
    if other or (shape[_READ] > 1 and shape[_SPOKES] > 1):
        raise MRFInputError("bad-shape", "the k-space has axes that are not understood", path=path,
                            expected="samples, spokes, coils, time, slices",
                            found=f"shape {shape}")  # fmt: skip
    report = AcquisitionReport()
    report.found.append(f"BART array, shape {' x '.join(map(str, shape))}.")
    # Cartesian k-space has its samples along the first axis, and lines along the second.
    is_lines = shape[_READ] > 1
    n_samples, n_spokes = (
        (shape[_READ], shape[_SAMPLES]) if is_lines else (shape[_SAMPLES], shape[_SPOKES])
    )
    n_readouts = shape[_TIME] * shape[_ECHOES] * n_spokes
    if shape[_TIME] * shape[_ECHOES] > 1:
        report.assumed.append(
            f"Time along {'axes 10 and 5' if min(shape[_TIME], shape[_ECHOES]) > 1 else 'one axis'}"
            f": {n_readouts} readouts in a row, {n_spokes} a step."
        )
    trajectory = _trajectory(path, block)
    values = None
    if trajectory is not None:
        name, points = trajectory
        report.taken.append(f"Trajectory of {name}.")
        expected = (n_readouts, n_samples)
        values = _in_rows(points, name)
        if values.shape[:2] != expected:
            raise MRFInputError("bad-trajectory", "the trajectory does not fit the samples",
                                path=path, expected=f"{expected} (readouts, samples)",
                                found=f"{values.shape[:2]}",
                                hint="Pick the trajectory of this measurement.")  # fmt: skip
    reader = _SliceReader(array, is_lines, path)
    sizes = (shape[_SLICES], shape[_COILS], n_readouts, n_samples)
    return assemble_arrays(path, sha256_of(path), sizes, reader, values, block=block, noise=None,
                           options=options, report=report)  # fmt: skip


def _array(path: Path) -> MappedArray:
    header = path.with_suffix(".hdr")
    text = read_text(header, "header", most_bytes=100_000, not_text="bad-header")
    line = re.search(r"^# Dimensions\s*\n([ \d]{1,400})$", text, re.MULTILINE)
    words = line[1].split() if line else []
    sizes = [int(word) for word in words[:_N_AXES]]
    if not sizes or any(not 1 <= n < 2**31 for n in sizes):
        raise MRFInputError("bad-header", "the header has no sizes of axes", path=header,
                            expected="numbers below '# Dimensions'")  # fmt: skip
    shape = (*sizes, *[1] * (_N_AXES - len(sizes)))
    expected, found = 8 * math.prod(shape), size_of(path)
    if found < expected:
        raise truncated(path, expected, found)
    if found > expected:
        raise MRFInputError("declared-size", "the file is longer than its header says", path=path,
                            expected=f"{expected} bytes", found=f"{found} bytes")  # fmt: skip
    return MappedArray(FileStamp.of(path), np.dtype("<c8"), shape, 0, "F")


def _trajectory(path: Path, block: RawBlock) -> tuple[str, NDArray[Any]] | None:
    names = [f"{path.stem}_traj", "traj"] if block.Trajectory is None else [block.Trajectory]
    for name in names:
        if "/" in name or "\\" in name or name.startswith("."):
            raise MRFInputError("security-path", "the trajectory lies outside of the folder",
                                path=path, found=repr(name))  # fmt: skip
        beside = path.with_name(f"{name.removesuffix('.cfl')}.cfl")
        if beside.is_file() and beside != path:
            array = _array(beside)
            refuse_beyond_memory(16 * math.prod(array.shape), "the trajectory", beside)
            return beside.name, array[...].real
    if block.Trajectory is not None:
        raise MRFInputError("missing-file", "the trajectory is not there",
                            path=path.with_name(block.Trajectory))  # fmt: skip
    return None


def _in_rows(points: NDArray[Any], name: str) -> NDArray[Any]:
    """Return (readouts, samples, columns) from the 16 axes of a trajectory."""
    kept = (_TIME, _ECHOES, _SPOKES, _SAMPLES, _READ)
    others = tuple(axis for axis in range(_N_AXES) if axis not in kept)
    if any(points.shape[axis] > 1 for axis in others) or points.shape[_READ] not in (2, 3):
        raise MRFInputError("bad-trajectory", f"the trajectory {name} has other axes", expected=
                            "2 or 3 columns, samples, spokes, time",
                            found=f"shape {points.shape}",
                            hint="Pick the trajectory of this measurement.")  # fmt: skip
    rows = points.transpose(*others, *kept)
    return rows.reshape(-1, points.shape[_SAMPLES], points.shape[_READ])


@dataclass(frozen=True, eq=False)
class _SliceReader:
    """Reads a slice of the k-space."""

    array: MappedArray
    is_lines: bool
    path: Path

    def __call__(self, z: int) -> NDArray[np.complex64]:
        shape = self.array.shape
        n = 8 * math.prod(shape) // shape[_SLICES]
        refuse_beyond_memory(n, "one slice", self.path)
        part = tuple(slice(z, z + 1) if axis == _SLICES else slice(None) for axis in range(_N_AXES))
        spokes, samples = (_SAMPLES, _READ) if self.is_lines else (_SPOKES, _SAMPLES)
        kept = (_COILS, _TIME, _ECHOES, spokes, samples)
        others = tuple(axis for axis in range(_N_AXES) if axis not in kept)
        values = self.array[part].transpose(*others, *kept)
        sizes = (shape[_COILS], -1, shape[samples])
        return np.ascontiguousarray(values.reshape(sizes), np.complex64)
