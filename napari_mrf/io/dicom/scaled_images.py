"""Plain MR images of a map: a file a slice, in 16 bits with a rescale, for viewers and archives.

Numbers are rounded to steps of the rescale slope, one for the whole map: 1/65534 of its range or a
little more. The number 0 is the pixel padding value: no value.

References
----------
DICOM PS3.3, A.4, MR Image IOD; C.7.5.1.1.2, Pixel Padding Value; C.11.1, Modality LUT.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf._version import __version__
from napari_mrf.io.dicom.library import library, silent
from napari_mrf.io.dicom.quantities import quantity_of
from napari_mrf.io.dicom.target import (
    MAKER,
    MR_IMAGE,
    UNICODE,
    Origin,
    Planes,
    add_study,
    as_written,
    coded,
    content_digest,
    moment,
    source_images,
    stable_uid,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

PADDING = 0
_MOST = 65535
_DIGITS = 5


def write_scaled_images(
    paths: Sequence[Path],
    name: str,
    values: NDArray[Any],
    maps: ParameterMaps,
    *,
    identity: Any = None,
) -> None:
    """Write one map as MR images.

    Parameters
    ----------
    paths : sequence of Path
        One for each slice.
    name : str
        Of the map or companion, as in `write_parametric_map`.
    values : ndarray
        (Z, Y, X), float32 or uint16.
    maps : ParameterMaps
        Its affine says where the map lies, its provenance what it comes from.
    identity : Dataset, optional
        Of `load_identity`: who is named. Nobody without.

    Raises
    ------
    MRFInputError
        ``"no-geometry"``, ``"missing-package"``.
    """
    planes = Planes.of(maps.affine, len(values), paths[0])
    origin = Origin.of(maps.provenance, len(values))
    called = content_digest(f"{name} images", values, planes, origin)
    stored, slope, intercept = scaled(values)
    date, time = moment()
    for z, path in enumerate(paths):
        image = _image(name, called, z, planes, origin)
        add_study(image, origin, identity)
        image.InstanceCreationDate = image.ContentDate = date
        image.InstanceCreationTime = image.ContentTime = time
        image.Rows, image.Columns = stored.shape[1:]
        image.RescaleSlope, image.RescaleIntercept = slope, intercept
        image.RescaleType = quantity_of(name).unit_text[:16]
        image.RealWorldValueMappingSequence = [_mapping(name, slope, intercept)]
        center, width = quantity_of(name).window(*_ends(slope, intercept))
        image.WindowCenter, image.WindowWidth = f"{center:.8g}", f"{width:.8g}"
        image.VOILUTFunction = "LINEAR_EXACT"
        image.PixelData = stored[z].astype("<u2").tobytes()
        with silent():
            image.save_as(path, enforce_file_format=True)


def scaled(values: NDArray[Any]) -> tuple[NDArray[np.uint16], float, float]:
    """Return numbers of 16 bits, slope and intercept; `PADDING` where there is no value.

    Whole numbers that fit keep their values, under slope 1. Slopes have five digits, so that
    DICOM can write them out.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(values.shape, np.uint16), 1.0, -1.0
    finite = values[known].astype(np.float64)
    low, high = float(finite.min()), float(finite.max())
    if values.dtype.kind == "u" and high < _MOST:
        slope, intercept = 1.0, -1.0
    else:
        slope = _rounded_up((high - low) / (_MOST - 2)) if high > low else _rounded_up(
            max(abs(low), 1.0) / (_MOST - 2))  # fmt: skip
        # A whole number of steps below 0, so that 0 stays 0.
        intercept = as_written((math.floor(low / slope) - 1) * slope)
    stored = np.full(values.shape, PADDING, np.uint16)
    stored[known] = np.clip(np.rint((finite - intercept) / slope), 1, _MOST)
    return stored, slope, intercept


def _rounded_up(number: float) -> float:
    exponent = math.floor(math.log10(number)) - _DIGITS + 1
    return float(f"{math.ceil(number / 10.0**exponent)}e{exponent}")


def _ends(slope: float, intercept: float) -> tuple[float, float]:
    return slope + intercept, _MOST * slope + intercept


def _image(name: str, called: str, z: int, planes: Planes, origin: Origin) -> Any:
    """Return the header of a slice, without patient and numbers."""
    pydicom = library("pydicom")
    quantity = quantity_of(name)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = library("pydicom.uid").ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MR_IMAGE
    meta.MediaStorageSOPInstanceUID = stable_uid("instance", called, str(z))
    image = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.SpecificCharacterSet = UNICODE
    image.SOPClassUID, image.SOPInstanceUID = MR_IMAGE, meta.MediaStorageSOPInstanceUID
    image.SeriesInstanceUID = stable_uid("series", called)
    image.SeriesNumber, image.InstanceNumber = quantity.number, z + 1
    image.SeriesDescription = f"MRF {quantity.label}"[:64]
    image.Modality, image.Laterality, image.PatientPosition = "MR", "", ""
    image.Manufacturer = image.ManufacturerModelName = MAKER
    image.SoftwareVersions = __version__
    image.ImageType = ["DERIVED", "SECONDARY", quantity.image_type, name.upper()[:16]]
    image.ScanningSequence, image.SequenceVariant = "RM", "NONE"
    image.ScanOptions = image.MRAcquisitionType = ""
    image.RepetitionTime = image.EchoTime = image.EchoTrainLength = None
    image.ImageOrientationPatient = list(planes.orientation)
    image.ImagePositionPatient = list(planes.positions[z])
    image.PixelSpacing = list(planes.spacing_mm)
    image.SliceThickness = origin.slice_thickness_mm or planes.gap_mm
    image.SpacingBetweenSlices = planes.gap_mm
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 0
    image.add_new("PixelPaddingValue", "US", PADDING)
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"
    if origin.series:
        image.SourceImageSequence = source_images(
            origin, z, "SourceImageForImageProcessingOperation"
        )
    return image


def _mapping(name: str, slope: float, intercept: float) -> Any:
    quantity = quantity_of(name)
    item = library("highdicom").pm.RealWorldValueMapping(
        lut_label=name[:16], lut_explanation=quantity.label[:64],
        unit=coded("UCUM", quantity.unit), value_range=(1, _MOST), slope=slope,
        intercept=intercept,
        quantity_definition=coded("DCM", quantity.code) if quantity.code else None,
    )  # fmt: skip
    return item
