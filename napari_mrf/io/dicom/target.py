"""Place, sources and UIDs of DICOM output, the same for maps and regions.

UIDs are made of the content (UUIDs of version 5), so that the same input has the same ones. Persons
are named in nothing, unless a `Dataset` of `identity.py` says who.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf._version import __version__
from napari_mrf.data.geometry import LPS_TO_RAS
from napari_mrf.data.series import check_affine
from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.library import library

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MAKER = "napari-mrf"
UNICODE = "ISO_IR 192"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_NAMESPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")  # of object identifiers, RFC 9562
_RIGHT_ANGLE = 1e-4
PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True)
class Planes:
    """The slices of a grid as DICOM has them.

    Parameters
    ----------
    orientation : tuple of float
        Directions along a row and along a column (LPS).
    positions : tuple of tuple of float
        Centers of the first voxels, mm (LPS).
    spacing_mm : tuple of float
        Between rows, and between columns.
    gap_mm : float
        From slice to slice.
    """

    orientation: tuple[float, ...]
    positions: tuple[tuple[float, ...], ...]
    spacing_mm: tuple[float, float]
    gap_mm: float

    @classmethod
    def of(cls, affine: NDArray[np.float64] | None, n_slices: int, path: Path) -> Planes:
        """Return the slices of a grid.

        Raises
        ------
        MRFInputError
            ``"no-geometry"`` where nobody knows where it lies, or its axes are at no right angles.
        """
        if affine is None:
            raise MRFInputError("no-geometry", "DICOM needs to know where the voxels lie, and the "
                                "series does not say it", path=path,
                                hint="Write NIfTI or MetaImage.")  # fmt: skip
        lps = LPS_TO_RAS @ check_affine(affine)
        sizes = np.linalg.norm(lps[:3, :3], axis=0)
        directions = lps[:3, :3] / sizes
        if abs(float(directions[:, 0] @ directions[:, 1])) > _RIGHT_ANGLE:
            raise MRFInputError("no-geometry", "rows and columns are at no right angle, which "
                                "DICOM cannot say", path=path,
                                hint="Write NIfTI or MetaImage.")  # fmt: skip
        positions = lps[:3, 3] + np.arange(n_slices)[:, None] * lps[:3, 2]
        return cls(
            tuple(map(as_written, (*directions[:, 0], *directions[:, 1]))),
            tuple(tuple(map(as_written, one)) for one in positions),
            (as_written(sizes[1]), as_written(sizes[0])),
            as_written(sizes[2]),
        )


@dataclass(frozen=True)
class Origin:
    """What output comes from: the DICOM series, or the file of another format.

    Parameters
    ----------
    study, frame_of_reference : str
        UIDs.
    series : tuple of dict
        Source series in DICOM, as `reader` records them; empty for other formats.
    slice_thickness_mm : float or None
        Of these, where the header says so.
    """

    study: str
    frame_of_reference: str
    series: tuple[dict[str, Any], ...] = ()
    slice_thickness_mm: float | None = None

    @classmethod
    def of(cls, provenance: Mapping[str, Any], n_slices: int) -> Origin:
        """Return what a record says of the input; references only where they fit its slices."""
        given = provenance.get("input")
        source: Mapping[str, Any] = given if isinstance(given, dict) else {}
        record = source.get("dicom")
        seed = str(source.get("sha256") or "unknown")
        if not isinstance(record, dict) or not record.get("study"):
            return cls(stable_uid("study", seed), stable_uid("place", seed))
        series = tuple(
            one
            for one in record.get("series", ())
            if isinstance(one, dict) and len(one.get("of_slices", ())) == n_slices
        )
        return cls(
            str(record["study"]),
            str(record.get("frame_of_reference") or stable_uid("place", seed)), series,
            record.get("slice_thickness_mm"),
        )  # fmt: skip


def stable_uid(*parts: str) -> str:
    """Return a UID made of texts: the same for the same ones, and no other.

    References
    ----------
    DICOM PS3.5, B.2, UUID derived UID; RFC 9562, 5.5, UUID version 5.
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, MAKER + ''.join(f'/{part}' for part in parts)).int}"


def content_digest(name: str, values: NDArray[Any], planes: Planes, origin: Origin) -> str:
    """Return the sha256 of what is written, by which it is called."""
    digest = hashlib.sha256(f"{name} {values.dtype.str} {values.shape} {planes} {origin}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def stub_of_source(
    planes: Planes, origin: Origin, shape: tuple[int, ...], identity: Any
) -> list[Any]:
    """Return one image for each slice from which highdicom takes patient, study and place."""
    dataset = library("pydicom.dataset").Dataset
    stubs = []
    for z, position in enumerate(planes.positions):
        stub = dataset()
        stub.SOPClassUID, stub.Modality, stub.SpecificCharacterSet = MR_IMAGE, "MR", UNICODE
        stub.SOPInstanceUID = stable_uid("stub", origin.study, str(z))
        add_study(stub, origin, identity)
        stub.SeriesInstanceUID = stable_uid("stub", origin.study)
        stub.Rows, stub.Columns = shape[1:]
        stub.ImagePositionPatient = list(position)
        stub.ImageOrientationPatient = list(planes.orientation)
        stub.PixelSpacing = list(planes.spacing_mm)
        stub.SliceThickness = origin.slice_thickness_mm or planes.gap_mm
        stub.SpacingBetweenSlices = planes.gap_mm
        stubs.append(stub)
    return stubs


def add_study(target: Any, origin: Origin, identity: Any) -> None:
    """Set study, place and patient: who that is only where it is asked for."""
    for keyword in PATIENT_AND_STUDY:
        setattr(target, keyword, "" if identity is None else identity.get(keyword, ""))
    target.StudyInstanceUID = origin.study
    target.FrameOfReferenceUID = origin.frame_of_reference
    target.PositionReferenceIndicator = ""


def finish(target: Any, called: str, planes: Planes, origin: Origin, how: tuple[str, str]) -> None:
    """Complete a multi-frame object of highdicom: true sources, lasting UIDs.

    Frames need not be in the order in which they were given, so each is found by its place.

    Parameters
    ----------
    target : Dataset
        What highdicom has made; its references to stubs go.
    called : str
        Of `content_digest`.
    planes, origin : Planes, Origin
        Where it lies, and its sources.
    how : tuple of str
        Names of codes of DICOM in pydicom: how frames were derived, and for what each source.
    """
    dimensions = stable_uid("dimensions", called)
    for item in (*target.DimensionOrganizationSequence, *target.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    target.SharedFunctionalGroupsSequence[0].pop("DerivationImageSequence", None)
    for keyword in ("ReferencedSeriesSequence", "SourceImageSequence",
                    "StudiesContainingOtherReferencedInstancesSequence"):  # fmt: skip
        target.pop(keyword, None)
    places = np.array(planes.positions)
    for group in target.PerFrameFunctionalGroupsSequence:
        group.pop("DerivationImageSequence", None)
        if origin.series:
            place = group if "PlanePositionSequence" in group else (
                target.SharedFunctionalGroupsSequence[0])  # fmt: skip
            here = np.array(place.PlanePositionSequence[0].ImagePositionPatient, float)
            z = int(np.linalg.norm(places - here, axis=1).argmin())
            group.DerivationImageSequence = [_derivation(origin, z, how)]
    if origin.series:
        target.ReferencedSeriesSequence = [_referenced_series(one) for one in origin.series]


def _derivation(origin: Origin, z: int, how: tuple[str, str]) -> Any:
    """Return the item that says what a frame was derived from."""
    item = library("pydicom.dataset").Dataset()
    item.DerivationCodeSequence = [coded("DCM", how[0])]
    item.SourceImageSequence = source_images(origin, z, how[1])
    return item


def source_images(origin: Origin, z: int, purpose: str) -> list[Any]:
    """Return references to the first image over time of a slice, one for each source series."""
    items = [_referenced(one, one["of_slices"][z]) for one in origin.series]
    for item in items:
        item.PurposeOfReferenceCodeSequence = [coded("DCM", purpose)]
    return items


def coded(scheme: str, name: str) -> Any:
    """Return a code, by its scheme and its name in pydicom."""
    code = getattr(getattr(library("pydicom.sr.codedict").codes, scheme), name)
    return library("highdicom.sr").CodedConcept.from_code(code)


def moment() -> tuple[str, str]:
    """Return date and time of now, as DICOM writes them."""
    now = datetime.now(UTC).astimezone()
    return f"{now:%Y%m%d}", f"{now:%H%M%S}"


def equipment() -> dict[str, str]:
    """Return what the software says of itself, as arguments of highdicom."""
    return {"manufacturer": MAKER, "manufacturer_model_name": MAKER,
            "software_versions": __version__, "device_serial_number": "0"}  # fmt: skip


def _referenced_series(one: Mapping[str, Any]) -> Any:
    item = library("pydicom.dataset").Dataset()
    item.SeriesInstanceUID = one["uid"]
    item.ReferencedInstanceSequence = [
        _referenced(one, instance) for instance in dict.fromkeys(one["of_slices"])
    ]
    return item


def _referenced(one: Mapping[str, Any], instance: str) -> Any:
    item = library("pydicom.dataset").Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one["kind"], instance
    return item


def as_written(number: float) -> float:
    """Return a number as 16 characters can say it, as DICOM writes it."""
    text: str = library("pydicom.valuerep").format_number_as_ds(float(number) + 0.0)
    return float(text)
