"""From the readouts of a measurement to `RawData`: what all formats of scanners share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.raw.acquisition_report import counted
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.errors import MRFInputError
from napari_mrf.io.raw.coordinates import Rule, by_rule, in_cycles
from napari_mrf.io.raw.placement import affine_of, sort_slices
from napari_mrf.io.raw.readouts import Measurement, Ordered, order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.raw.acquisition_report import AcquisitionReport
    from napari_mrf.io.raw.options import GivenTrajectory, RawOptions

NOISE_SAMPLES_DROPPED = 20
"""At the beginning of each noise readout, where the filters of the receiver settle."""


@dataclass(frozen=True)
class Layout:
    """Matrix and field of view as a header gives them.

    Parameters
    ----------
    encoded : tuple of int
        (lines, samples).
    encoded_view_mm, view_mm : tuple of float
        (Y, X) of the encoded space, and of the images; 0 where nobody says.
    thickness_mm : float
        Of a slice; 0 where nobody says.
    limits : tuple of int or None
        Least and largest counter ``step_1``.
    center_line : int or None
        The ``step_1`` at the center of k-space.
    is_cartesian : bool
        What the header says.
    """

    encoded: tuple[int, int]
    encoded_view_mm: tuple[float, float]
    view_mm: tuple[float, float]
    thickness_mm: float
    limits: tuple[int, int] | None = None
    center_line: int | None = None
    is_cartesian: bool = False


def assemble(
    path: Path, sha256: str, measurement: Measurement, number: int, layout: Layout, *,
    samples_of: Callable[[NDArray[Any]], NDArray[np.complex64]],
    stored_trajectory: Callable[[NDArray[Any]], NDArray[np.float32]] | None,
    options: RawOptions, report: AcquisitionReport,
) -> RawData:  # fmt: skip
    """Return the raw data of a measurement.

    Parameters
    ----------
    path, sha256 : Path, str
        The file.
    measurement : Measurement
        Its readouts.
    number : int
        Which measurement of the file it is.
    layout : Layout
        Of the header.
    samples_of : callable
        Reads the samples of a table of readouts, complex64 (coils, readouts, samples).
    stored_trajectory : callable or None
        Reads the trajectory of a table of readouts (readouts, samples, columns), where the file
        has one.
    options : RawOptions
        What the user says.
    report : AcquisitionReport
        Is told.

    Raises
    ------
    MRFInputError
        What `order`, `in_cycles` and `RawData.with_sequence` raise.
    """
    ordered = order(measurement, layout.limits, path, report)
    table = sort_slices(ordered.table, report)
    first = table[0, 0]
    dwell = float(first["dwell_us"])
    n_samples = int(first["last"] - first["first"])
    report.found.append(
        sizes_text(len(table), int(first["coils"]), table.shape[1], n_samples, dwell)
    )
    _tell_discards(table, report)
    matrix, view, scale = _grid(layout, options, report)
    voxel = None if view is None else (view[0] / matrix[0], view[1] / matrix[1])
    ordered = Ordered(table, ordered.numbers, ordered.n_planned)
    trajectories = _trajectories(
        ordered, layout, matrix, None if voxel is None else voxel[1] / scale[1],
        stored_trajectory, options, path, report,
    )  # fmt: skip
    if scale != (1.0, 1.0):
        trajectories = tuple(one * scale for one in trajectories)
    raw = RawData(
        n_slices=table.shape[0],
        n_coils=int(first["coils"]),
        n_readouts=table.shape[1],
        n_samples=n_samples,
        read_slice=_SliceReader(table, samples_of),
        numbers=ordered.numbers,
        n_planned=ordered.n_planned,
        matrix=matrix,
        field_of_view_mm=view,
        trajectories=trajectories,
        affine=affine_of(table, matrix, voxel, layout.thickness_mm or None, report),
        directions=np.array(first["directions"]) if np.all(np.isfinite(first["directions"]))
        and np.any(first["directions"]) else None,
        noise=_noise(measurement, dwell, samples_of, path, report),
        dwell_time_us=dwell if dwell > 0 else None,
        measurement=number,
        report=report,
        source_path=path,
        source_sha256=sha256,
    )  # fmt: skip
    return raw if options.sequence is None else raw.with_sequence(options.sequence)


@dataclass(frozen=True, eq=False)
class _SliceReader:
    """Reads the samples of a slice by its table of readouts."""

    table: NDArray[Any]
    samples_of: Callable[[NDArray[Any]], NDArray[np.complex64]]

    def __call__(self, z: int) -> NDArray[np.complex64]:
        return self.samples_of(self.table[z])


def sizes_text(
    n_slices: int, n_coils: int, n_readouts: int, n_samples: int, dwell_us: float
) -> str:
    """Return how large a measurement is, in a sentence."""
    apart = f", one every {dwell_us:.4g} µs" if dwell_us > 0 else ""
    return (
        f"{counted(n_slices, 'slice')}, {counted(n_coils, 'coil')}, "
        f"{counted(n_readouts, 'readout')} of a slice, {counted(n_samples, 'sample')} of a "
        f"readout{apart}."
    )


def _tell_discards(table: NDArray[Any], report: AcquisitionReport) -> None:
    before, after = table["first"], table["samples"] - table["last"]
    if before.any() or after.any():
        report.left_out.append(
            f"Samples that are to be discarded: up to {before.max()} before and {after.max()} "
            "after each readout."
        )


def _grid(
    layout: Layout, options: RawOptions, report: AcquisitionReport
) -> tuple[tuple[int, int], tuple[float, float] | None, tuple[float, float]]:
    """Return matrix and field of view (Y, X) of the images, and the size of their voxels.

    Images are made at the resolution that was encoded, in whose voxels trajectories are given. The
    user may want others: their size is given in parts of those.
    """
    encoded, view = np.array(layout.encoded), np.array(layout.view_mm)
    wide = np.array(layout.encoded_view_mm)
    if not (np.all(wide > 0) and np.all(view > 0)):
        usual = (layout.encoded[1], layout.encoded[1])
        matrix = options.matrix or usual
        return matrix, None, (usual[0] / matrix[0], usual[1] / matrix[1])
    voxel = wide / encoded
    if not layout.is_cartesian and not np.isclose(voxel[0], voxel[1], rtol=0.1):
        # Some converters give the number of readouts as lines of the matrix.
        report.assumed.append(
            f"Voxels as long in y as in x, {voxel[1]:.4g} mm: {layout.encoded[0]} encoded lines "
            "are taken for a number of readouts."
        )
        voxel[0] = voxel[1]
    lines, columns = (int(n) for n in np.maximum(1, np.round(view / voxel)))
    seen = (float(lines * voxel[0]), float(columns * voxel[1]))
    matrix = options.matrix or (lines, columns)
    report.taken.append(
        f"Images of {matrix[1]} x {matrix[0]} voxels over {seen[1]:.5g} x {seen[0]:.5g} mm (x, y)."
    )
    return matrix, seen, (lines / matrix[0], columns / matrix[1])


def _trajectories(
    ordered: Ordered, layout: Layout, matrix: tuple[int, int], voxel_mm: float | None,
    stored: Callable[[NDArray[Any]], NDArray[np.float32]] | None, options: RawOptions,
    path: Path, report: AcquisitionReport,
) -> tuple[NDArray[np.float64], ...]:  # fmt: skip
    """Return coordinates in cycles per encoded voxel, one array for all slices or one for each."""
    table = ordered.table
    wish = options.trajectory
    if wish is not None and stored is not None:
        report.left_out.append("The trajectory of the file: another one was asked for.")
    if isinstance(wish, Rule):
        return (by_rule(wish, table[0], ordered.numbers, layout.encoded, layout.center_line,
                        report),)  # fmt: skip
    sizes = (*layout.encoded, *matrix)
    if wish is not None:
        report.taken.append(f"Trajectory of {wish.name}.")
        values = fitted(wish, ordered.numbers, ordered.n_planned, table[0], path)
        unit = options.trajectory_unit or wish.unit
        return (in_cycles(values, sizes, path, report, unit=unit, voxel_mm=voxel_mm),)
    if stored is None:
        report.assumed.append(
            "The file has no trajectory: say which one, such as golden-angle, radial:DEGREES, "
            "cartesian or a Pulseq file (on the command line --trajectory)."
        )
        return ()
    parts = [stored(table[0])]
    for z in range(1, len(table)):
        part = stored(table[z])
        # As a rule all slices have one; then one is kept.
        if len(parts) > 1 or not np.array_equal(part, parts[0]):
            parts += [parts[0]] * (z - len(parts))
            parts.append(part)
    values = np.stack(parts)
    if table["reversed"].any():
        report.taken.append(
            f"{np.count_nonzero(table['reversed'])} readouts are flagged as reversed: their "
            "samples and coordinates are taken as they stand in the file."
        )
    cycles = in_cycles(values, sizes, path, report, unit=options.trajectory_unit,
                       voxel_mm=voxel_mm)  # fmt: skip
    return tuple(cycles)


def fitted(
    given: GivenTrajectory, numbers: NDArray[np.int64], n_planned: int, readouts: NDArray[Any],
    path: Path,
) -> NDArray[Any]:  # fmt: skip
    """Return the rows and samples of a trajectory that belong to the readouts of a slice.

    Raises
    ------
    MRFInputError
        ``"bad-trajectory"`` where it has other readouts or samples.
    """
    values = given.values
    first, last = int(readouts["first"][0]), int(readouts["last"][0])
    n_all = int(readouts["samples"][0])
    fits = values.ndim == 3 and values.shape[0] in (n_planned, len(numbers))
    if not fits or values.shape[1] not in (n_all, last - first):
        raise MRFInputError(
            "bad-trajectory", f"the trajectory of {given.name} does not fit the readouts",
            path=path, expected=f"{n_planned} readouts of {last - first} samples",
            found=f"shape {values.shape} (readouts, samples, columns)",
            hint="Pick the trajectory of this measurement.",
        )  # fmt: skip
    if values.shape[1] == n_all:
        values = values[:, first:last]
    return values[numbers] if values.shape[0] == n_planned else values


def _noise(
    measurement: Measurement, dwell_us: float,
    samples_of: Callable[[NDArray[Any]], NDArray[np.complex64]], path: Path,
    report: AcquisitionReport,
) -> NDArray[np.complex64] | None:  # fmt: skip
    """Return the samples of all noise readouts (coils, samples), as noisy as the readouts are."""
    table = measurement.noise
    if not len(table):
        report.found.append("No noise scan: the data cannot be whitened.")
        return None
    n_coils = int(measurement.table["coils"][0])
    other = table["coils"][table["coils"] != n_coils]
    if len(other):
        raise MRFInputError("coils-change", "the noise scan has other coils than the readouts",
                            path=path, expected=n_coils, found=int(other[0]))  # fmt: skip
    parts = [
        samples_of(table[row : row + 1])[:, 0, NOISE_SAMPLES_DROPPED:] for row in range(len(table))
    ]
    noise = np.concatenate(parts, axis=1)
    if noise.shape[1] < n_coils or not np.all(np.isfinite(noise)):
        report.left_out.append(
            f"The noise scan: {noise.shape[1]} samples are too few for {n_coils} coils, or not "
            "finite."
        )
        return None
    sentence = (
        f"Noise scan: {counted(len(table), 'readout')}, {noise.shape[1]} samples without the first "
        f"{NOISE_SAMPLES_DROPPED} of each"
    )
    noise_us = float(table["dwell_us"][0])
    if noise_us > 0 and dwell_us > 0 and not np.isclose(noise_us, dwell_us, rtol=1e-3):
        noise = noise * np.float32(np.sqrt(noise_us / dwell_us))
        sentence += f", scaled from {noise_us:.4g} to {dwell_us:.4g} µs a sample"
    report.taken.append(sentence + ".")
    return noise
