"""Raw files: told by their first bytes, read by the module of their format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_mrf.data.pulseq import load_pulseq
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.registry import Format, Matching, format_of, is_folder
from napari_mrf.io.raw.coordinates import rule_of
from napari_mrf.io.raw.options import GivenTrajectory, RawOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.raw.coordinates import Rule


class RawModule(Matching, Protocol):
    """A module that reads one kind of raw file."""

    def read(self, path: Path, options: RawOptions) -> RawData:
        """Read a measurement."""


FORMATS: tuple[Format[RawModule], ...] = (
    Format("ISMRMRD", "raw.ismrmrd", (".h5", ".mrd", ".hdf5")),
    Format("arrays kdata and traj", "raw.arrays", (".npz", ".h5", ".hdf5", ".mat")),
    Format("BART", "raw.bart", (".cfl", ".hdr")),
    Format("of another vendor", "raw.foreign", ()),
    Format("Siemens twix", "raw.twix", (".dat",)),
)
"""Every format that is read, or refused with the way to another; the first that matches counts."""


_GOES_WITH = {
    ".seq": "A Pulseq file goes with a raw file: name it as its trajectory, as the sequence, or "
    "both (on the command line --trajectory and --sequence).",
    ".npy": "Put samples and coordinates into one .npz, as arrays called kdata and traj.",
}


def load_raw(
    path: str | Path,
    *,
    measurement: int | None = None,
    trajectory: str | Path | NDArray[np.floating] | None = None,
    trajectory_unit: str | None = None,
    sequence: Sequence | None = None,
    matrix: int | tuple[int, int] | None = None,
) -> RawData:
    """Open a raw file of a scanner; samples are read when a slice is asked for.

    Parameters
    ----------
    path : str or Path
        ISMRMRD, Siemens twix, BART, or arrays ``kdata`` and ``traj`` in .npz, HDF5 or .mat.
    measurement : int, optional
        Which one, from 0, where the file holds several.
    trajectory : str, Path or ndarray, optional
        Goes before that of the file: ``"golden-angle"``, ``"radial:DEGREES"`` (the angle from one
        spoke to the next), ``"cartesian"``, a Pulseq file, an array file of one array, or the
        array itself (readouts, samples, 2) with kx and ky.
    trajectory_unit : str, optional
        ``"cycles/voxel"``, ``"1/FOV"``, ``"rad/voxel"`` or ``"1/m"``; else told by the range.
    sequence : Sequence, optional
        What was played: tells which pulse each readout follows.
    matrix : int or tuple of int, optional
        Voxels of the images (Y, X), where the file does not say or others are wanted.

    Returns
    -------
    RawData

    Raises
    ------
    MRFInputError
        ``"unknown-raw"`` for what is no raw file, ``"several-measurements"``, and what the format
        raises; see ``docs/formats.md``.
    """
    path = Path(path)
    found = format_of(path, FORMATS)
    if found is None:
        raise MRFInputError(
            "unknown-raw", "the file is no raw file that is known", path=path,
            expected=", ".join(f"{one.name} ({', '.join(one.suffixes)})" for one in FORMATS
                               if one.suffixes),
            hint=_GOES_WITH.get(path.suffix.lower()),
        )  # fmt: skip
    options = RawOptions(
        measurement=measurement,
        trajectory=_trajectory(trajectory),
        trajectory_unit=trajectory_unit,
        sequence=sequence,
        matrix=_matrix(matrix),
    )
    return found.load().read(path, options)


def is_raw(path: str | Path) -> bool:
    """Return whether a file is a raw file, also of a kind that is refused with another way.

    A folder is none.

    Raises
    ------
    MRFInputError
        For files that cannot be read.
    """
    return not is_folder(Path(path)) and format_of(Path(path), FORMATS) is not None


def _matrix(given: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if given is None:
        return None
    sizes = np.atleast_1d(np.asarray(given))
    if sizes.size not in (1, 2) or sizes.dtype.kind not in "iu" or not sizes.min() >= 1:
        raise MRFInputError("bad-option", "the matrix is no pair of whole numbers",
                            expected="(Y, X), such as (192, 192)", found=repr(given))  # fmt: skip
    return int(sizes[0]), int(sizes[-1])


def _trajectory(
    given: str | Path | NDArray[np.floating] | None,
) -> Rule | GivenTrajectory | None:
    if given is None:
        return None
    if not isinstance(given, str | Path):
        return GivenTrajectory(np.asarray(given), "an array")
    rule = rule_of(str(given))
    if rule is not None:
        return rule
    path = Path(given)
    if path.suffix.lower() == ".seq":
        played = load_pulseq(path).coordinates_per_m
        return GivenTrajectory(played, f"the Pulseq file {path.name}", "1/m")
    from napari_mrf.io.raw.arrays import load_trajectory

    return load_trajectory(path)
