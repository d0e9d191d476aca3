"""Training subjects brought onto the grid of a series, by where its tissue lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.matching.spatiotemporal.training_subjects import TrainingSubject


@dataclass(frozen=True, eq=False)
class AlignedSubject:
    """A training subject on the grid of a series, made slice by slice.

    Parameters
    ----------
    maps : dict of str to ndarray
        (Z, V, U) float32 by key, of the subject itself, turned as the series lies; NaN where
        there is no tissue.
    rows, columns : ndarray
        (Y,) and (X,), where V and U of each row and column of the series; -1 for nowhere.
    """

    maps: dict[str, NDArray[np.float32]]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    def slice_maps(self, z: int) -> dict[str, NDArray[np.float32]]:
        """Return the maps (Y, X) of one slice; NaN where there is no tissue."""
        inside = (self.rows >= 0)[:, None] & (self.columns >= 0)
        place = np.ix_(np.maximum(self.rows, 0), np.maximum(self.columns, 0))
        return {
            key: np.where(inside, values[z][place], np.float32(np.nan))
            for key, values in self.maps.items()
        }


def align(
    subject: TrainingSubject, foreground: NDArray[np.bool_], affine: NDArray[np.float64] | None
) -> AlignedSubject:
    """Shift and stretch a subject in plane so that its tissue covers that of a series.

    The orientation comes from the affines; center and extent along rows and along columns are
    mean and standard deviation of the positions of tissue. Values are those of the nearest
    voxel: none are mixed. Slices correspond one to one.

    Parameters
    ----------
    subject : TrainingSubject
        With as many slices as the series.
    foreground : ndarray
        (Z, Y, X) bool, the tissue of the series.
    affine : ndarray or None
        Of the series; without one the axes are taken to run as in the phantoms.
    """
    source = DisplayOrientation.from_affine(subject.affine)
    # Without an affine of its own a series is shown as it is, and so is the phantom.
    target = DisplayOrientation.from_affine(affine) if affine is not None else source
    maps = {key: target.to_file(source.to_screen(values)) for key, values in subject.maps.items()}
    known = np.isfinite(next(iter(maps.values())))
    return AlignedSubject(
        maps,
        rows=_matching(_profile(foreground, 1), _profile(known, 1)),
        columns=_matching(_profile(foreground, 2), _profile(known, 2)),
    )


def _profile(tissue: NDArray[np.bool_], axis: int) -> NDArray[np.intp]:
    """Return how many voxels of tissue lie at each position of an axis."""
    others = tuple(other for other in range(3) if other != axis)
    return np.asarray(tissue.sum(axis=others))


def _matching(here: NDArray[np.intp], there: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for every position here the one there, or -1."""
    center, extent = _center_and_extent(here)
    other_center, other_extent = _center_and_extent(there)
    scale = other_extent / extent if extent > 0 else 1.0
    position = np.rint((np.arange(here.size) - center) * scale + other_center).astype(np.intp)
    return np.where((position >= 0) & (position < there.size), position, -1)


def _center_and_extent(profile: NDArray[np.intp]) -> tuple[float, float]:
    total = profile.sum()
    if total == 0:
        return (profile.size - 1) / 2.0, 0.0
    position = np.arange(profile.size)
    center = float((profile * position).sum() / total)
    return center, float(np.sqrt((profile * (position - center) ** 2).sum() / total))
