"""Stacks: images of one part of a series in order of place and time, none missing, none twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import GRID_TOLERANCE_MM, LPS_TO_RAS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.io.dicom.image import Image

_SAME_DIRECTION = 1e-4
_SPACING_SHARE = 0.01
"""Of the distance from slice to slice: positions are rounded to so much in some files."""
_LEAST_UNIQUE = 0.9
"""Share of images that a count must tell apart to be that of time."""
_MOST_GAPS = 0.1
"""Share of numbers that may be missing where they count images one by one."""
_MOST_NAMED = 6


@dataclass(frozen=True)
class Stack:
    """Images in order.

    Parameters
    ----------
    images : tuple of tuple of Image
        By time, then by slice.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm (RAS).
    warnings : tuple of str
        Sentences for the user.
    """

    images: tuple[tuple[Image, ...], ...]
    affine: NDArray[np.float64] | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class StackFrames:
    """Images of a stack as an array (X, Y, Z, T), float32; slicing reads just what is asked.

    The order is that of NIfTI, whose affine is of the first three axes. The slice that was read
    last is kept, with all its images over time: who looks at one voxel after the other would
    open hundreds of files for each.

    Parameters
    ----------
    images : tuple of tuple of Image
        By time, then by slice.
    scaled : bool
        Whether the private scale of Philips, times the slope, divides the numbers.
    """

    images: tuple[tuple[Image, ...], ...]
    scaled: bool = False
    _kept: list[tuple[int, NDArray[np.float32]]] = field(default_factory=list, repr=False)

    ndim = 4
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(X, Y, Z, T)."""
        file = self.images[0][0].file
        return file.columns, file.rows, len(self.images[0]), len(self.images)

    def __getstate__(self) -> dict[str, Any]:
        """Send to other processes what they need to read."""
        return {"images": self.images, "scaled": self.scaled, "_kept": []}

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[np.float32]:
        columns, rows, slices, times = index
        n_columns, n_rows, n_slices, n_times = self.shape
        wanted = range(n_slices)[slices]
        if len(wanted) == 1:
            return self._slab(wanted[0])[times, rows, columns][:, None].T
        read = np.empty((len(range(n_times)[times]), len(wanted), n_rows, n_columns), np.float32)
        for i, z in enumerate(wanted):
            read[:, i] = self._read(z, times)
        return read[:, :, rows, columns].T

    def _slab(self, z: int) -> NDArray[np.float32]:
        """Return a slice (T, Y, X), read anew where it is another one, or its files changed."""
        for kept_z, kept in list(self._kept):
            if kept_z == z:
                for volume in self.images:
                    volume[z].file.pixels.file.check()
                return kept
        slab = self._read(z, slice(None))
        self._kept[:] = [(z, slab)]
        return slab

    def _read(self, z: int, times: slice) -> NDArray[np.float32]:
        images = [volume[z] for volume in self.images[times]]
        n_columns, n_rows, *_ = self.shape
        read = np.empty((len(images), n_rows, n_columns), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for t, image in enumerate(images):
                scale = image.slope * (image.scale or 1.0) if self.scaled else 1.0
                read[t] = image.read() / scale
        return read


def stacked(images: Sequence[Image], path: Path) -> Stack:
    """Return images of one part of one series in order.

    Parameters
    ----------
    images : sequence of Image
        At least one.
    path : Path
        For messages.

    Raises
    ------
    MRFInputError
        ``"inconsistent-images"`` where they are no stack, ``"missing-images"`` and
        ``"doubled-images"``, naming them.
    """
    _refuse_unlike(images, path)
    slices, steps = _by_slice(images, path)
    ordered = _by_time(slices, path)
    first = images[0]
    if first.position is None or first.orientation is None or first.spacing is None:
        return Stack(ordered, None, ("The images give no place in space. Volumes are not "
                                     "available, and the display is in voxels.",))  # fmt: skip
    affine, notes = _affine(ordered[0], steps)
    return Stack(ordered, affine, notes)


def _refuse_unlike(images: Sequence[Image], path: Path) -> None:
    """Refuse images that differ in size, spacing or direction from most."""
    looks: dict[object, list[Image]] = {}
    for image in images:
        space = (*(image.orientation or ()), *(image.spacing or ()))
        look = (image.file.rows, image.file.columns, image.position is None, len(space),
                *(round(number / _SAME_DIRECTION) for number in space))  # fmt: skip
        looks.setdefault(look, []).append(image)
    if len(looks) == 1:
        return
    usual = max(looks.values(), key=len)
    reference = np.array([*(usual[0].orientation or ()), *(usual[0].spacing or ())])
    others = []
    for group in looks.values():
        numbers = np.array([*(group[0].orientation or ()), *(group[0].spacing or ())])
        is_like = (
            (group[0].file.rows, group[0].file.columns) == (usual[0].file.rows,
                                                            usual[0].file.columns)
            and (group[0].position is None) == (usual[0].position is None)
            and numbers.shape == reference.shape
            and bool(np.all(np.abs(numbers - reference) <= 2 * _SAME_DIRECTION))
        )  # fmt: skip
        others += [] if is_like else group
    if others:
        raise MRFInputError("inconsistent-images", "images of one series differ in size, voxel "
                            "size or direction", path=path, expected=f"all like {usual[0].name}",
                            found=_named(others))  # fmt: skip


def _by_slice(images: Sequence[Image], path: Path) -> tuple[list[list[Image]], NDArray[np.float64]]:
    """Return the images of each place along the normal, and the places (n, 3) in LPS mm."""
    first = images[0]
    if first.position is None or first.orientation is None:
        return [list(images)], np.zeros((1, 3))
    normal = _normal(first)
    heights = np.array([np.dot(normal, image.position or ()) for image in images])
    order = np.argsort(heights, kind="stable")
    cuts = np.flatnonzero(np.diff(heights[order]) > GRID_TOLERANCE_MM) + 1
    slices = [[images[i] for i in group] for group in np.split(order, cuts)]
    places = np.array([np.mean([one.position for one in group], axis=0) for group in slices])
    for group, place in zip(slices, places, strict=True):
        off = [
            one
            for one in group
            if np.linalg.norm(np.subtract(one.position or (), place)) > GRID_TOLERANCE_MM
        ]
        if off:
            raise MRFInputError("inconsistent-images", "images of one slice lie in different "
                                "places", path=path, found=_named(off))  # fmt: skip
    _refuse_gaps(slices, places, path)
    return slices, places


def _refuse_gaps(slices: list[list[Image]], places: NDArray[np.float64], path: Path) -> None:
    """Refuse slices that are not equally far apart on a line."""
    n = len(slices)
    if n < 3:
        return
    steps = np.diff(places, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    usual = float(np.median(lengths))
    tolerance = max(GRID_TOLERANCE_MM, _SPACING_SHARE * usual)
    wide = np.flatnonzero(lengths > 1.5 * usual)
    if wide.size:
        gaps = [f"{round(lengths[i] / usual) - 1} between {_place(slices[i])} and "
                f"{_place(slices[i + 1])}" for i in wide[:_MOST_NAMED]]  # fmt: skip
        raise MRFInputError("missing-images", "slices are missing", path=path,
                            expected=f"one every {usual:.4g} mm",
                            found=", ".join(gaps))  # fmt: skip
    line = places[0] + np.arange(n)[:, None] * (places[-1] - places[0]) / (n - 1)
    off = np.linalg.norm(places - line, axis=1)
    if off.max() > tolerance:
        worst = slices[int(off.argmax())]
        raise MRFInputError("inconsistent-images", "the slices are not equally far apart",
                            path=path, expected=f"one every {usual:.4g} mm",
                            found=f"{_place(worst)} is {off.max():.3g} mm off")  # fmt: skip


def _by_time(slices: list[list[Image]], path: Path) -> tuple[tuple[Image, ...], ...]:
    """Return the images by time, then by slice."""
    images = [image for group in slices for image in group]
    name = _count_of_time(slices)
    _refuse_doubled(slices, name, path)
    values = [{image.times[name] for image in group} for group in slices]
    all_values = set().union(*values)
    most = max(map(len, values))
    if len(all_values) > 1.5 * most:  # it goes on from slice to slice: only its order tells
        if min(map(len, values)) < most:
            raise _missing([
                f"{most - len(group)} of {_place(group)}" for group in slices if len(group) < most
            ] + _not_counted(images), path)  # fmt: skip
    else:
        lacking = [
            f"frame {_number(value)} of {_place(group)}"
            for group, there in zip(slices, values, strict=True)
            for value in sorted(all_values - there)
        ]
        lacking += [] if lacking or name == "TemporalPositionTimeOffset" else [
            f"frame {_number(value)} of all slices" for value in _gaps(all_values)
        ]  # fmt: skip
        if lacking:
            raise _missing(lacking, path)
    declared = {image.file.n_times or 0 for image in images}
    if most < min(declared):
        raise MRFInputError("missing-images", "images are missing", path=path,
                            expected=f"{min(declared)} over time", found=most)  # fmt: skip
    ordered = [sorted(group, key=lambda image: image.times[name]) for group in slices]
    return tuple(zip(*ordered, strict=True))


def _count_of_time(slices: list[list[Image]]) -> str:
    """Return the name of what counts the images of each slice over time."""
    images = [image for group in slices for image in group]
    for name in images[0].times:
        if not all(name in image.times for image in images):
            continue
        n_unique = sum(len({image.times[name] for image in group}) for group in slices)
        if n_unique >= _LEAST_UNIQUE * len(images):
            return name
    return "image"


def _refuse_doubled(slices: list[list[Image]], name: str, path: Path) -> None:
    doubled, instances = [], set()
    for group in slices:
        seen = set()
        for image in group:
            instance = (image.file.instance, image.index)
            if image.times[name] in seen or (image.file.instance and instance in instances):
                doubled.append(image)
            seen.add(image.times[name])
            instances.add(instance)
    if doubled:
        raise MRFInputError("doubled-images", "images are there twice", path=path,
                            expected=f"one of each slice and {_WORDS.get(name, name)}",
                            found=_named(doubled))  # fmt: skip


_WORDS = {"image": "image number", "TemporalPositionIdentifier": "temporal position"}


def _missing(names: Iterable[str], path: Path) -> MRFInputError:
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return MRFInputError("missing-images", "images are missing", path=path,
                         expected="as many images of every slice",
                         found=f"without {', '.join(listed[:_MOST_NAMED])}{more}")  # fmt: skip


def _not_counted(images: list[Image]) -> list[str]:
    """Return the numbers of images that are left out where all others are counted."""
    gaps = _gaps({image.times["image"] for image in images})
    return [f"image {_number(value)}" for value in gaps]


def _gaps(values: set[float]) -> list[float]:
    """Return the whole numbers missing among numbers that hardly leave any out."""
    low, high = min(values), max(values)
    n_gaps = high - low + 1 - len(values)
    if any(value != int(value) for value in values) or n_gaps > max(1, _MOST_GAPS * len(values)):
        return []
    return sorted(set(np.arange(low, high + 1).tolist()) - values)


def _affine(
    volume: tuple[Image, ...], places: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine of slices in order, and a warning where something is assumed.

    References
    ----------
    DICOM PS3.3, C.7.6.2.1.1, equation C.7.6.2.1-1.
    """
    first, notes = volume[0], ()
    along_row, along_column = np.array(first.orientation).reshape(2, 3)
    between_rows, between_columns = first.spacing or (0.0, 0.0)
    if len(places) > 1:
        step = (places[-1] - places[0]) / (len(places) - 1)
    else:
        thickness = abs(first.gap or first.thickness or 0.0)
        if thickness <= 0:
            return None, ("The header does not say how thick the slice is. Volumes are not "
                          "available, and the display is in voxels.",)  # fmt: skip
        step = _normal(first) * thickness
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = along_row * between_columns, along_column * between_rows
    lps[:3, 2], lps[:3, 3] = step, places[0]
    affine = LPS_TO_RAS @ lps
    if not 1e-12 <= abs(float(np.linalg.det(affine))) < np.inf:
        return None, ("The place in the header is singular. Volumes are not available, and the "
                      "display is in voxels.",)  # fmt: skip
    return affine, notes


def _normal(image: Image) -> NDArray[np.float64]:
    along_row, along_column = np.array(image.orientation).reshape(2, 3)
    return np.cross(along_row, along_column)


def _place(group: Sequence[Image]) -> str:
    """Return a slice in words."""
    image = group[0]
    if image.position is None:
        return "the slice"
    return f"the slice at {np.dot(_normal(image), image.position):.4g} mm"


def _named(images: Sequence[Image]) -> str:
    more = f" and {len(images) - _MOST_NAMED} more" if len(images) > _MOST_NAMED else ""
    return ", ".join(image.name for image in images[:_MOST_NAMED]) + more


def _number(value: float) -> str:
    return f"{value:g}"
