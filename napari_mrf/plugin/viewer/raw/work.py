"""Raw files in a thread: reading, a look at k-space, and the images; without Qt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Step, as_steps, reading
from napari_mrf.plugin.preparation.kernels import IMAGES_OF_RAW
from napari_mrf.plugin.preparation.preparation import PREPARATION

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.imaging.updates import ImagesUpdate

ASKED = {
    "several-measurements": "measurement",
    "bad-trajectory": "trajectory",
    "trajectory-unit": "trajectory_unit",
    "matrix-unknown": "matrix",
    "readouts-mismatch": "sequence",
}
"""What the user is asked about where reading ends with an error of this code."""

READING = ("measurement", "trajectory", "trajectory_unit", "matrix")
"""Keywords of `load_raw` that the user can give."""
WAYS = ("subspace", "gridded")
"""Keys of `napari_mrf.imaging.images.IMAGES`, which takes long to import."""

_LINES, _MOST_ROWS, _FLOOR_DB = 8, 350, -80.0


@dataclass(frozen=True, eq=False)
class RawFile:
    """A raw file that was opened, and what has been said of it.

    Parameters
    ----------
    path : Path
        The file.
    reading : mapping
        What the user has given of `READING`.
    sequence : Sequence or None
        That was played.
    raw : RawData or None
        None while something has to be said first.
    problem : MRFInputError or None
        What has to be said.
    asked : frozenset of str
        Keywords that have been asked about.
    measurements : tuple of str
        Those of the file, in words, where it holds several.
    """

    path: Path
    reading: Mapping[str, Any] = field(default_factory=dict)
    sequence: Sequence | None = None
    raw: RawData | None = None
    problem: MRFInputError | None = None
    asked: frozenset[str] = frozenset()
    measurements: tuple[str, ...] = ()

    @property
    def needs(self) -> str:
        """What has to be said before images can be made; empty if nothing."""
        if self.raw is None:
            return f"Say how {self.path.name} is to be read first (step Series)."
        if self.sequence is None:
            return f"Pick the sequence of {self.path.name} first (step Series)."
        if not self.raw.trajectories:
            return f"Say the trajectory of {self.path.name} first (step Series)."
        return ""

    @property
    def series_name(self) -> str:
        """Of images made of it, without their kind: the file, and which measurement was picked."""
        picked = self.reading.get("measurement")
        return self.path.stem + ("" if picked is None else f" measurement {picked}")


def read_raw(
    path: str | Path, reading_as: Mapping[str, Any] | None = None,
    sequence: Sequence | None = None, before: RawFile | None = None,
) -> Generator[Step, None, RawFile]:  # fmt: skip
    """Read what a raw file says of itself, in steps.

    Parameters
    ----------
    path : str or Path
        The file.
    reading_as : mapping, optional
        Keywords of `load_raw`.
    sequence : Sequence, optional
        What was played; the only named one that fits is taken where nobody says.
    before : RawFile, optional
        The same file as it was read before: what has been asked about stays.

    Raises
    ------
    MRFInputError
        What `load_raw` raises, but for what the user can say: see `ASKED`.
    """
    yield Step(detail="reading it")
    file = RawFile(
        Path(path), dict(reading_as or {}),
        asked=frozenset() if before is None else before.asked,
        measurements=() if before is None else before.measurements,
    )  # fmt: skip
    try:
        raw = yield from _loaded(file, sequence)
    except MRFInputError as error:
        about = ASKED.get(error.code)
        if about is None:
            raise
        asked = replace(file, problem=error, asked=file.asked | {about})
        if about == "measurement":
            return replace(asked, sequence=sequence, measurements=_measurements(error))
        if about != "sequence" or sequence is None:
            return replace(asked, sequence=sequence)
        return replace(asked, raw=(yield from _loaded(file, None)))  # its report is shown
    if not raw.trajectories or "trajectory" in file.reading:
        file = replace(file, asked=file.asked | {"trajectory"})
    sequence = sequence or _fitting(raw)
    return replace(file, sequence=sequence,
                   raw=raw if sequence is None else raw.with_sequence(sequence))  # fmt: skip


def _loaded(file: RawFile, sequence: Sequence | None) -> Generator[Step, None, RawData]:
    from napari_mrf.io import load_raw

    def load() -> Generator[str, None, RawData]:
        yield "MB"
        return load_raw(file.path, sequence=sequence, **file.reading)

    return (yield from reading(load()))


def _measurements(error: MRFInputError) -> tuple[str, ...]:
    """Return the measurements that an error lists; of many it lists the first only."""
    listed = re.split(r"; (?=\d+ is )", str(error.found))
    last = re.search(r"0 to (\d+)", error.hint or "")
    count = len(listed) if last is None else int(last[1]) + 1
    return (*listed, *(str(number) for number in range(len(listed), count)))


def _fitting(raw: RawData) -> Sequence | None:
    """Return the one named sequence that the readouts fit, whole pulses only.

    Of sequences that play the same pulses and differ in their maps, the first is taken.
    """
    from napari_mrf.data import sequences

    fitting = [one for one in (make() for make in sequences.NAMED.values())
               if raw.n_planned % one.n_pulses == 0]  # fmt: skip
    alike = fitting and all(
        np.array_equal(one.flip_angles_deg, fitting[0].flip_angles_deg) for one in fitting
    )
    return fitting[0] if alike else None


@dataclass(frozen=True, eq=False)
class KSpaceLook:
    """What the middle slice of raw data looks like.

    Parameters
    ----------
    z : int
        The slice, from 0.
    level_db : ndarray
        (rows, columns) float32: readouts and samples, the root of the sum of squares over coils
        relative to its largest value; where there are many, the largest of neighbors.
    n_readouts, n_samples : int
        That the picture spans.
    lines : ndarray or None
        (lines, samples, 2), (ky, kx) in cycles/voxel of the first readouts.
    """

    z: int
    level_db: NDArray[np.float32]
    n_readouts: int
    n_samples: int
    lines: NDArray[np.float64] | None


def looking(raw: RawData) -> Generator[Step, None, KSpaceLook]:
    """Read the middle slice of raw data for a picture."""
    z = raw.n_slices // 2
    yield Step(detail=f"reading slice {z + 1} of {raw.n_slices}")
    power = np.zeros((raw.n_readouts, raw.n_samples), np.float32)
    for coil in raw.read(z):
        power += coil.real**2 + coil.imag**2
        yield Step(detail="adding up the coils")
    for axis, size in enumerate(power.shape):
        step = -(-size // _MOST_ROWS)
        power = np.maximum.reduceat(power, np.arange(0, size, step), axis=axis)
    top = float(power.max()) or 1.0
    level = 10.0 * np.log10(np.maximum(power / top, 10.0 ** (_FLOOR_DB / 10.0)))
    places = raw.coordinates(z)
    return KSpaceLook(z, level.astype(np.float32), raw.n_readouts, raw.n_samples,
                      None if places is None else places[:_LINES])  # fmt: skip


def first_look(raw: RawData) -> NDArray[np.float32]:
    """Return the root of the sum of squares over coils (Z, Y, X) of all readouts, gridded."""
    from napari_mrf.kspace import nufft
    from napari_mrf.kspace.density import sampling_density

    look = np.full((raw.n_slices, *raw.matrix), np.nan, np.float32)
    for z in range(raw.n_slices):
        places = raw.coordinates(z)
        if places is not None:
            weighted = raw.read(z) * sampling_density(places, raw.matrix).astype(np.float32)
            look[z] = np.linalg.norm(nufft.adjoint(weighted, places, raw.matrix), axis=0)
    return look


@dataclass(frozen=True, eq=False)
class FinishedSlice:
    """The magnitude (Y, X) of a slice whose images are made."""

    z: int
    magnitude: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MadeImages:
    """The images of a raw file.

    Parameters
    ----------
    series : MRFSeries
        The images.
    name : str
        Of their layer.
    peak : float
        Upper display limit of the magnitude.
    """

    series: MRFSeries
    name: str
    peak: float


def making(file: RawFile, images: str, coils: int | None) -> Generator[Step, None, MadeImages]:
    """Make the images of a raw file, in steps of a hundredth.

    The series says which file it was made of and how, so that a session can name both.

    Parameters
    ----------
    file : RawFile
        That needs nothing any more.
    images : str
        A key of `napari_mrf.imaging.images.IMAGES`.
    coils : int or None
        Virtual coils; as many as hold the signal without.

    Yields
    ------
    Step
        With a `FinishedSlice` for each slice.
    """
    assert file.raw is not None and file.sequence is not None  # noqa: S101 - the button needs them
    yield from PREPARATION.waiting(file.sequence.kind, IMAGES_OF_RAW)
    yield Step(detail="preparing, longer the first time")
    from napari_mrf.imaging.images import making_images
    from napari_mrf.plugin.layers import peak_magnitude

    def step_of(update: ImagesUpdate) -> Step:
        at = min(int(update.done) + 1, update.total)
        done = Step(int(100 * update.done / update.total), 100, f"% (slice {at} of {update.total})")
        if update.finished is None:
            return done
        magnitude = np.abs(update.preview[update.finished])
        return replace(done, value=FinishedSlice(update.finished, magnitude), keep=True)

    series = yield from as_steps(
        making_images(file.raw, file.sequence, images, coils=coils), step_of
    )
    yield Step(99, 100, "%, looking at a few frames")
    said = {key: str(value) for key, value in file.reading.items()}
    how = {"images": images, **said, **({} if coils is None else {"coils": str(coils)})}
    metadata = {
        **series.metadata,
        "sources": [{"path": series.source_path, "sha256": series.source_sha256}],
        "reading": how,
    }
    series = replace(series, metadata=metadata)
    return MadeImages(series, f"{file.series_name} {images}", peak_magnitude(series))
