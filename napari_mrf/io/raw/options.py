"""Choices that a user has for reading a raw file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.raw.coordinates import Rule


@dataclass(frozen=True, eq=False)
class GivenTrajectory:
    """Coordinates from another file, or from Python.

    Parameters
    ----------
    values : ndarray
        (readouts, samples, columns): kx, ky, and columns that are left out.
    name : str
        Where they come from, in a few words.
    unit : str or None
        Where it is known.
    """

    values: NDArray[Any]
    name: str
    unit: str | None = None


@dataclass(frozen=True, eq=False)
class RawOptions:
    """Choices for reading a raw file; None leaves them to the file.

    Parameters
    ----------
    measurement : int or None
        Which one, from 0.
    trajectory : Rule, GivenTrajectory or None
        Goes before that of the file.
    trajectory_unit : str or None
        ``"cycles/voxel"``, ``"1/FOV"``, ``"rad/voxel"`` or ``"1/m"``; else told by the range.
    sequence : Sequence or None
        What was played.
    matrix : tuple of int or None
        (Y, X) of the images.
    """

    measurement: int | None = None
    trajectory: Rule | GivenTrajectory | None = None
    trajectory_unit: str | None = None
    sequence: Sequence | None = None
    matrix: tuple[int, int] | None = None
