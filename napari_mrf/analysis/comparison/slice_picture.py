"""One slice of two reconstructions for the report, cut to the compared region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.images.error_maps import error_map
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.analysis.comparison.subjects import SubjectMaps
    from napari_mrf.analysis.regions.options import RoiOptions

_MARGIN = 2


@dataclass(frozen=True, eq=False)
class SlicePicture:
    """One slice, upright as the patient stands, NaN where nothing is compared.

    Parameters
    ----------
    subject : str
        Whose.
    z : int
        Slice in file order, from 0.
    reference, test, difference : mapping of str to ndarray
        (rows, columns) float32 by parameter key; difference = reference - test.
    labels : ndarray or None
        (rows, columns) regions of interest.
    letters : tuple of (str, str)
        Patient directions at the start and end of rows and columns; empty without geometry.
    pixel_aspect : float
        Height of a pixel over its width.
    """

    subject: str
    z: int
    reference: Mapping[str, NDArray[np.float32]]
    test: Mapping[str, NDArray[np.float32]]
    difference: Mapping[str, NDArray[np.float32]]
    labels: NDArray[np.integer] | None
    letters: tuple[tuple[str, str], ...]
    pixel_aspect: float


def slice_picture(
    subject: SubjectMaps, keys: Sequence[str], mask: NDArray[np.bool_], options: RoiOptions
) -> SlicePicture:
    """Return the slice with the most labeled voxels, or the most compared ones, of a subject.

    Parameters
    ----------
    subject : SubjectMaps
        Both reconstructions.
    keys : sequence of str
        Maps to show.
    mask : ndarray of bool
        (Z, Y, X) voxels that are compared.
    options : RoiOptions
        For the validity rules.
    """
    reference, test, labels = subject.reference, subject.test, subject.labels
    compared = mask & np.any([np.isfinite(reference[key]) for key in keys], axis=0)
    counted = compared if labels is None or not labels.any() else labels > 0
    z = int(np.argmax(counted.sum(axis=(1, 2))))
    orientation = DisplayOrientation.from_affine(reference.affine)
    at = orientation.screen_index((z, 0, 0), reference.spatial_shape)[0]
    box = _box(orientation.to_screen(compared)[at])
    rules = validity_rules(options.thresholds) if options.apply_validity else {}

    def cut(values: NDArray[np.floating], key: str) -> NDArray[np.float32]:
        shown = compared
        if key in rules and "FF" in reference:
            shown = shown & rules[key].mask(reference["FF"])
        values = np.where(shown, values, np.nan)
        return np.array(orientation.to_screen(values)[at][box], np.float32)

    differences = {
        key: error_map(
            reference, test, key, region=mask,
            apply_validity=options.apply_validity, thresholds=options.thresholds,
        )
        for key in keys
    }  # fmt: skip
    height, width = 1.0, 1.0
    if reference.affine is not None:
        sizes = np.sqrt((reference.affine[:3, :3] ** 2).sum(axis=0))[::-1]
        _, height, width = orientation.in_screen_order((sizes[0], sizes[1], sizes[2]))
    return SlicePicture(
        subject=subject.name,
        z=z,
        reference={key: cut(reference[key], key) for key in keys},
        test={key: cut(test[key], key) for key in keys},
        difference={key: cut(values, key) for key, values in differences.items()},
        labels=None if labels is None else np.array(orientation.to_screen(labels)[at][box]),
        letters=orientation.letters[1:],
        pixel_aspect=float(height / width),
    )


def _box(shown: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the smallest box with a margin around what is shown, or all of it."""
    if not shown.any():
        return slice(None), slice(None)
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    return (
        slice(max(rows[0] - _MARGIN, 0), rows[-1] + _MARGIN + 1),
        slice(max(columns[0] - _MARGIN, 0), columns[-1] + _MARGIN + 1),
    )
