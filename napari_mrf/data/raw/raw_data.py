"""Raw data: what the coils measured, slice by slice, and where in k-space."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.raw.acquisition_report import AcquisitionReport
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


@dataclass(frozen=True, eq=False, kw_only=True)
class RawData:
    """One measurement of a raw file; samples stay on the disk until a slice is read.

    A sample at coordinate k is ``sum_r image(r) exp(-2 pi i k·r)`` with r = 0 at voxel
    (Y // 2, X // 2), as `napari_mrf.kspace.nufft` has it.

    Parameters
    ----------
    n_slices, n_coils, n_readouts, n_samples : int
        Readouts of each slice, samples of each readout, oversampling kept.
    read_slice : callable
        Returns the samples of a slice, complex64 (coils, readouts, samples), readouts in the
        order of their numbers.
    numbers : ndarray
        (readouts,) int, rising: which of the ``n_planned`` readouts of a slice each is. Some may
        be missing in the file.
    n_planned : int
        Readouts of a slice when all are there.
    matrix : tuple of int
        (Y, X) voxels of the images.
    field_of_view_mm : tuple of float or None
        (Y, X) in mm; None where nobody says.
    trajectories : tuple of ndarray
        (readouts, samples, 2) float64, (ky, kx) in cycles/voxel: one for all slices, or one for
        each; empty where none is known.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm (RAS); None where nobody says.
    directions : ndarray or None
        (3, 3), rows are the unit vectors of x, y and z of the images (readout, phase encoding and
        slice direction) in the scanner (RAS).
    noise : ndarray or None
        (coils, samples) complex64 of the noise scan, scaled to the bandwidth of the readouts.
        Samples are not whitened with it.
    dwell_time_us : float or None
        Time from one sample to the next.
    pulses_in_sequence : int or None
        Pulses of the sequence that was played; None where each readout follows a pulse of its own.
    measurement : int
        Which one of the file, from 0.
    report : AcquisitionReport
        What was found, taken, left out and assumed.
    source_path : Path
        The file.
    source_sha256 : str
        Of the file.
    """

    n_slices: int
    n_coils: int
    n_readouts: int
    n_samples: int
    read_slice: Callable[[int], NDArray[np.complex64]] = field(repr=False)
    numbers: NDArray[np.int64] = field(repr=False)
    n_planned: int
    matrix: tuple[int, int]
    field_of_view_mm: tuple[float, float] | None = None
    trajectories: tuple[NDArray[np.float64], ...] = field(default=(), repr=False)
    affine: NDArray[np.float64] | None = None
    directions: NDArray[np.float64] | None = None
    noise: NDArray[np.complex64] | None = field(default=None, repr=False)
    dwell_time_us: float | None = None
    pulses_in_sequence: int | None = None
    measurement: int = 0
    report: AcquisitionReport = field(default_factory=AcquisitionReport, repr=False)
    source_path: Path
    source_sha256: str

    def __post_init__(self) -> None:
        shape = (self.n_readouts, self.n_samples, 2)
        if len(self.trajectories) not in (0, 1, self.n_slices) or any(
            one.shape != shape for one in self.trajectories
        ):
            found = ", ".join(str(one.shape) for one in self.trajectories[:3])
            raise MRFInputError(
                "bad-trajectory", "the trajectory does not fit the readouts",
                path=self.source_path, expected=f"{shape} (readouts, samples, 2)", found=found,
                hint="Pick the trajectory of this measurement.",
            )  # fmt: skip

    def read(self, z: int) -> NDArray[np.complex64]:
        """Return the samples of a slice.

        Returns
        -------
        ndarray
            (coils, readouts, samples) complex64.

        Raises
        ------
        MRFInputError
            ``"bad-option"`` for a slice that is not there, ``"corrupt-readouts"`` for samples
            that are not finite, and what the format raises.
        """
        self._check_slice(z)
        samples = self.read_slice(z)
        finite = np.isfinite(samples).all(axis=(0, 2))
        if not finite.all():
            bad = self.numbers[~finite]
            raise MRFInputError(
                "corrupt-readouts", f"slice {z} has readouts with samples that are not finite",
                path=self.source_path, expected="finite numbers",
                found=f"readouts {listed(bad)}",
            )  # fmt: skip
        return samples

    def coordinates(self, z: int) -> NDArray[np.float64] | None:
        """Return where in k-space the samples of a slice lie, None where nobody knows.

        Returns
        -------
        ndarray or None
            (readouts, samples, 2), (ky, kx) in cycles/voxel, nominally -0.5 to 0.5.
        """
        self._check_slice(z)
        if not self.trajectories:
            return None
        return self.trajectories[z if len(self.trajectories) > 1 else 0]

    def pulses(self, z: int) -> NDArray[np.int64]:
        """Return which pulse of the sequence, from 0, each readout of a slice follows.

        Returns
        -------
        ndarray
            (readouts,) int.
        """
        self._check_slice(z)
        if self.pulses_in_sequence is None:
            return self.numbers
        return self.numbers // max(1, self.n_planned // self.pulses_in_sequence)

    def with_sequence(self, sequence: Sequence) -> RawData:
        """Return the same measurement under a sequence.

        As many readouts as pulses, or a whole number of readouts a pulse. Fewer readouts than
        pulses are those of the first pulses: the measurement was aborted, which is reported.

        Raises
        ------
        MRFInputError
            ``"readouts-mismatch"``.
        """
        n_pulses, n_planned = sequence.n_pulses, self.n_planned
        if n_planned > n_pulses and n_planned % n_pulses:
            raise MRFInputError(
                "readouts-mismatch", "the readouts of a slice do not fit the sequence",
                path=self.source_path, expected=f"{n_pulses} (pulses of {sequence.name}), or a "
                "multiple of it", found=n_planned,
            )  # fmt: skip
        report = self.report.copy()
        played = f"the {n_pulses} pulses of {sequence.name}"
        kind, told = report.taken, f"One readout for each of {played}."
        if n_planned < n_pulses:
            kind, told = (
                report.assumed,
                (
                    f"{n_planned} readouts of a slice for {played}: they are taken as those of the "
                    "first pulses of a measurement that was aborted. Is it another sequence?"
                ),
            )
        elif n_planned > n_pulses:
            kind, told = (
                report.assumed,
                (f"{n_planned // n_pulses} readouts in a row follow each of {played}."),
            )
        if told in kind:
            return self
        kind.append(told)
        return replace(self, pulses_in_sequence=n_pulses, report=report)

    def provenance(self) -> dict[str, Any]:
        """Return what a record of results should say of this measurement, JSON-ready."""
        return {
            "sha256": self.source_sha256,
            "measurement": self.measurement,
            "acquisition_report": self.report.as_dict(),
        }

    def _check_slice(self, z: int) -> None:
        if not 0 <= z < self.n_slices:
            raise MRFInputError("bad-option", "the slice is not there", path=self.source_path,
                                expected=f"0 to {self.n_slices - 1}", found=z)  # fmt: skip


def listed(numbers: NDArray[np.int64]) -> str:
    """Return numbers in words, the first few of many, runs as such: ``"3, 7-9, 12"``."""
    if not len(numbers):
        return "none"
    ends = np.flatnonzero(np.diff(numbers) != 1)
    firsts, lasts = numbers[np.r_[0, ends + 1]], numbers[np.r_[ends, len(numbers) - 1]]
    runs = [f"{a}" if a == b else f"{a}-{b}" for a, b in zip(firsts[:8], lasts[:8], strict=True)]
    more = len(firsts) - len(runs)
    return ", ".join(runs) + (f" and {more} more" if more else "")
