"""Regions as a DICOM segmentation: a segment a label, with its name and color.

References
----------
DICOM PS3.3, A.51, Segmentation IOD; highdicom writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.library import library, silent
from napari_mrf.io.dicom.target import (
    Origin,
    Planes,
    coded,
    content_digest,
    equipment,
    finish,
    stable_uid,
    stub_of_source,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label

_HOW = "Segmentation", "SourceImageForSegmentation"
_NUMBER = 9101


def write_segmentation(
    path: Path,
    labels: NDArray[Any],
    affine: NDArray[np.float64] | None,
    table: Mapping[int, Label],
    provenance: Mapping[str, Any],
    *,
    identity: Any = None,
) -> None:
    """Write a label map as a binary segmentation.

    Segments are numbered from 1, as DICOM asks for; the number of each label is its tracking
    ID, ``"label 7"``.

    Parameters
    ----------
    path : Path
        Need not end in any way.
    labels : ndarray
        (Z, Y, X) whole numbers; 0 is the background.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm.
    table : mapping of int to Label
        Names and colors; a label that is not in it is called by its number.
    provenance : mapping
        Its ``input`` says from which series the regions are, as that of maps does.
    identity : Dataset, optional
        Of `load_identity`: who is named. Nobody without.

    Raises
    ------
    MRFInputError
        ``"bad-labels"`` for a map without any label, ``"no-geometry"``, ``"missing-package"``.
    """
    highdicom = library("highdicom", path)
    numbers = [int(number) for number in np.unique(labels) if number]
    if not numbers:
        raise MRFInputError("bad-labels", "there is no label, so there is nothing to write",
                            path=path, hint="Draw a region first.")  # fmt: skip
    planes = Planes.of(affine, len(labels), path)
    origin = Origin.of(provenance, len(labels))
    names = "/".join(f"{number} {table[number].name if number in table else ''}"
                     for number in numbers)  # fmt: skip
    called = content_digest(f"segmentation {names}", labels, planes, origin)
    segments = np.searchsorted(np.array([0, *numbers]), labels).astype(np.uint16)
    described = [_described(highdicom, i, number, table, called)
                 for i, number in enumerate(numbers, 1)]  # fmt: skip
    if len(numbers) <= np.iinfo(np.uint8).max:
        segments = segments.astype(np.uint8)
    with silent():
        made = highdicom.seg.Segmentation(
            stub_of_source(planes, origin, labels.shape, identity), segments,
            segmentation_type="BINARY", segment_descriptions=described,
            series_instance_uid=stable_uid("series", called), series_number=_NUMBER,
            sop_instance_uid=stable_uid("instance", called), instance_number=1, **equipment(),
            content_label="REGIONS", content_description="Regions of interest",
            series_description="MRF regions of interest",
        )  # fmt: skip
        finish(made, called, planes, origin, _HOW)
        made.save_as(path, enforce_file_format=True)


def _described(
    highdicom: Any, segment: int, number: int, table: Mapping[int, Label], called: str
) -> Any:
    label = table.get(number)
    color = None
    if label is not None:
        color = highdicom.color.CIELabColor.from_rgb(*(int(one) for one in label.color))
    tissue = coded("SCT", "Tissue")
    return highdicom.seg.SegmentDescription(
        segment_number=segment, segment_label=(label.name if label else f"label {number}")[:64],
        segmented_property_category=tissue, segmented_property_type=tissue,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=stable_uid("segment", called, str(number)), tracking_id=f"label {number}",
        display_color=color,
    )  # fmt: skip
