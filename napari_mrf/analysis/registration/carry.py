"""Regions of one scan on the grid of another: a follow-up, or another reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.registration.register import Image, Registration, register
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.volume import read_volume
from napari_mrf.io.labels.label_maps import load_labels, nearest_labels
from napari_mrf.io.maps.reader import load_maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAPS = ("FF", "PD", "T1H2O", "T1")
"""Maps that are registered, the best first: the one that both scans have."""

GOOD_CORRELATION = 0.7
"""Below it the two images may not show the same place."""


@dataclass(frozen=True, eq=False)
class CarriedLabels:
    """Regions on the grid of another scan.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) labels.
    target : Image
        The image of that scan.
    registration : Registration
        From the target to the scan of the labels.
    lost : tuple of int
        Labels that have no voxel there.
    outside : float
        Share of the labeled voxels of the original that lie beyond the target, 0-1.
    """

    values: NDArray[Any]
    target: Image
    registration: Registration
    lost: tuple[int, ...]
    outside: float

    def sentences(self) -> list[str]:
        """Return what a user should know before the regions are accepted."""
        one = self.registration
        center = self.target.affine @ [*((np.array(self.target.values.shape[::-1]) - 1) / 2), 1.0]
        within = " within the slices" if one.is_in_plane else ""
        found = [f"Moved by {one.shift_mm(center[:3]):.1f} mm and turned by {one.rotation_deg:.1f} "
                 f"degrees{within}; correlation of the images {one.correlation_before:.2f} before, "
                 f"{one.correlation:.2f} after."]  # fmt: skip
        if one.correlation < GOOD_CORRELATION:
            found.append("The images are not much alike: look at every region.")
        if self.lost:
            found.append(f"No voxel is left of the labels {', '.join(map(str, self.lost))}.")
        if self.outside > 0.01:
            found.append(f"{100 * self.outside:.0f} % of the labeled tissue lie outside.")
        return found


def load_pair(fixed: str | Path, moving: str | Path) -> tuple[Image, Image, str]:
    """Return the images of two scans that are laid over each other, and what they show.

    Parameters
    ----------
    fixed, moving : str or Path
        Two folders of maps, of which a map that both have is taken, or two NIfTI volumes.

    Raises
    ------
    MRFInputError
        ``"no-common-map"``, ``"bad-image"``, and what the readers raise.
    """
    paths = Path(fixed), Path(moving)
    if all(path.is_dir() for path in paths):
        sets = [load_maps(path) for path in paths]
        key = next((key for key in _MAPS if all(key in one for one in sets)), "")
        if not key:
            raise MRFInputError("no-common-map", "the two scans have no map to compare them by",
                                expected=", ".join(_MAPS))  # fmt: skip
        found = [(one[key], one.affine) for one in sets]
    else:
        volumes = [read_volume(path) for path in paths]
        key, found = "image", [(np.abs(one.values), one.affine) for one in volumes]
    images = []
    for (values, affine), path in zip(found, paths, strict=True):
        if affine is None:
            raise MRFInputError("bad-image", "the image does not say where it lies",
                                path=path)  # fmt: skip
        images.append(Image(np.asarray(values), np.asarray(affine)))
    return images[0], images[1], key


def carry_labels(
    labels: str | Path, fixed: Image, moving: Image, *, kind: str = "affine"
) -> CarriedLabels:
    """Lay the regions of one scan over another one.

    Parameters
    ----------
    labels : str or Path
        NIfTI label map on the grid of the moving image.
    fixed : Image
        Of the scan that gets regions.
    moving : Image
        Of the scan in which they were drawn.
    kind : {"affine", "rigid"}
        See `register`.

    Raises
    ------
    MRFInputError
        What `load_labels` and `register` raise.
    """
    shape = moving.values.shape
    drawn = load_labels(labels, (shape[0], shape[1], shape[2]), moving.affine)
    found = register(fixed, moving, kind=kind)
    values = nearest_labels(drawn.values, moving.affine, fixed.values.shape,
                            found.matrix @ fixed.affine)  # fmt: skip
    lost = np.setdiff1d(np.unique(drawn.values), np.unique(values))
    z, y, x = np.nonzero(drawn.values)
    to_fixed = np.linalg.inv(found.matrix @ fixed.affine) @ moving.affine
    at = (to_fixed @ np.stack([x, y, z, np.ones_like(x)]))[:3]
    limits = np.array(fixed.values.shape[::-1])[:, None]
    outside = np.any((at < -0.5) | (at > limits - 0.5), axis=0)
    return CarriedLabels(values, fixed, found, tuple(map(int, lost)),
                         float(outside.mean()) if len(z) else 0.0)  # fmt: skip
