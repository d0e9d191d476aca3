"""Raw data as arrays in .npz, HDF5 and .mat: ``kdata`` and ``traj``, or named by a sidecar."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.raw.acquisition_report import AcquisitionReport
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats import hdf5, matlab5, matlab73, npz
from napari_mrf.io.formats.hdf5_child import refuse_endless
from napari_mrf.io.formats.hdf5_guard import arrays as hdf5_arrays
from napari_mrf.io.formats.hdf5_guard import open_checked
from napari_mrf.io.formats.registry import read_source
from napari_mrf.io.raw.assembly import fitted, sizes_text
from napari_mrf.io.raw.coordinates import TOLERANCE, Rule, by_rule, in_cycles
from napari_mrf.io.raw.options import GivenTrajectory, RawOptions
from napari_mrf.io.raw.readouts import READOUT
from napari_mrf.io.raw.sidecar import RawBlock, load_raw_sidecar
from napari_mrf.io.series.stored import FRAMES, SUBSPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_KSPACE, _TRAJECTORY = "kdata", "traj"
_ORDER = "ZCRS"
_ASK_AXES = (
    'Name the axes in the block "MRFRaw" of the sidecar, such as "KSpaceAxes": "ZCRS" '
    "(slices, coils, readouts, samples)."
)


def matches(head: bytes, path: Path) -> bool:
    """Return whether a file holds an array ``kdata``, or a sidecar says that it holds raw data."""
    names = _names(head, path)
    if names is None or {SUBSPACE, FRAMES} & {name.partition("/")[0] for name in names}:
        return False  # a series that says all of itself; a sidecar beside is not its own
    return _KSPACE in names or load_raw_sidecar(path) is not None


def _names(head: bytes, path: Path) -> set[str] | None:
    """Return the names of the arrays of a file; None where it is of no such format."""
    if npz.matches(head, path):
        try:
            with zipfile.ZipFile(path) as archive:
                return {name.removesuffix(".npy") for name in archive.namelist()}
        except Exception:  # it is told where the file is read
            return set()
    if matlab5.matches(head, path):
        return set(matlab5.array_names(path))
    if not hdf5.matches(head, path):
        return None
    module = "matlab73" if matlab73.matches(head, path) else "hdf5"
    refuse_endless(path, None, module)
    with open_checked(path) as file:
        return set(hdf5_arrays(file, path))


def read(path: Path, options: RawOptions) -> RawData:
    """Read the arrays; see `napari_mrf.io.raw.reader.load_raw`.

    Raises
    ------
    MRFInputError
        ``"not-complex"``, ``"kspace-axes"``, ``"bad-trajectory"``, ``"matrix-unknown"`` and what
        the format raises.
    """
    block = load_raw_sidecar(path) or RawBlock(SchemaVersion=1)
    report = AcquisitionReport()
    source = read_source(path, block.KSpace)
    array = source.array
    report.found.append(f"Array {block.KSpace!r}, shape {tuple(array.shape)}, {array.dtype}.")
    if array.dtype.kind != "c":
        raise MRFInputError("not-complex", f"{block.KSpace!r} does not hold complex numbers",
                            path=path, found=str(array.dtype),
                            hint="Write the array as complex numbers.")  # fmt: skip
    trajectory = _stored_trajectory(path, block, source.arrays)
    is_matlab = str(source.metadata.get("format", "")).startswith("MATLAB")
    orders = (_ORDER[::-1], _ORDER) if is_matlab else (_ORDER,)
    axes = _axes(array.shape, orders, block, trajectory, path, report)
    reader = _ArrayReader(array, axes, path)
    rows = [array.shape[axes.index(letter)] if letter in axes else 1 for letter in _ORDER]
    values = None
    if trajectory is not None:
        values = _arranged(trajectory, rows[2], rows[3], axes, path)
    noise = None
    if block.Noise is not None:
        noise = _noise(path, block.Noise, rows[1])
        report.taken.append(f"Noise scan {block.Noise!r}: {noise.shape[1]} samples.")
    return assemble_arrays(
        path, source.sha256, (rows[0], rows[1], rows[2], rows[3]), reader, values, block=block,
        noise=noise, options=options, report=report,
    )  # fmt: skip


def assemble_arrays(
    path: Path, sha256: str, shape: tuple[int, int, int, int],
    read_slice: Callable[[int], NDArray[np.complex64]], trajectory: NDArray[Any] | None, *,
    block: RawBlock, noise: NDArray[np.complex64] | None, options: RawOptions,
    report: AcquisitionReport,
) -> RawData:  # fmt: skip
    """Return the raw data of arrays, which say nothing of counters and geometry.

    Parameters
    ----------
    path, sha256 : Path, str
        The file.
    shape : tuple of int
        Slices, coils, readouts, samples.
    read_slice : callable
        Reads (coils, readouts, samples).
    trajectory : ndarray or None
        (readouts, samples, columns): kx, ky, …
    block : RawBlock
        What the sidecar says.
    noise : ndarray or None
        (coils, samples).
    options : RawOptions
        What the user says.
    report : AcquisitionReport
        Is told.
    """
    n_slices, n_coils, n_readouts, n_samples = shape
    if options.measurement not in (None, 0):
        raise MRFInputError("bad-option", "there is no such measurement in the file", path=path,
                            expected=0, found=options.measurement)  # fmt: skip
    report.found.append(
        sizes_text(n_slices, n_coils, n_readouts, n_samples, 1e6 * (block.DwellTime or 0.0))
    )
    report.assumed.append("Readouts follow one another as in the array, one a pulse or more.")
    if noise is None:
        report.found.append("No noise scan: the data cannot be whitened.")
    table = np.zeros(n_readouts, READOUT)
    table["samples"] = table["last"] = n_samples
    table["center"], table["step_1"] = -1, np.arange(n_readouts)
    numbers = np.arange(n_readouts)
    unit = options.trajectory_unit or block.TrajectoryUnit
    wish = options.trajectory
    if isinstance(wish, GivenTrajectory):
        report.taken.append(f"Trajectory of {wish.name}.")
        trajectory = fitted(wish, numbers, n_readouts, table, path)
        unit = unit or wish.unit
    elif wish is not None:
        trajectory = None
    matrix = options.matrix or (None if block.MatrixSize is None else tuple(block.MatrixSize))
    if matrix is None:
        matrix = _matrix(trajectory, unit, path, report)
    view = None if block.FieldOfView is None else (block.FieldOfView[0], block.FieldOfView[1])
    trajectories: tuple[NDArray[np.float64], ...] = ()
    if isinstance(wish, Rule):
        trajectories = (by_rule(wish, table, numbers, (matrix[0], n_samples), None, report),)
    elif trajectory is not None:
        voxel_mm = None if view is None else view[1] / matrix[1]
        trajectories = (in_cycles(trajectory, matrix, path, report, unit=unit, voxel_mm=voxel_mm),)
    else:
        report.assumed.append(
            "There is no trajectory: say which (on the command line --trajectory)."
        )
    raw = RawData(
        n_slices=n_slices, n_coils=n_coils, n_readouts=n_readouts, n_samples=n_samples,
        read_slice=read_slice, numbers=numbers, n_planned=n_readouts,
        matrix=(int(matrix[0]), int(matrix[1])), field_of_view_mm=view, trajectories=trajectories,
        noise=noise, dwell_time_us=None if block.DwellTime is None else 1e6 * block.DwellTime,
        report=report, source_path=path, source_sha256=sha256,
    )  # fmt: skip
    return raw if options.sequence is None else raw.with_sequence(options.sequence)


def _matrix(
    trajectory: NDArray[Any] | None, unit: str | None, path: Path, report: AcquisitionReport
) -> tuple[int, int]:
    """Return the matrix that a trajectory in 1/FOV reaches to the edge of; else ask."""
    largest = 0.0 if trajectory is None else float(np.nanmax(np.abs(trajectory[..., :2])))
    if (
        not np.isfinite(largest)
        or unit not in (None, "1/FOV")
        or not TOLERANCE * math.pi < largest < 4096
    ):
        raise MRFInputError(
            "matrix-unknown", "the file does not say how many voxels the images have", path=path,
            hint='Say it: matrix=192 (on the command line --matrix 192), or "MatrixSize": '
                 '[192, 192] in the block "MRFRaw" of the sidecar.',
        )  # fmt: skip
    n = 2 * round(largest)
    report.assumed.append(
        f"A matrix of {n} x {n}: the trajectory reaches ±{largest:.5g}, taken as 1/FOV."
    )
    return n, n


@dataclass(frozen=True, eq=False)
class _ArrayReader:
    """Reads a slice of an array whose axes are named."""

    array: Any
    axes: str
    path: Path

    def __call__(self, z: int) -> NDArray[np.complex64]:
        part = tuple(slice(z, z + 1) if axis == "Z" else slice(None) for axis in self.axes)
        sizes = [1 if axis == "Z" else n for axis, n in zip(self.axes, self.array.shape,
                                                           strict=True)]  # fmt: skip
        refuse_beyond_memory(8 * int(np.prod(sizes, dtype=object)), "one slice", self.path)
        values = np.asarray(self.array[part])
        order = [self.axes.index(axis) for axis in _ORDER if axis in self.axes]
        values = values.transpose(order)
        shape = [values.shape[order.index(self.axes.index(a))] if a in self.axes else 1
                 for a in _ORDER[1:]]  # fmt: skip
        return np.ascontiguousarray(values.reshape(shape), dtype=np.complex64)


def _stored_trajectory(path: Path, block: RawBlock, names: tuple[str, ...]) -> NDArray[Any] | None:
    """Return the array of coordinates, of the file itself or of one beside it."""
    home = block.KSpace.rpartition("/")[0]
    inside = _TRAJECTORY if not home else f"{home}/{_TRAJECTORY}"
    name = block.Trajectory or inside
    if name in names:
        return np.asarray(_whole(path, name))
    if block.Trajectory is None:
        return None
    if "/" in name or "\\" in name or name.startswith("."):
        raise MRFInputError("security-path", "the trajectory lies outside of the folder",
                            path=path, found=repr(name))  # fmt: skip
    return np.asarray(_whole(path.with_name(name), None))


def _whole(path: Path, dataset: str | None) -> NDArray[Any]:
    array = read_source(path, dataset).array
    refuse_beyond_memory(16 * int(np.prod(array.shape, dtype=object)), "the trajectory", path)
    values: NDArray[Any] = np.asarray(array[...] if isinstance(array, np.ndarray)
                                      else array[tuple(slice(n) for n in array.shape)])  # fmt: skip
    if values.dtype.kind == "c":
        return np.stack([values.real, values.imag], axis=-1)
    if values.dtype.kind not in "iuf":
        raise MRFInputError("not-numeric", "the trajectory does not hold numbers", path=path,
                            found=str(values.dtype))  # fmt: skip
    return values


def _noise(path: Path, name: str, n_coils: int) -> NDArray[np.complex64]:
    values = np.asarray(read_source(path, name).array[...])
    values = values.reshape(n_coils, -1) if values.shape[:1] == (n_coils,) else values[None]
    if values.ndim != 2 or values.dtype.kind != "c" or len(values) != n_coils:
        raise MRFInputError("coils-change", "the noise scan has other coils than the readouts",
                            path=path, expected=f"({n_coils}, samples), complex",
                            found=f"shape {values.shape}, {values.dtype}")  # fmt: skip
    return np.ascontiguousarray(values, np.complex64)


def load_trajectory(path: Path) -> GivenTrajectory:
    """Read a trajectory from a file of one array, or of one called ``traj``.

    Raises
    ------
    MRFInputError
        What the format raises, ``"bad-trajectory"``.
    """
    try:
        values = _whole(path, None)
    except MRFInputError as error:
        if error.code != "bad-dataset":
            raise
        values = _whole(path, _TRAJECTORY)
    if values.ndim != 3:
        raise MRFInputError("bad-trajectory", "the trajectory has no three axes", path=path,
                            expected="(readouts, samples, columns)",
                            found=f"shape {values.shape}",
                            hint="Write kx and ky for every sample.")  # fmt: skip
    if values.shape[-1] > 4 and values.shape[0] <= 4:  # as MATLAB counts: columns first
        values = values.transpose(2, 1, 0)
    return GivenTrajectory(values, path.name)


def _axes(
    shape: tuple[int, ...], orders: tuple[str, ...], block: RawBlock,
    trajectory: NDArray[Any] | None, path: Path, report: AcquisitionReport,
) -> str:  # fmt: skip
    """Return a letter for each axis of the samples: Z, C, R, S."""
    if block.KSpaceAxes is not None:
        if len(block.KSpaceAxes) != len(shape):
            raise MRFInputError("kspace-axes", "KSpaceAxes does not name every axis once",
                                path=path, expected=f"{len(shape)} letters",
                                found=block.KSpaceAxes, hint=_ASK_AXES)  # fmt: skip
        return block.KSpaceAxes
    letters = [
        order.replace("Z", "") if len(shape) == 3 else order for order in orders
        if len(shape) in (3, 4)
    ]  # fmt: skip
    if trajectory is not None:
        letters = [
            one for one in letters
            if _arrangement(trajectory.shape, shape[one.index("R")], shape[one.index("S")])
        ]  # fmt: skip
    if len(letters) != 1:
        raise MRFInputError(
            "kspace-axes", "the axes of the samples cannot be told"
            if len(letters) > 1 else "the axes of the samples do not fit the trajectory", path=path,
            expected="slices, coils, readouts, samples; and readouts, samples, 2 of the trajectory",
            found=f"shape {tuple(shape)}"
            + ("" if trajectory is None else f" and {trajectory.shape}"), hint=_ASK_AXES,
        )  # fmt: skip
    names = {"Z": "slices", "C": "coils", "R": "readouts", "S": "samples"}
    report.assumed.append(f"Axes of the samples: {', '.join(names[one] for one in letters[0])}.")
    return letters[0]


def _arrangement(
    shape: tuple[int, ...], n_readouts: int, n_samples: int
) -> tuple[int, int, int] | None:
    """Return which axes of a trajectory are readouts, samples and columns."""
    if len(shape) != 3:
        return None
    for readouts, samples, columns in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)):
        if (
            shape[readouts] == n_readouts
            and shape[samples] == n_samples
            and 2 <= shape[columns] <= 4
        ):
            return readouts, samples, columns
    return None


def _arranged(
    values: NDArray[Any], n_readouts: int, n_samples: int, axes: str, path: Path
) -> NDArray[Any]:
    found = _arrangement(values.shape, n_readouts, n_samples)
    if found is None:
        raise MRFInputError("bad-trajectory", "the trajectory does not fit the samples", path=path,
                            expected=f"({n_readouts}, {n_samples}, 2)",
                            found=f"shape {values.shape}",
                            hint="Pick the trajectory of this measurement.")  # fmt: skip
    if n_readouts == n_samples and axes.index("S") < axes.index("R"):
        # As many samples as readouts: the trajectory counts them as the samples are counted.
        found = (found[1], found[0], found[2])
    return values.transpose(found)
