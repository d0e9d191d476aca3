"""Label maps: which voxel belongs to which region of interest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_mrf.data.geometry import Grid, grid_difference
from napari_mrf.data.label import MAX_LABEL
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write, refuse_existing
from napari_mrf.io.formats.nifti_write import write_volume
from napari_mrf.io.formats.volume import naming, read_volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.io.formats.source import Volume


LABEL_SUFFIXES = (".nii.gz", ".mha", ".dcm")
"""Of label maps that are written."""
_MOST_OFF = 0.25
"""A number further from a whole one is no rounded label."""


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on the grid they are used on.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) uint16, or int32 where a label is above 65535; 0 is the background.
    affine : ndarray or None
        (4, 4) to mm.
    sha256 : str
        Of the file.
    resampled : bool
        Whether the file lies on another grid and the nearest label was taken.
    warnings : tuple of str
        Sentences a user should read.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64] | None
    sha256: str
    resampled: bool = False
    warnings: tuple[str, ...] = ()


def load_labels(
    path: str | Path,
    shape: tuple[int, int, int],
    affine: NDArray[np.float64] | None,
    *,
    resample: Literal["nearest"] | None = None,
) -> LabelMap:
    """Read a label map, NIfTI or MetaImage, onto the grid of a series or of maps.

    Parameters
    ----------
    path : str or Path
        Whole numbers of any type; floats are accepted where every value is whole, or NaN for the
        background. Under a scale of the header values are whole that lie within a step of it,
        and rounded.
    shape : tuple of int
        (Z, Y, X) of the grid to use the labels on.
    affine : ndarray or None
        (4, 4) of that grid.
    resample : {"nearest"}, optional
        Take the nearest label of a file on another grid. Without it such a file is refused.

    Returns
    -------
    LabelMap

    Raises
    ------
    MRFInputError
        ``"bad-labels"`` for values that are no labels, ``"other-grid"`` for another shape or
        place, and what the NIfTI reader raises.
    """
    path = Path(path)
    volume = read_volume(path)
    values, remarks = labels_of(volume, path)
    warnings = naming(path, (*volume.warnings, *remarks))
    unknown = volume.affine is None or affine is None
    difference = grid_difference(Grid(values.shape, volume.affine), Grid(shape, affine))
    if not difference:
        if unknown and volume.affine is not affine:
            warnings += (f"{path.name} has the right shape, but its position could not be checked, "
                         "because one of the two has no geometry.",)  # fmt: skip
        return LabelMap(values, affine, volume.sha256, warnings=warnings)
    if resample is None or volume.affine is None or affine is None:
        hint = "Draw the labels on the grid of the series, or choose nearest resampling."
        if unknown:
            hint = "Without the geometry of both grids they cannot be resampled."
        raise MRFInputError("other-grid", f"the labels lie on another grid: {difference}",
                            path=path, hint=hint)  # fmt: skip
    moved = nearest_labels(values, volume.affine, tuple(shape), affine)
    lost = sorted(set(np.unique(values).tolist()) - set(np.unique(moved).tolist()))
    warnings += (f"{path.name} lies on another grid ({difference}); the nearest label was taken "
                 "for every voxel.",)  # fmt: skip
    if lost:
        warnings += (f"Resampling left no voxel of the labels {', '.join(map(str, lost))}.",)
    return LabelMap(moved, affine, volume.sha256, True, warnings)


def save_labels(
    path: str | Path,
    values: NDArray[Any],
    affine: NDArray[np.float64] | None,
    *,
    overwrite: bool = False,
    table: Mapping[int, Label] | None = None,
    provenance: Mapping[str, Any] | None = None,
    identity: Any = None,
) -> None:
    """Write a label map: ``.nii.gz`` or ``.mha``, or ``.dcm`` for a DICOM segmentation.

    NIfTI and MetaImage hold uint16, or int32 where a label is above 65535.

    Parameters
    ----------
    path : str or Path
        Its ending says the form.
    values : ndarray
        (Z, Y, X) whole numbers, 0 to 2³¹ - 1.
    affine : ndarray or None
        (4, 4) of the series, so that the labels lie where it lies.
    overwrite : bool
        Whether an earlier file may be replaced.
    table : mapping of int to Label, optional
        Names and colors, for a segmentation.
    provenance : mapping, optional
        Of maps of the series, or ``{"input": ...}`` with its metadata: what a segmentation refers
        to.
    identity : Dataset, optional
        Of `napari_mrf.io.load_identity`: who is named in a segmentation. Nobody without.

    Raises
    ------
    MRFInputError
        ``"bad-labels"``, ``"bad-name"``, ``"exists"``, ``"no-geometry"``, ``"missing-package"``,
        and the codes of failed writes.
    """
    path = Path(path)
    labels = _as_labels(np.asarray(values), path)
    if labels.ndim != 3:
        raise MRFInputError("bad-labels", "a label map must have three axes (Z, Y, X)", path=path,
                            found=f"shape {labels.shape}")  # fmt: skip
    name = path.name.lower()
    if not name.endswith(LABEL_SUFFIXES):
        raise MRFInputError("bad-name", "a label map is written as compressed NIfTI, MetaImage or "
                            "DICOM segmentation", path=path,
                            expected=f"a name ending in {', '.join(LABEL_SUFFIXES)}")  # fmt: skip
    refuse_existing(path, overwrite=overwrite)
    with atomic_write(path) as temporary:
        if name.endswith(".dcm"):
            from napari_mrf.io.dicom.segmentation import write_segmentation

            write_segmentation(temporary, labels, affine, table or {}, provenance or {},
                               identity=identity)  # fmt: skip
        elif name.endswith(".mha"):
            from napari_mrf.io.formats import metaimage_write

            metaimage_write.write_volume(temporary, labels, affine)
        else:
            write_volume(temporary, labels, affine)


def labels_of(volume: Volume, path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the labels of a volume (Z, Y, X), and what is told about its numbers.

    Raises
    ------
    MRFInputError
        ``"bad-labels"`` for values that are no labels.
    """
    numbers, remarks = _rounded(volume)
    return _as_labels(numbers, path), remarks


def _rounded(volume: Volume) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return what the numbers of a label map stand for, and what is told about it.

    A scaled file holds multiples of its step, so that a 3 may have become 2.9998; float32 rounds
    the step too. What is further off is left as it is, for `_as_labels` to refuse.
    """
    values = volume.values
    remarks: tuple[str, ...] = ()
    if values.dtype.kind != "f":
        return values, ()
    empty = np.isnan(values)
    if empty.any():
        remarks += (f"{np.count_nonzero(empty):,} voxels of the label map are NaN; they were taken "
                    "as background.",)  # fmt: skip
        values = np.where(empty, 0, values)
    with np.errstate(invalid="ignore"):
        whole = np.rint(values)
        off = np.abs(values - whole)
        may_be_off = min(volume.step, _MOST_OFF) + np.abs(values) * np.finfo(np.float32).eps
    if volume.step and np.any(off) and np.all(off <= may_be_off):
        remarks += (f"The labels are stored in steps of {volume.step:.3g} and were rounded to "
                    f"whole numbers, by {off.max():.2g} at most.",)  # fmt: skip
        values = whole
    return values, remarks


def _as_labels(values: NDArray[Any], path: Path) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise MRFInputError("bad-labels", "labels must be whole numbers", path=path,
                            found=str(values.dtype))  # fmt: skip
    if values.dtype.kind == "f" and not np.all(np.isfinite(values) & (values == np.rint(values))):
        raise MRFInputError("bad-labels", "the labels are not whole numbers", path=path,
                            expected="0, 1, 2, ...", found="fractions or NaN",
                            hint="Was the label map smoothed or interpolated?")  # fmt: skip
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if low < 0 or high > MAX_LABEL:
        raise MRFInputError("bad-labels", "a label is out of range", path=path,
                            expected=f"0-{MAX_LABEL}", found=f"{low:g} to {high:g}"
                            )  # fmt: skip
    return values.astype(np.uint16 if high <= np.iinfo(np.uint16).max else np.int32)


def nearest_labels(
    values: NDArray[Any],
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
    target_affine: NDArray[np.float64],
) -> NDArray[Any]:
    """Return the label nearest to the center of every target voxel, 0 outside the source.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) labels.
    affine, target_affine : ndarray
        (4, 4), voxel indices (x, y, z) of labels and target to one space.
    shape : tuple of int
        (Z, Y, X) of the target.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        to_source = np.linalg.inv(affine) @ target_affine
    z, y, x = (np.arange(length, dtype=np.float64) for length in shape)
    result = np.zeros(shape, values.dtype)
    plane_y, plane_x = np.meshgrid(y, x, indexing="ij")
    for index in range(shape[0]):
        voxel = np.stack([plane_x, plane_y, np.full_like(plane_x, z[index])])
        with np.errstate(over="ignore", invalid="ignore"):  # then it is outside
            source = np.tensordot(to_source[:3, :3], voxel, 1) + to_source[:3, 3, None, None]
            # Ties go to the lower index everywhere: rint would send them to even indices.
            nearest = np.floor(source + (0.5 - 1e-6))
        limits = np.array(values.shape[::-1]).reshape(3, 1, 1)
        inside = np.all((nearest >= 0) & (nearest < limits), axis=0)
        i, j, k = nearest[:, inside].astype(np.int64)
        result[index][inside] = values[k, j, i]
    return result
