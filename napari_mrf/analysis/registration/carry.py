"""Regions of one scan on the grid of another: a follow-up, or another reconstruction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.analysis.registration.register import Image, Registration, register
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.volume import read_volume
from napari_mrf.io.labels.carried_record import FORMAT
from napari_mrf.io.labels.label_maps import load_labels, nearest_labels
from napari_mrf.io.maps.reader import load_maps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label

MAPS = ("FF", "PD", "T1H2O", "T1")
"""Maps that are registered, the best first: the one that both scans have."""

GOOD_CORRELATION = 0.7
"""Below it the two images may not show the same place."""

_NOTABLE = 0.01  # of the tissue
_NOTABLE_OF_A_REGION = 0.05
_SQUARES = 10  # of the checkerboard, along the longer side


@dataclass(frozen=True, eq=False)
class CarriedLabels:
    """Regions on the grid of another scan.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) labels.
    target, source : Image
        The image of that scan, and that of the scan in which they were drawn.
    kind : {"affine", "rigid"}
        Of the registration.
    registration : Registration
        From the target to the scan of the labels.
    lost : tuple of int
        Labels that have no voxel there.
    outside : float
        Share of the labeled voxels of the original that lie beyond the target, 0-1.
    outside_of : mapping of int to float
        The same by label, where there are any.
    """

    values: NDArray[Any]
    target: Image
    source: Image
    kind: str
    registration: Registration
    lost: tuple[int, ...]
    outside: float
    outside_of: Mapping[int, float] = field(default_factory=dict)

    @property
    def is_doubtful(self) -> bool:
        """Whether the images are not much alike, or regions do not lie within the target."""
        alike = self.registration.correlation >= GOOD_CORRELATION
        return not alike or bool(self.lost) or self.outside > _NOTABLE

    def sentences(self, table: Mapping[int, Label] | None = None) -> list[str]:
        """Return what a user should know before the regions are accepted.

        Parameters
        ----------
        table : mapping of int to Label, optional
            The names of labels, which are told by their numbers without.
        """
        one = self.registration
        center = self.target.affine @ [*((np.array(self.target.values.shape[::-1]) - 1) / 2), 1.0]
        within = " within the slices" if one.is_in_plane else ""
        stretch = ""
        change = 100 * (1 / one.volume_ratio - 1)
        if abs(change) >= 0.5:
            stretch = f", volumes changed by {change:+.0f} %"
        found = [f"Moved by {one.shift_mm(center[:3]):.1f} mm and turned by {one.rotation_deg:.1f} "
                 f"degrees{within}{stretch}; correlation of the images "
                 f"{one.correlation_before:.2f} before, {one.correlation:.2f} after."]  # fmt: skip
        if one.correlation < GOOD_CORRELATION:
            found.append("The images are not much alike: look at every region.")
        names = {label: table[label].name for label in table} if table else {}
        if self.lost:
            lost = ", ".join(names.get(label, str(label)) for label in self.lost)
            found.append(f"No voxel is left of the labels {lost}.")
        if self.outside > _NOTABLE:
            of = ", ".join(f"{names.get(label, f'label {label}')} {100 * share:.0f} %"
                           for label, share in sorted(self.outside_of.items())
                           if share > _NOTABLE_OF_A_REGION)  # fmt: skip
            found.append(f"{100 * self.outside:.0f} % of the labeled tissue lie outside"
                         f"{f' ({of})' if of else ''}.")  # fmt: skip
        return found

    def record(self, source: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
        """Return how the regions came about, JSON-ready.

        Parameters
        ----------
        source, target : mapping
            What is known of the two scans, JSON-ready: names, files, the image.
        """
        one = self.registration
        before = one.correlation_before
        return {
            "format": FORMAT,
            "version": 1,
            "software": {"name": "napari-mrf", "version": __version__, "numerics": NUMERICS,
                         "registration": _registration_version()},
            "from": dict(source),
            "to": dict(target),
            "registration": {
                "kind": self.kind,
                "within_slices": one.is_in_plane,
                "matrix_mm_to_from": one.matrix.tolist(),
                "correlation_before": float(before) if np.isfinite(before) else None,
                "correlation": one.correlation,
            },
            "lost_labels": list(self.lost),
            "share_outside": self.outside,
            "labels_sha256": labels_sha256(self.values),
        }  # fmt: skip

    def checkerboard(self, *, is_scaled: bool = False) -> NDArray[np.float32]:
        """Return squares of the target and of the other scan by turns, (Z, Y, X); 0 for no value.

        Edges go on from square to square where the two scans lie over each other.

        Parameters
        ----------
        is_scaled : bool
            Let the other scan be as bright as the target: for magnitudes, not for maps.
        """
        other = self.source_on_target()
        own = np.nan_to_num(np.asarray(self.target.values, np.float32))
        if is_scaled:
            both = np.isfinite(other)
            power = float(np.sum(other[both].astype(np.float64) ** 2))
            other *= float(np.sum(own[both].astype(np.float64) * other[both])) / (power or 1.0)
        n_rows, n_columns = own.shape[1:]
        side = max(-(-max(n_rows, n_columns) // _SQUARES), 1)
        rows, columns = np.arange(n_rows) // side, np.arange(n_columns) // side
        is_own = (rows[:, None] + columns[None, :]) % 2 == 0
        return np.where(is_own, own, other)

    def source_on_target(self) -> NDArray[np.float32]:
        """Return the other scan on the grid of the target, (Z, Y, X); NaN where it is not."""
        from scipy.ndimage import map_coordinates

        matrix = np.linalg.inv(self.source.affine) @ self.registration.matrix @ self.target.affine
        values = np.nan_to_num(self.source.values).astype(np.float32)
        found = np.empty(self.target.values.shape, np.float32)
        y, x = np.indices(found.shape[1:]).reshape(2, -1)
        limits = np.array(values.shape[::-1])[:, None] - 0.5
        for z in range(len(found)):
            at = (matrix @ np.stack([x, y, np.full_like(x, z), np.ones_like(x)]))[:3]
            inside = np.all((at > -0.5) & (at < limits), axis=0)
            taken = map_coordinates(values, at[::-1], order=1, mode="nearest")
            found[z] = np.where(inside, taken, np.nan).reshape(found.shape[1:])
        return found


def labels_sha256(values: NDArray[Any]) -> str:
    """Return the sha256 of label values (Z, Y, X), by which it is told whether any changed."""
    return hashlib.sha256(np.ascontiguousarray(values, "<i4").tobytes()).hexdigest()


def _registration_version() -> str:
    from importlib.metadata import version

    return f"SimpleITK {version('SimpleITK')}"


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
        key = next((key for key in MAPS if all(key in one for one in sets)), "")
        if not key:
            raise MRFInputError("no-common-map", "the two scans have no map to compare them by",
                                expected=", ".join(MAPS))  # fmt: skip
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
    return carry_values(drawn.values, moving.affine, fixed, moving, kind=kind)


def carry_values(
    drawn: NDArray[Any],
    affine: NDArray[np.float64],
    fixed: Image,
    moving: Image,
    *,
    kind: str = "affine",
    progress: Callable[[int, int], None] | None = None,
) -> CarriedLabels:
    """Lay label values of one scan over another one, whose grid they get.

    Parameters
    ----------
    drawn : ndarray
        (Z, Y, X) labels in the scan of the moving image, on whatever grid.
    affine : ndarray
        (4, 4) of that grid, voxel indices (x, y, z) to mm.
    fixed, moving : Image
        As in `carry_labels`.
    kind, progress
        See `register`.

    Raises
    ------
    MRFInputError
        What `register` raises.
    """
    found = register(fixed, moving, kind=kind, progress=progress)
    values = nearest_labels(drawn, affine, fixed.values.shape, found.matrix @ fixed.affine)
    lost = np.setdiff1d(np.unique(drawn), np.unique(values))
    z, y, x = np.nonzero(drawn)
    to_fixed = np.linalg.inv(found.matrix @ fixed.affine) @ affine
    at = (to_fixed @ np.stack([x, y, z, np.ones_like(x)]))[:3]
    limits = np.array(fixed.values.shape[::-1])[:, None]
    outside = np.any((at < -0.5) | (at > limits - 0.5), axis=0)
    of = drawn[z, y, x]
    outside_of = {label: float(outside[of == label].mean())
                  for label in np.unique(of[outside]).tolist()}  # fmt: skip
    return CarriedLabels(values, fixed, moving, kind, found, tuple(map(int, lost)),
                         float(outside.mean()) if len(z) else 0.0, outside_of)  # fmt: skip
