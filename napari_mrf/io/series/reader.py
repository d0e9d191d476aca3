"""Series in: from any file that is read to an `MRFSeries`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.frames import chosen_frames, frames_text
from napari_mrf.data.geometry import Grid, grid_difference
from napari_mrf.data.series import MRFSeries
from napari_mrf.data.subspace_signal import SubspaceSignal
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.part_names import PARTNER, array_pair
from napari_mrf.io.formats.registry import read_source
from napari_mrf.io.labels.masks import read_mask
from napari_mrf.io.raw.reader import is_raw
from napari_mrf.io.series.axes import (
    affine_in_order,
    axes_option,
    check_axes,
    frames_first,
    propose_axes,
    suggested_parts,
    unknown_axes,
)
from napari_mrf.io.series.cut_short import filled, holds_just
from napari_mrf.io.series.pairs import find_pair
from napari_mrf.io.series.phase_units import StoredValues, phase_scale
from napari_mrf.io.series.sidecar import Sidecar, load_sidecar
from napari_mrf.io.series.sidecar_sequence import sequence_of
from napari_mrf.io.series.spokes import average
from napari_mrf.io.series.stored import kept_metadata
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.io.series.views import PairView, SeriesView, as_signal, view_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.formats.source import Source


def load_series(
    path: str | Path,
    sequence: Sequence | None = None,
    *,
    mask: NDArray[Any] | str | Path | None = None,
    axes: str | None = None,
    dataset: str | None = None,
    phase_unit: str | None = None,
    magnitude_only: bool = False,
    average_spokes: bool = False,
    frames: str | Iterable[int] | None = None,
) -> MRFSeries:
    """Read a fingerprinting series; ``docs/formats.md`` lists what can be read.

    NIfTI and HDF5 series stay on the disk and are read slice by slice when needed, with all
    frames of a slice together.

    Parameters
    ----------
    path : str or Path
        The series, or one half of a pair: magnitude or phase, real or imaginary part. The
        other half is found by its name (BIDS ``part-…`` or endings such as ``_phase``). Of
        DICOM, the folder or any file in it.
    sequence : Sequence, optional
        What was played; taken from the sidecar where not given, else left open.
    mask : ndarray, str or Path, optional
        (Z, Y, X), or a file for `load_mask`.
    axes : str, optional
        Order of the axes, such as ``"XYZT"``: letters X, Y, Z, T, and C for an axis of real
        and imaginary part. Needed where neither the format nor the sidecar says it.
    dataset : str, optional
        Which array, in files that hold several.
    phase_unit : {"rad", "deg", "turn", "pi", "siemens"}, optional
        Where the sidecar of the phase image does not say it; see `phase_scale`.
    magnitude_only : bool
        Take real data as magnitudes, with phase 0. Off-resonance is then lost.
    average_spokes : bool
        Average the spokes of each frame, for a series with one image per pulse.
    frames : str or iterable of int, optional
        Frames to be used, such as ``"0-149"``, as a method is asked for. A scan that was cut
        short and holds just these is taken: the others are NaN, which no method takes for
        signal. A file with all frames is read as ever.

    Returns
    -------
    MRFSeries
        complex64 (T, Z, Y, X), lazy where the file allows.

    Raises
    ------
    MRFInputError
        See ``docs/formats.md`` for the codes.
    """
    source = _series_source(Path(path), dataset)
    if source.metadata.get("format") == "DICOM":  # that of any file in a folder is one series
        dataset = source.metadata["dataset"]
    path = source.path
    sidecar = None if source.is_whole else load_sidecar(path)
    check_sidecar(source, sidecar)
    main = open_image(source, axes, sidecar, sequence)
    images, metadata = [main], {**main.made, **source.metadata}
    of_file, warnings = list(main.warnings), list(main.kept_warnings)
    if isinstance(source.array, SubspaceSignal):
        signal = lazy_frames(source.array)
    elif main.view.dtype.kind == "c":
        signal = as_signal(main.view)
        if sidecar and sidecar.block and sidecar.block.ComplexLayout in REAL_LAYOUTS:
            raise MRFInputError("layout-conflict", "the sidecar says that the file is half of a "
                                "pair", path=path, expected=sidecar.block.ComplexLayout,
                                found="complex data")  # fmt: skip
        if magnitude_only:
            raise MRFInputError("not-magnitude", "the series is complex, not a magnitude",
                                path=path, hint="Load it without magnitude_only.")  # fmt: skip
    elif magnitude_only:
        signal = as_magnitude(main)
        metadata["magnitude_only"] = True
        warnings.append("Only magnitudes were loaded, with phase 0 everywhere: off-resonance "
                        "and the sign after an inversion are lost.")  # fmt: skip
    else:
        other, part = open_partner(main, axes, dataset, sequence)
        signal, notes = joined(main, other, part, phase_unit)
        of_file += other.warnings
        warnings += notes
        metadata["pair"] = {"part": part, "partner": str(other.source.path)}
        if other.source.path == path:
            metadata["pair"]["dataset"] = other.source.metadata["dataset"]
        images.append(other)
    sequence, notes = _settle_sequence(sequence, images)
    of_file += notes
    likely = frames_first(source.array.shape, source.axes)
    if likely and sequence is None and main.view.axes == source.axes and axes is None:
        metadata["frames_first"] = likely
        of_file.append(f"Read as {source.axes}, the series has {signal.shape[0]} frames; the "
                        f"first axis of the file is {source.array.shape[0]} long, as a known "
                        f"sequence is. If it is the frames, say so with {axes_option(likely)}."
                        )  # fmt: skip
    if _is_conjugated(images):
        signal = signal.conj()
        metadata["conjugated"] = "the sidecar declares the opposite sign of the phase"
    there = chosen_frames(frames)
    given = ""
    if there and sequence is not None and holds_just(signal.shape[0], there, sequence):
        signal, record, note = filled(signal, there, sequence)
        metadata |= record
        warnings.append(note)
        given = frames_text(there)
    if average_spokes:
        signal, metadata["averaged_spokes"] = average(signal, sequence, path)
    _check_time(signal, main, sequence)
    metadata["axes"] = main.view.axes
    chosen = {"axes": axes, "dataset": dataset, "phase_unit": phase_unit,
              "magnitude_only": magnitude_only, "average_spokes": average_spokes,
              "frames": given}  # fmt: skip
    metadata["reading"] = {name: value for name, value in chosen.items() if value}
    metadata["sources"] = _sources(images)
    series = MRFSeries(signal, main.affine, sequence, None, str(path), source.sha256,
                       tuple(dict.fromkeys([*of_file, *warnings])), metadata,
                       file_warnings=tuple(of_file))  # fmt: skip
    series.check_complex(tolerance=_ROUNDED_PHASE)
    return masked(series, mask)


def _series_source(path: Path, dataset: str | None) -> Source:
    """Return what is in a file; of raw data say that images come first."""
    try:
        return read_source(path, dataset)
    except MRFInputError as error:
        if error.code in ("unknown-format", "bad-dataset") and is_raw(path):
            raise MRFInputError("raw-data", "this is raw data of a scanner, not a series of images",
                                path=path, hint="Make images first (on the command line: "
                                "napari-mrf grid, or napari-mrf reconstruct for maps at once)."
                                ) from None  # fmt: skip
        raise


def masked(series: MRFSeries, mask: NDArray[Any] | str | Path | None) -> MRFSeries:
    """Return a series with a mask: an array (Z, Y, X), or a file for `load_mask`.

    Raises
    ------
    MRFInputError
        The codes of `load_mask`.
    """
    if isinstance(mask, str | Path):
        mask, told = read_mask(mask, series)
        series = replace(series, warnings=(*series.warnings, *told),
                         file_warnings=(*series.file_warnings, *told))  # fmt: skip
    return series if mask is None else series.with_mask(mask)


def _settle_sequence(
    sequence: Sequence | None, images: list[SeriesImage]
) -> tuple[Sequence | None, list[str]]:
    """Return the sequence given, else that of the file or its sidecar, and warnings."""
    declared, notes = images[0].source.sequence, []
    for image in images:
        if image.sidecar and image.sidecar.block and declared is None:
            declared, note = sequence_of(image.sidecar.block, image.sidecar.path)
            notes += [note] if note and sequence is None else []
    if sequence is not None and declared is not None and sequence != declared:
        what = "file" if images[0].source.is_whole else "sidecar"
        notes.append(f"The {what} describes another sequence ({declared.name}) than the one "
                     f"that was picked ({sequence.name}), which is used.")  # fmt: skip
    return sequence or declared, notes


def _is_conjugated(images: list[SeriesImage]) -> bool:
    """Return whether a sidecar declares exp(+2 pi i f TE); this package has the minus sign."""
    for image in images:
        block = image.sidecar.block if image.sidecar else None
        if block is not None and (block.PhaseSign or block.FrequencySign):
            return (block.PhaseSign or -1) * (block.FrequencySign or 1) == 1
    return False


def _check_time(signal: Any, main: SeriesImage, sequence: Sequence | None) -> None:
    """Refuse a series whose time axis is probably another one, naming the likely order."""
    n_frames = int(signal.shape[0])
    block = main.sidecar.block if main.sidecar else None
    n_pulses = block.n_pulses if block else None
    if block and block.NFrames and n_frames not in (block.NFrames, n_pulses):
        raise MRFInputError("frames-mismatch", "the series does not fit its sidecar",
                            path=main.source.path, expected=f"{block.NFrames} frames",
                            found=f"{n_frames} frames")  # fmt: skip
    if sequence is None or n_frames in (sequence.n_frames, sequence.n_pulses):
        return
    shape = main.source.array.shape
    proposals = propose_axes(shape, "C" in main.view.axes, sequence, space=main.source.space)
    if proposals:
        likely = axes_option(*proposals)
        raise MRFInputError("frames-mismatch", f"read as {main.view.axes}, the series does not fit "
                            f"the sequence {sequence.name}", path=main.source.path,
                            expected=f"{sequence.n_frames} frames",
                            found=f"{n_frames} frames in shape {tuple(shape)}",
                            hint=f"The lengths of the axes suggest {likely}.")  # fmt: skip


def _sources(images: list[SeriesImage]) -> list[dict[str, str]]:
    records = []
    for image in images:
        records.append({"path": str(image.source.path), "sha256": image.source.sha256})
        if image.sidecar is not None:
            records.append({"path": str(image.sidecar.path), "sha256": image.sidecar.sha256})
    return [one for place, one in enumerate(records) if one not in records[:place]]


_ROUNDED_PHASE = 1e-6
"""The sine of pi in single precision is 9e-8."""
REAL_LAYOUTS = ("magnitude", "phase", "real", "imaginary")


@dataclass(frozen=True)
class SeriesImage:
    """One file with its sidecar, and how it is seen as (T, Z, Y, X)."""

    source: Source
    sidecar: Sidecar | None
    view: SeriesView

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """(4, 4), voxel indices (x, y, z) to mm."""
        return self._placed()[0]

    @property
    def made(self) -> dict[str, Any]:
        """What the sidecar says of how the images were made."""
        block = self.sidecar.block if self.sidecar else None
        return kept_metadata(block.Images or {}) if block else {}

    @property
    def kept_warnings(self) -> tuple[str, ...]:
        """What was written with the images for a user to read."""
        block = self.sidecar.block if self.sidecar else None
        return (*self.source.kept_warnings, *((block.Warnings or ()) if block else ()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should read about the file and its sidecar."""
        _, notes = self._placed()
        return (*self.source.warnings, *notes, *(self.sidecar.warnings if self.sidecar else ()))

    def _placed(self) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
        if self.source.is_whole:  # of (x, y, z) already
            return self.source.affine, ()
        return affine_in_order(self.source.affine, self.view.axes, self.source.array.shape)


def open_image(
    source: Source, axes: str | None, sidecar: Sidecar | None, sequence: Sequence | None
) -> SeriesImage:
    """Return a source in the order of axes that is asked for, declared or known."""
    declared = sidecar.block.AxisOrder if sidecar and sidecar.block else None
    order = axes or declared or source.axes
    if order is None:
        raise unknown_axes(source, sequence)
    order = check_axes(order, source.array.shape, source.path, sequence)
    if source.is_whole and order != source.axes:
        raise MRFInputError("bad-axes", "the file says the order of its axes itself",
                            path=source.path, expected=source.axes, found=repr(axes))  # fmt: skip
    return SeriesImage(source, sidecar, view_of(source, order))


def as_magnitude(image: SeriesImage) -> Any:
    """Return the values as a complex series without phase; negative ones are refused."""
    if StoredValues.of(image.view).smallest < 0:
        raise MRFInputError("not-magnitude", "the series has negative values, so it is no "
                            "magnitude", path=image.source.path)  # fmt: skip
    return as_signal(image.view).astype(np.complex64)


def open_partner(
    main: SeriesImage, axes: str | None, dataset: str | None, sequence: Sequence | None
) -> tuple[SeriesImage, str]:
    """Return the other half of a series, and which part the first one is."""
    path = main.source.path
    if main.source.partner is not None:
        other = open_image(main.source.partner, axes, main.sidecar, sequence)
        _refuse_unlike(main, other)
        return other, main.source.part
    if main.source.metadata.get("format") == "DICOM":
        part = main.source.part
        raise MRFInputError("partner-missing" if part else "not-complex",
                            f"the {PARTNER[part]} images to the {part} images are missing" if part
                            else "the images do not say which part of complex ones they are",
                            path=path, hint="Put magnitude and phase, or real and imaginary "
                            "images, into one folder.")  # fmt: skip
    own = main.source.metadata.get("dataset")
    in_file = None if own is None else array_pair(own, main.source.arrays)
    if in_file is not None:
        part, dataset = in_file
        other = open_image(read_source(path, dataset), main.view.axes, main.sidecar, sequence)
        _refuse_unlike(main, other)
        return other, part
    block = main.sidecar.block if main.sidecar else None
    pair = find_pair(path, block.ComplexLayout if block else None, block.Partner if block else None)
    if pair is None:
        raise MRFInputError("not-complex", "the series is real, but fingerprints are complex",
                            path=path, expected="complex data",
                            found=str(main.source.array.dtype),
                            hint="Load magnitude and phase, or real and imaginary part, named "
                                 "_mag and _phase or _real and _imag. "
                                 + suggested_parts(main.source, main.view.axes, sequence)
                            )  # fmt: skip
    source = read_source(pair.partner, dataset)
    sidecar = load_sidecar(pair.partner)
    check_sidecar(source, sidecar)
    other = open_image(source, axes or main.view.axes, sidecar, sequence)
    _refuse_unlike(main, other)
    return other, pair.part


def _refuse_unlike(main: SeriesImage, other: SeriesImage) -> None:
    """Refuse two halves that differ in more than their values."""
    if other.view.dtype.kind == "c":
        raise _unlike(main, other, "real data", "complex data")
    if other.view.shape != main.view.shape:
        found = f"shape {other.source.array.shape}"
        raise _unlike(main, other, f"shape {main.source.array.shape}", found)
    grids = (Grid(one.view.shape[1:], one.affine) for one in (other, main))
    if difference := grid_difference(*grids):
        raise _unlike(main, other, "one grid", difference)


def _unlike(main: SeriesImage, other: SeriesImage, expected: str, found: str) -> MRFInputError:
    names = [one.source.path.name for one in (main, other)]
    if names[0] == names[1]:
        names = [one.source.metadata["dataset"] for one in (main, other)]
    return MRFInputError("partner-mismatch", f"the two halves of the series differ: "
                         f"{names[0]} and {names[1]}",
                         path=main.source.path, expected=expected, found=found)  # fmt: skip


def joined(
    main: SeriesImage, other: SeriesImage, part: str, phase_unit: str | None
) -> tuple[Any, list[str]]:
    """Return the complex series of two halves, and warnings."""
    first, second = (main, other) if part in ("magnitude", "real") else (other, main)
    if part in ("real", "imaginary"):
        return as_signal(PairView(first.view, second.view, None)), []
    units = (second.sidecar.units if second.sidecar else None) or second.source.units
    found = StoredValues.of(second.view)
    scale, note = phase_scale(units, phase_unit, found, second.source.path)
    return as_signal(PairView(first.view, second.view, scale)), [note] if note else []


def check_sidecar(source: Source, sidecar: Sidecar | None) -> None:
    """Refuse a file that its sidecar does not describe, and series compressed in time."""
    block = sidecar.block if sidecar else None
    if sidecar is None or block is None:
        return
    if block.SHA256 is not None and source.sha256 != block.SHA256:
        raise MRFInputError("sha256-mismatch", "the series is not the one that its sidecar "
                            "describes", path=source.path, expected=block.SHA256,
                            found=source.sha256)  # fmt: skip
    if block.CompressedBasis is not None:
        raise MRFInputError("compressed-series", "the series is compressed in time",
                            path=source.path, expected="one image per frame",
                            found=f"{block.CompressedBasis.Rank} components",
                            hint="Expand it with its basis first.")  # fmt: skip
